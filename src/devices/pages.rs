//! `/device`: entering the code that a device shows, reviewing its sign-in, and the decision.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use dockpass_core::activity::ClientInfo;
use dockpass_core::device_code::{DeviceCodeState, UserCode};
use serde::Deserialize;

use super::actions::{self, SignIn, UserCodeStatus};
use crate::app::App;
use crate::auth::recent_sign_in::RecentSignIn;
use crate::auth::session::{SignedIn, begin_change};
use crate::error::Error;
use crate::tokens::actions as tokens;
use crate::web::extract::ClientAddress;
use crate::web::forms::{FieldErrors, FormError, PostedForm};
use crate::web::page::{Page, private};
use crate::web::time::TimeView;

/// `/device…`, for those who are signed in.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/device", get(enter).post(review))
        .route("/device/approve", post(approve))
        .route("/device/deny", post(deny))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UserCodeForm {
    user_code: String,
}

#[derive(Template, WebTemplate)]
#[template(path = "devices/enter.html")]
struct EnterPage {
    page: Page,
    username: String,
    user_code: String,
    is_from_link: bool,
    errors: FieldErrors,
}

#[derive(Template, WebTemplate)]
#[template(path = "devices/review.html")]
struct ReviewPage {
    page: Page,
    username: String,
    user_code: String,
    program: String,
    device: Option<String>,
    address: String,
    /// The address of this browser, if it is another.
    other_address: Option<String>,
    begun: TimeView,
    until: String,
    is_admin: bool,
    /// That approving replaces tokens, if it does.
    replaces: Option<String>,
    replaced: Vec<String>,
}

#[derive(Template, WebTemplate)]
#[template(path = "devices/outcome.html")]
struct OutcomePage {
    page: Page,
    name: String,
    is_approved: bool,
}

/// GET never looks up the code; guesses are posted, so that they can be rate-limited.
async fn enter(me: SignedIn, link: Result<Query<UserCodeForm>, QueryRejection>) -> Response {
    // A link with two codes has none.
    let link = link.map(|Query(link)| link).unwrap_or_default();
    let username = me.account.username.to_string();
    let user_code = UserCode::parse(&link.user_code).map(|code| code.shown()).unwrap_or_default();
    let is_from_link = !user_code.is_empty();
    private(EnterPage { page: me.page, username, user_code, is_from_link, errors: FieldErrors::default() })
}

/// Shows the form again, with what is wrong with the code.
fn show_again(me: SignedIn, typed: String, error: FormError) -> Response {
    let username = me.account.username.to_string();
    error.respond(|status, sentence| {
        let errors = FieldErrors::one("user_code", sentence);
        let page = me.page.with_status(status);
        private((status, EnterPage { page, username, user_code: typed, is_from_link: false, errors }))
    })
}

/// The pending sign-in of a code; or the response to give instead.
async fn find(
    app: &App,
    me: SignedIn,
    ClientAddress(address): ClientAddress,
    form: UserCodeForm,
) -> Result<Result<(SignedIn, UserCode, SignIn), Response>, Error> {
    let unprocessable = |key| FormError::new(StatusCode::UNPROCESSABLE_ENTITY, me.page.t(key));
    // A text that cannot be a code is not a guess, so it does not count.
    let Some(code) = UserCode::parse(&form.user_code) else {
        let error = unprocessable("device.code_malformed");
        return Ok(Err(show_again(me, form.user_code, error)));
    };
    let error = match actions::look_up(&app.db, &app.rate_limits, &me.account, address, &code, me.page.now).await {
        Ok(UserCodeStatus::Waiting(sign_in)) => return Ok(Ok((me, code, sign_in))),
        // After a second click or in another window, the page shows the same decision again.
        Ok(UserCodeStatus::Decided(sign_in)) => return Ok(Err(outcome(me.page, &sign_in))),
        Ok(UserCodeStatus::NoLongerValid) => unprocessable("device.code_over"),
        Ok(UserCodeStatus::Unknown) => unprocessable("device.code_unknown"),
        Err(error) => FormError::too_many(error, me.page.words)?,
    };
    Ok(Err(show_again(me, form.user_code, error)))
}

fn outcome(page: Page, sign_in: &SignIn) -> Response {
    let name = sign_in.client.token_description().to_string();
    private(OutcomePage { page, name, is_approved: sign_in.polled.state != DeviceCodeState::Denied })
}

async fn review(
    State(app): State<App>,
    me: SignedIn,
    from: ClientAddress,
    PostedForm(form): PostedForm<UserCodeForm>,
) -> Result<Response, Error> {
    let (me, code, sign_in) = match find(&app, me, from, form).await? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    let rules = app.config.devices;
    let until = me.page.t1("device.gets_until", "idle", rules.idle.whole_days());
    let replaced = tokens::next_replaced(&mut app.db.read().await?, &me.account, rules, me.page.now).await?;
    let replaced: Vec<String> = replaced.into_iter().map(|(_, description)| description.to_string()).collect();
    let replaces = |first| me.page.words.count("device.replaces", replaced.len() as i64).replace("%{name}", first);
    let ClientAddress(here) = from;
    let here = here.to_string();
    Ok(private(ReviewPage {
        username: me.account.username.to_string(),
        user_code: code.shown(),
        program: sign_in.client.program.to_string(),
        device: sign_in.client.device.map(|device| device.to_string()),
        other_address: (here != sign_in.address).then_some(here),
        address: sign_in.address,
        begun: me.page.time(&sign_in.created_at),
        until: until.replace("%{longest}", &rules.longest.whole_days().to_string()),
        is_admin: me.account.is_admin,
        replaces: replaced.first().map(|first| replaces(first)),
        replaced,
        page: me.page,
    }))
}

/// Approving gives a program access, so it needs a recent sign-in.
async fn approve(
    State(app): State<App>,
    from: ClientAddress,
    RecentSignIn { me, origin, form, .. }: RecentSignIn<UserCodeForm>,
) -> Result<Response, Error> {
    decide(&app, me, from, &origin, form, true).await
}

async fn deny(
    State(app): State<App>,
    me: SignedIn,
    from: ClientAddress,
    origin: ClientInfo,
    PostedForm(form): PostedForm<UserCodeForm>,
) -> Result<Response, Error> {
    decide(&app, me, from, &origin, form, false).await
}

async fn decide(
    app: &App,
    me: SignedIn,
    from: ClientAddress,
    origin: &ClientInfo,
    form: UserCodeForm,
    is_approved: bool,
) -> Result<Response, Error> {
    let (me, code, _) = match find(app, me, from, form).await? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    let mut tx = begin_change(app, &me.account).await?;
    let found = actions::decide(&mut tx, &me.account, &code, is_approved, origin, me.page.now).await?;
    tx.commit().await?;
    // The second of two clicks at once sees the decision of the first.
    if let UserCodeStatus::Decided(sign_in) = found {
        return Ok(outcome(me.page, &sign_in));
    }
    let error = FormError::new(StatusCode::UNPROCESSABLE_ENTITY, me.page.t("device.code_over"));
    Ok(show_again(me, code.shown(), error))
}
