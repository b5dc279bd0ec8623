//! Auto-generated tokens: generated within an account's slots, renewed by their refresh tokens, deleted when nobody uses
//! them. They are in the same table as manual tokens.

pub mod actions;
mod store;
