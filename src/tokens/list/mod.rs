//! The list of tokens, with sorting, filter and pages.

pub mod actions;
pub(super) mod pages;
mod store;
pub(super) mod table;
