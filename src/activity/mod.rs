//! The security log: every feature writes to it, `accounts` shows it.

pub mod actions;
mod store;

pub use store::Entry;
