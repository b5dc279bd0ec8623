//! `/device`: access, content, the decision, and guessed codes.

use std::sync::Arc;

use reqwest::StatusCode;
use time::Duration;

use crate::harness::callers::all_at_once;
use crate::harness::device::{Codes, Got, PROGRAM};
use crate::harness::{Browser, PASSWORD, TestServer};

async fn behind_a_proxy() -> TestServer {
    TestServer::start_with(|settings| settings.trusted_proxies = Some("127.0.0.1".into())).await
}

async fn enter(browser: &Browser, code: &str) -> crate::harness::Answer {
    browser.post("/device", &[("user_code", code)]).await
}

#[tokio::test]
async fn whoever_is_signed_out_signs_in_first_and_comes_back_with_the_code() {
    let server = TestServer::start().await;
    let enrolled = server.enrolled("alice").await;
    let browser = server.anonymous();
    let codes = browser.begin("laptop").await;
    let link = format!("/device?user_code={}", codes.user_code);
    let led = browser.get(&link).await;
    assert_eq!(led.status, StatusCode::SEE_OTHER);
    let login = browser.get(led.header("location")).await;
    let next = login.after("name=\"next\" value=\"");
    assert_eq!(next, link);
    let form = [("username", "alice"), ("password", PASSWORD), ("next", &next)];
    assert_eq!(browser.post("/login", &form).await.header("location"), "/login/code");
    // As an East Asian input method types it.
    let code = server.next_code(&enrolled.authenticator);
    let code: String = code.bytes().filter_map(|digit| char::from_u32(u32::from(digit) + 0xfee0)).collect();
    let back = browser.post("/login/code", &[("code", &code)]).await;
    assert_eq!(back.header("location"), link);
    let page = browser.get(&link).await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(page.body.contains(&format!("value=\"{}\"", codes.user_code)), "{}", page.body);
    assert!(page.body.contains("Continue only if your device shows the same one."));
    assert!(!page.body.contains("laptop"), "a look looks nothing up");
}

#[tokio::test]
async fn a_link_with_two_codes_brings_none() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let page = alice.get("/device?user_code=BBBB-BBBB&user_code=CCCC-CCCC").await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    assert_eq!(page.after("name=\"user_code\" class=\"device-code\" value=\""), "");
    assert!(!page.body.contains("Continue only if your device shows the same one."));
}

#[tokio::test]
async fn the_page_says_who_asks_from_where_and_when_and_warns() {
    let server = behind_a_proxy().await;
    server.account("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    let program = server.anonymous().with_header("x-forwarded-for", "203.0.113.9");
    let name = format!("<b>\u{202e}laptop</b> {}", "x".repeat(100));
    let form = [("client_id", "evil\u{7} \u{200b}& co"), ("device_name", &name)];
    let code = program.post("/oauth/device/code", &form).await.json()["user_code"].as_str().unwrap().to_owned();
    server.clock.advance(Duration::minutes(3));
    let page = enter(&alice, &code.to_lowercase().replace('-', " ")).await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    let longest = format!("&#60;b&#62;laptop&#60;/b&#62; {}<", "x".repeat(64 - 14));
    for part in [
        "<dd>evil &#38; co<",
        &longest,
        "203.0.113.9",
        "Different from this browser’s address (127.0.0.1).",
        "3 minutes ago",
        &format!(">{code}</p>"),
        "Reported by the program. Not verified.",
        "Did someone send you this code or a link, by email",
        "Read, Write, Delete as alice in your own repositories. In repositories others share with you, only what they’re shared for.",
        "it goes unused for 30 days, or 180 days pass.",
        ">Approve</button>",
        ">Deny</button>",
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    let same = server.anonymous().begin("desktop").await;
    let page = enter(&alice, &same.user_code).await.body;
    assert!(page.contains("Same address as this browser.") && !page.contains("administrator"), "{page}");
    server.sql("UPDATE account SET is_admin = TRUE").await;
    let also = "it also gets the administrators’ repositories and the list of all repositories.";
    assert!(enter(&alice, &same.user_code).await.body.contains(also));
}

#[tokio::test]
async fn approving_wants_a_fresh_sign_in_and_denying_does_not() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    server.clock.advance(Duration::minutes(31));
    let program = server.anonymous();
    let (good, bad) = (program.begin("good").await, program.begin("bad").await);
    let question = alice.decide(&good, "approve").await;
    assert_eq!(question.status, StatusCode::FORBIDDEN);
    assert!(question.body.contains(&format!("name=\"user_code\" value=\"{}\"", good.user_code)), "{}", question.body);
    assert!(program.poll(&good).await.body.contains("authorization_pending"));
    assert!(alice.decide(&bad, "deny").await.body.contains("<h1>Denied</h1>"));
    let form = [("user_code", good.user_code.as_str()), ("confirm_password", PASSWORD)];
    let approved = alice.post("/device/approve", &form).await;
    assert!(approved.status == StatusCode::OK && approved.body.contains("<h1>Approved</h1>"), "{}", approved.body);
    for part in
        ["“good (docker-credential-dockpass)” will be signed in within a few seconds.", "You can close this page"]
    {
        assert!(approved.body.contains(part), "{part}");
    }
    let again = alice.decide(&good, "approve").await;
    assert!(again.body.contains("<h1>Approved</h1>"), "a second click is told the same");
    Got::of(&program.poll(&good).await);
    assert!(alice.decide(&good, "deny").await.body.contains("<h1>Approved</h1>"), "too late");
    let bob = server.account_signed_in("bob").await;
    let stolen = bob.decide(&good, "approve").await;
    assert!(stolen.status == StatusCode::UNPROCESSABLE_ENTITY && stolen.body.contains("This code has expired."));
}

#[tokio::test]
async fn of_forty_decisions_at_once_one_stands() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let codes = server.anonymous().begin("laptop").await;
    let caller = server.same_session(&alice);
    let answers = all_at_once(|number| {
        let (caller, codes): (Arc<Browser>, Codes) = (Arc::clone(&caller), codes.clone());
        async move { caller.decide(&codes, if number % 2 == 0 { "approve" } else { "deny" }).await }
    })
    .await;
    let heading = match server.text("SELECT state FROM device_code").await.as_str() {
        "approved" => "<h1>Approved</h1>",
        _ => "<h1>Denied</h1>",
    };
    for answer in answers {
        assert!(answer.status == StatusCode::OK && answer.body.contains(heading), "{heading}: {answer:?}");
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM activity WHERE kind LIKE 'device_%'").await, Some(1));
}

#[tokio::test]
async fn wrong_codes_are_said_to_be_and_guessing_waits() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let codes = server.anonymous().begin("laptop").await;
    for odd in ["", "WDJB", "WDJB-MJH1", "AEIO-UAEI", "漢字"] {
        let answer = enter(&alice, odd).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{odd}");
        assert!(answer.body.contains("with no vowels or digits."));
    }
    let guess = |number: usize| format!("BBBB-BBB{}", b"BCDFGHJKLMNPQRSTVWXZ"[number] as char);
    for number in 0..5 {
        let verb = ["", "/approve", "/deny"][number % 3];
        let answer = alice.post(&format!("/device{verb}"), &[("user_code", &guess(number))]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains("No device is waiting with this code. Check it against the one on your device."));
        assert!(answer.body.contains(&format!("value=\"{}\"", guess(number))), "what was typed stays");
    }
    for code in [&guess(6), &codes.user_code] {
        let answer = enter(&alice, code).await;
        assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "30"));
        assert!(answer.body.contains("Too many failed attempts. Try again in 30 seconds."));
        assert!(!answer.body.contains("laptop"));
    }
    let elsewhere = server.signed_in("alice").await;
    assert_eq!(enter(&elsewhere, &codes.user_code).await.status, StatusCode::TOO_MANY_REQUESTS, "a new browser too");
    let bob = server.account_signed_in("bob").await;
    assert_eq!(enter(&bob, &codes.user_code).await.status, StatusCode::OK, "another account waits for itself");
    server.clock.advance(Duration::seconds(30));
    assert_eq!(enter(&alice, &codes.user_code).await.status, StatusCode::OK);
    assert_eq!(enter(&alice, &guess(7)).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(enter(&alice, &codes.user_code).await.header("retry-after"), "60", "a right one forgives no wrong ones");
}

#[tokio::test]
async fn wrong_passwords_and_wrong_codes_of_one_address_close_it_for_themselves_alone() {
    let server = behind_a_proxy().await;
    let office = |server: &TestServer| server.anonymous().with_header("x-forwarded-for", "203.0.113.9");
    let alice = server.account_signed_in("alice").await.with_header("x-forwarded-for", "203.0.113.9");
    for number in 0..101 {
        let form = [("username", format!("job-{number}")), ("password", "not this harbour".to_owned())];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        office(&server).post("/login", &form).await;
    }
    let form = [("username", "alice"), ("password", PASSWORD)];
    assert_eq!(office(&server).post("/login", &form).await.status, StatusCode::TOO_MANY_REQUESTS);
    let codes = server.anonymous().begin("laptop").await;
    assert_eq!(enter(&alice, &codes.user_code).await.status, StatusCode::OK);
    assert!(alice.decide(&codes, "deny").await.body.contains("<h1>Denied</h1>"));

    let server = behind_a_proxy().await;
    let account = async |number: usize| server.account_signed_in(&format!("guesser-{number}")).await;
    for number in 0..21 {
        let guesser = account(number).await.with_header("x-forwarded-for", "203.0.113.9");
        for letter in ["B", "C", "D", "F", "G"] {
            enter(&guesser, &format!("BBBB-BBB{letter}")).await;
        }
    }
    let another = account(21).await.with_header("x-forwarded-for", "203.0.113.9");
    assert_eq!(enter(&another, "BBBB-BBBB").await.status, StatusCode::TOO_MANY_REQUESTS, "they close it, too");
    let form = [("username", "guesser-0"), ("password", PASSWORD)];
    assert_eq!(office(&server).post("/login", &form).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn where_two_factor_authentication_is_required_it_comes_first() {
    let server = TestServer::start_with(|settings| settings.require_2fa = "true".into()).await;
    let alice = server.account_signed_in("alice").await;
    let codes = server.anonymous().begin("laptop").await;
    for answer in
        [alice.get("/device").await, enter(&alice, &codes.user_code).await, alice.decide(&codes, "approve").await]
    {
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/security"));
    }
    assert!(server.anonymous().poll(&codes).await.body.contains("authorization_pending"));
}

#[tokio::test]
async fn the_pages_speak_chinese() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await.with_header("accept-language", "zh-CN");
    let codes = server.anonymous().begin("笔记本").await;
    let said = [
        (alice.get("/device").await.body, ["在设备上登录", "8 个字母", "继续"]),
        (enter(&alice, &codes.user_code).await.body, ["笔记本", ">批准</button>", ">拒绝</button>"]),
        (alice.decide(&codes, "approve").await.body, ["已批准", "笔记本", "你可以关闭此页面"]),
        (enter(&alice, "BBBB-BBBB").await.body, ["没有设备在等待此代码", "设备代码", "在设备上登录"]),
    ];
    for (page, words) in said {
        for word in words {
            assert!(page.contains(word), "{word} in {page}");
        }
    }
    Got::of(&server.anonymous().poll(&codes).await);
    assert!(alice.get("/settings/tokens").await.body.contains("自动生成"));
    assert_eq!(server.text("SELECT description FROM token").await, format!("笔记本 ({PROGRAM})"));
}

#[tokio::test]
async fn a_token_opens_none_of_it() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    let codes = server.anonymous().begin("another").await;
    for secret in [&got.token, &got.refresh] {
        let bearer = format!("Bearer {secret}");
        for path in ["/device/approve", "/device/deny", "/settings/tokens"] {
            let form = [("user_code", codes.user_code.as_str())];
            let answer = server.anonymous().post_with(path, &form, &[("authorization", &bearer)]).await;
            assert_eq!(answer.header("location"), "/login", "{path}");
        }
    }
    assert!(server.anonymous().poll(&codes).await.body.contains("authorization_pending"));
}
