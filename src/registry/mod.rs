//! The registry's side: the token endpoint, the signing keys, and the registry's notifications.

mod actions;
mod audit;
pub mod catalog;
pub mod cli;
pub mod endpoint;
pub mod keys;
pub mod notifications;
pub mod public_url;
pub mod request;
pub mod www_authenticate;

pub use endpoint::routes;
