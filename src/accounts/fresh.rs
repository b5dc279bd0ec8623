//! A fresh sign-in: what changes who may get in asks for the password again when the last time is long ago.
//!
//! The question comes in place of the answer, carries what was posted with it, and posts it to the same address: when
//! the password is right, the same handler goes on with what was asked.

use askama::Template;
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::StatusCode,
    response::Response,
};
use serde::de::DeserializeOwned;
use time::Duration;
use tower_sessions::Session;

use super::{
    actions::{self, Purpose},
    factor::actions as factor,
    session::SignedIn,
    throttle::{Attempt, Source},
};
use crate::{
    core::{activity::Kind, activity::Origin, moment::Moment, password::Password},
    error::Error,
    state::App,
    web::{
        form::{FieldErrors, Posted},
        page::{Page, dialog_or_page},
    },
};

/// A sign-in is fresh this long; each use of it counts anew.
const FRESH: Duration = Duration::minutes(30);
/// When the password was last shown, in milliseconds since 1970.
pub const FRESH_KEY: &str = "fresh_at";
const PASSWORD_FIELD: &str = "confirm_password";
const CODE_FIELD: &str = "confirm_code";

/// A posted form whose handler may ask for a fresh sign-in.
#[derive(Debug)]
pub struct Sensitive<T> {
    /// Who.
    pub me: SignedIn,
    /// From where.
    pub origin: Origin,
    /// What was posted.
    pub form: T,
    freshness: Freshness,
}

#[derive(Debug)]
enum Freshness {
    Fresh,
    /// The question to ask, with what was posted.
    Stale {
        fields: Vec<(String, String)>,
        path: String,
        errors: FieldErrors,
        status: StatusCode,
    },
}

#[derive(Template)]
#[template(path = "accounts/fresh.html", blocks = ["dialog"])]
struct FreshPage {
    page: Page,
    username: String,
    asks_code: bool,
    path: String,
    fields: Vec<(String, String)>,
    errors: FieldErrors,
}

impl<T: DeserializeOwned + Send> FromRequest<App> for Sensitive<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (mut parts, body) = request.into_parts();
        let me = SignedIn::from_request_parts(&mut parts, app).await?;
        let Ok(origin) = Origin::from_request_parts(&mut parts, app).await;
        let Ok(source) = Source::from_request_parts(&mut parts, app).await;
        let path = parts.uri.path().to_owned();
        let has_form = parts.headers.contains_key("content-type");
        let posted: Vec<(String, String)> =
            if has_form { Posted::from_request(Request::from_parts(parts, body), app).await?.0 } else { Vec::new() };
        let (confirmation, fields): (Vec<_>, Vec<_>) =
            posted.into_iter().partition(|(name, _)| name == PASSWORD_FIELD || name == CODE_FIELD);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        let form = serde_urlencoded::from_str(&query).map_err(|_| Error::Invalid)?;
        let attempt = Attempt::new(me.account.username.as_str(), Some(&me.account.id), &source);
        let given =
            |wanted: &str| confirmation.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let freshness = match (is_fresh(&me.session, me.page.now).await?, given(PASSWORD_FIELD)) {
            (true, _) => Freshness::Fresh,
            (false, None) => {
                Freshness::Stale { fields, path, errors: FieldErrors::default(), status: StatusCode::FORBIDDEN }
            }
            (false, Some(password)) => {
                match confirm(app, &me, &attempt, &origin, password, given(CODE_FIELD).unwrap_or_default()).await? {
                    Ok(()) => Freshness::Fresh,
                    Err((status, errors)) => Freshness::Stale { fields, path, errors, status },
                }
            }
        };
        Ok(Self { me, origin, form, freshness })
    }
}

impl<T> Sensitive<T> {
    /// The parts, if the sign-in is fresh; else the question to answer with. A use keeps it fresh.
    ///
    /// # Errors
    /// The question, or the session store's.
    pub async fn fresh(self) -> Result<Result<(SignedIn, Origin, T), Response>, Error> {
        match self.freshness {
            Freshness::Fresh => {
                self.me.session.insert(FRESH_KEY, self.me.page.now.millis()).await?;
                Ok(Ok((self.me, self.origin, self.form)))
            }
            Freshness::Stale { fields, path, errors, status } => {
                // Passwords and codes are the one thing that is not carried along.
                let carried = fields.into_iter().filter(|(name, _)| !name.contains("password") && name != "code");
                let question = FreshPage {
                    username: self.me.account.username.to_string(),
                    asks_code: self.me.account.has_second_factor,
                    fields: carried.collect(),
                    page: self.me.page,
                    path,
                    errors,
                };
                Ok(Err(dialog_or_page!(status, question)))
            }
        }
    }

    /// The parts, for what turned out not to need a fresh sign-in.
    pub fn anyhow(self) -> (SignedIn, Origin, T) {
        (self.me, self.origin, self.form)
    }
}

async fn is_fresh(session: &Session, now: Moment) -> Result<bool, Error> {
    let shown = session.get::<i64>(FRESH_KEY).await?.map(Moment::from_millis);
    Ok(shown.is_some_and(|at| now - at < FRESH))
}

/// Checks password and code; the session gets a new id when both are right.
async fn confirm(
    app: &App,
    me: &SignedIn,
    attempt: &Attempt,
    origin: &Origin,
    password: &str,
    code: &str,
) -> Result<Result<(), (StatusCode, FieldErrors)>, Error> {
    let (page, now) = (&me.page, me.page.now);
    let mut errors = FieldErrors::default();
    if let Err(Error::TooMany(wait)) = attempt.allowed(&app.db, &app.limits, now).await {
        errors.add(PASSWORD_FIELD, page.words.count("login.wait", wait.as_secs().max(1) as i64));
        return Ok(Err((StatusCode::TOO_MANY_REQUESTS, errors)));
    }
    let name = me.account.username.as_str();
    let typed = Password::typed(password);
    let is_right = actions::check_password(&app.db, &app.hasher, name, typed, Purpose::Page).await?.is_some();
    if !is_right {
        attempt.failed(&app.db, &app.limits, now).await?;
        errors.add(PASSWORD_FIELD, page.t("fresh.wrong_password"));
    } else if me.account.has_second_factor && !factor::try_code(app, &me.account, code, attempt, now).await? {
        errors.add(CODE_FIELD, page.t("factor.wrong_code"));
    }
    if !errors.is_empty() {
        let detail = if is_right { "code" } else { "" };
        crate::activity::actions::note_failure(&app.failures, &me.account.id, Kind::SignInFailed, detail, origin, now);
        return Ok(Err((StatusCode::UNPROCESSABLE_ENTITY, errors)));
    }
    attempt.succeeded(&app.db).await?;
    me.session.cycle_id().await?;
    Ok(Ok(()))
}
