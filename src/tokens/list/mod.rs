//! The list of tokens: sorted, filtered, cut into pages.

pub mod actions;
pub(super) mod pages;
mod store;
pub(super) mod table;
