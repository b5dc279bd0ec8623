//! Signing in on a device (RFC 8628): a program shows a code, a person types it into a page and approves, and the
//! program gets a token generated for it. Nobody copies a secret.

pub mod actions;
pub mod endpoint;
mod oauth;
mod pages;
mod store;
pub mod tokens;

pub use pages::routes;
