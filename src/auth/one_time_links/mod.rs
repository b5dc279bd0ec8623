//! Links that work by the code in them: for the first account, for a new password, and for a calendar.

pub mod actions;
mod store;

use serde::Deserialize;

/// The query of such a link.
#[derive(Debug, Deserialize)]
pub(super) struct CodeQuery {
    pub code: Option<String>,
}
