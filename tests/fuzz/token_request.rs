//! The target under cargo-fuzz; `main.rs` says how.

#![no_main]

mod target;

libfuzzer_sys::fuzz_target!(|input: &[u8]| target::holds(input));
