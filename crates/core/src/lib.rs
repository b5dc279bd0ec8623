//! The pure core of Dockpass: it decides and never asks.
//!
//! Time and randomness are arguments. Nothing here knows HTTP, SQL, the environment or a clock, so every rule can be
//! read and tested as a plain function.

pub mod access_level;
pub mod account;
pub mod activity;
pub mod attribution;
pub mod device_code;
pub mod device_session;
pub mod expiry;
pub mod key_rotation;
pub mod listing;
pub mod password;
pub mod permission;
pub mod quota;
pub mod recovery_code;
pub mod refusal;
pub mod remedy;
pub mod repository;
pub mod repository_facts;
pub mod scope;
pub mod secret;
pub mod throttle;
pub mod timestamp;
pub mod token;
pub mod totp;
pub mod usage;
pub mod user_agent;
pub mod username;
pub mod visible_text;
