//! What all pages and endpoints share. It knows no feature.

pub mod assets;
pub mod errors;
pub mod extract;
pub mod form;
pub mod headers;
pub mod health;
pub mod i18n;
pub mod metrics;
pub mod origin;
pub mod page;
pub mod time;
