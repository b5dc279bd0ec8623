//! Two-factor authentication: an authenticator app, and recovery codes for when it is lost.

pub mod actions;
pub(super) mod challenge;
mod store;

use serde::Deserialize;

/// A form with a code of the authenticator app, or with a recovery code.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CodeForm {
    /// The code as it was typed.
    pub code: String,
}
