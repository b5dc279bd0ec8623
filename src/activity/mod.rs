//! The security log: every feature writes to it, `settings` shows it.

pub mod actions;
mod store;

pub use store::Entry;
