//! Presenting a token to the token endpoint.

pub mod actions;
mod store;
