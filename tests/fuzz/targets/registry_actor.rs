//! The `actor.name` of notifications.

#![no_main]

use dockpass_core::attribution::RegistryActor;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Some(actor) = RegistryActor::parse(&text) {
        assert_eq!(actor.to_string(), text);
    }
});
