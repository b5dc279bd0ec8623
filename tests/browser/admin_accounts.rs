//! Creating an account through sign-up, and what administrators do for others.

use crate::driver::journey;
use crate::harness::{PASSWORD, TestServer};
use crate::window::Window;
use crate::words::{CHINESE, ENGLISH, Words};

const NEW_PASSWORD: &str = "another harbour in the fog";

#[tokio::test]
async fn where_sign_up_is_open_anyone_makes_an_account() {
    signup(&ENGLISH).await;
}

#[tokio::test]
async fn where_sign_up_is_open_anyone_makes_an_account_in_chinese() {
    signup(&CHINESE).await;
}

async fn signup(words: &'static Words) {
    let server = TestServer::start_with(|settings| settings.signup = "open".into()).await;
    server.account("root").await;
    journey(&server, words, &[422], async |window| {
        window.goto("/login").await;
        window.show("login-signup").await;
        window.click("link", words.create_account).await;
        window.arrive("/signup").await;
        window.show("signup").await;
        window.fill(words.username, "root").await;
        window.fill(words.password, PASSWORD).await;
        window.click("button", words.create_account).await;
        window.element("#username-error").await;
        window.show("signup-taken").await;
        window.fill(words.username, "bob").await;
        window.fill(words.password, PASSWORD).await;
        window.click("button", words.create_account).await;
        window.arrive("/settings/tokens").await;
        assert!(window.all("link", words.accounts).await.is_empty(), "accounts are an administrator's");
    })
    .await;
}

#[tokio::test]
async fn a_closed_sign_up_is_neither_linked_nor_there() {
    let server = TestServer::start().await;
    server.account("root").await;
    journey(&server, &ENGLISH, &[404], async |window| {
        window.goto("/login").await;
        assert!(window.all("link", "Create account").await.is_empty());
        window.goto("/signup").await;
        window.find("heading", "Not found").await;
    })
    .await;
}

#[tokio::test]
async fn an_administrator_adds_someone_who_sets_a_password_with_the_link() {
    add(&ENGLISH).await;
}

#[tokio::test]
async fn an_administrator_adds_someone_in_chinese() {
    add(&CHINESE).await;
}

async fn add(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("root").await;
    let mut link = String::new();
    journey(&server, words, &[422], async |window| {
        window.allow_clipboard().await;
        window.sign_in("root").await;
        window.click("link", words.accounts).await;
        window.arrive("/admin/accounts").await;
        window.show("accounts-one").await;
        window.element("#add").await.click().await.unwrap();
        window.holds("document.activeElement.id === 'username'").await;
        window.show("account-add").await;
        window.fill(words.username, "ro ot").await;
        window.element("dialog .primary").await.click().await.unwrap();
        window.element("#username-error").await;
        window.show("account-add-wrong").await;
        window.fill(words.username, "bob").await;
        window.element("dialog .primary").await.click().await.unwrap();
        link = window.element("#secret").await.value().await.unwrap().unwrap();
        window.show("account-link").await;
        window.click("button", words.copy).await;
        window.until("it is copied", async || (window.clipboard().await == link).then_some(())).await;
        window.reads(".tokens", "bob").await;
        window.press('\u{e00c}').await;
        window.holds("!document.querySelector('dialog')").await;
        window.reads(".tokens", "bob").await;
        window.assert_nowhere(&link).await;
        window.goto("/admin/log").await;
        window.reads(".list", "bob").await;
        window.show("admin-log").await;
    })
    .await;
    journey(&server, words, &[410, 422], async |window| {
        window.goto(&link).await;
        assert_eq!(window.path().await, "/set-password", "the code leaves the address bar");
        window.show("set-password").await;
        window.fill(words.password, "too short").await;
        window.element("main .primary").await.click().await.unwrap();
        window.element("#password-error").await;
        window.fill(words.password, NEW_PASSWORD).await;
        window.element("main .primary").await.click().await.unwrap();
        window.arrive("/login").await;
        window.holds("document.querySelector('#username').value === 'bob'").await;
        window.holds("document.activeElement.id === 'password'").await;
        window.show("login-password-set").await;
        window.sign_in_with("bob", NEW_PASSWORD).await;
        window.arrive("/settings/tokens").await;
        window.goto(&link).await;
        window.show("set-password-over").await;
    })
    .await;
}

/// An administrator and three other accounts. bob is signed in.
async fn peopled() -> TestServer {
    let server = TestServer::start().await;
    for name in ["root", "bob", "carol", "bobby"] {
        server.account(name).await;
    }
    server
}

async fn row_action(window: &Window, name: &str, role: &str, action: &str) {
    window.open_actions(name).await;
    window.click(role, action).await;
}

#[tokio::test]
async fn people_are_found_disabled_enabled_and_signed_out() {
    let server = peopled().await;
    let bob = server.signed_in("bob").await;
    let token = bob.generate("laptop", "repo:read", "30").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("root").await;
        window.goto("/admin/accounts").await;
        window.reads(".content", "4 accounts").await;
        window.show("accounts").await;
        window.find("searchbox", "Search by name").await.send_keys("BOB").await.unwrap();
        window.reads(".content", "2 accounts").await;
        window.show("accounts-found").await;

        row_action(window, "bob", "menuitem", "Sign out everywhere").await;
        window.reads("dialog", "Sign bob out of every browser?").await;
        window.holds("document.activeElement.matches('dialog [data-close]')").await;
        window.show("account-sign-out").await;
        window.click("button", "Sign out everywhere").await;
        window.reads("#notice", "bob was signed out everywhere").await;
        assert_eq!(bob.get("/settings").await.status, 303, "bob is signed out");

        window.open_actions("bob").await;
        window.show("accounts-menu").await;
        window.click("menuitem", "Disable").await;
        window.find("dialog", "Disable account").await;
        window.reads("dialog", "Disable bob?").await;
        window.holds("document.activeElement.matches('dialog [data-close]')").await;
        window.show("account-disable").await;
        window.click("button", "Disable account").await;
        window.reads("#notice", "bob is disabled").await;
        window.show("accounts-disabled").await;
        let refused = server.anonymous().token("bob", &token.secret, &[]).await;
        assert!(refused.body.contains("ACCOUNT-DISABLED"), "{}", refused.body);

        row_action(window, "bob", "menuitem", "Enable").await;
        window.reads("#notice", "bob is enabled").await;
        assert_eq!(server.anonymous().token("bob", &token.secret, &[]).await.status, 200);

        row_action(window, "bob", "menuitem", "Create password link").await;
        window.find("dialog", "Password link").await;
        window.click("button", "Close").await;
        window.reads("dialog [role=alert]", "haven’t copied").await;
        window.click("button", "Close").await;
        window.holds("!document.querySelector('dialog')").await;

        row_action(window, "root", "menuitem", "Disable").await;
        window.click("button", "Disable account").await;
        window.reads("#notice", "only administrator").await;
        window.show("accounts-last-administrator").await;
    })
    .await;
}

#[tokio::test]
async fn the_two_factor_authentication_of_someone_who_lost_the_authenticator_is_reset() {
    let server = TestServer::start().await;
    server.account("root").await;
    server.enrolled("bob").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("root").await;
        window.goto("/admin/accounts").await;
        row_action(window, "bob", "menuitem", "Reset two-factor authentication").await;
        window.reads("dialog", "only if you’re sure that it’s bob who asks").await;
        window.show("account-reset-2fa").await;
        window.element("dialog button.danger").await.click().await.unwrap();
        window.reads("#notice", "Two-factor authentication is off for bob").await;
    })
    .await;
}

#[tokio::test]
async fn people_are_managed_without_javascript() {
    let server = peopled().await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.without_scripts().await;
        window.sign_in("root").await;
        window.click("link", "Accounts").await;
        window.find("searchbox", "Search by name").await.send_keys("carol").await.unwrap();
        window.click("button", "Search").await;
        row_action(window, "carol", "link", "Sign out everywhere").await;
        window.show("plain-account-sign-out").await;
        window.click("button", "Sign out everywhere").await;
        window.reads("#notice", "carol was signed out everywhere").await;
        row_action(window, "carol", "link", "Disable").await;
        window.show("plain-account-disable").await;
        window.click("button", "Disable account").await;
        window.reads("#notice", "carol is disabled").await;
        row_action(window, "carol", "button", "Enable").await;
        window.reads("#notice", "carol is enabled").await;
        window.element("#add").await.click().await.unwrap();
        window.fill("Username", "dave").await;
        window.click("checkbox", "Administrator: can manage other accounts").await;
        window.show("plain-account-add").await;
        window.click("button", "Add account").await;
        let link = window.text("#secret").await;
        assert!(link.contains("/set-password?code="), "{link}");
        window.click("button", "Close").await;
        window.arrive("/admin/accounts").await;
        window.reads(".tokens", "dave").await;
    })
    .await;
}
