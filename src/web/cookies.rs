//! Cookies that outlive the session.

use axum_extra::extract::cookie::{Cookie, SameSite};
use time::Duration;

/// A cookie for a year.
pub fn long_lived(name: &'static str, value: String, is_secure: bool) -> Cookie<'static> {
    Cookie::build((name, value))
        .path("/")
        .max_age(Duration::days(365))
        .same_site(SameSite::Lax)
        .http_only(true)
        .secure(is_secure)
        .build()
}
