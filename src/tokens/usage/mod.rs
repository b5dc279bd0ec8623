//! Uses of tokens: written in batches, shown on the token's page.

pub mod actions;
mod store;
