//! The fuzz target on stable Rust: real clients' requests, and a bounded number of mangled ones. The same target under a
//! coverage-guided fuzzer, for as long as one likes:
//!
//! ```text
//! cargo install cargo-fuzz && mkdir -p tests/fuzz/corpus
//! cargo +nightly fuzz run --fuzz-dir tests/fuzz token_request tests/fuzz/corpus tests/fuzz/seeds
//! ```

#![allow(missing_docs, clippy::unwrap_used, reason = "tests are sentences by their names, and may panic")]

mod target;

use std::{fs, panic};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

const ROUNDS: u64 = 100_000;
/// What mangling puts in: the words and signs of the grammar, and what breaks parsers.
const PIECES: [&[u8]; 36] = [
    b":",
    b"/",
    b",",
    b"*",
    b"+",
    b"%20",
    b"%3A",
    b"%2F",
    b"%2f..%2f",
    b"%",
    b"%00",
    b"&",
    b"=",
    b"&scope=",
    b"scope",
    b"repository:",
    b"repository(",
    b"registry:catalog:*",
    b"alice",
    b"alice/",
    b"/alice/app",
    b"bob/app",
    b"team/app",
    b"/team-a/",
    b"..",
    b"push",
    b"pull",
    b"delete",
    b"\xff",
    b"\xc3\xa9",
    b"\n\n",
    b"grant_type=password&",
    b"&username=",
    b"&password=",
    b" ",
    b"\nAuthorization: Plain x:",
];

fn seeds() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/seeds");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

/// One seed after one to eight changes; the same in each run.
fn mangled(seeds: &[Vec<u8>], round: u64) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(round);
    let mut input = seeds.choose(&mut random).unwrap().clone();
    for _ in 0..random.random_range(1..=8) {
        let from = random.random_range(0..=input.len());
        let to = (from + random.random_range(0..=8)).min(input.len());
        match random.random_range(0..6) {
            0 => drop(input.drain(from..to)),
            1 => drop(input.splice(from..from, PIECES.choose(&mut random).unwrap().iter().copied())),
            2 => drop(input.splice(from..to, PIECES.choose(&mut random).unwrap().iter().copied())),
            3 => drop(input.splice(from..from, input[from..to].to_vec())),
            4 => input[from..to].iter_mut().for_each(|byte| *byte = random.random()),
            _ => {
                let other = seeds.choose(&mut random).unwrap();
                input.truncate(from);
                input.extend(&other[from.min(other.len())..]);
            }
        }
    }
    input
}

#[track_caller]
fn holds(input: &[u8]) {
    if panic::catch_unwind(|| target::holds(input)).is_err() {
        panic!("this input: b\"{}\"", input.escape_ascii());
    }
}

#[test]
fn what_real_clients_send_is_read_rightly() {
    let seeds = seeds();
    assert!(seeds.len() > 10, "the seeds were found");
    seeds.iter().for_each(|seed| holds(seed));
}

#[test]
fn nothing_panics_and_nothing_is_granted_that_is_not_held_however_a_request_is_mangled() {
    let seeds = seeds();
    (0..ROUNDS).for_each(|round| holds(&mangled(&seeds, round)));
}
