//! Accounts: which exist, and what can be done with an account as a whole.

pub mod actions;
mod store;

pub use store::SignedInSession;
