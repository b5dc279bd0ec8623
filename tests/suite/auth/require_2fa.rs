//! `--require-2fa`: an account without a second factor can only set one up.

use reqwest::StatusCode;

use crate::harness::TestServer;
use crate::harness::factor::Authenticator;

async fn start() -> TestServer {
    TestServer::start_with(|settings| settings.require_2fa = "true".into()).await
}

#[tokio::test]
async fn every_page_leads_to_security() {
    let server = start().await;
    let alice = server.account_signed_in("alice").await;
    let nobody = "00000000-0000-7000-8000-000000000000";
    let paths = [
        "/settings",
        "/settings/tokens",
        "/settings/tokens/new",
        "/settings/tokens/calendar",
        "/settings/tokens/selected?verb=delete&id=x",
        "/settings/sessions",
        "/settings/activity",
        "/settings/close",
        "/admin/accounts",
        "/admin/accounts/new",
        &format!("/settings/tokens/{nobody}/edit"),
    ];
    for path in paths {
        let answer = alice.get(path).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/security"), "{path}");
        let fragment = alice.htmx_get(path).await;
        assert_eq!(fragment.header("hx-redirect"), "/settings/security", "{path}");
    }
    let before = (server.rows("account").await, server.count("token").await);
    let form = [("form_key", "0123456789abcdefghijkl"), ("description", "ci"), ("expiration", "30")];
    let form = [form.as_slice(), &[("permission", "repo:read"), ("username", "carol"), ("display_name", "x")]].concat();
    for path in ["/settings", "/settings/tokens", "/settings/tokens/calendar", "/settings/close", "/admin/accounts"] {
        let answer = alice.post(path, &form).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/security"), "{path}");
    }
    assert_eq!((server.rows("account").await, server.count("token").await), before);
    let page = alice.get("/settings/security").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("This registry requires two-factor authentication. Turn it on to continue."));
}

#[tokio::test]
async fn once_it_is_on_everything_opens() {
    let server = start().await;
    let alice = server.account_signed_in("alice").await;
    let page = alice.post("/settings/security/two-factor", &[]).await;
    assert_eq!(page.status, StatusCode::OK, "{} {}", page.header("location"), page.body);
    let authenticator = Authenticator::reading(&page);
    let wrong = authenticator.wrong_code(server.clock.now());
    let refused = alice.post("/settings/security/two-factor/confirm", &[("code", &wrong)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(alice.get("/settings/tokens").await.header("location"), "/settings/security");
    let code = authenticator.code(server.clock.now());
    let done = alice.post("/settings/security/two-factor/confirm", &[("code", &code)]).await;
    assert_eq!(done.status, StatusCode::OK);
    alice.post("/settings/security/recovery-codes/saved", &[("saved", "yes")]).await;
    for path in ["/settings", "/settings/tokens", "/settings/sessions", "/settings/activity", "/admin/accounts"] {
        assert_eq!(alice.get(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn turning_it_off_closes_everything_again() {
    let server = start().await;
    let enrolled = server.enrolled("alice").await;
    let question = enrolled.browser.get("/settings/security/two-factor/off").await;
    assert!(question.body.contains("You won’t be able to do anything else here until you turn it on again."));
    let code = server.next_code(&enrolled.authenticator);
    enrolled.browser.post("/settings/security/two-factor/off", &[("code", &code)]).await;
    assert_eq!(enrolled.browser.get("/settings/tokens").await.header("location"), "/settings/security");
}

#[tokio::test]
async fn signing_out_is_always_open() {
    let server = start().await;
    let alice = server.account_signed_in("alice").await;
    assert_eq!(alice.post("/logout", &[]).await.header("location"), "/login");
    assert_eq!(server.count("session").await, 0);
}
