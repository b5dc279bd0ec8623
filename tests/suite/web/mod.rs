mod csrf;
mod headers;
mod i18n;
mod metrics;
