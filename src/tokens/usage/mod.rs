//! Uses of tokens: written in batches, shown by token.

pub mod actions;
mod store;

pub use store::TokenGrant;
