//! Refusals of real tokens: written in batches, grouped, shown above the table with what mends them.

pub mod actions;
pub(super) mod pages;
pub(super) mod rows;
mod store;
