//! The top bar: language and theme, for visitors and for accounts.

use crate::driver::journey;
use crate::harness::TestServer;
use crate::words::{CHINESE, ENGLISH};

#[tokio::test]
async fn language_and_theme_are_chosen_in_the_top_bar_and_kept() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.goto("/login").await;
        window.click("button", "Language: English").await;
        window.find("menu", "Language: English").await;
        window.show("language-menu").await;
        window.click("menuitemradio", "简体中文").await;
        window.find("heading", CHINESE.sign_in).await;
        assert_eq!(window.script("return document.documentElement.lang").await, "zh-CN");

        window.click("button", "语言：简体中文").await;
        window.click("menuitemradio", "English").await;
        window.find("heading", "Sign in").await;
        window.sign_in("alice").await;

        window.click("button", "Theme").await;
        window.find("menu", "Theme").await;
        window.show("theme-menu").await;
        window.click("menuitemradio", "Dark").await;
        window.holds("document.documentElement.dataset.theme === 'dark'").await;
        assert_eq!(window.path().await, "/settings/tokens", "a choice leads back to where it was made");
        let surface = "return getComputedStyle(document.documentElement).backgroundColor";
        let dark = window.script(surface).await;
        window.click("button", "Theme").await;
        window.click("menuitemradio", "Light").await;
        window.holds("document.documentElement.dataset.theme === 'light'").await;
        assert_ne!(window.script(surface).await, dark);
        window.media("dark").await;
        assert_ne!(window.script(surface).await, dark, "a choice wins over the system");
        window.click("button", "Theme").await;
        window.click("menuitemradio", "System").await;
        window.holds("document.documentElement.dataset.theme === undefined").await;
        assert_eq!(window.script(surface).await, dark);
    })
    .await;

    // The account keeps its choice: another browser that prefers English gets Chinese.
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        window.click("button", "Language: English").await;
        window.click("menuitemradio", "简体中文").await;
        window.find("heading", CHINESE.tokens).await;
    })
    .await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        window.find("heading", CHINESE.tokens).await;
    })
    .await;
}
