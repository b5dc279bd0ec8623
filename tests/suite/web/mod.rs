mod csrf;
mod errors;
mod headers;
mod i18n;
mod metrics;
mod proxies;
