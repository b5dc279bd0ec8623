//! Requests to `/token`, byte by byte as registry clients send them.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestServer, basic, claims};

/// The first bytes of a TLS ClientHello (RFC 8446 section 5.1), which docker sends to every port. Its random part may
/// contain line ends.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03GET / HTTP/1.1\r\n\r\n";

/// alice with a Read & Write token. `{basic}` and `{secret}` in requests are replaced with it.
struct Wire {
    server: TestServer,
    secret: String,
    subject: String,
}

impl Wire {
    async fn open() -> Self {
        let server = TestServer::start().await;
        let token = server.account_signed_in("alice").await.generate("ci", "repo:write", "30").await;
        Self { server, secret: token.secret, subject: format!("alice/{}", token.id) }
    }

    /// Every request has its own connection.
    async fn exchange(&self, request: &str) -> (String, Value) {
        let basic = basic("alice", &self.secret);
        let request = request.replace("{basic}", basic.to_str().unwrap()).replace("{secret}", &self.secret);
        let answer = self.server.raw(request.replace('\n', "\r\n")).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("\r\nconnection: close"), "{head}");
        (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}")))
    }

    /// The access that a request is granted.
    async fn opens(&self, request: &str) -> Value {
        self.opens_as(&self.subject, request).await
    }

    async fn opens_as(&self, subject: &str, request: &str) -> Value {
        let (status, body) = self.exchange(request).await;
        assert_eq!(status, "HTTP/1.1 200 OK", "{body}");
        let mut names: Vec<&String> = body.as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["access_token", "expires_in", "token"], "no issued_at, no refresh_token");
        let claims = claims(body["token"].as_str().unwrap());
        assert_eq!(claims["sub"], subject);
        claims["access"].clone()
    }

    async fn get_opens(&self, query: &str) -> Value {
        self.opens(&format!(
            "GET /token{query} HTTP/1.1\nHost: x\nAuthorization: {{basic}}\nAccept-Encoding: gzip\nConnection: close\n\n"
        ))
        .await
    }

    async fn post_opens(&self, form: &str) -> Value {
        let form = format!("grant_type=password&username=alice&password={}{form}", self.secret);
        let length = form.len();
        self.opens(&format!(
            "POST /token HTTP/1.1\nHost: x\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\n\
             Content-Length: {length}\nConnection: close\n\n{form}"
        ))
        .await
    }
}

fn repository(name: &str) -> Value {
    json!({"type": "repository", "name": name, "actions": ["pull", "push"]})
}

#[tokio::test]
async fn docker_logs_in_with_a_hint_an_id_and_a_wish_for_a_refresh_token() {
    let wire = Wire::open().await;
    let query = "?account=alice&client_id=docker&offline_token=true&service=dockpass";
    assert_eq!(wire.get_opens(query).await, json!([]));
}

#[tokio::test]
async fn a_get_needs_no_user_agent_no_account_and_no_service() {
    let wire = Wire::open().await;
    assert_eq!(wire.get_opens("?scope=repository:alice/a:pull,push").await, json!([repository("alice/a")]));
    assert_eq!(wire.get_opens("").await, json!([]));
    assert_eq!(wire.get_opens("?").await, json!([]));
}

#[tokio::test]
async fn a_service_that_is_another_gets_a_token_for_this_one_alone() {
    let wire = Wire::open().await;
    let query = "?service=registry.docker.io&scope=repository:alice/a:push,pull&account=bob";
    let (status, body) = wire
        .exchange(&format!("GET /token{query} HTTP/1.1\nHost: x\nAuthorization: {{basic}}\nConnection: close\n\n"))
        .await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(claims(body["token"].as_str().unwrap())["aud"], "dockpass");
    assert_eq!(wire.get_opens(query).await, json!([repository("alice/a")]));
}

#[tokio::test]
async fn scopes_come_in_every_form_by_query_and_by_form_alike() {
    let wire = Wire::open().await;
    let (a, b) = (repository("alice/a"), repository("alice/b"));
    let cases = [
        ("", json!([])),
        ("&scope", json!([])),
        ("&scope=", json!([])),
        ("&scope=+", json!([])),
        ("&scope=repository:alice/a:push,pull", json!([a])),
        ("&scope=repository%3Aalice%2Fa%3Apush%2Cpull", json!([a])),
        ("&scope=repository:alice/a:pull&scope=repository:alice/a:pull,push", json!([a])),
        ("&scope=repository:alice/a:pull+repository:alice/a:pull,push", json!([a])),
        ("&scope=repository:alice/a:push%20repository:alice/b:push&scope=&scope=x", json!([a, b])),
        ("&scope=repository:alice/b:push+&scope=+repository:alice/a:push++repository:alice:pull", json!([b, a])),
        ("&scope=repository:alice/a:*&service=dockpass", json!([a])),
    ];
    for (scopes, expected) in cases {
        assert_eq!(wire.get_opens(&format!("?service=dockpass{scopes}")).await, expected, "GET {scopes}");
        assert_eq!(wire.post_opens(scopes).await, expected, "POST {scopes}");
    }
}

#[tokio::test]
async fn containerd_sends_a_form_of_its_own_order() {
    let wire = Wire::open().await;
    let form = format!(
        "client_id=containerd-client&grant_type=password&password={}&scope=repository%3Aalice%2Fapp%3Apull+repository\
         %3Aalice%2Fb%3Apull+repository%3Aalice%2Fb%3Apull%2Cpush&service=dockpass&username=alice",
        wire.secret
    );
    let length = form.len();
    let request = format!(
        "POST /token HTTP/1.1\nHost: x\nUser-Agent: containerd/2.3.3+unknown\nContent-Length: {length}\n\
         Content-Type: application/x-www-form-urlencoded; charset=utf-8\nConnection: close\n\n{form}"
    );
    let pull = json!({"type": "repository", "name": "alice/app", "actions": ["pull"]});
    assert_eq!(wire.opens(&request).await, json!([pull, repository("alice/b")]));
}

#[tokio::test]
async fn skopeo_sends_its_identity_token_in_chunks_and_is_told_that_there_are_none() {
    let wire = Wire::open().await;
    let form = "client_id=containers%2Fimage&grant_type=refresh_token&refresh_token=x&service=dockpass";
    let (status, body) = wire
        .exchange(&format!(
            "POST /token HTTP/1.1\nHost: x\nUser-Agent: skopeo/1.9.3\nContent-Type: application/x-www-form-urlencoded\n\
             Transfer-Encoding: chunked\nConnection: close\n\n{:x}\n{form}\n0\n\n",
            form.len()
        ))
        .await;
    assert_eq!((status.as_str(), &body["errors"][0]["code"]), ("HTTP/1.1 400 Bad Request", &json!("UNSUPPORTED")));
}

#[tokio::test]
async fn a_form_in_chunks_is_read_to_its_end() {
    let wire = Wire::open().await;
    let form = format!(
        "grant_type=password&username=alice&password={}&service=dockpass&scope=repository%3Aalice%2Fa%3Apull%2Cpush",
        wire.secret
    );
    // Cut inside the secret, and between scope and actions.
    let (first, rest) = form.split_at(50);
    let (second, third) = rest.split_at(rest.len() - 14);
    let chunks: String = [first, second, third].iter().map(|part| format!("{:x}\n{part}\n", part.len())).collect();
    let request = format!(
        "POST /token HTTP/1.1\nHost: x\nUser-Agent: skopeo/1.9.3\nContent-Type: application/x-www-form-urlencoded\n\
         Transfer-Encoding: chunked\nConnection: close\n\n{chunks}0\n\n"
    );
    assert_eq!(wire.opens(&request).await, json!([repository("alice/a")]));
}

#[tokio::test]
async fn a_plus_in_a_form_is_a_space_and_in_basic_credentials_a_plus() {
    let wire = Wire::open().await;
    let plus = PASSWORD.replace(' ', "+");
    assert_ne!(plus, PASSWORD, "a password with blanks");
    let form = format!("grant_type=password&username=alice&password={plus}");
    let length = form.len();
    let request = format!(
        "POST /token HTTP/1.1\nHost: x\nContent-Type: application/x-www-form-urlencoded\n\
         Content-Length: {length}\nConnection: close\n\n{form}"
    );
    assert_eq!(wire.opens_as("alice", &request).await, json!([]), "with the password");
    let header = basic("alice", &plus).to_str().unwrap().to_owned();
    let (status, _) =
        wire.exchange(&format!("GET /token HTTP/1.1\nHost: x\nAuthorization: {header}\nConnection: close\n\n")).await;
    assert_eq!(status, "HTTP/1.1 401 Unauthorized");
}

#[tokio::test]
async fn a_tls_hello_is_answered_in_http_so_that_docker_falls_back() {
    let server = TestServer::start().await;
    for hello in [CLIENT_HELLO.to_vec(), [CLIENT_HELLO, &[0; 500]].concat(), vec![0x16]] {
        let answer = server.raw(hello).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer:?}");
    }
}
