//! `/.well-known/jwks.json`.

use data_encoding::BASE64URL_NOPAD;
use reqwest::StatusCode;

use crate::harness::{PASSWORD, TestServer};

#[tokio::test]
async fn it_has_the_public_key_by_the_name_that_tokens_use() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let answer = server.anonymous().get("/.well-known/jwks.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 1);
    let token = server.anonymous().token("alice", PASSWORD, &[]).await.json()["token"].as_str().unwrap().to_owned();
    let header = BASE64URL_NOPAD.decode(token.split('.').next().unwrap().as_bytes()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(keys[0]["kid"], header["kid"]);
    for (name, value) in [("kty", "EC"), ("crv", "P-256"), ("use", "sig"), ("alg", "ES256")] {
        assert_eq!(keys[0][name], value);
    }
    assert!(keys[0].get("d").is_none(), "never the private part");
    let part = |name: &str| keys[0][name].as_str().unwrap().to_owned();
    let key = jsonwebtoken::DecodingKey::from_ec_components(&part("x"), &part("y")).unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    rules.set_audience(&["dockpass"]);
    rules.validate_exp = false;
    jsonwebtoken::decode::<serde_json::Value>(&token, &key, &rules).unwrap();
}
