//! What was pushed to a repository and deleted from it, as registries notify it.

pub mod actions;
mod store;
