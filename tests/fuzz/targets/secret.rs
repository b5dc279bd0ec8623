//! Tokens, as clients send them.

#![no_main]

use dockpass_core::secret::{Secret, SecretHash, has_token_prefix};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let _ = SecretHash::from_text(&text);
    let Ok(secret) = Secret::parse(&text) else { return };
    assert!(has_token_prefix(&text) && secret.expose() == text);
    assert_eq!(SecretHash::from_text(&secret.hash().to_text()), Some(secret.hash()));
    assert!(!format!("{secret:?} {}", secret.hint()).contains(&text[10..text.len() - 3]));
});
