//! "Sign in again": a form that meets a session that has ended continues after the sign-in.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::factor::{Enrolled, STEP};
use crate::harness::{Answer, Browser, PASSWORD, TestServer};

const IDLE: Duration = Duration::hours(24);
const TOKENS: &str = "/settings/tokens";

fn asks(answer: &Answer) -> bool {
    answer.status == StatusCode::UNAUTHORIZED
        && answer.header("cache-control") == "no-store"
        && answer.header("hx-retarget") == "#dialog"
        && answer.body.contains("Sign in again")
        && answer.body.contains("name=\"sign_in_owner\"")
}

/// The hidden fields of the question, to post them again.
fn carried(answer: &Answer) -> Vec<(String, String)> {
    let form = answer.body.split("data-question").nth(1).unwrap();
    let fields = form.split("<input type=\"hidden\" name=\"").skip(1);
    let field = |field: &str| {
        let (name, rest) = field.split_once("\" value=\"").unwrap();
        let value = rest.split('"').next().unwrap();
        let marks = [("&#34;", "\""), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
        (name.to_owned(), marks.iter().fold(value.to_owned(), |text, (from, to)| text.replace(from, to)))
    };
    fields.map(field).collect()
}

/// Answers the question as a browser does.
async fn answer(browser: &Browser, path: &str, question: &Answer, with: &[(&str, &str)]) -> Answer {
    let fields = carried(question);
    let mut form: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    form.extend(with);
    browser.post(path, &form).await
}

const ALICE: [(&str, &str); 2] = [("sign_in_username", "alice"), ("sign_in_password", PASSWORD)];

fn new_token(key: &str) -> Vec<(&str, &str)> {
    let description = ("description", "a \"quoted\" & <odd> 名");
    vec![("form_key", key), description, ("expiration", "30"), ("permission", "repo:write")]
}

#[tokio::test]
async fn a_form_continues_after_the_sign_in_and_only_once() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let key = alice.form_key().await;
    server.clock.advance(IDLE);
    let question = alice.post(TOKENS, &new_token(&key)).await;
    assert!(asks(&question), "{} {}", question.status, question.body);
    assert!(question.body.contains("<h1 id=\"dialog-title\">Sign in again</h1>"), "{}", question.body);
    assert!(question.body.contains("name=\"sign_in_username\" value=\"alice\""), "{}", question.body);
    assert!(!question.body.contains("Account menu"), "nobody is signed in");
    assert!(carried(&question).contains(&("description".into(), "a \"quoted\" & <odd> 名".into())));
    assert_eq!(server.count("token").await, 0);

    let wrong = answer(&alice, TOKENS, &question, &[ALICE[0], ("sign_in_password", "not this harbour")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("id=\"sign_in_password-error\">Incorrect username or password."), "{}", wrong.body);
    assert!(wrong.body.contains("<title>Error: Sign in again") && !wrong.body.contains("not this harbour"));
    assert_eq!(server.count("token").await, 0);

    let made = answer(&alice, TOKENS, &wrong, &ALICE).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert!(made.shown_once().starts_with("dp_pat_"));
    assert_eq!(server.text("SELECT description FROM token").await, "a \"quoted\" & <odd> 名");
    assert_eq!(alice.get(TOKENS).await.status, StatusCode::OK, "and the browser is signed in");

    // Reloading the answer posts it again.
    let again = answer(&alice, TOKENS, &wrong, &ALICE).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(server.count("token").await, 1);
}

#[tokio::test]
async fn with_two_factor_authentication_on_the_code_is_a_second_step_in_place() {
    let server = TestServer::start().await;
    let Enrolled { browser, authenticator, recovery_codes } = server.enrolled("alice").await;
    let key = browser.form_key().await;
    server.clock.advance(IDLE);
    let question = browser.htmx_post(TOKENS, &new_token(&key)).await;
    assert!(asks(&question) && question.body.trim_start().starts_with("<dialog"), "{}", question.body);
    assert!(!question.body.contains("sign_in_code"), "who does not know the password does not learn of the factor");
    let second = answer(&browser, TOKENS, &question, &ALICE).await;
    assert!(asks(&second) && second.body.contains("name=\"sign_in_code\""), "{}", second.body);
    assert_eq!(browser.get(TOKENS).await.status, StatusCode::SEE_OTHER, "half signed in opens nothing");
    let wrong = authenticator.wrong_code(server.clock.now());
    let refused = answer(&browser, TOKENS, &second, &[("sign_in_code", &wrong)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("id=\"sign_in_code-error\""), "{}", refused.body);

    // After five minutes the password is asked for again, and the form is still there.
    server.clock.advance(Duration::minutes(5));
    let code = authenticator.code(server.clock.now());
    let late = answer(&browser, TOKENS, &refused, &[("sign_in_code", &code)]).await;
    assert!(late.body.contains("You took too long to enter the code."), "{}", late.body);
    let second = answer(&browser, TOKENS, &late, &ALICE).await;
    server.clock.advance(STEP);
    let code = authenticator.code(server.clock.now());
    let made = answer(&browser, TOKENS, &second, &[("sign_in_code", &code)]).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_eq!(server.count("token").await, 1);

    // A recovery code does as well.
    server.clock.advance(IDLE);
    let path = "/settings/sessions/others/end";
    let question = browser.post(path, &[]).await;
    let second = answer(&browser, path, &question, &ALICE).await;
    let done = answer(&browser, path, &second, &[("sign_in_code", &recovery_codes[0])]).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/settings/sessions"));
}

#[tokio::test]
async fn another_account_gets_an_own_empty_page() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    let key = alice.form_key().await;
    server.clock.advance(IDLE);
    let question = alice.post(TOKENS, &new_token(&key)).await;
    let bob = answer(&alice, TOKENS, &question, &[("sign_in_username", "bob"), ALICE[1]]).await;
    assert_eq!((bob.status, bob.header("location")), (StatusCode::SEE_OTHER, TOKENS));
    assert_eq!(server.count("token").await, 0, "nothing of the form was done");
    let page = alice.get(TOKENS).await.body;
    assert!(page.contains("You’re signed in as bob."), "{page}");
    assert!(!page.contains("odd"), "{page}");

    // With a second factor it comes after the code, on the ordinary page.
    let Enrolled { authenticator, .. } = server.enrolled("carol").await;
    server.clock.advance(IDLE);
    let half = answer(&alice, TOKENS, &question, &[("sign_in_username", "carol"), ALICE[1]]).await;
    assert_eq!((half.status, half.header("location")), (StatusCode::SEE_OTHER, "/login/code"));
    let code = authenticator.code(server.clock.now());
    let done = alice.post("/login/code", &[("code", &code)]).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, TOKENS));
    assert_eq!(server.count("token").await, 0);
}

#[tokio::test]
async fn a_form_of_one_account_does_nothing_as_another() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let browser = server.account_signed_in("alice").await;
    let alice = browser.get("/settings").await.after("data-account=\"");
    let key = browser.form_key().await;
    let mut form = new_token(&key);
    form.push(("sign_in_form_of", alice.as_str()));
    // Another tab signs in as bob.
    browser.post("/logout", &[]).await;
    browser.post("/login", &[("username", "bob"), ("password", PASSWORD)]).await;
    let other = browser.post(TOKENS, &form).await;
    assert_eq!((other.status, other.header("location")), (StatusCode::SEE_OTHER, TOKENS));
    assert!(browser.get(TOKENS).await.body.contains("You’re signed in as bob."));
    server.clock.advance(IDLE);
    let ended = browser.post(TOKENS, &form).await;
    assert_eq!((ended.status, ended.header("location")), (StatusCode::SEE_OTHER, "/login?reason=ended"));
    assert_eq!(server.count("token").await, 0);
}

#[tokio::test]
async fn passwords_and_codes_are_not_carried_and_do_not_count_as_wrong() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    server.clock.advance(IDLE);
    let path = "/settings/security/password";
    let form =
        [("current_password", PASSWORD), ("new_password", "another harbour at dusk"), ("confirm_code", "harbour")];
    let question = alice.post(path, &form).await;
    assert!(asks(&question) && !question.body.contains("harbour"), "{}", question.body);
    let page = answer(&alice, path, &question, &ALICE).await;
    assert_eq!(page.status, StatusCode::OK, "the empty form: {}", page.body);
    assert!(!page.body.contains("aria-invalid"), "{}", page.body);

    server.clock.advance(IDLE);
    let close = alice.post("/settings/close", &[("password", PASSWORD)]).await;
    assert!(asks(&close) && !close.body.contains("harbour"));
    let wrong = answer(&alice, "/settings/close", &close, &[ALICE[0], ("sign_in_password", "x")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(server.number("SELECT COUNT(*) FROM account WHERE closed_at IS NULL").await, Some(1));
}

#[tokio::test]
async fn the_question_passes_the_same_checks_as_every_post() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let mallory = server.account_signed_in("mallory").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    server.clock.advance(IDLE);
    let path = format!("/settings/tokens/{}/delete", token.id);
    let question = mallory.post(&path, &[]).await;
    assert!(asks(&question));
    let foreign = answer(&mallory, &path, &question, &[("sign_in_username", "mallory"), ALICE[1]]).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND, "another account’s token");

    let question = alice.post(&path, &[]).await;
    let mut form = carried(&question);
    form.push(("sign_in_username".into(), "alice".into()));
    form.push(("sign_in_password".into(), PASSWORD.into()));
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let elsewhere = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    assert_eq!(alice.post_with(&path, &form, &elsewhere).await.status, StatusCode::FORBIDDEN);
    assert_eq!(server.count("token").await, 1);
    let forged = [("sign_in_owner", "AAAA"), ALICE[0], ALICE[1]];
    assert_eq!(alice.post(&path, &forged).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(server.count("token").await, 1);
    assert_eq!(alice.post(&path, &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(server.count("token").await, 0);

    let stranger = server.anonymous().post(&path, &[]).await;
    assert_eq!((stranger.status, stranger.header("location")), (StatusCode::SEE_OTHER, "/login"));
}

#[tokio::test]
async fn wrong_passwords_wait_as_at_the_sign_in_page() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    server.clock.advance(IDLE);
    let path = "/settings/sessions/others/end";
    let question = alice.post(path, &[]).await;
    let wrong = [ALICE[0], ("sign_in_password", "not this harbour")];
    for _ in 0..5 {
        assert_eq!(answer(&alice, path, &question, &wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let waits = answer(&alice, path, &question, &ALICE).await;
    assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(waits.body.contains("Too many failed attempts. Try again in 30 seconds."), "{}", waits.body);
    assert_eq!(alice.get(TOKENS).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_change_of_the_password_elsewhere_asks_too() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let other = server.signed_in("alice").await;
    let form = [("current_password", PASSWORD), ("new_password", "another harbour at dusk")];
    assert_eq!(other.post("/settings/security/password", &form).await.status, StatusCode::SEE_OTHER);
    let question = alice.post("/settings", &[("display_name", "Alice A.")]).await;
    assert!(asks(&question), "{}", question.body);
    let new = [ALICE[0], ("sign_in_password", "another harbour at dusk")];
    let saved = answer(&alice, "/settings", &question, &new).await;
    assert_eq!((saved.status, saved.header("location")), (StatusCode::SEE_OTHER, "/settings"));
    assert_eq!(server.text("SELECT display_name FROM account").await, "Alice A.");
}

#[tokio::test]
async fn a_large_form_comes_along_and_returns_to_the_page_where_it_began() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    server.clock.advance(IDLE);
    let address = format!("{TOKENS}?from=0197c2a0-0000-7000-8000-000000000001");
    let names = "alice/some-repository-with-a-long-name\n".repeat(3000);
    let question = alice.post(&address, &[("repositories", &names)]).await;
    assert!(asks(&question), "{}", question.status);
    assert!(question.body.contains(&format!("action=\"{address}\"")), "the query stays");
    let carried = carried(&question);
    let (_, names) = carried.iter().find(|(name, _)| name == "repositories").unwrap();
    assert_eq!(names.matches("long-name").count(), 3000);
}

#[tokio::test]
async fn after_signing_out_nothing_tells_who_was_signed_in() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.post("/logout", &[]).await;
    let answer = alice.post(TOKENS, &[("description", "ci")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(!answer.body.contains("alice") && answer.header("location").starts_with("/login"));
}
