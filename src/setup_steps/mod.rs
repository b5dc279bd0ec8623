//! What is left to do after the first account exists. Administrators see it above their tokens, and `dockpass doctor` says it.

pub mod actions;
pub mod commands;
mod pages;
pub mod rows;
mod store;

pub use pages::routes;
