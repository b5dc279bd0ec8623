//! Encryption of the secrets that the server must read back, with the key in the secret key file.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::hmac;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use data_encoding::BASE64;
use rand_core::Rng;
use zeroize::Zeroizing;

use super::rng::SystemRng;
use super::text_input;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Encrypts and decrypts with XChaCha20-Poly1305.
///
/// The nonce is random, which is safe with 192 bits, and precedes the ciphertext. The name of the secret is authenticated
/// too, so that a ciphertext cannot be moved to another row.
#[derive(Clone)]
pub struct Encryptor {
    cipher: XChaCha20Poly1305,
    derivation: hmac::Key,
    key_file: Arc<Path>,
}

/// Why the secret key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("the secret key file {path} cannot be used: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("the secret key file {0} does not contain 32 bytes in base64")]
    Content(PathBuf),
}

/// The secret was encrypted with another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret key file is not the one with which this database was encrypted")]
pub struct WrongKey;

impl Encryptor {
    /// Reads the key in `path`. If there is no such file and `may_create` is true, it creates one (mode 0600, 32 random
    /// bytes in base64).
    pub fn open(path: &Path, may_create: bool, rng: SystemRng) -> Result<Self, KeyFileError> {
        let io_error = |source| KeyFileError::Io { path: path.to_owned(), source };
        let text = match text_input::read_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_create => {
                create(path, rng).map_err(io_error)?;
                text_input::read_file(path).map_err(io_error)?
            }
            result => result.map_err(io_error)?,
        };
        let key = BASE64.decode(text.trim().as_bytes()).map(Zeroizing::new).ok();
        let unusable = || KeyFileError::Content(path.to_owned());
        let key = key.ok_or_else(unusable)?;
        let cipher = XChaCha20Poly1305::new_from_slice(&key).map_err(|_| unusable())?;
        Ok(Self { cipher, derivation: hmac::Key::new(hmac::HMAC_SHA512, &key), key_file: path.into() })
    }

    pub fn key_file(&self) -> &Path {
        &self.key_file
    }

    /// 64 bytes that only servers with this key can compute from `input`, different for each label: HMAC-SHA-512.
    pub fn derive(&self, label: &str, input: &str) -> Zeroizing<[u8; 64]> {
        let tag = hmac::sign(&self.derivation, format!("dockpass {label}\0{input}").as_bytes());
        Zeroizing::new(tag.as_ref().try_into().expect("HMAC-SHA-512 has 64 bytes"))
    }

    pub fn seal(&self, name: &str, secret: &[u8], rng: SystemRng) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rng.generator().fill_bytes(&mut nonce);
        let payload = Payload { msg: secret, aad: name.as_bytes() };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("secrets are far shorter than the cipher's limit");
        [nonce.as_slice(), &sealed].concat()
    }

    pub fn unseal(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, WrongKey> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(WrongKey)?;
        let payload = Payload { msg: ciphertext, aad: name.as_bytes() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| WrongKey)
    }
}

impl fmt::Debug for Encryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encryptor(…)")
    }
}

/// Writes the file under another name and then links it into place. If two servers start at once, both read the same,
/// complete key.
fn create(path: &Path, rng: SystemRng) -> io::Result<()> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    rng.generator().fill_bytes(key.as_mut_slice());
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut file| {
        file.write_all(BASE64.encode(key.as_slice()).as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    });
    let linked = written.and_then(|()| std::fs::hard_link(&draft, path));
    let _ = std::fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decryption_needs_the_same_key_and_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let encryptor = Encryptor::open(&path, true, SystemRng).unwrap();
        let sealed = encryptor.seal("a", b"secret", SystemRng);
        assert_eq!(
            Encryptor::open(&path, false, SystemRng).unwrap().unseal("a", &sealed).unwrap().as_slice(),
            b"secret"
        );
        assert_eq!(encryptor.unseal("b", &sealed).unwrap_err(), WrongKey);
        assert_eq!(encryptor.unseal("a", &sealed[..10]).unwrap_err(), WrongKey);
        let other = Encryptor::open(&folder.path().join("other.key"), true, SystemRng).unwrap();
        assert_eq!(encryptor.derive("a", "x"), encryptor.clone().derive("a", "x"));
        for different in [encryptor.derive("b", "x"), encryptor.derive("a", "y"), other.derive("a", "x")] {
            assert_ne!(different, encryptor.derive("a", "x"));
        }
        assert_eq!(other.unseal("a", &sealed).unwrap_err(), WrongKey);
    }

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        assert!(
            Encryptor::open(&path, false, SystemRng).unwrap_err().to_string().contains("secret.key cannot be used")
        );
        std::fs::write(&path, "too short").unwrap();
        assert!(Encryptor::open(&path, true, SystemRng).unwrap_err().to_string().ends_with("32 bytes in base64"));
    }
}
