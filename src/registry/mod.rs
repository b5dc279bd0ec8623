//! The registry's side: the token endpoint and the keys with which it signs.

mod actions;
pub mod doctor;
pub mod endpoint;
pub mod events;
pub mod keys;
mod notes;
pub mod request;
pub mod shell;
mod store;

pub use endpoint::routes;
