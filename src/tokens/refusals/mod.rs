//! Refusals of real tokens: written in batches, grouped, shown above the table with what mends them.

pub mod actions;
mod store;

pub use store::Refused;
