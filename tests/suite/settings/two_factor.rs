//! `/settings/security/two-factor…`: turning two-factor authentication on and off, and replacing the authenticator.

use data_encoding::HEXLOWER;
use reqwest::StatusCode;

use crate::harness::factor::{Authenticator, Enrolled, STEP, recovery_codes};
use crate::harness::{Answer, Browser, PASSWORD, TestServer, database};

const BEGIN: &str = "/settings/security/two-factor";
const CONFIRM: &str = "/settings/security/two-factor/confirm";
const OFF: &str = "/settings/security/two-factor/off";

async fn confirm(browser: &Browser, code: &str) -> Answer {
    browser.post(CONFIRM, &[("code", code)]).await
}

async fn is_on(server: &TestServer) -> bool {
    server.number("SELECT COUNT(*) FROM account WHERE totp_sealed IS NOT NULL").await == Some(1)
}

#[tokio::test]
async fn turning_it_on_shows_a_picture_and_the_secret_as_text() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let page = alice.post(BEGIN, &[]).await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(page.body.contains("aria-label=\"QR code for an authenticator app\"><svg"), "{}", page.body);
    assert!(page.body.contains("autocomplete=\"one-time-code\"") && page.body.contains(">Authentication code</label>"));
    assert_eq!(Authenticator::reading(&page).secret().len(), 20, "160 bits");
    assert!(!is_on(&server).await, "not before a code is shown");
    server.signed_in("alice").await;
    let fragment = alice.htmx_post(BEGIN, &[]).await;
    assert!(fragment.body.trim_start().starts_with("<dialog") && !fragment.body.contains("<html"));
    assert_ne!(Authenticator::text(&fragment), Authenticator::text(&page), "each time another");
}

#[tokio::test]
async fn the_secret_is_in_no_table_in_the_clear() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let page = alice.post(BEGIN, &[]).await;
    let (text, authenticator) = (Authenticator::text(&page), Authenticator::reading(&page));
    let pending = server.dump().await;
    confirm(&alice, &authenticator.code(server.clock.now())).await;
    assert!(is_on(&server).await);
    for dump in [pending, server.dump().await] {
        assert!(!dump.to_lowercase().contains(&HEXLOWER.encode(authenticator.secret())));
        assert!(!database::holds(&dump, &text) && !database::holds(&dump, &text.replace(' ', "")));
    }
    let later = alice.get("/settings/security").await;
    assert!(!later.body.contains(&text), "and no page shows it again");
}

#[tokio::test]
async fn a_wrong_code_turns_nothing_on_and_shows_the_same_secret_again() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let page = alice.post(BEGIN, &[]).await;
    let wrong = Authenticator::reading(&page).wrong_code(server.clock.now());
    for code in [wrong.as_str(), "", "12345", "1234567", "abcdef", "１２３４５６"] {
        let answer = confirm(&alice, code).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::UNPROCESSABLE_ENTITY, "no-store"));
        assert!(
            answer.body.contains("id=\"code-error\">This code is incorrect or was already used."),
            "{}",
            answer.body
        );
        assert_eq!(Authenticator::text(&answer), Authenticator::text(&page));
        assert!(recovery_codes(&answer).is_empty());
    }
    assert!(!is_on(&server).await);
    assert_eq!(server.count("recovery_code").await, 0);
}

#[tokio::test]
async fn the_right_code_turns_it_on_and_shows_ten_recovery_codes_once() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let authenticator = Authenticator::reading(&alice.post(BEGIN, &[]).await);
    let code = authenticator.code(server.clock.now());
    let shown = confirm(&alice, &format!("{} {}", &code[..3], &code[3..])).await;
    assert_eq!((shown.status, shown.header("cache-control")), (StatusCode::OK, "no-store"));
    let codes = recovery_codes(&shown);
    assert_eq!(codes.len(), 10);
    assert!(shown.body.contains("type=\"checkbox\" name=\"saved\" value=\"yes\" required> I’ve saved these codes"));
    for button in [">Copy</button>", ">Download</button>", ">Print</button>"] {
        assert!(shown.body.contains(button), "{button}");
    }
    let back = alice.post("/settings/security/recovery-codes/saved", &[("saved", "yes")]).await;
    assert_eq!((back.status, back.header("location")), (StatusCode::SEE_OTHER, "/settings/security"));
    let page = alice.get("/settings/security").await;
    assert!(page.body.contains("10 recovery codes left.") && page.body.contains("Replace authenticator"));
    let tokens = alice.get("/settings/tokens").await;
    assert!(tokens.body.contains("docker login accepts a token, not your password"), "told before one tries");
    assert!(codes.iter().all(|code| !page.body.contains(code) && !tokens.body.contains(code)));
}

#[tokio::test]
async fn a_code_without_a_secret_that_waits_for_it_leads_back() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let answer = confirm(&alice, "123456").await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/security"));
    for path in [BEGIN, CONFIRM] {
        let answer = alice.get(path).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/security"), "{path}");
    }
}

#[tokio::test]
async fn of_two_secrets_that_were_shown_the_later_counts() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let early = Authenticator::reading(&alice.post(BEGIN, &[]).await);
    let late = Authenticator::reading(&alice.post(BEGIN, &[]).await);
    let now = server.clock.now();
    assert_eq!(confirm(&alice, &early.code(now)).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(confirm(&alice, &late.code(now)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_code_that_turned_it_on_signs_nobody_in() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    let browser = server.half_signed_in("alice").await;
    let used = authenticator.code(server.clock.now());
    assert_eq!(browser.post("/login/code", &[("code", &used)]).await.status, StatusCode::UNAUTHORIZED);
    let next = server.next_code(&authenticator);
    assert_eq!(browser.post("/login/code", &[("code", &next)]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_replaced_authenticator_works_until_the_new_one_is_confirmed() {
    let server = TestServer::start().await;
    let Enrolled { browser, authenticator: old, .. } = server.enrolled("alice").await;
    let codes = server.rows("recovery_code").await;
    let page = browser.post(BEGIN, &[]).await;
    assert!(page.body.contains(">Replace authenticator</h1>"));
    let new = Authenticator::reading(&page);
    let sign_in =
        async |code: String| server.half_signed_in("alice").await.post("/login/code", &[("code", &code)]).await.status;
    assert_eq!(sign_in(new.code(server.clock.now())).await, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in(server.next_code(&old)).await, StatusCode::SEE_OTHER);
    server.clock.advance(STEP);
    let (code, wrong) = (new.code(server.clock.now()), old.wrong_code(server.clock.now()));
    for current in ["", wrong.as_str(), code.as_str()] {
        let answer = browser.post(CONFIRM, &[("code", &code), ("current_code", current)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "the new one cannot vouch for itself");
        assert!(answer.body.contains("id=\"current_code-error\">"), "{}", answer.body);
    }
    let (code, current) = (new.code(server.clock.now()), old.code(server.clock.now()));
    let done = browser.post(CONFIRM, &[("code", &code), ("current_code", &current)]).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/settings/security"));
    assert!(browser.get("/settings/security").await.body.contains("Authenticator replaced."));
    assert_eq!(sign_in(server.next_code(&old)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in(server.next_code(&new)).await, StatusCode::SEE_OTHER);
    assert_eq!(server.rows("recovery_code").await, codes, "the recovery codes stay");
}

#[tokio::test]
async fn a_recovery_code_replaces_a_lost_authenticator() {
    let server = TestServer::start().await;
    let Enrolled { browser, recovery_codes, .. } = server.enrolled("alice").await;
    let new = Authenticator::reading(&browser.post(BEGIN, &[]).await);
    let form = [("code", new.code(server.clock.now())), ("current_code", recovery_codes[0].clone())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(browser.post(CONFIRM, &form).await.status, StatusCode::SEE_OTHER);
    let half = server.half_signed_in("alice").await;
    assert_eq!(half.post("/login/code", &[("code", &server.next_code(&new))]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn turning_it_on_ends_all_other_sessions_and_says_so() {
    let server = TestServer::start().await;
    let here = server.account_signed_in("alice").await;
    let others = [server.signed_in("alice").await, server.signed_in("alice").await];
    let page = here.post(BEGIN, &[]).await;
    assert!(page.body.contains("Turning it on signs you out everywhere else."));
    // A session from before cannot take over: neither with a secret of its own nor by turning it off.
    let planted = others[0].post(BEGIN, &[]).await;
    let authenticator = Authenticator::reading(&here.post(BEGIN, &[]).await);
    let shown = confirm(&here, &authenticator.code(server.clock.now())).await;
    assert!(shown.body.contains("You were signed out of 2 other sessions."), "{}", shown.body);
    for other in &others {
        assert_eq!(other.get("/settings").await.status, StatusCode::SEE_OTHER);
        for path in [BEGIN, CONFIRM, OFF, "/settings/security/recovery-codes"] {
            let code = Authenticator::reading(&planted).code(server.clock.now());
            let answer = other.post(path, &[("code", &code)]).await;
            let is_asked = answer.status == StatusCode::UNAUTHORIZED && answer.body.contains("Sign in again");
            assert!(is_asked || answer.header("location").starts_with("/login"), "{path}: {answer:?}");
        }
    }
    assert!(is_on(&server).await);
    assert_eq!(here.get("/settings").await.status, StatusCode::OK, "this one goes on");
    let other = server.half_signed_in("alice").await;
    other.post("/login/code", &[("code", &server.next_code(&authenticator))]).await;
    assert_eq!(here.post(OFF, &[("code", &server.next_code(&authenticator))]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(other.get("/settings").await.status, StatusCode::SEE_OTHER, "and so does turning it off");
    assert_eq!(here.get("/settings").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_code_or_a_recovery_code_turns_it_off() {
    let server = TestServer::start().await;
    let Enrolled { browser, mut authenticator, mut recovery_codes } = server.enrolled("alice").await;
    let question = browser.get(OFF).await;
    assert_eq!((question.status, question.header("cache-control")), (StatusCode::OK, "no-store"));
    for with_recovery_code in [false, true] {
        let wrong = authenticator.wrong_code(server.clock.now());
        for code in ["", &wrong, "aaaa-bbbb-cccc-dddd"] {
            let answer = browser.post(OFF, &[("code", code)]).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{code}");
            assert!(answer.body.contains("id=\"code-error\">This code is incorrect or was already used."));
            assert!(is_on(&server).await);
        }
        let code = if with_recovery_code { recovery_codes.pop().unwrap() } else { server.next_code(&authenticator) };
        let answer = browser.post(OFF, &[("code", &code)]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/security"));
        assert!(browser.get("/settings/security").await.body.contains("Two-factor authentication is off"));
        assert!(!is_on(&server).await);
        assert_eq!(server.count("recovery_code").await, 0);
        server.signed_in("alice").await;
        assert_eq!(server.anonymous().token("alice", PASSWORD, &[]).await.status, StatusCode::OK);
        server.sql("DELETE FROM sign_in_failure").await;
        server.clock.advance(STEP);
        (authenticator, recovery_codes) = server.enroll(&browser).await;
    }
}

#[tokio::test]
async fn whoever_guesses_at_turning_it_off_must_wait() {
    let server = TestServer::start().await;
    let Enrolled { browser, authenticator, .. } = server.enrolled("alice").await;
    let wrong = authenticator.wrong_code(server.clock.now());
    for _ in 0..5 {
        assert_eq!(browser.post(OFF, &[("code", &wrong)]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    server.clock.advance(STEP - time::Duration::SECOND);
    let right = authenticator.code(server.clock.now() + STEP);
    let answer = browser.post(OFF, &[("code", &right)]).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.body.contains("Too many failed attempts. Try again in 1 second."), "{}", answer.body);
    assert!(is_on(&server).await);
    server.clock.advance(time::Duration::SECOND);
    assert_eq!(browser.post(OFF, &[("code", &right)]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_answer_to_a_question_that_was_not_asked_stands_for_no_code() {
    let server = TestServer::start().await;
    let Enrolled { browser, authenticator, .. } = server.enrolled("alice").await;
    let wrong = authenticator.wrong_code(server.clock.now());
    for form in [
        [("confirm_password", PASSWORD), ("code", "")],
        [("confirm_password", "not this harbour"), ("code", &wrong)],
        [("confirm_password", ""), ("confirm_code", &wrong)],
    ] {
        assert_eq!(browser.post(OFF, &form).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{form:?}");
        assert!(is_on(&server).await);
    }
}
