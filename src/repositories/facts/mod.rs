//! What a decision about a repository needs to know of it.

pub mod actions;
pub(super) mod store;
