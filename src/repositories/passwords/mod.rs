//! What accounts' passwords were granted on repositories: what was moved with one is no token's.

pub mod actions;
mod store;
