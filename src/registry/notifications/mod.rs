//! The registry's notifications: what was really moved.

mod actions;
pub mod endpoint;
mod store;

pub use actions::{forget_old, settle};
