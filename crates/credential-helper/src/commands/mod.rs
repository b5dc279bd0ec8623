//! One file for each command.

pub mod erase;
pub mod get;
pub mod list;
pub mod login;
pub mod logout;
pub mod store;
