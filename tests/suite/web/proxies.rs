//! What proxies say about the client, and addresses that cannot keep anyone signed in.

use reqwest::StatusCode;

use crate::harness::program::{Program, run_with_input};
use crate::harness::{Answer, PASSWORD, TestServer};

const NOTICE: &str = "This address cannot keep you signed in: open https://hub.example.com<";

#[tokio::test]
async fn clients_behind_a_proxy_are_told_apart_in_every_form_of_the_header() {
    let server = TestServer::start_with(|settings| settings.trusted_proxies = Some("::ffff:127.0.0.1".into())).await;
    server.account("alice").await;
    for (forwarded, address) in [
        ("198.51.100.7:40001", "198.51.100.7"),
        ("203.0.113.9, [2001:db8::7]:443 ,", "2001:db8::7"),
        ("[2001:db8::8]", "2001:db8::8"),
    ] {
        let browser = server.anonymous().with_header("x-forwarded-for", forwarded).with_header("x-real-ip", "9.9.9.9");
        let browser = browser.with_header("forwarded", "for=9.9.9.9");
        assert_eq!(
            browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await.status,
            StatusCode::SEE_OTHER
        );
        let page = browser.get("/settings/activity").await.body;
        assert!(page.contains(address) && !page.contains("9.9.9.9"), "{address} in {page}");
    }
}

#[tokio::test]
async fn headers_that_are_not_believed_are_logged_once() {
    for (trusted, forwarded, words) in [
        ("10.0.0.1", "1.2.3.4", "forwarded headers of a peer that is not in --trusted-proxies"),
        ("127.0.0.1", "unknown", "X-Forwarded-For of a trusted proxy cannot be read"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::start(&folder.path().join("data"), &["--trusted-proxies", trusted]);
        for _ in 0..3 {
            program.browser().with_header("x-forwarded-for", forwarded).token("alice", "wrong", &[]).await;
        }
        let log = program.stop().log;
        assert_eq!(log.matches(words).count(), 1, "{log}");
        assert_eq!(log.matches("WARN").count(), 1, "{log}");
    }
}

#[tokio::test]
async fn plain_http_under_an_https_url_is_said_on_the_sign_in_page() {
    let server = TestServer::start_with(|settings| {
        settings.public_url = Some("https://hub.example.com".into());
        settings.trusted_proxies = Some("127.0.0.1".into());
    })
    .await;
    let get = async |headers: &[(&'static str, &str)]| -> Answer {
        server.anonymous().get_with("/login?next=/settings", headers).await
    };
    let plain = get(&[]).await;
    assert!(plain.body.contains(NOTICE), "{}", plain.body);
    assert!(plain.body.contains("href=\"https://hub.example.com/login?next=/settings\""), "{}", plain.body);
    let host = ("host", "hub.example.com");
    assert!(get(&[host, ("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "http")]).await.body.contains(NOTICE));
    for https in [&[host, ("x-forwarded-proto", "https")][..], &[("x-forwarded-for", "1.2.3.4")], &[host]] {
        assert!(!get(https).await.body.contains("cannot keep you signed in"), "{https:?}");
    }
    let signed_in = server.anonymous();
    let form = [("username", "x"), ("password", "wrong")];
    let refused = signed_in.post_with("/login", &form, &[host, ("origin", "http://hub.example.com")]).await;
    assert!(refused.body.contains(NOTICE), "{}", refused.body);
    let plain = TestServer::start().await;
    assert!(!plain.anonymous().get("/login").await.body.contains("cannot keep you signed in"));
}

#[tokio::test]
async fn two_servers_on_one_host_have_cookies_of_their_own() {
    for (url, expected) in [
        ("https://hub.example.com", "__Host-dockpass"),
        ("https://hub.example.com:8443", "__Host-dockpass-8443"),
        ("http://hub.example.com", "dockpass"),
        ("http://hub.example.com:8080", "dockpass-8080"),
    ] {
        let server = TestServer::start_with(|settings| settings.public_url = Some(url.into())).await;
        server.account("alice").await;
        let browser = server.anonymous();
        let answer = browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
        let mut names = Vec::new();
        for answer in [&answer, &browser.post("/preferences", &[("theme", "dark")]).await] {
            let lines = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned());
            names.extend(lines.map(|line| line.split('=').next().unwrap().to_owned()));
        }
        assert!(names.contains(&expected.to_owned()), "{names:?}");
        let suffix = expected.trim_start_matches("__Host-").trim_start_matches("dockpass");
        let is_of_this_server =
            |name: &String| name.ends_with(suffix) && name.starts_with("__Host-") == url.starts_with("https");
        assert!(names.len() >= 3 && names.iter().all(is_of_this_server), "{names:?}");
        assert_eq!(browser.get("/settings").await.status, StatusCode::OK, "{url}");
        let out = browser.post("/logout", &[]).await;
        let removed = out.headers.get_all("set-cookie").iter().any(|line| line.to_str().unwrap().starts_with(expected));
        assert!(removed, "{:?}", out.headers);
    }
}

#[test]
fn a_public_url_without_https_is_warned_of_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let log = Program::start(&data, &["--public-url", "http://hub.example.com"]).stop().log;
    assert!(log.contains("WARN") && log.contains("is plain http"), "{log}");
    let log = Program::start(&data, &["--public-url", "http://localhost:8080"]).stop().log;
    assert!(!log.contains("WARN"), "{log}");
    let listed = run_with_input(&["--data", data.to_str().unwrap(), "account", "list"], "");
    assert!(listed.status.success() && listed.stderr.is_empty(), "{listed:?}");
}
