//! `/settings/security/recovery-codes` and `/login/recovery`.

use reqwest::StatusCode;

use crate::harness::factor::{Authenticator, Enrolled, recovery_codes};
use crate::harness::{TestServer, database};

async fn sign_in(server: &TestServer, code: &str) -> StatusCode {
    server.half_signed_in("alice").await.post("/login/recovery", &[("code", code)]).await.status
}

#[tokio::test]
async fn each_signs_in_once_however_it_is_typed() {
    let server = TestServer::start().await;
    let Enrolled { browser, recovery_codes, .. } = server.enrolled("alice").await;
    let typed = [
        recovery_codes[0].clone(),
        recovery_codes[1].to_uppercase(),
        recovery_codes[2].replace('-', " "),
        format!("  {}\n", recovery_codes[3].replace('-', "")),
    ];
    for (number, code) in typed.iter().enumerate() {
        assert_eq!(sign_in(&server, code).await, StatusCode::SEE_OTHER, "{number}");
        assert_eq!(sign_in(&server, &recovery_codes[number]).await, StatusCode::UNAUTHORIZED, "{number} again");
        let left = format!("{} recovery codes left.", 9 - number);
        assert!(browser.get("/settings/security").await.body.contains(&left), "{left}");
    }
}

#[tokio::test]
async fn the_page_asks_for_one_and_says_when_it_is_wrong() {
    let server = TestServer::start().await;
    server.enrolled("alice").await;
    let browser = server.half_signed_in("alice").await;
    let page = browser.get("/login/recovery").await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(page.body.contains(">Recovery code</label>") && page.body.contains("href=\"/login/code\""));
    let answer = browser.post("/login/recovery", &[("code", "aaaa-bbbb-cccc-dddd")]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::UNAUTHORIZED, "no-store"));
    assert!(answer.body.contains("This recovery code is incorrect or was already used."));
    assert!(!answer.body.contains("aaaa-bbbb"), "what was typed is not sent back");
}

#[tokio::test]
async fn after_one_the_page_says_how_many_are_left_and_how_to_replace_the_authenticator() {
    let server = TestServer::start().await;
    let Enrolled { recovery_codes, .. } = server.enrolled("alice").await;
    let browser = server.half_signed_in("alice").await;
    let answer = browser.post("/login/recovery", &[("code", &recovery_codes[0])]).await;
    assert_eq!(answer.header("location"), "/settings/security");
    let page = browser.get("/settings/security").await.body;
    assert!(page.contains("You signed in with a recovery code. 9 are left."), "{page}");
    assert!(page.contains("id=\"replace-authenticator\""), "{page}");
}

#[tokio::test]
async fn a_new_set_is_shown_once_and_ends_the_old_one() {
    let server = TestServer::start().await;
    let Enrolled { browser, authenticator, recovery_codes: old } = server.enrolled("alice").await;
    assert_eq!(sign_in(&server, &old[0]).await, StatusCode::SEE_OTHER);
    let path = "/settings/security/recovery-codes";
    let question = browser.get(path).await;
    assert!(question.body.contains("Your current recovery codes stop working."), "it asks first: {}", question.body);
    let wrong = authenticator.wrong_code(server.clock.now());
    for code in ["", wrong.as_str(), old[0].as_str()] {
        let answer = browser.post(path, &[("code", code)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains("id=\"code-error\">") && recovery_codes(&answer).is_empty());
    }
    let shown = browser.post(path, &[("code", &server.next_code(&authenticator))]).await;
    assert_eq!((shown.status, shown.header("cache-control")), (StatusCode::OK, "no-store"));
    let new = recovery_codes(&shown);
    assert!(new.len() == 10 && new.iter().all(|code| !old.contains(code)));
    assert!(browser.get("/settings/security").await.body.contains("10 recovery codes left."));
    for code in &old[1..4] {
        assert_eq!(sign_in(&server, code).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(sign_in(&server, &new[9]).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_database_has_their_hashes_under_one_salt() {
    let server = TestServer::start().await;
    let Enrolled { recovery_codes, .. } = server.enrolled("alice").await;
    let dump = server.dump().await;
    for code in &recovery_codes {
        assert_eq!(code.len(), 19, "80 bits are 16 characters of base32, in groups of four");
        assert!(!database::holds(&dump, code) && !database::holds(&dump, &code.replace('-', "")));
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM recovery_code WHERE LENGTH(code_hash) = 32").await, Some(10));
    assert_eq!(server.number("SELECT CAST(LENGTH(recovery_salt) AS BIGINT) FROM account").await, Some(16));
}

#[tokio::test]
async fn without_two_factor_authentication_there_are_none() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let answer = alice.post("/settings/security/recovery-codes", &[]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/security"));
    assert_eq!(server.count("recovery_code").await, 0);
}

#[tokio::test]
async fn those_of_another_account_are_worth_nothing() {
    let server = TestServer::start().await;
    server.enrolled("alice").await;
    let bob = server.enrolled("bob").await;
    assert_eq!(sign_in(&server, &bob.recovery_codes[0]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(server.number("SELECT COUNT(*) FROM recovery_code WHERE used_at IS NOT NULL").await, Some(0));
}

#[tokio::test]
async fn the_codes_say_whose_they_are_where_and_since_when() {
    let server = TestServer::start().await;
    let browser = server.account_signed_in("alice").await;
    let page = browser.post("/settings/security/two-factor", &[]).await;
    let code = Authenticator::reading(&page).code(server.clock.now());
    let shown = browser.post("/settings/security/two-factor/confirm", &[("code", &code)]).await;
    let day = server.clock.now().date();
    let date = format!("{} {} {}", day.day(), day.month(), day.year());
    let about = format!("Recovery codes for alice at {}, generated on {date}", server.address);
    assert!(shown.body.contains(&format!("<p class=\"hint\" id=\"codes-about\">{about}</p>")), "{}", shown.body);
    assert_eq!(shown.after("data-about=\""), about, "in the file too");
}
