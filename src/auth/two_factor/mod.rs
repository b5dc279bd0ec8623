//! Two-factor authentication: an authenticator app, and recovery codes for when it is lost.

pub mod actions;
pub(super) mod challenge;
mod store;
