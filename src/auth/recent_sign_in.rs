//! Actions that change who has access need a recent sign-in: the password within the last half hour, however much the
//! session was used since.
//!
//! Without one, the response is a page that asks for the password. The page carries the posted fields along and posts
//! them to the same address, so that the same handler continues once the password is right.

use askama::Template;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use dockpass_core::activity::ClientInfo;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::credential_checker::{CredentialChecker, SecondFactor};
use super::session::SignedIn;
use super::sign_in_again::JustSignedIn;
use crate::accounts::actions as accounts;
use crate::app::App;
use crate::error::Error;
use crate::web::forms::{FieldErrors, FormError, PostedForm, is_secret_field};
use crate::web::page::{Page, dialog_or_page};

const PASSWORD_FIELD: &str = "confirm_password";
const CODE_FIELD: &str = "confirm_code";

/// A posted form of someone whose sign-in is recent. The rejection is the page that asks for the password.
pub struct RecentSignIn<T = IgnoredAny> {
    pub me: SignedIn,
    pub origin: ClientInfo,
    pub form: T,
    /// Whether this request also answered the question. Then `form` lacks passwords and codes that were typed before,
    /// because the question does not carry them along.
    pub is_just_confirmed: bool,
    pub checker: CredentialChecker,
}

impl<T: DeserializeOwned + Send + Sync> FromRequest<App> for RecentSignIn<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let posted = MaybeRecentSignIn::from_request(request, app).await.map_err(IntoResponse::into_response)?;
        let is_just_confirmed = posted.require().await?;
        let MaybeRecentSignIn { me, origin, form, checker, .. } = posted;
        Ok(Self { me, origin, form, is_just_confirmed, checker })
    }
}

/// A posted form whose handler decides itself whether it needs a recent sign-in, with [`MaybeRecentSignIn::require`].
pub struct MaybeRecentSignIn<T = IgnoredAny> {
    pub me: SignedIn,
    pub origin: ClientInfo,
    pub form: T,
    checker: CredentialChecker,
    path: String,
    /// Whether "Sign in again" came just before this, which carries no passwords and codes along either.
    is_just_signed_in: bool,
    /// The posted fields without those of the question.
    fields: Vec<(String, String)>,
    password: Option<String>,
    code: String,
}

#[derive(Template)]
#[template(path = "auth/recent_sign_in.html", blocks = ["dialog"])]
struct RecentSignInPage {
    page: Page,
    username: String,
    asks_code: bool,
    path: String,
    /// Where Cancel leads without a script.
    back: String,
    fields: Vec<(String, String)>,
    errors: FieldErrors,
}

impl<T: DeserializeOwned + Send> FromRequest<App> for MaybeRecentSignIn<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (mut parts, body) = request.into_parts();
        let me = SignedIn::from_request_parts(&mut parts, app).await?;
        let Ok(checker) = CredentialChecker::from_request_parts(&mut parts, app).await;
        // With its query: the handler reads there where to return.
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let is_just_signed_in = parts.extensions.get::<JustSignedIn>().is_some();
        let posted: Vec<(String, String)> = if parts.headers.contains_key(CONTENT_TYPE) {
            PostedForm::from_request(Request::from_parts(parts, body), app).await?.0
        } else {
            Vec::new()
        };
        let (answers, fields): (Vec<_>, Vec<_>) =
            posted.into_iter().partition(|(name, _)| name == PASSWORD_FIELD || name == CODE_FIELD);
        let answer = |wanted| answers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        Ok(Self {
            me,
            origin: checker.origin.clone(),
            form: serde_urlencoded::from_str(&query).map_err(|_| Error::Invalid)?,
            checker,
            path,
            is_just_signed_in,
            password: answer(PASSWORD_FIELD),
            code: answer(CODE_FIELD).unwrap_or_default(),
            fields,
        })
    }
}

impl<T> MaybeRecentSignIn<T> {
    pub async fn require(&self) -> Result<bool, Response> {
        match self.check().await {
            Ok(checked) => checked,
            Err(error) => Err(error.into_response()),
        }
    }

    async fn check(&self) -> Result<Result<bool, Response>, Error> {
        let is_recent = self.me.has_recent_sign_in().await?;
        if !is_recent {
            let Some(password) = &self.password else {
                return Ok(Err(self.ask(StatusCode::FORBIDDEN, FieldErrors::default())));
            };
            if let Err((field, error)) = self.confirm(password).await? {
                return Ok(Err(error.respond(|status, sentence| self.ask(status, FieldErrors::one(field, sentence)))));
            }
        }
        Ok(Ok(!is_recent || self.is_just_signed_in))
    }

    async fn confirm(&self, password: &str) -> Result<Result<(), (&'static str, FormError)>, Error> {
        let SignedIn { account, page, session, .. } = &self.me;
        let outcome = self.checker.own_password(account, password).await;
        let wrong = FormError::new(StatusCode::UNPROCESSABLE_ENTITY, page.t("recent_sign_in.wrong_password"));
        if let Err(error) = FormError::of_attempt(outcome, page.words, wrong)? {
            return Ok(Err((PASSWORD_FIELD, error)));
        }
        if account.has_second_factor {
            let outcome = self.checker.second_factor(account, SecondFactor::Code(&self.code)).await;
            let wrong = FormError::new(StatusCode::UNPROCESSABLE_ENTITY, page.t("two_factor.wrong_code"));
            if let Err(error) = FormError::of_attempt(outcome, page.words, wrong)? {
                return Ok(Err((CODE_FIELD, error)));
            }
        }
        self.checker.forget_failures(account).await?;
        // The password may have been changed while it was compared.
        let reader = &mut self.checker.db.read().await?;
        let unchanged = accounts::find_unchanged(reader, &account.id, account.credentials_version).await?;
        unchanged.ok_or(Error::SessionEnded)?;
        session.cycle_id().await?;
        self.me.note_recent_sign_in().await?;
        // Not only with the response: if the handler fails, the browser would be left without a session.
        session.save().await?;
        Ok(Ok(()))
    }

    fn ask(&self, status: StatusCode, errors: FieldErrors) -> Response {
        let is_carried = |(name, _): &&(String, String)| !is_secret_field(name);
        let question = RecentSignInPage {
            page: self.me.page.clone(),
            username: self.me.account.username.to_string(),
            asks_code: self.me.account.has_second_factor,
            back: self.me.page.here.clone(),
            path: self.path.clone(),
            fields: self.fields.iter().filter(is_carried).cloned().collect(),
            errors,
        };
        dialog_or_page!(status, question)
    }
}
