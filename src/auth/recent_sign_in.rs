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
use dockpass_core::{
    activity::{ActivityKind, ClientInfo},
    password::Password,
    timestamp::Timestamp,
};
use serde::de::DeserializeOwned;
use time::Duration;
use tower_sessions::Session;

use super::{
    session::SignedIn,
    throttle::{AttemptSource, SignInAttempt, SignInVerdict},
    two_factor::actions as factor,
};
use crate::{
    accounts::actions::{self, PasswordPurpose, VerifiedPassword},
    app::App,
    error::Error,
    web::{
        forms::{FieldErrors, PostedForm},
        page::{Page, dialog_or_page, retry_after},
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
pub struct RecentSignIn<T> {
    /// Who.
    pub me: SignedIn,
    /// From where.
    pub origin: ClientInfo,
    /// What was posted.
    pub form: T,
    freshness: Freshness,
}

#[derive(Debug)]
enum Freshness {
    Fresh,
    /// Made fresh by this very request.
    Confirmed,
    /// The question to ask, with what was posted.
    Stale {
        fields: Vec<(String, String)>,
        path: String,
        refusal: Refusal,
    },
}

/// With which sentences the question is asked.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    errors: FieldErrors,
    wait: Option<std::time::Duration>,
}

impl Refusal {
    fn new(status: StatusCode, errors: FieldErrors) -> Self {
        Self { status, errors, wait: None }
    }
}

#[derive(Template)]
#[template(path = "auth/recent_sign_in.html", blocks = ["dialog"])]
struct FreshPage {
    page: Page,
    username: String,
    asks_code: bool,
    path: String,
    fields: Vec<(String, String)>,
    errors: FieldErrors,
}

impl<T: DeserializeOwned + Send> FromRequest<App> for RecentSignIn<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (mut parts, body) = request.into_parts();
        let me = SignedIn::from_request_parts(&mut parts, app).await?;
        let Ok(origin) = ClientInfo::from_request_parts(&mut parts, app).await;
        let Ok(source) = AttemptSource::from_request_parts(&mut parts, app).await;
        let path = parts.uri.path().to_owned();
        let has_form = parts.headers.contains_key("content-type");
        let posted: Vec<(String, String)> = if has_form {
            PostedForm::from_request(Request::from_parts(parts, body), app).await?.0
        } else {
            Vec::new()
        };
        let (confirmation, fields): (Vec<_>, Vec<_>) =
            posted.into_iter().partition(|(name, _)| name == PASSWORD_FIELD || name == CODE_FIELD);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        let form = serde_urlencoded::from_str(&query).map_err(|_| Error::Invalid)?;
        let attempt = SignInAttempt::new(me.account.username.as_str(), Some(&me.account.id), &source);
        let given =
            |wanted: &str| confirmation.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let freshness = match (is_fresh(&me.session, me.page.now).await?, given(PASSWORD_FIELD)) {
            (true, _) => Freshness::Fresh,
            (false, None) => {
                Freshness::Stale { fields, path, refusal: Refusal::new(StatusCode::FORBIDDEN, FieldErrors::default()) }
            }
            (false, Some(password)) => {
                match confirm(app, &me, &attempt, &origin, password, given(CODE_FIELD).unwrap_or_default()).await? {
                    Ok(()) => Freshness::Confirmed,
                    Err(refusal) => Freshness::Stale { fields, path, refusal },
                }
            }
        };
        Ok(Self { me, origin, form, freshness })
    }
}

impl<T> RecentSignIn<T> {
    /// Whether the question was answered with this very request: passwords and codes that were typed before it are
    /// not among what was carried along, so a form that needs them is shown once more.
    pub fn was_asked(&self) -> bool {
        matches!(self.freshness, Freshness::Confirmed)
    }

    /// The parts, if the sign-in is fresh; else the question to answer with. A use keeps it fresh.
    ///
    /// # Errors
    /// The question, or the session store's.
    pub async fn fresh(self) -> Result<Result<(SignedIn, ClientInfo, T), Response>, Error> {
        match self.freshness {
            Freshness::Fresh | Freshness::Confirmed => {
                self.me.session.insert(FRESH_KEY, self.me.page.now.millis()).await?;
                Ok(Ok((self.me, self.origin, self.form)))
            }
            Freshness::Stale { fields, path, refusal: Refusal { status, errors, wait } } => {
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
                let response = dialog_or_page!(status, question);
                Ok(Err(match wait {
                    Some(wait) => retry_after(response, wait),
                    None => response,
                }))
            }
        }
    }

    /// The parts, for what turned out not to need a fresh sign-in.
    pub fn anyhow(self) -> (SignedIn, ClientInfo, T) {
        (self.me, self.origin, self.form)
    }
}

async fn is_fresh(session: &Session, now: Timestamp) -> Result<bool, Error> {
    let shown = session.get::<i64>(FRESH_KEY).await?.map(Timestamp::from_millis);
    Ok(shown.is_some_and(|at| now - at < FRESH))
}

/// Checks password and code; the session gets a new id when both are right.
async fn confirm(
    app: &App,
    me: &SignedIn,
    attempt: &SignInAttempt,
    origin: &ClientInfo,
    password: &str,
    code: &str,
) -> Result<Result<(), Refusal>, Error> {
    let (page, now) = (&me.page, me.page.now);
    let mut errors = FieldErrors::default();
    let wait = |wait: std::time::Duration| page.words.count("sign_in.wait", wait.as_secs().max(1) as i64);
    let is_right = match try_password(app, me, attempt, password).await {
        Err(Error::TooMany(length)) => {
            errors.add(PASSWORD_FIELD, wait(length));
            return Ok(Err(Refusal { wait: Some(length), ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, errors) }));
        }
        is_right => is_right?,
    };
    if !is_right {
        errors.add(PASSWORD_FIELD, page.t("recent_sign_in.wrong_password"));
    } else if me.account.has_second_factor {
        match factor::try_code(app, &me.account, code, attempt, now).await {
            Err(Error::TooMany(length)) => {
                errors.add(CODE_FIELD, wait(length));
                return Ok(Err(Refusal { wait: Some(length), ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, errors) }));
            }
            Ok(true) => {}
            Ok(false) => errors.add(CODE_FIELD, page.t("two_factor.wrong_code")),
            Err(other) => return Err(other),
        }
    }
    if !errors.is_empty() {
        let detail = if is_right { "code" } else { "" };
        crate::activity::actions::note_failure(
            &app.failures,
            &me.account.id,
            ActivityKind::SignInFailed,
            detail,
            origin,
            now,
        );
        return Ok(Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, errors)));
    }
    attempt.succeeded(&app.db).await?;
    me.session.cycle_id().await?;
    // Now and not with the answer: a fault further on would leave the person without either session.
    me.session.insert(FRESH_KEY, now.millis()).await?;
    me.session.save().await?;
    Ok(Ok(()))
}

/// Whether this is the password of whoever is signed in; a wrong one counts.
pub async fn try_password(app: &App, me: &SignedIn, attempt: &SignInAttempt, password: &str) -> Result<bool, Error> {
    Ok(show_password(app, me, attempt, password).await?.is_some())
}

/// The same, with what follows from it.
///
/// # Errors
/// [`Error::TooMany`] for a source that must wait; the database's; too many passwords at once.
pub async fn show_password(
    app: &App,
    me: &SignedIn,
    attempt: &SignInAttempt,
    password: &str,
) -> Result<Option<VerifiedPassword>, Error> {
    let now = me.page.now;
    attempt.allowed(&app.db, &app.rate_limits, now).await?;
    let (name, typed) = (me.account.username.as_str(), Password::typed(password));
    let shown = actions::check_password(&app.db, &app.hasher, name, typed, PasswordPurpose::Page).await?;
    let verdict = match shown {
        None => SignInVerdict::Wrong,
        Some(_) if me.account.has_second_factor => SignInVerdict::RightSoFar,
        Some(_) => SignInVerdict::Right,
    };
    attempt.settle(&app.db, &app.rate_limits, verdict, now).await?;
    Ok(shown)
}
