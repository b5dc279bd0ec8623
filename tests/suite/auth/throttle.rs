//! Waits after failed sign-ins, on the page and at the token endpoint.

use dockpass_core::secret::random_base62;
use reqwest::StatusCode;
use time::Duration;

use crate::harness::callers::all_at_once;
use crate::harness::{Answer, Browser, PASSWORD, TestServer};

const WRONG: &str = "not this harbour";

async fn sign_in(browser: &Browser, name: &str, password: &str) -> Answer {
    browser.post("/login", &[("username", name), ("password", password)]).await
}

/// Callers with an address each.
async fn start() -> TestServer {
    TestServer::start_with(|settings| settings.trusted_proxies = Some("127.0.0.1".into())).await
}

fn from(server: &TestServer, address: &str) -> Browser {
    server.anonymous().with_header("x-forwarded-for", address)
}

/// Fails until it must wait; returns for how long.
async fn fail(server: &TestServer, browser: &Browser, name: &str, times: usize) -> Option<i64> {
    for _ in 0..times {
        assert_eq!(sign_in(browser, name, WRONG).await.status, StatusCode::UNAUTHORIZED);
    }
    let before = server.app.hasher.verifications();
    let answer = sign_in(browser, name, PASSWORD).await;
    if answer.status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    assert_eq!(server.app.hasher.verifications(), before, "nothing is compared");
    let seconds: i64 = answer.header("retry-after").parse().unwrap();
    let sentence = format!("Too many failed attempts. Try again in {seconds} seconds.");
    assert!(answer.body.contains(&sentence), "{}", answer.body);
    assert_eq!(answer.after("name=\"username\" value=\""), name, "kept");
    assert!(!answer.body.contains(PASSWORD) && answer.headers.get("set-cookie").is_none());
    Some(seconds)
}

#[tokio::test]
async fn waits_begin_at_the_fifth_failure_and_double_up_to_a_quarter_of_an_hour() {
    let server = start().await;
    server.account("alice").await;
    for name in ["alice", "nobody-here"] {
        let browser = server.anonymous();
        let mut waits = vec![fail(&server, &browser, name, 5).await.unwrap()];
        for _ in 0..6 {
            server.clock.advance(Duration::seconds(*waits.last().unwrap()));
            waits.push(fail(&server, &browser, name, 1).await.unwrap());
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900], "{name}: whether it exists or not");
        server.clock.advance(Duration::seconds(899));
        let last = sign_in(&browser, name, PASSWORD).await;
        assert!(last.body.contains("Try again in 1 second."), "{}", last.body);
    }
    server.clock.advance(Duration::seconds(1));
    assert_eq!(sign_in(&server.anonymous(), "alice", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn four_failures_cost_nothing_and_a_success_forgets_them() {
    let server = start().await;
    server.account("alice").await;
    for _ in 0..3 {
        assert_eq!(fail(&server, &server.anonymous(), "alice", 4).await, None);
    }
}

#[tokio::test]
async fn another_address_does_not_wait_and_neither_does_another_name() {
    let server = start().await;
    for name in ["alice", "bob"] {
        server.account(name).await;
    }
    let guesser = from(&server, "10.0.0.1");
    assert_eq!(fail(&server, &guesser, "alice", 5).await, Some(30));
    assert_eq!(sign_in(&guesser, "ALICE", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS, "the same name");
    assert_eq!(sign_in(&from(&server, "10.0.0.2"), "alice", PASSWORD).await.status, StatusCode::SEE_OTHER);
    assert_eq!(sign_in(&from(&server, "10.0.0.1"), "bob", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_browser_that_signed_in_before_has_a_count_of_its_own() {
    let server = start().await;
    server.account("alice").await;
    let own = from(&server, "10.0.0.1");
    assert_eq!(sign_in(&own, "alice", PASSWORD).await.status, StatusCode::SEE_OTHER);
    own.post("/logout", &[]).await;
    let guesser = from(&server, "10.0.0.1");
    assert_eq!(fail(&server, &guesser, "alice", 5).await, Some(30));
    assert_eq!(sign_in(&own, "alice", PASSWORD).await.status, StatusCode::SEE_OTHER, "nobody locks the owner out");
    assert_eq!(sign_in(&guesser, "alice", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    own.post("/logout", &[]).await;
    assert_eq!(fail(&server, &own, "alice", 5).await, Some(30), "and it waits for its own failures");
}

#[tokio::test]
async fn a_browser_known_to_one_account_is_a_stranger_to_another() {
    let server = start().await;
    for name in ["alice", "bob"] {
        server.account(name).await;
    }
    assert_eq!(fail(&server, &from(&server, "10.0.0.1"), "bob", 5).await, Some(30));
    let alices = from(&server, "10.0.0.1");
    sign_in(&alices, "alice", PASSWORD).await;
    assert_eq!(sign_in(&alices, "bob", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    let made_up = random_base62(100, &mut dockpass::platform::rng::SystemRng.generator());
    for cookie in [made_up.as_str(), "", "AAAA"] {
        let browser = from(&server, "10.0.0.1").with_cookie("dockpass_browser", cookie);
        assert_eq!(sign_in(&browser, "bob", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS, "{cookie}");
    }
}

#[tokio::test]
async fn a_hundred_failures_in_an_hour_close_an_account_to_strangers_alone() {
    let server = start().await;
    server.account("alice").await;
    let own = from(&server, "10.1.0.1");
    sign_in(&own, "alice", PASSWORD).await;
    let began = server.clock.now();
    for number in 0..100 {
        let guesser = from(&server, &format!("10.0.{}.1", number / 2));
        assert_eq!(sign_in(&guesser, "alice", WRONG).await.status, StatusCode::UNAUTHORIZED, "{number}");
        server.clock.advance(Duration::seconds(20));
    }
    let left = 3600 - (server.clock.now() - began).whole_seconds();
    let stranger = sign_in(&from(&server, "10.2.0.1"), "alice", PASSWORD).await;
    assert_eq!(
        (stranger.status, stranger.header("retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, left.to_string().as_str())
    );
    assert_eq!(sign_in(&own, "alice", PASSWORD).await.status, StatusCode::SEE_OTHER);
    server.clock.advance(Duration::seconds(left));
    assert_eq!(sign_in(&from(&server, "10.2.0.1"), "alice", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let mut first = TestServer::start().await;
    first.account("alice").await;
    assert_eq!(fail(&first, &first.anonymous(), "alice", 5).await, Some(30));
    let config = dockpass::config::Config::clone(&first.app.config);
    first.stop().await;
    let clock = first.clock.clone();
    let server = dockpass::server::Server::bind(config, clock.clone()).await.unwrap();
    let base = format!("http://{}", server.address());
    let (_sender, requests) = tokio::sync::mpsc::unbounded_channel();
    let running = tokio::spawn(server.run(requests));
    let browser = Browser::at(&base);
    assert_eq!(sign_in(&browser, "alice", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    clock.advance(Duration::seconds(30));
    assert_eq!(sign_in(&browser, "alice", PASSWORD).await.status, StatusCode::SEE_OTHER);
    running.abort();
}

#[tokio::test]
async fn names_and_addresses_are_stored_as_hashes() {
    let server = start().await;
    sign_in(&from(&server, "203.0.113.77"), "a password typed as a name", WRONG).await;
    let rows = server.rows("sign_in_failure").await.join("\n");
    assert!(!rows.contains("203.0.113.77") && !rows.contains("typed as a name") && !rows.is_empty());
}

#[tokio::test]
async fn failures_are_forgotten_after_a_day() {
    let server = start().await;
    server.account("alice").await;
    let browser = server.anonymous();
    assert_eq!(fail(&server, &browser, "alice", 5).await, Some(30));
    server.clock.advance(Duration::DAY + Duration::MILLISECOND);
    assert_eq!(fail(&server, &browser, "alice", 4).await, None);
    server.clock.advance(Duration::days(2));
    server.tidy().await;
    assert_eq!(server.count("sign_in_failure").await, 0);
}

#[tokio::test]
async fn at_the_token_endpoint_passwords_wait_and_tokens_never_do() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let caller = server.anonymous();
    for number in 0..5 {
        let answer = caller.token("alice", &format!("{WRONG} {number}"), &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let before = server.app.hasher.verifications();
    let form = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD)];
    for answer in [caller.token("alice", PASSWORD, &[]).await, caller.post("/token", &form).await] {
        assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "30"));
        assert_eq!(answer.header("content-type"), "application/json");
        let error = &answer.json()["errors"][0];
        assert_eq!(error["code"], "TOOMANYREQUESTS");
        assert_eq!(error["message"], "too many failed attempts: wait 30 seconds");
    }
    assert_eq!(server.app.hasher.verifications(), before);
    for _ in 0..3 {
        assert_eq!(caller.token("alice", &token.secret, &[]).await.status, StatusCode::OK);
        assert_eq!(caller.token("alice", "dp_pat_nonsense", &[]).await.status, StatusCode::UNAUTHORIZED);
    }
    server.clock.advance(Duration::seconds(30));
    assert_eq!(caller.token("alice", PASSWORD, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_same_wrong_secret_counts_once_a_minute_at_the_token_endpoint() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let failures = async || server.number("SELECT MAX(failures) FROM sign_in_failure").await;
    let caller = server.anonymous();
    for _ in 0..6 {
        assert_eq!(caller.token("alice", WRONG, &[]).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(failures().await, Some(1), "one login sends it up to six times");
    server.clock.advance(Duration::MINUTE - Duration::MILLISECOND);
    caller.token("alice", WRONG, &[]).await;
    assert_eq!(failures().await, Some(1));
    server.clock.advance(Duration::MILLISECOND);
    caller.token("alice", WRONG, &[]).await;
    assert_eq!(failures().await, Some(2), "a minute later it is another try");
    caller.token("alice", "another wrong one", &[]).await;
    assert_eq!(failures().await, Some(3));
}

#[tokio::test]
async fn forty_wrong_passwords_at_once_are_all_counted() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let answers = all_at_once(|_| {
        let caller = server.anonymous();
        async move { sign_in(&caller, "alice", WRONG).await }
    })
    .await;
    let refused = answers.iter().filter(|answer| answer.status == StatusCode::UNAUTHORIZED).count() as i64;
    assert_eq!(server.number("SELECT MAX(failures) FROM sign_in_failure").await, Some(refused));
    let late = sign_in(&server.anonymous(), "alice", PASSWORD).await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(late.header("retry-after").parse::<i64>().unwrap() >= 30);
}

#[tokio::test]
async fn of_forty_guesses_at_once_no_more_than_the_free_ones_get_an_answer() {
    let server = std::sync::Arc::new(start().await);
    server.account("alice").await;
    for name in ["alice", "nobody-here"] {
        let answers = all_at_once(|at| {
            let server = std::sync::Arc::clone(&server);
            // One of them is right: a burst must not find it either.
            let password = if at == 39 && name == "alice" { PASSWORD.to_owned() } else { format!("{WRONG} {at}") };
            async move { sign_in(&from(&server, "10.9.9.9"), name, &password).await }
        })
        .await;
        let answered = answers.iter().filter(|answer| answer.status != StatusCode::TOO_MANY_REQUESTS).count();
        assert!(answered <= 6, "{answered} of {} for {name}", answers.len());
    }
}

#[tokio::test]
async fn addresses_of_one_ipv6_network_are_one_source() {
    let server = start().await;
    for name in ["alice", "bob", "carol"] {
        server.account(name).await;
    }
    let status =
        async |name: &str, address: &str, password: &str| sign_in(&from(&server, address), name, password).await.status;
    // The free failures of one host, of one /56 and of one /48, each from as many hosts as there are.
    for (name, failures, network) in [("alice", 5, 64), ("bob", 9, 56), ("carol", 17, 48)] {
        for at in 0..failures {
            let address = match network {
                64 => format!("2001:db8:1:2::{at:x}"),
                56 => format!("2001:db8:1:20{at:02x}::1"),
                _ => format!("2001:db8:1:{at:x}00::1"),
            };
            assert_eq!(status(name, &address, WRONG).await, StatusCode::UNAUTHORIZED, "{address}");
        }
        let (inside, outside) = match network {
            64 => ("2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
            56 => ("2001:db8:1:20ff::1", "2001:db8:1:2100::1"),
            _ => ("2001:db8:1:ffff::1", "2001:db8:2::1"),
        };
        assert_eq!(status(name, inside, PASSWORD).await, StatusCode::TOO_MANY_REQUESTS, "/{network}");
        assert_eq!(status(name, outside, PASSWORD).await, StatusCode::SEE_OTHER, "/{network}");
    }
}

#[tokio::test]
async fn one_company_cannot_close_an_account_to_everyone() {
    let server = start().await;
    server.account("alice").await;
    for at in 0..101 {
        sign_in(&from(&server, &format!("2001:db8:1:{at:x}::1")), "alice", &format!("{WRONG} {at}")).await;
    }
    let elsewhere = sign_in(&from(&server, "2001:db8:2::1"), "alice", PASSWORD).await;
    assert_eq!(elsewhere.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn sign_ups_and_codes_of_a_large_network_have_a_limit() {
    let server = TestServer::start_with(|settings| {
        settings.signup = "open".into();
        settings.trusted_proxies = Some("127.0.0.1".into());
    })
    .await;
    let codes =
        async |at: usize| from(&server, &format!("2001:db8:1:{at:x}00::1")).get("/setup?code=wrong").await.status;
    let mut guesses = 0;
    while codes(guesses).await == StatusCode::FORBIDDEN {
        guesses += 1;
    }
    // While the test runs, time gives back a few.
    assert!((40..250).contains(&guesses), "{guesses}");
    server.account("root-of-all").await;
    let sign_up = async |at: usize| {
        let form = [("username", format!("user{at}")), ("password", PASSWORD.to_owned())];
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        from(&server, &format!("2001:db8:1:1{at:02x}::1")).post("/signup", &form).await.status
    };
    for at in 0..20 {
        assert_eq!(sign_up(at).await, StatusCode::SEE_OTHER, "{at}");
    }
    assert_eq!(sign_up(20).await, StatusCode::TOO_MANY_REQUESTS, "twice the limit of one host in a /56");
}

#[tokio::test]
async fn a_repeated_wrong_secret_is_answered_from_memory_for_a_minute() {
    let server = start().await;
    server.account("alice").await;
    let hashes = async |browser: &Browser, by_form: bool, name: &str, secret: &str| {
        let before = server.app.hasher.verifications();
        let status = match by_form {
            true => sign_in(browser, name, secret).await.status,
            false => browser.token(name, secret, &[]).await.status,
        };
        (status, server.app.hasher.verifications() - before)
    };
    for (by_form, address) in [(false, "10.0.0.1"), (true, "10.0.0.2")] {
        let (here, there) = (from(&server, address), from(&server, &format!("{address}9")));
        for name in ["alice", "nobody-here"] {
            let hashes = async |browser: &Browser, secret: &str| hashes(browser, by_form, name, secret).await;
            assert_eq!(hashes(&here, WRONG).await, (StatusCode::UNAUTHORIZED, 1));
            assert_eq!(hashes(&here, WRONG).await, (StatusCode::UNAUTHORIZED, 0), "{name}");
            assert_eq!(hashes(&here, "another wrong one").await.1, 1, "another secret");
            assert_eq!(hashes(&there, WRONG).await.1, 1, "another network learns nothing");
            server.clock.advance(Duration::MINUTE);
            assert_eq!(hashes(&here, WRONG).await.1, 1, "a minute later");
        }
        server.clock.advance(Duration::minutes(15));
        server.sql("DELETE FROM sign_in_failure").await;
    }
    let here = from(&server, "10.0.0.3");
    assert_eq!(hashes(&here, true, "alice", "another harbour at dusk").await.0, StatusCode::UNAUTHORIZED);
    let alice = server.signed_in("alice").await;
    let form = [("current_password", PASSWORD), ("new_password", "another harbour at dusk")];
    assert_eq!(alice.post("/settings/security/password", &form).await.status, StatusCode::SEE_OTHER);
    let (status, _) = hashes(&here, true, "alice", "another harbour at dusk").await;
    assert_eq!(status, StatusCode::SEE_OTHER, "a new version of the account is another question");
}

#[tokio::test]
async fn a_password_that_the_token_endpoint_does_not_compare_is_not_wrong_at_sign_in() {
    let server = TestServer::start().await;
    server.enrolled("alice").await;
    let caller = server.anonymous();
    assert_eq!(caller.token("alice", PASSWORD, &[]).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in(&caller, "alice", PASSWORD).await.header("location"), "/login/code");
}

#[tokio::test]
async fn new_passwords_are_judged_after_they_are_counted() {
    let server = TestServer::start_with(|settings| {
        settings.signup = "open".into();
        settings.trusted_proxies = Some("127.0.0.1".into());
    })
    .await;
    server.account("root-of-all").await;
    let form = [("username", "alice"), ("password", "passwordpassword")];
    for _ in 0..30 {
        let answer = from(&server, "10.0.0.1").post("/signup", &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(from(&server, "10.0.0.1").post("/signup", &form).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(from(&server, "10.0.0.2").post("/signup", &form).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}
