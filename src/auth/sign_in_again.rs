//! A session that ended while a form was filled in. The answer to the form is the question "Sign in again", which carries
//! the posted fields along and posts them to the same address, so that the same handler continues.
//!
//! The fields are in the page only, not in an address or on the server. They count for no more than those of any other
//! post: the request that brings them back passes the same checks. They continue only for the account whose form it was;
//! anyone else who signs in gets an own, empty page.

use std::sync::Arc;

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::CookieJar;
use axum_htmx::{HxReswap, HxRetarget, SwapOption};
use data_encoding::BASE64URL_NOPAD;
use dockpass_core::account::Account;
use dockpass_core::recovery_code;

use super::credential_checker::{CredentialChecker, SecondFactor};
use super::remembered_browser::RememberedBrowser;
use super::session::{AnySession, AwaitingSecondFactor};
use super::sign_in::{check_password, complete};
use super::two_factor::challenge::check_factor;
use crate::accounts::actions as accounts;
use crate::app::App;
use crate::error::Error;
use crate::web::forms::{FieldErrors, FormError, is_secret_field, parse_form, size_limit};
use crate::web::page::{Page, dialog_or_page, redirect};

/// Where "Sign in again" asks although the session still lasts, because it soon reaches its longest time.
const RENEW: &str = "/settings/session/new";

const PREFIX: &str = "sign_in_";
/// Whose form it was: the account's id, encrypted.
const OWNER_FIELD: &str = "sign_in_owner";
const USERNAME_FIELD: &str = "sign_in_username";
const PASSWORD_FIELD: &str = "sign_in_password";
const CODE_FIELD: &str = "sign_in_code";
/// From the script: the id of the account whose page has the form.
const FORM_OF_FIELD: &str = "sign_in_form_of";
/// From the script: the form is still on the page behind the dialog.
const BEHIND_FIELD: &str = "sign_in_behind";

/// In the extensions of a request that continues after this question. Its form lacks passwords and codes that were typed
/// before, because the question does not carry them along.
#[derive(Debug, Clone, Copy)]
pub struct JustSignedIn;

type Fields = Vec<(String, String)>;

/// What the question needs besides what was answered.
struct Question {
    page: Page,
    owner: Account,
    path: String,
    fields: Fields,
    is_behind: bool,
}

#[derive(Template)]
#[template(path = "auth/sign_in_again.html", blocks = ["dialog"])]
struct SignInAgainPage {
    page: Page,
    path: String,
    /// Where Cancel leads without a script.
    back: String,
    fields: Fields,
    owner: String,
    username: String,
    asks_code: bool,
    is_behind: bool,
    is_renewal: bool,
    errors: FieldErrors,
}

/// Asks when a posted form meets a session that has ended, and continues when the question is answered.
pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Result<Response, Error> {
    // The steps of signing in have pages of their own.
    if request.method() != Method::POST || request.uri().path().starts_with("/login") {
        return Ok(next.run(request).await);
    }
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, size_limit(parts.uri.path())).await;
    let body = body.map_err(|_| Error::of_status(StatusCode::PAYLOAD_TOO_LARGE))?;
    let posted: Fields = match parse_form(parts.headers.get(CONTENT_TYPE), &body) {
        Ok(posted) => posted,
        Err(_) if body.is_empty() => Fields::new(),
        // The handler refuses it.
        Err(_) => return Ok(next.run(Request::from_parts(parts, Body::from(body))).await),
    };
    let (answers, fields): (Fields, Fields) = posted.into_iter().partition(|(name, _)| name.starts_with(PREFIX));
    let is_behind = find(&answers, BEHIND_FIELD).is_some();
    if let Some(owner) = find(&answers, OWNER_FIELD) {
        let owner = unseal(&app, owner).await?;
        let question = Question::new(&app, &parts, owner, fields, is_behind);
        return question.continue_with(&app, parts, &answers, next).await;
    }
    let form_of = find(&answers, FORM_OF_FIELD);
    let session = AnySession::from_request_parts(&mut parts, &app).await?;
    if let Some(id) = form_of
        && let Some(account) = session.account(&app).await?
        && account.id != id
    {
        // Another tab signed in as someone else meanwhile.
        return give_own_page(&Page::of(&app, &parts, app.clock.now()), &session, &account).await;
    }
    let is_renewal = parts.uri.path() == RENEW;
    let response = if is_renewal {
        Error::SignedOut.into_response()
    } else {
        next.run(Request::from_parts(parts.clone(), Body::from(body))).await
    };
    let error = response.extensions().get::<Arc<Error>>();
    match error.map(AsRef::as_ref) {
        Some(Error::SessionEnded) => {}
        // After signing out, the page does not name who was signed in. A form that is open in another tab does.
        Some(Error::SignedOut) if form_of.is_some() || is_renewal => {}
        _ => return Ok(response),
    }
    let last = last_account(&app, &parts, &session).await?;
    match last.filter(|account| form_of.is_none_or(|id| id == account.id)) {
        Some(owner) => {
            let username = owner.username.to_string();
            let question = Question::new(&app, &parts, owner, fields, is_behind);
            Ok(question.ask(&app, StatusCode::UNAUTHORIZED, username, FieldErrors::default()))
        }
        None if form_of.is_some() => Err(Error::SessionEnded),
        // Whoever never signed in here filled in no form of ours.
        None => Ok(response),
    }
}

/// The account that signed in last with this browser: its pages have the form.
async fn last_account(app: &App, parts: &Parts, session: &AnySession) -> Result<Option<Account>, Error> {
    if let Some(account) = session.account(app).await? {
        return Ok(Some(account));
    }
    let browser = RememberedBrowser::read(&CookieJar::from_headers(&parts.headers), &app.urls, &app.encryptor);
    let Some(id) = browser.as_ref().and_then(RememberedBrowser::last_account) else { return Ok(None) };
    Ok(accounts::find(&mut app.db.read().await?, id).await?.filter(Account::is_enabled))
}

fn find<'f>(fields: &'f Fields, wanted: &str) -> Option<&'f str> {
    fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
}

/// For someone else's form: the page of the account that is signed in, which has none of it.
async fn give_own_page(page: &Page, session: &AnySession, account: &Account) -> Result<Response, Error> {
    let words = page.clone().signed_in(account).words;
    session.leave_notice(&words.t1("sign_in_again.someone_else", "name", &account.username)).await?;
    Ok(redirect(page, &page.here))
}

/// Whose form it was. A field that this server did not write is not valid.
async fn unseal(app: &App, sealed: &str) -> Result<Account, Error> {
    let sealed = BASE64URL_NOPAD.decode(sealed.as_bytes()).map_err(|_| Error::Invalid)?;
    let id = app.encryptor.unseal(OWNER_FIELD, &sealed).map_err(|_| Error::Invalid)?;
    let id = std::str::from_utf8(&id).map_err(|_| Error::Invalid)?;
    accounts::find(&mut app.db.read().await?, id).await?.ok_or(Error::SignedOut)
}

impl Question {
    fn new(app: &App, parts: &Parts, owner: Account, fields: Fields, is_behind: bool) -> Self {
        // In the language and theme of the form, but nobody is signed in.
        let page = Page { account: None, ..Page::of(app, parts, app.clock.now()).signed_in(&owner) };
        let fields = fields.into_iter().filter(|(name, _)| !is_secret_field(name)).collect();
        let address = parts.uri.path_and_query().map_or(parts.uri.path(), |address| address.as_str());
        Self { page, owner, path: address.to_owned(), fields, is_behind }
    }

    /// Asks for the username and the password; or, if `username` is empty, for the second factor.
    fn ask(self, app: &App, status: StatusCode, username: String, errors: FieldErrors) -> Response {
        let sealed = app.encryptor.seal(OWNER_FIELD, self.owner.id.as_bytes(), app.rng);
        let question = SignInAgainPage {
            back: self.page.here.clone(),
            page: self.page,
            is_renewal: self.path == RENEW,
            path: self.path,
            fields: self.fields,
            owner: BASE64URL_NOPAD.encode(&sealed),
            asks_code: username.is_empty(),
            username,
            is_behind: self.is_behind,
            errors,
        };
        // Some forms swap their answer into another place.
        let place = (HxRetarget("#dialog".to_owned()), HxReswap(SwapOption::InnerHtml));
        (place, dialog_or_page!(status, question)).into_response()
    }

    fn ask_again(self, app: &App, field: &'static str, username: String, error: FormError) -> Response {
        error.respond(|status, sentence| {
            let status = if status == StatusCode::UNAUTHORIZED { StatusCode::UNPROCESSABLE_ENTITY } else { status };
            self.ask(app, status, username, FieldErrors::one(field, sentence))
        })
    }

    /// Signs in, and then runs the handler with the fields that were carried along.
    async fn continue_with(self, app: &App, mut parts: Parts, answers: &Fields, next: Next) -> Result<Response, Error> {
        let session = AnySession::from_request_parts(&mut parts, app).await?;
        let (page, owner_id, fields) = (self.page.clone(), self.owner.id.clone(), self.fields.clone());
        let (account, cookies) = match self.sign_in(app, &session, &mut parts, answers).await? {
            Ok(signed_in) => signed_in,
            Err(response) => return Ok(response),
        };
        if account.id != owner_id {
            return Ok((cookies, give_own_page(&page, &session, &account).await?).into_response());
        }
        parts.extensions.insert(JustSignedIn);
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        Ok((cookies, response).into_response())
    }

    /// Signs in as [`super::sign_in`] does; or the response with the question, or with its next step.
    async fn sign_in(
        self,
        app: &App,
        session: &AnySession,
        parts: &mut Parts,
        answers: &Fields,
    ) -> Result<Result<(Account, CookieJar), Response>, Error> {
        let Ok(checker) = CredentialChecker::from_request_parts(parts, app).await;
        let words = self.page.words;
        let account = if let Some(code) = find(answers, CODE_FIELD) {
            let me = match AwaitingSecondFactor::from_request_parts(parts, app).await {
                Ok(me) => me,
                Err(Error::SignedOut | Error::SessionEnded) => {
                    let late = FormError::new(StatusCode::UNPROCESSABLE_ENTITY, words.t("sign_in.lead_late"));
                    let username = self.owner.username.to_string();
                    return Ok(Err(self.ask_again(app, PASSWORD_FIELD, username, late)));
                }
                Err(error) => return Err(error),
            };
            let is_recovery = recovery_code::parse(code).is_some();
            let factor = if is_recovery { SecondFactor::RecoveryCode(code) } else { SecondFactor::Code(code) };
            if let Err(error) = check_factor(app, &checker, &me.account, factor, words).await? {
                return Ok(Err(self.ask_again(app, CODE_FIELD, String::new(), error)));
            }
            me.account
        } else {
            let typed = |field| find(answers, field).unwrap_or_default();
            let (username, password) = (typed(USERNAME_FIELD), typed(PASSWORD_FIELD));
            let account = match check_password(app, &checker, words, username, password).await? {
                Ok(account) => account,
                Err(error) => {
                    let username =
                        if username.is_empty() { self.owner.username.to_string() } else { username.to_owned() };
                    return Ok(Err(self.ask_again(app, PASSWORD_FIELD, username, error)));
                }
            };
            if account.has_second_factor {
                session.await_second_factor(&account, &self.page.here, checker.now).await?;
                let is_owner = account.id == self.owner.id;
                return Ok(Err(if is_owner {
                    self.ask(app, StatusCode::UNAUTHORIZED, String::new(), FieldErrors::default())
                } else {
                    redirect(&self.page, "/login/code")
                }));
            }
            account
        };
        let cookies = complete(app, session, &account, checker).await?;
        // Not only with the response: the handler may begin its change before that.
        session.save().await?;
        Ok(Ok((account, cookies)))
    }
}
