//! Tokens that devices get: made within an account's slots, renewed by their refresh tokens, ended when nobody uses
//! them. They stand in the same table as those made by hand.

pub mod actions;
pub(in crate::tokens) mod store;
