//! The repositories that a token is limited to, as people type them.

#![no_main]

use dockpass_core::repository::{RepositoryFilter, RepositoryName};
use libfuzzer_sys::fuzz_target;

/// The meaning of a pattern, said in the slowest and plainest way.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skipped| matches(rest, &name[skipped..])),
        Some((byte, rest)) => name.first() == Some(byte) && matches(rest, &name[1..]),
    }
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (name, patterns) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(filter) = RepositoryFilter::parse(patterns) else { return };
    assert_eq!(RepositoryFilter::from_stored(filter.to_stored()), filter);
    assert!(filter.covers(&filter) && RepositoryFilter::All.covers(&filter));
    let Some(name) = RepositoryName::parse(name) else { return };
    let is_short = name.as_str().len() < 24 && filter.words().iter().all(|word| word.len() < 24);
    if is_short {
        let expected = filter.words().iter().any(|word| matches(word.as_bytes(), name.as_str().as_bytes()));
        assert_eq!(filter.includes(&name), expected, "{name} in {:?}", filter.words());
    }
});
