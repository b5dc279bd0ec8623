//! The first account, signing in and signing out.

use crate::driver::journey;
use crate::harness::{PASSWORD, TestServer};
use crate::words::ENGLISH;

#[tokio::test]
async fn the_first_account_is_made_with_the_link_that_the_server_printed() {
    let server = TestServer::start().await;
    let link = server.setup_link.clone().unwrap();
    journey(&server, &ENGLISH, &[403, 410, 422], async |window| {
        window.goto("/setup").await;
        window.reads("main .notice", "link").await;
        window.show("setup-locked").await;

        window.goto(&link).await;
        assert_eq!(window.path().await, "/setup", "the code leaves the address bar");
        window.show("setup").await;

        window.fill("Username", "al ice").await;
        window.fill("Password", "too short").await;
        window.click("button", "Create account").await;
        window.reads("#username-error", "lowercase letters").await;
        window.reads("#password-error", "15 characters").await;
        let username = window.find("textbox", "Username").await;
        assert_eq!(username.value().await.unwrap().unwrap(), "al ice");
        assert_eq!(window.find("textbox", "Password").await.value().await.unwrap().unwrap(), "");
        window.show("setup-wrong").await;

        window.fill("Username", "alice").await;
        window.fill("Password", PASSWORD).await;
        window.click("button", "Create account").await;
        window.arrive("/settings/tokens").await;
        window.find("heading", "Personal access tokens").await;

        window.goto(&link).await;
        window.find("heading", "Already set up").await;
        window.show("setup-gone").await;
    })
    .await;
}

#[tokio::test]
async fn a_person_signs_in_where_they_wanted_to_go_and_signs_out_for_good() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[401, 404], async |window| {
        window.goto("/settings").await;
        window.arrive("/login?next=%2Fsettings").await;
        window.show("login").await;

        window.fill("Username", "alice").await;
        window.fill("Password", "not my password at all").await;
        window.click("button", "Sign in").await;
        window.reads("[role=alert]", "Incorrect").await;
        assert_eq!(window.find("textbox", "Username").await.value().await.unwrap().unwrap(), "alice");
        window.show("login-wrong").await;

        window.fill("Password", PASSWORD).await;
        let password = window.find("textbox", "Password").await;
        window.click("button", "Show password").await;
        assert_eq!(password.prop("type").await.unwrap().unwrap(), "text");
        window.click("button", "Hide password").await;
        assert_eq!(password.prop("type").await.unwrap().unwrap(), "password");
        window.click("button", "Sign in").await;
        window.arrive("/settings").await;

        window.goto("/nowhere").await;
        window.find("heading", "Not found").await;
        window.show("not-found").await;
        window.click("link", "View your tokens").await;
        window.arrive("/settings/tokens").await;

        window.click("button", "Account menu").await;
        window.click("menuitem", "Sign out").await;
        window.arrive("/login").await;
        window.driver().back().await.unwrap();
        window.find("textbox", "Username").await;
        assert!(window.all("button", "Account menu").await.is_empty(), "Back leads into no account");
    })
    .await;
}
