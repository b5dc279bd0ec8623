//! Refusals of real tokens: written in batches, grouped, shown above the table with their fixes.

pub mod actions;
pub(super) mod pages;
pub(super) mod rows;
mod store;
