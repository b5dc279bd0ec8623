//! The registry tokens from `/token`, checked as a registry checks them.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD};
use dockpass::platform::rng::SystemRng;
use dockpass::registry::keys::actions;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::Duration;
use x509_parser::oid_registry::{
    OID_SIG_ECDSA_WITH_SHA256, OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER, OID_X509_EXT_BASIC_CONSTRAINTS,
    OID_X509_EXT_KEY_USAGE, OID_X509_EXT_SUBJECT_KEY_IDENTIFIER, Oid,
};
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate, X509Version};

use crate::harness::{PASSWORD, TestServer, claims};

/// The bytes before the point of a P-256 public key in a certificate (SubjectPublicKeyInfo, RFC 5480).
const SPKI_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The first DER element (with its header, and only its content), and the rest.
fn element(der: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (header, length) = match der[1] {
        short @ 0..0x80 => (2, usize::from(short)),
        long => {
            let count = usize::from(long & 0x7f);
            (2 + count, der[2..2 + count].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
        }
    };
    (&der[..header + length], &der[header..header + length], &der[header + length..])
}

/// The signed part, the signature, the issuer and the subject of a certificate (RFC 5280 section 4.1).
fn parts(certificate: &[u8]) -> [&[u8]; 4] {
    let (signed, content, rest) = element(element(certificate).1);
    let signature = &element(element(rest).2).1[1..];
    let after_version = element(content).2;
    let after_algorithm = element(element(after_version).2).2;
    let (issuer, _, rest) = element(after_algorithm);
    let subject = element(element(rest).2).0;
    [signed, signature, issuer, subject]
}

fn spki(certificate: &[u8]) -> &[u8] {
    let at = certificate.windows(SPKI_HEAD.len()).position(|window| window == SPKI_HEAD).unwrap();
    &certificate[at..at + SPKI_HEAD.len() + 65]
}

fn point(certificate: &[u8]) -> &[u8] {
    &spki(certificate)[SPKI_HEAD.len()..]
}

fn header(token: &str) -> Value {
    let header = BASE64URL_NOPAD.decode(token.split('.').next().unwrap().as_bytes()).unwrap();
    serde_json::from_slice(&header).unwrap()
}

fn leaf(token: &str) -> Vec<u8> {
    let header = header(token);
    let chain = header["x5c"].as_array().unwrap();
    assert_eq!(chain.len(), 1, "the leaf alone: the registry has the root");
    BASE64.decode(chain[0].as_str().unwrap().as_bytes()).unwrap()
}

async fn token(server: &TestServer) -> String {
    let answer = server.anonymous().token("alice", PASSWORD, &["repository:alice/app:pull"]).await;
    answer.json()["token"].as_str().unwrap().to_owned()
}

async fn root(server: &TestServer) -> Vec<u8> {
    let config = &server.app.config;
    let keys =
        actions::load_or_create(&server.app.db, &config.secret_key_file, server.clock.now(), SystemRng).await.unwrap();
    let body: String = keys.root_pem.lines().filter(|line| !line.starts_with('-')).collect();
    BASE64.decode(body.as_bytes()).unwrap()
}

#[tokio::test]
async fn its_header_names_the_key_as_libtrust_does() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let token = token(&server).await;
    let header = header(&token);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("JWT")));
    let fingerprint = BASE32_NOPAD.encode(&Sha256::digest(spki(&leaf(&token)))[..30]);
    let kid = header["kid"].as_str().unwrap();
    assert_eq!(kid.replace(':', ""), fingerprint);
    assert!(kid.split(':').all(|group| group.len() == 4) && kid.split(':').count() == 12, "{kid}");
    assert!(header.get("jwk").is_none());
}

#[tokio::test]
async fn its_leaf_chains_to_the_root_of_the_bundle() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let (leaf, root) = (leaf(&token(&server).await), root(&server).await);
    let [signed, signature, issuer, _] = parts(&leaf);
    let [root_signed, root_signature, root_issuer, root_subject] = parts(&root);
    assert_eq!((issuer, root_issuer), (root_subject, root_subject));
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point(&root));
    key.verify(signed, signature).unwrap();
    key.verify(root_signed, root_signature).unwrap();
    assert_ne!(point(&leaf), point(&root));
}

/// The properties that `crypto/x509` checks when distribution verifies a token's chain. They are read without the
/// library that generates certificates.
#[tokio::test]
async fn its_chain_is_one_that_go_verifies() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let (leaf, root) = (leaf(&token(&server).await), root(&server).await);
    let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
    let (_, root) = X509Certificate::from_der(&root).unwrap();
    let made = server.clock.now().seconds();
    let day = 24 * 3600;
    // The root's dates are constants: 2026-01-01 and 2056-01-01.
    let leafs = (made - day, made + 2 * 365 * day);
    for (certificate, dates) in [(&leaf, leafs), (&root, (1_767_225_600, 2_713_910_400))] {
        assert_eq!(certificate.version(), X509Version::V3);
        let (from, to) = (certificate.validity().not_before, certificate.validity().not_after);
        assert_eq!((from.timestamp(), to.timestamp()), dates);
        assert_eq!(certificate.signature_algorithm.algorithm, OID_SIG_ECDSA_WITH_SHA256);
        // Go refuses negative serial numbers, and RFC 5280 more than twenty bytes.
        let serial = certificate.raw_serial();
        assert!(serial[0] < 0x80 && serial.len() <= 20 && serial.iter().any(|byte| *byte != 0), "{serial:?}");
        for extension in certificate.extensions().iter().filter(|extension| extension.critical) {
            let known = [OID_X509_EXT_BASIC_CONSTRAINTS, OID_X509_EXT_KEY_USAGE];
            assert!(
                known.contains(&extension.oid),
                "Go stops at a critical extension that it does not know: {extension:?}"
            );
        }
        assert!(certificate.extended_key_usage().unwrap().is_none(), "any");
        assert!(certificate.name_constraints().unwrap().is_none());
    }
    let constraints = |certificate: &X509Certificate<'_>| {
        let found = certificate.basic_constraints().unwrap().unwrap();
        (found.critical, found.value.ca, found.value.path_len_constraint)
    };
    assert_eq!(constraints(&leaf), (true, false, None));
    assert_eq!(constraints(&root), (true, true, Some(0)), "leaves stand right below it");
    let usage = |certificate: &X509Certificate<'_>| *certificate.key_usage().unwrap().unwrap().value;
    let (of_leaf, of_root) = (usage(&leaf), usage(&root));
    assert!(of_leaf.digital_signature() && !of_leaf.key_cert_sign() && !of_leaf.crl_sign());
    assert!(of_root.key_cert_sign());
    assert_eq!((leaf.issuer().as_raw(), root.issuer().as_raw()), (root.subject().as_raw(), root.subject().as_raw()));
    let ParsedExtension::SubjectKeyIdentifier(own) = extension(&root, OID_X509_EXT_SUBJECT_KEY_IDENTIFIER) else {
        panic!("the root has no key identifier");
    };
    let ParsedExtension::AuthorityKeyIdentifier(named) = extension(&leaf, OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER) else {
        panic!("the leaf does not name its root's key");
    };
    assert_eq!(named.key_identifier.as_ref(), Some(own));
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, root.public_key().subject_public_key.data.clone());
    for certificate in [&leaf, &root] {
        key.verify(certificate.tbs_certificate.as_ref(), &certificate.signature_value.data).unwrap();
    }
}

fn extension<'c>(certificate: &'c X509Certificate<'_>, oid: Oid<'_>) -> &'c ParsedExtension<'c> {
    certificate.get_extension_unique(&oid).unwrap().unwrap().parsed_extension()
}

#[tokio::test]
async fn its_leaf_verifies_its_signature() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let token = token(&server).await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    let leaf = leaf(&token);
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point(&leaf));
    key.verify(signed.as_bytes(), &signature).unwrap();
    assert!(key.verify(&signed.as_bytes()[1..], &signature).is_err());
}

#[tokio::test]
async fn it_lives_for_five_minutes_and_was_valid_a_minute_ago() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let claims = claims(&token(&server).await);
    let now = server.clock.now().seconds();
    let expected = json!({
        "iss": "dockpass",
        "sub": "alice",
        "aud": "dockpass",
        "exp": now + 300,
        "nbf": now - 60,
        "iat": now,
        "jti": claims["jti"],
        "access": [{"type": "repository", "name": "alice/app", "actions": ["pull"]}],
    });
    assert_eq!(claims, expected);
    assert!(!claims["jti"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn its_subject_names_the_account_and_the_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let made = alice.generate("ci", "repo:read", "30").await;
    let device = server.device(&alice, "laptop").await;
    let device_id = server.text("SELECT id FROM token WHERE source = 'auto-generated'").await;
    let cases = [
        (made.secret.as_str(), format!("alice/{}", made.id)),
        (device.token.as_str(), format!("alice/{device_id}")),
        (PASSWORD, "alice".to_owned()),
    ];
    for (secret, subject) in cases {
        let answer = server.anonymous().token("Alice", secret, &[]).await.json();
        assert_eq!(claims(answer["token"].as_str().unwrap())["sub"], subject);
        let bearer = format!("Bearer {}", answer["token"].as_str().unwrap());
        let let_in = server.anonymous().get_with("/v2/", &[("authorization", &bearer)]).await;
        assert_eq!(let_in.status, reqwest::StatusCode::OK);
    }
}

#[tokio::test]
async fn issuer_and_audience_are_the_operators() {
    let change = |settings: &mut dockpass::config::Settings| {
        settings.issuer = "pass.example.com".into();
        settings.registry_service = "hub.example.com".into();
    };
    let server = TestServer::start_with(change).await;
    server.account("alice").await;
    let claims = claims(&token(&server).await);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("pass.example.com"), &json!("hub.example.com")));
}

#[tokio::test]
async fn no_two_are_alike() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let (one, other) = (claims(&token(&server).await), claims(&token(&server).await));
    assert_ne!(one["jti"], other["jti"]);
    server.clock.advance(Duration::minutes(1));
    assert_ne!(claims(&token(&server).await)["exp"], one["exp"]);
}
