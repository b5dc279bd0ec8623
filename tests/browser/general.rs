//! Account settings, General: preferences, and closing the account.

use crate::driver::journey;
use crate::harness::{PASSWORD, TestServer};
use crate::words::{CHINESE, ENGLISH, Words};

#[tokio::test]
async fn name_language_theme_and_zone_are_saved_in_one_form() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[422], async |window| {
        window.sign_in("alice").await;
        window.goto("/settings").await;
        window.fill("Display name", "Alice Liddell").await;
        window.choose("Language", "zh-CN").await;
        window.choose("Theme", "dark").await;
        window.choose_text("Time zone", "Asia/Shanghai").await;
        window.click("button", "Save settings").await;
        window.reads("#notice", "已保存").await;
        window.find("heading", CHINESE.general).await;
        window.holds("document.documentElement.dataset.theme === 'dark'").await;
        window.show("general-saved").await;
        let kept = "return ['display_name', 'language', 'theme', 'time_zone'] \
                    .map(name => document.getElementById(name).value);";
        let expected = serde_json::json!(["Alice Liddell", "zh-CN", "dark", "Asia/Shanghai"]);
        assert_eq!(window.script(kept).await, expected);
        window.click("button", CHINESE.account_menu).await;
        window.reads("#account-menu .menu-head", "Alice Liddell").await;
        window.press('\u{e00c}').await;

        // If the name is too long, the form comes back with an error and keeps the other input.
        window.script("document.getElementById('display_name').removeAttribute('maxlength')").await;
        window.fill("显示名称", &"长".repeat(61)).await;
        window.choose("主题", "light").await;
        window.click("button", "保存设置").await;
        window.reads("#display_name-error", "60").await;
        assert_eq!(window.script(kept).await[2], "light");
        window.show("general-wrong").await;
    })
    .await;
}

#[tokio::test]
async fn an_account_is_closed_by_its_owner_with_the_password() {
    close(&ENGLISH).await;
}

#[tokio::test]
async fn an_account_is_closed_in_chinese_too() {
    close(&CHINESE).await;
}

async fn close(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("root").await;
    let bob = server.account_signed_in("bob").await;
    let token = bob.generate("laptop", "repo:read", "30").await;
    journey(&server, words, &[401, 409, 422], async |window| {
        window.sign_in("bob").await;
        window.goto("/settings").await;
        window.element("#close-account").await.click().await.unwrap();
        window.element("dialog:modal").await;
        window.reads("dialog .named", "bob").await;
        window.show("close-account").await;
        window.fill(words.password, "not my password at all").await;
        window.element("dialog button.danger").await.click().await.unwrap();
        window.element("#password-error").await;
        window.show("close-account-wrong").await;
        window.fill(words.password, PASSWORD).await;
        window.element("dialog button.danger").await.click().await.unwrap();
        window.arrive("/login").await;
        let answer = server.anonymous().token("bob", &token.secret, &[]).await;
        assert_eq!(answer.status, 401);
        window.fill(words.username, "bob").await;
        window.fill(words.password, PASSWORD).await;
        window.click("button", words.sign_in).await;
        window.element("[role=alert]").await;

        // The last administrator cannot close the account.
        window.sign_in("root").await;
        window.goto("/settings").await;
        window.element("#close-account").await.click().await.unwrap();
        window.fill(words.password, PASSWORD).await;
        window.element("dialog button.danger").await.click().await.unwrap();
        window.element("#password-error").await;
        window.show("close-account-last").await;
    })
    .await;
}
