//! Pushes and pulls that an account's password was granted: what was moved with it is no token's.

pub mod actions;
mod store;
