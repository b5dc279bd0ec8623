//! The two fields of a token's expiration.

#![no_main]

use dockpass_core::expiry::ExpiryChoice;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (choice, date) = text.split_once('\n').unwrap_or((&text, ""));
    if let Ok(read) = ExpiryChoice::parse(choice, date) {
        assert_eq!(ExpiryChoice::parse(&read.value(), date), Ok(read));
    }
});
