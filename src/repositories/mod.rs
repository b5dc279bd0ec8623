//! Repositories: whose they are, who else may have them, and what became of them last.

pub mod actions;
mod store;

pub use store::Listed;
