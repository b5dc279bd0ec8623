//! The cookies: their names, and those that outlive the session.

use axum_extra::extract::cookie::{Cookie, SameSite};
use time::Duration;

use crate::config::Urls;

pub const SESSION: &str = "dockpass";
/// The language of a browser where nobody is signed in.
pub const LANGUAGE: &str = "dockpass_language";
pub const THEME: &str = "dockpass_theme";
/// The browser's time zone. The script sets it, for accounts that chose none.
pub const ZONE: &str = "dockpass_zone";

/// The name of a cookie as browsers see it.
///
/// Under https only this host can set it (`__Host-`, RFC 6265bis section 4.1.3.2). Browsers ignore the port of a cookie
/// (RFC 6265 section 8.5), so the name carries a port that is not the scheme's own: two servers on one host keep apart.
pub fn name(cookie: &str, urls: &Urls) -> String {
    let prefix = if urls.is_secure { "__Host-" } else { "" };
    urls.port.map_or_else(|| format!("{prefix}{cookie}"), |port| format!("{prefix}{cookie}-{port}"))
}

/// A cookie for a year.
pub fn long_lived(cookie: &str, value: String, urls: &Urls) -> Cookie<'static> {
    build(cookie, value, urls, Duration::days(365))
}

/// Makes the browser forget the session. The session layer removes its cookie without `Secure`, and browsers ignore that
/// for a name with `__Host-`.
pub fn removed_session(urls: &Urls) -> Cookie<'static> {
    build(SESSION, String::new(), urls, Duration::ZERO)
}

fn build(cookie: &str, value: String, urls: &Urls, max_age: Duration) -> Cookie<'static> {
    Cookie::build((name(cookie, urls), value))
        .path("/")
        .max_age(max_age)
        .same_site(SameSite::Lax)
        .http_only(true)
        .secure(urls.is_secure)
        .build()
}
