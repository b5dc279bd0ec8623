//! `POST /preferences` and `/settings`: language and theme.

use reqwest::StatusCode;

use crate::harness::TestServer;

#[tokio::test]
async fn a_stranger_chooses_for_this_browser() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let browser = server.anonymous().with_header("accept-language", "en");
    let answer = browser.post("/preferences", &[("language", "zh-CN"), ("back", "/login")]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/login"));
    let expected =
        format!("dockpass_language-{}=zh-CN; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000", server.address.port());
    assert_eq!(answer.header("set-cookie"), expected);
    browser.post("/preferences", &[("theme", "dark"), ("back", "/login")]).await;
    let page = browser.get("/login").await;
    assert!(
        page.body.contains("<html lang=\"zh-CN\" data-theme=\"dark\" data-local-times data-zone-cookie=")
            && page.body.contains("登录")
    );
    browser.post("/preferences", &[("theme", "system")]).await;
    assert!(!browser.get("/login").await.body.contains("data-theme"));
}

#[tokio::test]
async fn an_account_chooses_for_every_browser_of_its_own() {
    let server = TestServer::start().await;
    let here = server.account_signed_in("alice").await;
    here.post("/preferences", &[("language", "zh-CN"), ("back", "/settings")]).await;
    here.post("/preferences", &[("theme", "light"), ("back", "/settings")]).await;
    let there = server.signed_in("alice").await.with_header("accept-language", "en");
    let page = there.get("/settings").await;
    assert!(
        page.body.contains("<html lang=\"zh-CN\" data-theme=\"light\" data-local-times data-zone-cookie="),
        "{}",
        page.body
    );
    server.account("bob").await;
    let bob = server.signed_in("bob").await;
    assert!(bob.get("/settings").await.body.contains("<html lang=\"en\" data-local-times data-zone-cookie="));
}

#[tokio::test]
async fn the_cookies_are_secure_under_https() {
    let server = TestServer::start_with(|settings| settings.public_url = Some("https://hub.example.com".into())).await;
    let answer = server.anonymous().post("/preferences", &[("theme", "dark")]).await;
    assert_eq!(
        answer.header("set-cookie"),
        "__Host-dockpass_theme=dark; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=31536000"
    );
}

#[tokio::test]
async fn a_language_that_is_not_there_is_refused() {
    let server = TestServer::start().await;
    let answer = server.anonymous().post("/preferences", &[("language", "tlh")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.headers.get("set-cookie").is_none());
}

#[tokio::test]
async fn nobody_is_led_to_another_server() {
    let server = TestServer::start().await;
    for back in ["https://evil.example", "//evil.example", "/\\evil.example", "/\r\nx: y", "/\u{1}", "", "login"] {
        let answer = server.anonymous().post("/preferences", &[("theme", "dark"), ("back", back)]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"), "{back:?}");
    }
}

#[tokio::test]
async fn general_says_who_is_signed_in() {
    let server = TestServer::start().await;
    let first = server.account_signed_in("alice").await;
    let second = server.account_signed_in("bob").await;
    let page = first.get("/settings").await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    for part in ["<dd>alice ", "Administrator", ">General</h1>", "href=\"/settings\" aria-current=\"page\""] {
        assert!(page.body.contains(part), "{part}");
    }
    assert!(second.get("/settings").await.body.contains("Member"));
}

#[tokio::test]
async fn the_way_to_the_tokens_leads_over_the_avatar() {
    let server = TestServer::start().await;
    let page = server.account_signed_in("alice").await.get("/settings").await;
    let menu = page.body.split_once("id=\"account-menu\"").unwrap().1.split_once("</div>").unwrap().0;
    assert!(page.body.contains("popovertarget=\"account-menu\" aria-label=\"Account menu\""));
    assert!(menu.contains("<a href=\"/settings\">Account settings</a>"), "{menu}");
    assert!(menu.contains("<form method=\"post\" action=\"/logout\"><button>Sign out</button></form>"));
    assert!(page.body.contains("<a href=\"/settings/tokens\">Personal access tokens</a>"));
}
