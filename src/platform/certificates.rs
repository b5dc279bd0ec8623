//! The certificates of the signing keys: a root that registries trust, and leaves under it.

use dockpass_core::key_rotation::LEAF_LIFE;
use dockpass_core::timestamp::Timestamp;
use pem::{EncodeConfig, LineEnding, Pem};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// The root's dates are constants, so that no wrong clock can spoil the certificate that registries keep. It must outlive
/// them.
const ROOT_BEGINS: OffsetDateTime = datetime!(2026-01-01 0:00 UTC);
const ROOT_ENDS: OffsetDateTime = datetime!(2056-01-01 0:00 UTC);
/// A certificate begins this long before it is created, so that a registry whose clock lags accepts it.
const BACKDATED: Duration = Duration::days(1);

/// A private key and its certificate.
#[derive(Clone)]
pub struct Certified {
    /// X.509, DER.
    pub certificate: Vec<u8>,
    /// PKCS #8, DER.
    pub private_key: Zeroizing<Vec<u8>>,
}

/// A new self-signed root on P-256.
pub fn make_root() -> Result<Certified, rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = root_params().self_signed(&key)?;
    Ok(Certified { certificate: certificate.der().to_vec(), private_key: Zeroizing::new(key.serialize_der()) })
}

/// A new leaf on P-256, signed by `root`.
pub fn make_leaf(root: &Certified, now: Timestamp) -> Result<Certified, rcgen::Error> {
    // The leaf depends only on the name and the key of the issuer, and all roots have the same name.
    let issuer = Issuer::new(root_params(), KeyPair::try_from(root.private_key.as_slice())?);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    // Registries refuse a leaf that begins before its root.
    let from = now.as_utc().max(ROOT_BEGINS);
    let mut params = params("Dockpass token signer", (from - BACKDATED).max(ROOT_BEGINS), from + LEAF_LIFE);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Certified { certificate: certificate.der().to_vec(), private_key: Zeroizing::new(key.serialize_der()) })
}

fn root_params() -> CertificateParams {
    let mut params = params("Dockpass root", ROOT_BEGINS, ROOT_ENDS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params
}

const TAG: &str = "CERTIFICATE";

/// The certificate as PEM, for a registry's bundle.
pub fn to_pem(certificate: &[u8]) -> String {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    pem::encode_config(&Pem::new(TAG, certificate), config)
}

/// The certificates in a PEM text, as DER. Other blocks are skipped; a text with a broken block has no certificates.
pub fn from_pem(text: &str) -> Vec<Vec<u8>> {
    let blocks = pem::parse_many(text).unwrap_or_default();
    blocks.into_iter().filter(|block| block.tag() == TAG).map(Pem::into_contents).collect()
}

fn params(name: &str, begins: OffsetDateTime, ends: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    (params.not_before, params.not_after) = (begins, ends);
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_read_from_a_bundle_with_more_in_it() {
        let certificates = [make_root().unwrap().certificate, make_root().unwrap().certificate];
        let key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        let bundle =
            format!("a comment\n{}{key}{}", to_pem(&certificates[0]), to_pem(&certificates[1]).replace('\n', "\r\n"));
        assert_eq!(from_pem(&bundle), certificates);
        for nothing in
            ["", key, "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"]
        {
            assert!(from_pem(nothing).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn no_wrong_clock_spoils_the_root_or_a_leaf() {
        let has = |certificate: &Certified, time: &str| {
            certificate.certificate.windows(time.len()).any(|bytes| bytes == time.as_bytes())
        };
        let root = make_root().unwrap();
        assert!(has(&root, "260101000000Z") && has(&root, "20560101000000Z"));
        let leaf = |seconds| make_leaf(&root, Timestamp::from_seconds(seconds)).unwrap();
        let (reset, new, ahead) = (leaf(0), leaf(1_767_225_600 + 3600), leaf(1_893_456_000));
        assert!(has(&reset, "260101000000Z") && has(&reset, "280101000000Z"), "a clock without a battery");
        assert!(has(&new, "260101000000Z") && has(&new, "280101010000Z"));
        assert!(has(&ahead, "291231000000Z"), "mended by the next leaf");
    }
}
