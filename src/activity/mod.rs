//! The security log: every feature writes to it. `settings` shows each account its own, `admin` what administrators did.

pub mod actions;
pub mod rows;
mod store;

pub use store::Entry;
