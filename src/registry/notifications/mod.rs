//! The registry's notifications: the images that were pushed, pulled and deleted.

mod actions;
pub mod endpoint;
mod store;

pub use actions::tidy;
