mod csrf;
mod errors;
mod form_errors;
pub mod headers;
mod i18n;
mod metrics;
mod proxies;
