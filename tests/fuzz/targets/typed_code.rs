//! Codes that people type: from devices, authenticators and recovery sheets.

#![no_main]

use dockpass_core::device_code::UserCode;
use dockpass_core::{recovery_code, typed_code};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let code = typed_code::normalize(&text);
    assert!(code.chars().all(char::is_alphanumeric));
    let _ = recovery_code::parse(&text);
    if let Some(code) = UserCode::parse(&text) {
        assert!(UserCode::parse(&code.shown()).is_some_and(|again| again == code));
    }
});
