//! The pure core: it decides and never asks.
//!
//! Time and chance come in as arguments. Nothing here knows HTTP, SQL, the environment or a clock, so that
//! every rule can be read and tested as a plain function.

pub mod account;
pub mod activity;
pub mod client;
pub mod device;
pub mod device_session;
pub mod expiry;
pub mod level;
pub mod listing;
pub mod moment;
pub mod moved;
pub mod password;
pub mod permission;
pub mod printable;
pub mod quota;
pub mod recovery;
pub mod refusal;
pub mod remedy;
pub mod repository;
pub mod rotation;
pub mod scope;
pub mod secret;
pub mod throttle;
pub mod token;
pub mod totp;
pub mod usage;
pub mod username;
