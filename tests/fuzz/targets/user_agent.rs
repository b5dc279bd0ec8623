//! `User-Agent` headers.

#![no_main]

use dockpass_core::user_agent;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let short = user_agent::shorten(&text);
    assert!(short.chars().count() <= 200 && !short.chars().any(char::is_control));
    assert!(user_agent::describe(&short).name.chars().count() <= 240);
});
