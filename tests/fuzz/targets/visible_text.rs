//! Usernames, descriptions and the names of devices.

#![no_main]

use dockpass_core::client_name::ClientName;
use dockpass_core::token::Description;
use dockpass_core::username::Username;
use dockpass_core::visible_text::is_unprintable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok(name) = Username::parse(&text) {
        assert!(Username::parse(name.as_str()).is_ok_and(|again| again == name));
    }
    if let Ok(description) = Description::parse(&text) {
        assert!(!description.as_str().is_empty() && !description.as_str().chars().any(is_unprintable));
        assert!(Description::parse(description.as_str()).is_ok_and(|again| again == description));
    }
    if let Some(name) = ClientName::parse(&text) {
        assert!(!name.as_str().chars().any(is_unprintable));
        assert!(ClientName::parse(name.as_str()).is_some_and(|again| again == name));
    }
});
