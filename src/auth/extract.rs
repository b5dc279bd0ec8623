//! The extractors with which handlers check passwords and codes.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum_extra::extract::cookie::CookieJar;
use dockpass_core::activity::ClientInfo;

use super::credential_checker::CredentialChecker;
use super::remembered_browser::RememberedBrowser;
use super::throttle::AttemptSource;
use crate::app::App;
use crate::web::extract::ClientAddress;

impl FromRequestParts<App> for AttemptSource {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, app).await?;
        let browser = RememberedBrowser::read(&CookieJar::from_headers(&parts.headers), &app.urls, &app.encryptor);
        Ok(Self { address, browser })
    }
}

impl FromRequestParts<App> for CredentialChecker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self {
            db: app.db.clone(),
            hasher: app.hasher.clone(),
            encryptor: app.encryptor.clone(),
            rate_limits: app.rate_limits.clone(),
            failures: app.failures.clone(),
            source: AttemptSource::from_request_parts(parts, app).await?,
            origin: ClientInfo::from_request_parts(parts, app).await?,
            now: app.clock.now(),
        })
    }
}
