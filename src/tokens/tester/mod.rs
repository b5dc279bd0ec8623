//! "What can this token do?": the answer that the token endpoint would give, and why.

pub mod actions;
