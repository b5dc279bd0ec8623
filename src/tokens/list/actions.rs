//! Reading the list of tokens.

pub use super::store::{count_expiring, expiring, list};
