//! `/device`: the code that a device shows, what stands behind it, and the decision.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    Router,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use dockpass_core::{
    activity::ClientInfo,
    client_name,
    device_code::{DeviceCodeState as Decision, UserCode},
};
use serde::Deserialize;

use super::actions::{self, Found, SignIn};
use crate::{
    app::App,
    auth::{recent_sign_in::RecentSignIn, session::SignedIn},
    error::Error,
    tokens::actions as tokens,
    web::{
        extract::ClientAddress,
        forms::{FieldErrors, PostedForm},
        page::{Page, private, retry_after},
        time::TimeView,
    },
};

/// `/device` and its two verbs. Signing in comes first, the second factor included.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/device", get(enter).post(review))
        .route("/device/approve", post(approve))
        .route("/device/deny", post(deny))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CodeForm {
    user_code: String,
}

#[derive(Template, WebTemplate)]
#[template(path = "devices/enter.html")]
struct EnterPage {
    page: Page,
    username: String,
    user_code: String,
    /// Whether a link brought the code.
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
    /// The address of this browser, where it is another.
    other_address: Option<String>,
    begun: TimeView,
    /// How long it has what it gets.
    until: String,
    /// Whether that is an administrator's.
    is_admin: bool,
    /// What approving costs, where it does.
    replaces: Option<String>,
    /// The descriptions of the tokens that make room.
    replaced: Vec<String>,
}

#[derive(Template, WebTemplate)]
#[template(path = "devices/outcome.html")]
struct OutcomePage {
    page: Page,
    name: String,
    is_approved: bool,
}

/// A look changes nothing and looks nothing up: a guess is posted, and counted there.
async fn enter(me: SignedIn, link: Result<Query<CodeForm>, QueryRejection>) -> Response {
    // A link with two codes brings none.
    let link = link.map(|Query(link)| link).unwrap_or_default();
    let username = me.account.username.to_string();
    let user_code = UserCode::parse(&link.user_code).map(|code| code.shown()).unwrap_or_default();
    let is_from_link = !user_code.is_empty();
    private(EnterPage { page: me.page, username, user_code, is_from_link, errors: FieldErrors::default() })
}

/// The form once more, with what is wrong with the code.
fn again(me: SignedIn, typed: String, status: StatusCode, sentence: String) -> Response {
    let mut errors = FieldErrors::default();
    errors.add("user_code", sentence);
    let username = me.account.username.to_string();
    private((status, EnterPage { page: me.page, username, user_code: typed, is_from_link: false, errors }))
}

/// A sign-in that waits, with its code; or the answer to give instead.
async fn find(
    app: &App,
    me: SignedIn,
    ClientAddress(address): ClientAddress,
    form: CodeForm,
) -> Result<Result<(SignedIn, UserCode, SignIn), Response>, Error> {
    // Such a text is no guess: no code looks like it.
    let Some(code) = UserCode::parse(&form.user_code) else {
        let sentence = me.page.t("device.code_malformed").into_owned();
        return Ok(Err(again(me, form.user_code, StatusCode::UNPROCESSABLE_ENTITY, sentence)));
    };
    let key = match actions::look_up(&app.db, &app.rate_limits, &me.account, address, &code, me.page.now).await {
        Ok(Found::Waiting(sign_in)) => return Ok(Ok((me, code, *sign_in))),
        // Asked twice, by a second click or another window: said once more.
        Ok(Found::Decided(sign_in)) => return Ok(Err(outcome(me.page, &sign_in))),
        Ok(Found::Over) => "device.code_over",
        Ok(Found::Unknown) => "device.code_unknown",
        Err(Error::TooMany(wait)) => {
            let sentence = me.page.words.count("sign_in.wait", wait.as_secs().max(1) as i64);
            let response = again(me, form.user_code, StatusCode::TOO_MANY_REQUESTS, sentence);
            return Ok(Err(retry_after(response, wait)));
        }
        Err(other) => return Err(other),
    };
    let sentence = me.page.t(key).into_owned();
    Ok(Err(again(me, form.user_code, StatusCode::UNPROCESSABLE_ENTITY, sentence)))
}

fn outcome(page: Page, sign_in: &SignIn) -> Response {
    let name = client_name::token_description(&sign_in.program, sign_in.device.as_ref()).to_string();
    private(OutcomePage { page, name, is_approved: sign_in.polled.state != Decision::Denied })
}

async fn review(
    State(app): State<App>,
    me: SignedIn,
    from: ClientAddress,
    PostedForm(form): PostedForm<CodeForm>,
) -> Result<Response, Error> {
    let (me, code, sign_in) = match find(&app, me, from, form).await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
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
        program: sign_in.program.to_string(),
        device: sign_in.device.map(|device| device.to_string()),
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

/// Gives a program access, and so wants a fresh sign-in.
async fn approve(
    State(app): State<App>,
    from: ClientAddress,
    sensitive: RecentSignIn<CodeForm>,
) -> Result<Response, Error> {
    match sensitive.fresh().await? {
        Ok((me, origin, form)) => decide(&app, me, from, &origin, form, true).await,
        Err(question) => Ok(question),
    }
}

async fn deny(
    State(app): State<App>,
    me: SignedIn,
    from: ClientAddress,
    origin: ClientInfo,
    PostedForm(form): PostedForm<CodeForm>,
) -> Result<Response, Error> {
    decide(&app, me, from, &origin, form, false).await
}

async fn decide(
    app: &App,
    me: SignedIn,
    from: ClientAddress,
    origin: &ClientInfo,
    form: CodeForm,
    is_approved: bool,
) -> Result<Response, Error> {
    let (me, code, _) = match find(app, me, from, form).await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let mut tx = app.db.write().await?;
    let found = actions::decide(&mut tx, &me.account, &code, is_approved, origin, me.page.now).await?;
    tx.commit().await?;
    // Of two clicks at once the second is told what stands.
    if let Found::Decided(sign_in) = found {
        return Ok(outcome(me.page, &sign_in));
    }
    let sentence = me.page.t("device.code_over").into_owned();
    Ok(again(me, code.shown(), StatusCode::UNPROCESSABLE_ENTITY, sentence))
}
