//! Signs registry tokens: JWTs with ES256. The key stays parsed, because parsing it costs more than signing.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD};
use dockpass_core::timestamp::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::certificates::Certified;

/// Registries accept a token for this long after `exp` and before `nbf` (distribution's fixed leeway).
const LEEWAY_SECONDS: i64 = 60;

/// The claims of a registry token. Times are whole seconds since 1970, because distribution 2.8 does not read fractions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer. The registry compares it with its own setting.
    pub iss: String,
    /// The account's name, or empty for an anonymous client.
    pub sub: String,
    /// The registry's service name. It is a string, because distribution 2.8 does not read lists.
    pub aud: String,
    pub exp: i64,
    pub nbf: i64,
    pub iat: i64,
    pub jti: String,
    pub access: Vec<Access>,
}

/// A resource that a token grants access to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// `repository` or `registry`.
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    pub actions: Vec<String>,
}

/// Signs and verifies with one key.
pub struct JwtSigner {
    key: EcdsaKeyPair,
    rng: SystemRandom,
    /// The header in base64url with the dot, which is the same for every token.
    encoded_header: String,
    decoding_key: DecodingKey,
    jwk: Value,
}

/// The signing key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the signing key cannot be used: {0}")]
pub struct JwtSignerError(String);

impl JwtSigner {
    /// A signer with the leaf certificate's key, which must be on P-256. A broken key stops the start of the server.
    pub fn new(leaf: &Certified) -> Result<Self, JwtSignerError> {
        let refuse = |error: &dyn std::fmt::Display| JwtSignerError(error.to_string());
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &leaf.private_key)
            .map_err(|error| refuse(&error))?;
        let point = key.public_key().as_ref();
        let jwk = jwk(point);
        let x5c = [BASE64.encode(&leaf.certificate)];
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": jwk["kid"], "x5c": x5c});
        let coordinate = |name: &str| jwk[name].as_str().unwrap_or_default();
        Ok(Self {
            encoded_header: format!("{}.", BASE64URL_NOPAD.encode(header.to_string().as_bytes())),
            decoding_key: DecodingKey::from_ec_components(coordinate("x"), coordinate("y"))
                .map_err(|error| refuse(&error))?,
            jwk,
            rng: SystemRandom::new(),
            key,
        })
    }

    pub fn sign(&self, claims: &Claims) -> String {
        let body = serde_json::to_vec(claims).expect("claims are strings and numbers");
        let mut token = self.encoded_header.clone();
        BASE64URL_NOPAD.encode_append(&body, &mut token);
        let signature = self.key.sign(&self.rng, token.as_bytes()).expect("the system provides randomness");
        token.push('.');
        BASE64URL_NOPAD.encode_append(signature.as_ref(), &mut token);
        token
    }

    /// The claims of a token, if this key signed it for this issuer and service and it is valid at `now`, with the
    /// registry's leeway.
    pub fn verify(&self, token: &str, issuer: &str, service: &str, now: Timestamp) -> Option<Claims> {
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_audience(&[service]);
        rules.set_issuer(&[issuer]);
        // jsonwebtoken would ask the system's clock, so the times are compared with `now` below.
        rules.validate_exp = false;
        rules.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding_key, &rules).ok()?.claims;
        let at = now.seconds();
        (claims.nbf - LEEWAY_SECONDS <= at && at < claims.exp + LEEWAY_SECONDS).then_some(claims)
    }

    /// The public key as a JWK (RFC 7517). Its `kid` is the libtrust fingerprint, so that the same token works with the
    /// bundle of distribution 2 and the JWK set of distribution 3.
    pub fn jwk(&self) -> &Value {
        &self.jwk
    }
}

impl std::fmt::Debug for JwtSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JwtSigner(…)")
    }
}

/// The JWK of an uncompressed P-256 point (RFC 7518 section 6.2.1). Both coordinates have all 32 bytes.
fn jwk(point: &[u8]) -> Value {
    let (x, y) = (BASE64URL_NOPAD.encode(&point[1..33]), BASE64URL_NOPAD.encode(&point[33..65]));
    let kid = libtrust_fingerprint(point);
    json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y})
}

/// The first 30 bytes of the SHA-256 of the DER SubjectPublicKeyInfo, in base32 with colons between groups of four.
/// `point` is the uncompressed P-256 point of 65 bytes.
fn libtrust_fingerprint(point: &[u8]) -> String {
    const SPKI_PREFIX: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let digest = Sha256::new().chain_update(SPKI_PREFIX).chain_update(point).finalize();
    let text = BASE32_NOPAD.encode(&digest[..30]);
    let groups: Vec<&str> = text.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::certificates::{make_leaf, make_root};

    const NOW: Timestamp = Timestamp::from_seconds(1_795_435_200);

    fn signer() -> JwtSigner {
        JwtSigner::new(&make_leaf(&make_root().unwrap(), NOW).unwrap()).unwrap()
    }

    fn claims() -> Claims {
        let at = NOW.seconds();
        Claims {
            iss: "dockpass".into(),
            sub: "alice".into(),
            aud: "registry".into(),
            exp: at + 300,
            nbf: at - 60,
            iat: at,
            jti: "1".into(),
            access: vec![],
        }
    }

    /// RFC 7638 section 3: the required members in their order, without spaces. Distribution 3 identifies the keys of
    /// its bundle by it.
    fn thumbprint(jwk: &Value) -> String {
        let member = |name: &str| jwk[name].as_str().unwrap();
        let (crv, kty, x, y) = (member("crv"), member("kty"), member("x"), member("y"));
        let required = format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}"#);
        BASE64URL_NOPAD.encode(&Sha256::digest(required))
    }

    /// The expected values come from the code of distribution 2 and 3.
    #[test]
    fn fingerprint_and_thumbprint_match_both_versions_of_distribution() {
        let (x, y) = ("m7zUpx3b-zmVE5cymSs64POG9QcyEpJaYCD82-549_Q", "dU3biz8sZ_8GPB-odm8Wxz3lNDr1xcAQQPQaOcr1fmc");
        let decoded = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
        let jwk = jwk(&[vec![4], decoded(x), decoded(y)].concat());
        let kid = "PYYO:TEWU:V7JH:26JV:AQTZ:LJC3:SXVJ:XGHA:34F2:2LAQ:ZRMK:Z7Q6";
        let expected = json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y});
        assert_eq!(jwk, expected);
        assert_eq!(thumbprint(&jwk), "8qjioA3ZA7ti2JIE7c-U8smBFuZolQZvhSHDPU3hhB8");
    }

    /// Distribution 3.1 drops them when it computes a fingerprint itself, but they must be in a JWK set.
    #[test]
    fn a_coordinate_keeps_its_leading_zeros() {
        let jwk = jwk(&[vec![4], vec![0; 32], vec![0; 31], vec![1]].concat());
        let zeros = "A".repeat(43);
        assert_eq!((&jwk["x"], &jwk["y"]), (&json!(zeros), &json!(format!("{}E", &zeros[..42]))));
    }

    #[test]
    fn a_token_verifies_until_a_minute_after_its_expiry() {
        let signer = signer();
        let token = signer.sign(&claims());
        let read =
            |seconds| signer.verify(&token, "dockpass", "registry", Timestamp::from_seconds(NOW.seconds() + seconds));
        assert_eq!(read(0), Some(claims()));
        assert_eq!(read(359), Some(claims()));
        assert_eq!(read(360), None);
        assert_eq!(read(-121), None);
        assert_eq!(signer.verify(&token, "other", "registry", NOW), None);
        assert_eq!(signer.verify(&token, "dockpass", "other", NOW), None);
    }

    #[test]
    fn another_key_or_a_changed_token_is_refused() {
        let token = signer().sign(&claims());
        assert_eq!(signer().verify(&token, "dockpass", "registry", NOW), None);
        let signer = signer();
        let token = signer.sign(&claims());
        let forged = token.replacen("eyJpc3M", "eyJpc3N", 1);
        assert_ne!(token, forged);
        assert_eq!(signer.verify(&forged, "dockpass", "registry", NOW), None);
        assert_eq!(signer.verify("", "dockpass", "registry", NOW), None);
    }
}
