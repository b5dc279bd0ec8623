//! The rules of Dockpass as plain functions.
//!
//! Time and randomness are arguments. Nothing here knows HTTP, SQL, the environment or a clock, so every rule can be
//! read and tested without them.

pub mod access_level;
pub mod account;
pub mod activity;
pub mod attribution;
pub mod bcrypt_digest;
pub mod client_name;
pub mod device_code;
pub mod device_session;
pub mod expiry;
pub mod grants;
pub mod htpasswd;
pub mod image_name;
pub mod key_rotation;
pub mod listing;
mod named;
pub mod password;
pub mod permission_check;
pub mod quota;
pub mod recovery_code;
pub mod refusal;
pub mod repository;
pub mod repository_facts;
pub mod scope;
pub mod secret;
pub mod throttle;
pub mod timestamp;
pub mod token;
pub mod totp;
pub mod typed_code;
pub mod usage;
pub mod user_agent;
pub mod username;
pub mod visible_text;
