//! What all pages and endpoints share and no feature.

pub mod assets;
pub mod confirm;
pub mod cookies;
pub mod errors;
pub mod extract;
pub mod forms;
pub mod headers;
pub mod health;
pub mod i18n;
pub mod list_query;
pub mod metrics;
pub mod page;
pub mod proxies;
pub mod time;
