//! `/token`.

use reqwest::StatusCode;

use crate::harness::{TestServer, claims};

#[tokio::test]
async fn a_token_gets_what_its_level_allows_on_its_own_namespace() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let cases = [
        ("repo:public_read", None),
        ("repo:read", Some("pull")),
        ("repo:write", Some("pull,push")),
        ("repo:admin", Some("pull,push,delete")),
    ];
    for (level, actions) in cases {
        let token = alice.generate(level, level, "30").await;
        let scopes = ["repository:alice/app:pull,push,delete", "repository:bob/app:pull"];
        let answer = server.anonymous().token("alice", &token.secret, &scopes).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let body = answer.json();
        assert_eq!(body["token"], body["access_token"]);
        assert_eq!(body["expires_in"], 300);
        assert!(body.get("issued_at").is_none() && body.get("refresh_token").is_none());
        let access = claims(body["token"].as_str().unwrap())["access"].clone();
        let expected = match actions {
            None => serde_json::json!([]),
            Some(actions) => {
                let actions: Vec<&str> = actions.split(',').collect();
                serde_json::json!([{"type": "repository", "name": "alice/app", "actions": actions}])
            }
        };
        assert_eq!(access, expected, "{level}");
    }
}
