//! Repository names, as scopes and notifications carry them.

#![no_main]

use dockpass_core::repository::RepositoryName;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let Some(name) = RepositoryName::parse(&text) else { return };
    assert_eq!(name.as_str(), text);
    assert!(text.len() <= 255 && !text.contains("..") && !text.contains("//"));
    assert!(text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte)));
    assert!(text.starts_with(name.namespace()) && name.is_of(name.namespace()) == text.contains('/'));
});
