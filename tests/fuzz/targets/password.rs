//! Passwords, as people type them.

#![no_main]

use dockpass_core::password::Password;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    // Judging how common a password is takes the longest way through a library.
    if Password::chosen(&text, "alice").is_ok() {
        assert!((1..=512).contains(&text.trim().chars().count()));
    }
});
