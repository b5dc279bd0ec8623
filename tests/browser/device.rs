//! Signing in on a device: the code is typed or comes in the link, and is approved or denied.

use reqwest::StatusCode;
use time::Duration;

use crate::driver::journey;
use crate::harness::device::Codes;
use crate::harness::{PASSWORD, TestServer};
use crate::window::Window;
use crate::words::{CHINESE, ENGLISH, Words};

impl Window {
    /// Follows the link to the page that shows the sign-in.
    async fn review(&self, codes: &Codes) {
        self.goto(&format!("/device?user_code={}", codes.user_code)).await;
        self.click("button", self.words.go_to_review).await;
        self.find("heading", self.words.review_title).await;
        assert_eq!(self.text("#shown-code").await, codes.user_code);
    }
}

#[tokio::test]
async fn a_device_is_approved_by_the_link_that_it_shows() {
    approve(&ENGLISH).await;
}

#[tokio::test]
async fn a_device_is_approved_in_chinese() {
    approve(&CHINESE).await;
}

async fn approve(words: &'static Words) {
    let server = TestServer::start().await;
    // The first account is an administrator.
    server.account("root-of-all").await;
    server.account("maria").await;
    let program = server.anonymous();
    let name = if words.suffix.is_empty() { "marias-laptop" } else { "玛丽的笔记本" };
    let codes = program.begin(name).await;
    let row = format!("{name} (docker-credential-dockpass)");
    journey(&server, words, &[], async |window| {
        window.goto(&format!("/device?user_code={}", codes.user_code)).await;
        window.find("heading", words.sign_in).await;
        window.fill(words.username, "maria").await;
        window.fill(words.password, PASSWORD).await;
        window.click("button", words.sign_in).await;
        window.arrive(&format!("/device?user_code={}", codes.user_code)).await;
        window.holds(&format!("document.getElementById('user_code')?.value === '{}'", codes.user_code)).await;
        window.find("textbox", words.device_code).await;
        window.show("device-link").await;
        window.click("button", words.go_to_review).await;
        window.find("heading", words.review_title).await;
        window.reads("dl.facts", name).await;
        window.reads("dl.facts", "docker-credential-dockpass").await;
        window.find("button", words.deny).await;
        window.show("device-review").await;
        window.click("button", words.approve).await;
        window.find("heading", words.approved_title).await;
        window.show("device-approved").await;
        assert_eq!(program.poll(&codes).await.status, StatusCode::OK);
        window.driver().find(thirtyfour::By::Css("main a.button")).await.unwrap().click().await.unwrap();
        window.arrive("/settings/tokens?source=auto-generated").await;
        let table = window.table().await;
        assert_eq!(table[0][..4], [row.as_str(), words.levels[3], words.active, words.auto_generated]);
    })
    .await;
}

#[tokio::test]
async fn the_code_is_typed_and_what_is_wrong_with_it_is_said_beside_it() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let codes = server.anonymous().begin("laptop").await;
    journey(&server, &ENGLISH, &[422, 429], async |window| {
        window.sign_in("alice").await;
        window.goto("/device").await;
        window.holds("document.activeElement.id === 'user_code'").await;
        window.show("device-enter").await;
        window.fill("Code", "WDJB").await;
        window.click("button", "Continue").await;
        window.reads("#user_code-error", "That isn’t a complete code").await;
        for letter in ["b", "c", "d", "f", "g"] {
            let guess = format!("bbbb bbb{letter}");
            window.fill("Code", &guess).await;
            window.click("button", "Continue").await;
            // The previous page shows the same text, so wait for the new one.
            window.holds(&format!("document.getElementById('user_code')?.defaultValue === '{guess}'")).await;
            window.reads("#user_code-error", "No device is waiting with this code.").await;
        }
        window.show("device-wrong").await;
        window.fill("Code", &codes.user_code).await;
        window.click("button", "Continue").await;
        window.reads("#user_code-error", "Try again in 30 seconds").await;
        server.clock.advance(Duration::seconds(30));
        window.fill("Code", &codes.user_code.to_lowercase().replace('-', " ")).await;
        window.click("button", "Continue").await;
        window.find("heading", "Approve this sign-in?").await;
        server.clock.advance(Duration::minutes(10));
        window.click("button", "Approve").await;
        window.reads("#user_code-error", "Start again on the device").await;
    })
    .await;
}

#[tokio::test]
async fn what_someone_else_began_is_denied() {
    let server = TestServer::start_with(|settings| settings.trusted_proxies = Some("127.0.0.1".into())).await;
    server.account("alice").await;
    let program = server.anonymous().with_header("x-forwarded-for", "203.0.113.9");
    let codes = program.begin("Support workstation of your registry: approve to keep your access, thank you").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        window.review(&codes).await;
        window.reads("dl.facts", "Different from this browser’s address").await;
        window.show("device-review-foreign").await;
        window.click("button", window.words.deny).await;
        window.find("heading", window.words.denied_title).await;
        window.show("device-denied").await;
    })
    .await;
    assert!(program.poll(&codes).await.body.contains("access_denied"));
}

#[tokio::test]
async fn a_sixth_device_names_the_one_that_it_signs_out() {
    for words in [&ENGLISH, &CHINESE] {
        let server = TestServer::start().await;
        let alice = server.account_signed_in("alice").await;
        alice.generate("CI", "repo:write", "90").await;
        for name in ["workstation", "laptop", "build box", "old tower", "tablet"] {
            server.device(&alice, name).await;
            server.clock.advance(Duration::minutes(7));
        }
        let codes = server.anonymous().begin("phone").await;
        journey(&server, words, &[], async |window| {
            window.sign_in("alice").await;
            let marked = window.script("return document.querySelector('.goes-next').closest('tr').innerText").await;
            assert!(marked.as_str().unwrap().contains("workstation"), "{marked}");
            window.show("tokens-full-slots").await;
            window.review(&codes).await;
            window.reads("main", "workstation (docker-credential-dockpass)").await;
            window.show("device-review-full").await;
            window.click("button", words.approve).await;
            window.find("heading", words.approved_title).await;
            assert_eq!(server.anonymous().poll(&codes).await.status, StatusCode::OK);
            window.goto("/settings/tokens").await;
            let names: Vec<String> = window.table().await.into_iter().map(|row| row[0].clone()).collect();
            assert!(names.iter().any(|name| name.starts_with("phone")), "{names:?}");
            assert!(!names.iter().any(|name| name.starts_with("workstation")), "{names:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn where_the_slots_were_lowered_each_that_goes_is_named() {
    for words in [&ENGLISH, &CHINESE] {
        let server = TestServer::start().await;
        let alice = server.account_signed_in("alice").await;
        let names =
            ["workstation", "laptop", "a build box with a rather long name, for it has none but this", "tablet"];
        for name in names {
            server.device(&alice, name).await;
            server.clock.advance(Duration::minutes(7));
        }
        let tightened = server.beside_with(|config| config.devices.slots = 2).await;
        let codes = tightened.anonymous().begin("phone").await;
        journey(&tightened, words, &[], async |window| {
            window.sign_in("alice").await;
            window.holds("document.querySelectorAll('.goes-next').length === 3").await;
            window.show("tokens-fewer-slots").await;
            window.review(&codes).await;
            for name in &names[..3] {
                window.reads("main .notice ul", name).await;
            }
            window.show("device-review-fewer").await;
            window.click("button", words.approve).await;
            window.find("heading", words.approved_title).await;
            tightened.anonymous().poll(&codes).await;
            window.goto("/settings/tokens").await;
            let left: Vec<String> = window.table().await.into_iter().map(|row| row[0].clone()).collect();
            assert!(left.len() == 2 && left.iter().any(|name| name.starts_with("tablet")), "{left:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn with_two_factor_authentication_both_are_shown_first_and_the_code_is_still_there() {
    let server = TestServer::start().await;
    let enrolled = server.enrolled("alice").await;
    let codes = server.anonymous().begin("laptop").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.goto(&format!("/device?user_code={}", codes.user_code)).await;
        window.fill("Username", "alice").await;
        window.fill("Password", PASSWORD).await;
        window.click("button", "Sign in").await;
        window.arrive("/login/code").await;
        window.fill("Authentication code", &server.next_code(&enrolled.authenticator)).await;
        window.click("button", "Sign in").await;
        window.arrive(&format!("/device?user_code={}", codes.user_code)).await;
        window.click("button", "Continue").await;
        window.find("heading", "Approve this sign-in?").await;
        window.click("button", "Approve").await;
        window.find("heading", "Approved").await;
    })
    .await;
    assert_eq!(server.anonymous().poll(&codes).await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_javascript_it_works_too_and_long_after_the_sign_in_the_password_is_asked() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let codes = server.anonymous().begin("laptop").await;
    journey(&server, &ENGLISH, &[403, 422], async |window| {
        window.without_scripts().await;
        window.sign_in("alice").await;
        server.clock.advance(Duration::minutes(31));
        let codes = server.anonymous().begin("desktop").await;
        window.review(&codes).await;
        window.click("button", "Approve").await;
        window.find("heading", "Confirm it’s you").await;
        window.show("device-fresh").await;
        window.fill("Password", PASSWORD).await;
        window.click("button", "Continue").await;
        window.find("heading", "Approved").await;
        assert_eq!(server.anonymous().poll(&codes).await.status, StatusCode::OK);
    })
    .await;
    assert!(server.anonymous().poll(&codes).await.body.contains("expired_token"));
}

#[tokio::test]
async fn the_language_is_changed_on_the_way_and_the_page_stays() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let codes = server.anonymous().begin("laptop").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        window.review(&codes).await;
        window.click("button", "Language: English").await;
        window.click("menuitemradio", "简体中文").await;
        window.arrive("/device").await;
        window.find("textbox", CHINESE.device_code).await;
    })
    .await;
}
