//! The signing keys in the database.

pub mod actions;
mod store;
