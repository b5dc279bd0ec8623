//! `/oauth/device/code`, and the metadata of the authorization server.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use time::Duration;

use crate::harness::callers::{MANY, all_at_once};
use crate::harness::device::{DEVICE_GRANT, PROGRAM};
use crate::harness::{Browser, TestServer, database};

fn error(answer: &crate::harness::Answer) -> (u16, String) {
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.json()["error_description"].as_str().unwrap().is_empty());
    (answer.status.as_u16(), answer.json()["error"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_program_gets_its_codes() {
    let server = TestServer::start().await;
    let form = [("client_id", PROGRAM), ("scope", "whatever"), ("device_name", "laptop")];
    let answer = server.anonymous().post("/oauth/device/code", &form).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(answer.headers.get("set-cookie").is_none());
    let json = answer.json();
    let user_code = json["user_code"].as_str().unwrap();
    assert!(user_code.len() == 9 && user_code.as_bytes()[4] == b'-', "{user_code}");
    assert_eq!(json["verification_uri"], server.url("/device"));
    assert_eq!(json["verification_uri_complete"], server.url(&format!("/device?user_code={user_code}")));
    assert_eq!((json["expires_in"].as_i64(), json["interval"].as_i64()), (Some(600), Some(5)));
    let device_code = json["device_code"].as_str().unwrap();
    assert!(device_code.len() >= 22);
    let dump = server.dump().await;
    assert!(dump.contains("laptop") && !database::holds(&dump, device_code));
    assert!(!database::holds(&dump, user_code) && !database::holds(&dump, &user_code.replace('-', "")));
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_in_oauths_words() {
    let server = TestServer::start().await;
    let caller = server.anonymous();
    let post = async |form: &[(&str, &str)]| error(&caller.post("/oauth/device/code", form).await);
    assert_eq!(post(&[]).await, (400, "invalid_request".into()));
    assert_eq!(post(&[("client_id", "")]).await, (400, "invalid_request".into()));
    assert_eq!(post(&[("client_id", "a"), ("client_id", "b")]).await, (400, "invalid_request".into()));
    assert_eq!(post(&[("client_id", "\u{200b}\u{7}")]).await, (400, "invalid_client".into()));
    assert_eq!(post(&[("client_id", "a"), ("client_secret", "b")]).await, (400, "invalid_client".into()));
    let authenticated =
        caller.post_with("/oauth/device/code", &[("client_id", "a")], &[("authorization", "Basic YTpi")]).await;
    assert_eq!(error(&authenticated), (401, "invalid_client".into()));
    assert!(authenticated.header("www-authenticate").starts_with("Basic "));
    let json = caller.send(Method::POST, "/oauth/device/code", None, HeaderMap::new()).await;
    assert_eq!(error(&json), (400, "invalid_request".into()));
    assert_eq!(post(&[("client_id", "a\0b")]).await, (400, "invalid_request".into()));
    assert_eq!(server.count("device_code").await, 0);
}

#[tokio::test]
async fn another_method_is_refused_in_oauths_words_too() {
    let server = TestServer::start().await;
    let caller = server.anonymous();
    for (method, path, allowed) in [
        (Method::GET, "/oauth/device/code", "POST"),
        (Method::GET, "/oauth/token", "POST"),
        (Method::PUT, "/oauth/revoke", "POST"),
        (Method::POST, "/.well-known/oauth-authorization-server", "GET,HEAD"),
    ] {
        let answer = caller.send(method, path, None, HeaderMap::new()).await;
        assert_eq!(error(&answer), (405, "invalid_request".into()), "{path}");
        assert_eq!((answer.header("allow"), answer.header("content-type")), (allowed, "application/json"), "{path}");
    }
}

fn from(server: &TestServer, address: &str) -> Browser {
    server.anonymous().with_header("x-forwarded-for", address)
}

async fn behind_a_proxy() -> TestServer {
    TestServer::start_with(|settings| settings.trusted_proxies = Some("127.0.0.1".into())).await
}

#[tokio::test]
async fn of_forty_requests_of_one_network_twenty_get_codes_and_the_others_are_told_how_long_to_wait() {
    let server = behind_a_proxy().await;
    let answers = all_at_once(|number| {
        let caller = from(&server, &format!("2001:db8:1:2::{number:x}"));
        async move { caller.post("/oauth/device/code", &[("client_id", PROGRAM)]).await }
    })
    .await;
    let made = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!((made, server.count("device_code").await), (20, 20));
    let refused = answers.iter().find(|answer| answer.status != StatusCode::OK).unwrap();
    assert_eq!(error(refused), (429, "temporarily_unavailable".into()));
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=601).contains(&wait), "{wait}");
    from(&server, "2001:db8:1:3::1").begin("another network").await;
    server.clock.advance(Duration::seconds(wait));
    from(&server, "2001:db8:1:2::1").begin("once they are over").await;
    assert_eq!(answers.len(), MANY);
}

#[tokio::test]
async fn the_networks_of_one_customer_share_a_limit() {
    for (most, step) in [(50, 0x1), (100, 0x100)] {
        let server = behind_a_proxy().await;
        let begin =
            async |address: &str| from(&server, address).post("/oauth/device/code", &[("client_id", PROGRAM)]).await;
        for number in 0..=most {
            let answer = begin(&format!("2001:db8:1:{:x}::1", number * step)).await;
            if number < most {
                assert_eq!(answer.status, StatusCode::OK, "{number} of {most}");
            } else {
                assert_eq!(error(&answer), (429, "temporarily_unavailable".into()));
            }
        }
        for another in ["2001:db8:2::1", "10.0.0.1"] {
            assert_eq!(begin(another).await.status, StatusCode::OK, "{another}");
        }
    }
}

#[tokio::test]
async fn what_waits_in_all_is_capped_too() {
    let server = behind_a_proxy().await;
    from(&server, "10.0.0.1").begin("first").await;
    // Fills all places but one.
    let columns = "program, address, state, interval_ms, created_at, expires_at";
    for chunk in 0..10 {
        let rows: Vec<String> = (0..500)
            .filter(|row| chunk * 500 + row < 4998)
            .map(|row| {
                let bytes = server.bytes(&format!("{:064x}", chunk * 500 + row));
                let end = server.clock.now().millis() + 60_000;
                format!("({bytes}, {bytes}, 'net{row}', 'p', 'a', 'pending', 5000, 1, {end})")
            })
            .collect();
        let values = rows.join(", ");
        server
            .sql(&format!("INSERT INTO device_code (device_hash, user_hash, network, {columns}) VALUES {values}"))
            .await;
    }
    assert_eq!(server.count("device_code").await, 4999);
    from(&server, "10.0.0.2").begin("last").await;
    let refused = from(&server, "10.0.0.3").post("/oauth/device/code", &[("client_id", PROGRAM)]).await;
    assert_eq!(error(&refused), (429, "temporarily_unavailable".into()));
    assert_eq!(refused.header("retry-after"), "61");
    assert_eq!(server.count("device_code").await, 5000);
    server.clock.advance(Duration::seconds(60));
    from(&server, "10.0.0.3").begin("once some are over").await;
}

#[tokio::test]
async fn the_metadata_names_every_endpoint() {
    let server = TestServer::start_with(|settings| settings.public_url = Some("https://hub.example.com".into())).await;
    let answer = server.anonymous().get("/.well-known/oauth-authorization-server").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    let json = answer.json();
    assert_eq!(json["issuer"], "https://hub.example.com");
    assert_eq!(json["device_authorization_endpoint"], "https://hub.example.com/oauth/device/code");
    assert_eq!(json["token_endpoint"], "https://hub.example.com/oauth/token");
    assert_eq!(json["revocation_endpoint"], "https://hub.example.com/oauth/revoke");
    assert_eq!(json["grant_types_supported"], serde_json::json!([DEVICE_GRANT, "refresh_token"]));
    assert_eq!(json["response_types_supported"], serde_json::json!([]));
    assert_eq!(json["token_endpoint_auth_methods_supported"], serde_json::json!(["none"]));
}
