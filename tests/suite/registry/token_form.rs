//! `POST /token`: the password grant, and invalid bodies.

use reqwest::StatusCode;
use serde_json::json;

use crate::harness::{PASSWORD, TestServer, basic, claims};

const FAILED: &str = "incorrect username or password; with two-factor authentication on, use a personal access token as \
                      the password (AUTH-FAILED)";

fn request(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST /token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn form(body: &[u8]) -> Vec<u8> {
    request(&format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}", body.len()), body)
}

fn body(answer: &str) -> serde_json::Value {
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(body).unwrap_or_else(|_| panic!("not JSON: {answer}"))
}

#[tokio::test]
async fn a_form_with_the_password_grant_gets_a_token() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let token = server.account_signed_in("alice").await.generate("ci", "repo:write", "30").await;
    for secret in [token.secret.as_str(), PASSWORD] {
        let form = [
            ("grant_type", "password"),
            ("service", "dockpass"),
            ("client_id", "docker"),
            ("access_type", "offline"),
            ("username", "alice"),
            ("password", secret),
            ("scope", "repository:alice/app:pull,push repository:bob/app:pull"),
            ("scope", "repository:alice/b:pull"),
        ];
        let answer = server.anonymous().post("/token", &form).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
        assert_eq!(answer.header("cache-control"), "no-store");
        let body = answer.json();
        assert!(body.get("refresh_token").is_none(), "even where offline access is asked for");
        let expected = json!([
            {"type": "repository", "name": "alice/app", "actions": ["pull", "push"]},
            {"type": "repository", "name": "alice/b", "actions": ["pull"]},
        ]);
        assert_eq!(claims(body["access_token"].as_str().unwrap())["access"], expected);
    }
}

#[tokio::test]
async fn credentials_may_stand_in_the_header_instead() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let authorization = basic("alice", PASSWORD);
    let header = [("authorization", authorization.to_str().unwrap())];
    let form = [("grant_type", "password"), ("scope", "repository:alice/app:pull")];
    let answer = server.anonymous().post_with("/token", &form, &header).await;
    assert_eq!(claims(answer.json()["token"].as_str().unwrap())["sub"], "alice");
}

#[tokio::test]
async fn a_refusal_is_the_same_as_for_a_get() {
    let server = TestServer::start().await;
    server.account("alice").await;
    for (name, password) in [("alice", "not this harbour at all"), ("nobody-here", PASSWORD), ("", "")] {
        let form = [("grant_type", "password"), ("username", name), ("password", password)];
        let answer = server.anonymous().post("/token", &form).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::UNAUTHORIZED, "application/json"));
        assert_eq!(answer.json(), json!({"errors": [{"code": "DENIED", "message": FAILED}]}));
    }
    let half = server.anonymous().post("/token", &[("grant_type", "password"), ("username", "alice")]).await;
    assert_eq!((half.status, half.json()["errors"][0]["message"].as_str()), (StatusCode::UNAUTHORIZED, Some(FAILED)));
}

#[tokio::test]
async fn other_grants_are_refused_in_a_sentence() {
    let server = TestServer::start().await;
    for grant in ["refresh_token", "client_credentials", ""] {
        let form = [("grant_type", grant), ("refresh_token", "x"), ("service", "dockpass")];
        let answer = server.anonymous().post("/token", &form).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::BAD_REQUEST, "application/json"));
        let message = "this server accepts only the password grant and issues no refresh tokens: log in again with a \
                       personal access token";
        assert_eq!(answer.json(), json!({"errors": [{"code": "UNSUPPORTED", "message": message}]}));
    }
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused() {
    let server = TestServer::start().await;
    let body = format!("grant_type=password&username=alice&password={}", "x".repeat(64 * 1024));
    let too_large = json!({"errors": [{"code": "SIZE_INVALID", "message": "the request is too large"}]});
    for request in [form(body.as_bytes()), request("Transfer-Encoding: chunked", &chunked(body.as_bytes()))] {
        let answer = server.raw(request).await;
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("application/json"), "{answer}");
        assert_eq!(self::body(&answer), too_large);
    }
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut chunks: Vec<u8> =
        body.chunks(1000).flat_map(|c| [format!("{:x}\r\n", c.len()).as_bytes(), c, b"\r\n"].concat()).collect();
    chunks.extend(b"0\r\n\r\n");
    chunks
}

#[tokio::test]
async fn a_chunked_body_is_read() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let password = PASSWORD.replace(' ', "+");
    let body = format!("grant_type=password&username=alice&password={password}&scope=repository:alice/a:pull");
    let headers = "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked";
    let pieces: Vec<u8> = body
        .as_bytes()
        .chunks(7)
        .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
        .chain(*b"0\r\n\r\n")
        .collect();
    let answer = server.raw(request(headers, &pieces)).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(claims(body_token(&answer).as_str())["sub"], "alice");
}

fn body_token(answer: &str) -> String {
    body(answer)["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_body_that_is_not_utf_8_is_refused_in_a_sentence() {
    let server = TestServer::start().await;
    let answer = server.raw(form(b"grant_type=password&username=alice&password=\xff\xfe")).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("application/json"), "{answer}");
    assert_eq!(body(&answer), json!({"errors": [{"code": "UNSUPPORTED", "message": "the request cannot be read"}]}));
    let escaped = server.raw(form(b"grant_type=password&username=alice&password=%ff%fe")).await;
    assert!(escaped.starts_with("HTTP/1.1 401 "), "{escaped}");
    assert_eq!(body(&escaped)["errors"][0]["message"], FAILED);
}

#[tokio::test]
async fn an_empty_body_or_another_kind_of_it_is_no_fault() {
    let server = TestServer::start().await;
    let json_body = b"{\"grant_type\":\"password\"}";
    let cases: [Vec<u8>; 3] = [
        form(b""),
        request(&format!("Content-Type: application/json\r\nContent-Length: {}", json_body.len()), json_body),
        request("Content-Length: 3", b"&=&"),
    ];
    for case in cases {
        let answer = server.raw(case).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert_eq!(body(&answer)["errors"][0]["code"], "UNSUPPORTED");
    }
}
