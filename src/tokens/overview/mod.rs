//! Lists of tokens: sorted, filtered, cut into pages, and what is said about all of them.

pub mod actions;
mod store;
