//! Addresses that open something by the code they hold: the first account, a new password, a calendar.

pub mod actions;
mod store;
