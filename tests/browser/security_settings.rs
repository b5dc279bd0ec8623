//! Security of an account: password, sessions, activity, and waiting times after wrong passwords.

use time::Duration;

use crate::driver::journey;
use crate::harness::{Browser, PASSWORD, TestServer};
use crate::words::{CHINESE, ENGLISH, Words};

const NEW_PASSWORD: &str = "another harbour in the fog";
const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                     Version/17.5 Mobile/15E148 Safari/604.1";

/// Another browser that is signed in to the account.
async fn elsewhere(server: &TestServer, agent: &str) -> Browser {
    let browser = server.anonymous().with_header("user-agent", agent);
    let answer = browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 303);
    browser
}

#[tokio::test]
async fn the_password_is_changed_and_every_other_session_ends() {
    password(&ENGLISH).await;
}

#[tokio::test]
async fn the_password_is_changed_in_chinese_too() {
    password(&CHINESE).await;
}

async fn password(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    let (laptop, phone) = (elsewhere(&server, FIREFOX).await, elsewhere(&server, PHONE).await);
    journey(&server, words, &[422], async |window| {
        window.sign_in("alice").await;
        window.goto("/settings/security").await;
        let fields = ["#current_password", "#new_password"];
        for (field, typed) in fields.into_iter().zip(["not my password at all", "too short"]) {
            window.element(field).await.send_keys(typed).await.unwrap();
        }
        window.element(".sheet .button:not([aria-pressed])").await.click().await.unwrap();
        window.element("#current_password-error").await;
        window.element("#new_password-error").await;
        window.show("security-password-wrong").await;
        assert_eq!(laptop.get("/settings").await.status, 200, "nothing happened");
        for (field, typed) in fields.into_iter().zip([PASSWORD, NEW_PASSWORD]) {
            window.element(field).await.send_keys(typed).await.unwrap();
        }
        window.element(".sheet .button:not([aria-pressed])").await.click().await.unwrap();
        window.reads("#notice", "2").await;
        window.show("security-password-changed").await;
        assert_eq!(laptop.get("/settings").await.status, 303);
        assert_eq!(phone.get("/settings").await.status, 303);
        window.goto("/settings").await;
        window.arrive("/settings").await;
    })
    .await;
}

#[tokio::test]
async fn sessions_are_listed_in_words_and_ended_one_by_one_or_all() {
    sessions(&ENGLISH).await;
}

#[tokio::test]
async fn sessions_are_ended_in_chinese_too() {
    sessions(&CHINESE).await;
}

async fn sessions(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    let laptop = elsewhere(&server, FIREFOX).await;
    server.clock.advance(Duration::hours(3));
    let (phone, other) = (elsewhere(&server, PHONE).await, elsewhere(&server, FIREFOX).await);
    server.clock.advance(Duration::minutes(20));
    journey(&server, words, &[403], async |window| {
        window.sign_in("alice").await;
        window.click("link", words.sessions).await;
        window.arrive("/settings/sessions").await;
        let count = "document.querySelectorAll('.list li').length";
        window.holds(&format!("{count} === 4")).await;
        window.reads(".list", "Firefox 131").await;
        window.reads(".list", "Safari 17").await;
        window.holds("document.querySelectorAll('.list .badge').length === 1").await;
        window.show("sessions").await;
        let named = "document.querySelector('.list a[aria-label*=Safari]').ariaLabel";
        window.holds(&format!("{named}.startsWith('{}')", words.end_session)).await;
        let phones = "[...document.querySelectorAll('.list li')].find(row => row.innerText.includes('Safari'))";
        window.script(&format!("{phones}.querySelector('a.button').click()")).await;
        window.reads("#dialog dialog", "Safari 17").await;
        window.show("sessions-end-one").await;
        assert_eq!(phone.get("/settings").await.status, 200, "asked, not answered");
        window.element("#dialog .danger").await.click().await.unwrap();
        window.reads("#notice", "1").await;
        window.holds(&format!("{count} === 3")).await;
        assert_eq!(phone.get("/settings").await.status, 303);
        assert_eq!(laptop.get("/settings").await.status, 200);

        server.clock.advance(Duration::minutes(31));
        window.element("#end-others").await.click().await.unwrap();
        window.element("#dialog .danger").await;
        window.show("sessions-end-others").await;
        window.element("#dialog .danger").await.click().await.unwrap();
        window.find("heading", words.confirm_title).await;
        window.show("sessions-fresh").await;
        window.fill(words.password, PASSWORD).await;
        window.click("button", words.go_on).await;
        window.reads("#notice", "2").await;
        window.holds(&format!("{count} === 1")).await;
        window.show("sessions-one").await;
        assert_eq!(laptop.get("/settings").await.status, 303);
        assert_eq!(other.get("/settings").await.status, 303);
        window.element(".list button").await.click().await.unwrap();
        window.arrive("/login").await;
    })
    .await;
}

#[tokio::test]
async fn the_activity_page_tells_what_happened_and_is_filtered_by_kind() {
    activity(&ENGLISH).await;
}

#[tokio::test]
async fn the_activity_page_tells_it_in_chinese() {
    activity(&CHINESE).await;
}

async fn activity(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    let laptop = elsewhere(&server, FIREFOX).await;
    let token = laptop.generate("CI: GitHub Actions, main branch", "repo:write", "30").await;
    laptop.post(&format!("/settings/tokens/{}/deactivate", token.id), &[]).await;
    for _ in 0..3 {
        server
            .anonymous()
            .with_header("user-agent", PHONE)
            .post("/login", &[("username", "alice"), ("password", "x")])
            .await;
    }
    for _ in 0..2 {
        server
            .anonymous()
            .with_header("user-agent", "Docker-Client/28.2.2 (linux)")
            .token("alice", &token.secret, &[])
            .await;
    }
    server.clock.advance(Duration::minutes(12));
    journey(&server, words, &[], async |window| {
        window.sign_in("alice").await;
        window
            .until("failures and refusals are written", async || {
                window.goto("/settings/activity").await;
                let badges = "return document.querySelectorAll('.list .badge').length";
                (window.script(badges).await == 2).then_some(())
            })
            .await;
        window.find("heading", words.activity).await;
        window.reads(".list", "CI: GitHub Actions, main branch").await;
        window.reads(".list", "docker 28.2").await;
        window.show("activity").await;
        window.element("#kind").await;
        window.choose(words.event, "sign_in_failed").await;
        window.holds("document.querySelectorAll('.list li').length === 1").await;
        window.reads(".list", "Safari 17").await;
        window.show("activity-filtered").await;
        window.goto("/settings/activity?kind=two_factor_off").await;
        window.holds("!document.querySelector('.list')").await;
        window.show("activity-none").await;
    })
    .await;
}

#[tokio::test]
async fn a_long_log_comes_in_pages() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let account = server.text("SELECT id FROM account WHERE username = 'alice'").await;
    for number in 0..60 {
        let at = (server.clock.now() - Duration::hours(number)).millis();
        server
            .sql(&format!(
                "INSERT INTO activity (id, account_id, kind, detail, address, client, first_at, last_at, times) VALUES \
                 ('{number:03}', '{account}', 'token_created', 'token {number}', '192.0.2.1', '', {at}, {at}, 1)"
            ))
            .await;
    }
    journey(&server, &ENGLISH, &[], async |window| {
        window.without_scripts().await;
        window.sign_in("alice").await;
        window.click("link", "Activity").await;
        window.choose("Event", "token_created").await;
        window.click("button", "Filter").await;
        window.reads(".content", "token 49").await;
        window.click("link", "Next").await;
        window.reads(".content", "token 59").await;
        assert!(window.all("link", "Next").await.is_empty());
        window.show("plain-activity-page-2").await;
        window.click("link", "Previous").await;
        window.reads(".content", "token 0").await;
    })
    .await;
}

#[tokio::test]
async fn after_five_wrong_passwords_the_page_says_how_long_to_wait() {
    throttled(&ENGLISH).await;
}

#[tokio::test]
async fn after_five_wrong_passwords_the_page_says_so_in_chinese() {
    throttled(&CHINESE).await;
}

async fn throttled(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, words, &[401, 429], async |window| {
        for _ in 0..5 {
            window.sign_in_with("alice", "not my password at all").await;
            window.element("[role=alert]").await;
        }
        window.fill(words.password, PASSWORD).await;
        window.click("button", words.sign_in).await;
        window.reads("[role=alert]", "30").await;
        window.show("login-wait").await;
        server.clock.advance(Duration::seconds(31));
        window.fill(words.password, PASSWORD).await;
        window.click("button", words.sign_in).await;
        window.arrive("/settings/tokens").await;
    })
    .await;
}
