//! Authenticating with a token at the token endpoint.

pub mod actions;
mod store;
