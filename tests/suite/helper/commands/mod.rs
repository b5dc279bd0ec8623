//! A file for each command.

mod erase;
mod get;
mod login;
mod logout;
mod store;
