//! What must hold when processes are killed, disks are full and locks are held, and on two servers behind a proxy.
//!
//! `tests/run` runs a short form in well under a minute; `tests/crash` the long one.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use dockpass::platform::clock::Clock;

#[path = "../harness/mod.rs"]
mod harness;

mod backup;
mod client;
mod half_states;
mod kill;
mod kill_postgres;
mod locked;
mod nginx;
mod postgres;
mod rolling_restart;
mod two_servers;

/// How often servers are killed: `DOCKPASS_TEST_KILLS`, or a few times. The long form is that of `tests/crash`.
fn kills(few: usize) -> usize {
    std::env::var("DOCKPASS_TEST_KILLS").map_or(few, |kills| kills.parse().unwrap())
}

/// Whether this is the long form.
fn is_long() -> bool {
    std::env::var_os("DOCKPASS_TEST_KILLS").is_some()
}

/// Random numbers (SplitMix64) that begin with the clock.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        Self(Clock::System.now().millis() as u64)
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}
