//! Auto-generated tokens: generated within an account's slots, renewed by their refresh tokens, deleted when they are not
//! used. They are in the same table as manual tokens.

pub mod actions;
mod store;
