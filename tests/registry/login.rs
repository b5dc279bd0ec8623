//! `docker login` and `skopeo login` against Dockpass without a registry.

use crate::client::Client;
use crate::harness::{PASSWORD, TestServer};

const FAILED: &str = "incorrect username or password; with two-factor authentication on, use a personal access token \
                      as the password (AUTH-FAILED)";

#[track_caller]
fn logs_in_with_both(server: &TestServer, name: &str, secret: &str) {
    let (host, client) = (server.address.to_string(), Client::new());
    assert_eq!(client.docker_login(&host, name, secret).succeed(), "Login Succeeded\n");
    assert_eq!(client.docker_stored(&host), format!("{name}:{secret}"));
    assert_eq!(client.skopeo_login(&host, name, secret).succeed(), "Login Succeeded!\n");
    assert_eq!(client.skopeo_stored(&host), format!("{name}:{secret}"));
}

#[track_caller]
fn is_refused_by_both(server: &TestServer, name: &str, secret: &str, sentence: &str) {
    let (host, client) = (server.address.to_string(), Client::new());
    let docker = client.docker_login(&host, name, secret).fail();
    assert_eq!(docker, format!("Get \"http://{host}/v2/\": denied: {sentence}"));
    // skopeo login never shows the server's sentence.
    let skopeo = client.skopeo_login(&host, name, secret).fail();
    assert_eq!(skopeo, format!("logging into \"{host}\": invalid username/password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_each_level_logs_in_and_is_stored_as_the_password() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for level in ["repo:public_read", "repo:read", "repo:write", "repo:admin"] {
        let token = alice.generate(level, level, "30").await;
        logs_in_with_both(&server, "alice", &token.secret);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_password_logs_in() {
    let server = TestServer::start().await;
    server.account("alice").await;
    logs_in_with_both(&server, "alice", PASSWORD);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_name_or_secret_is_refused_in_the_same_words() {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.account("bob").await;
    let no_token = format!("dp_pat_{}0uCPlr", "A".repeat(30));
    for (name, secret) in [
        ("alice", "a wrong password of some length"),
        ("nobody", PASSWORD),
        ("alice", no_token.as_str()),
        ("nobody", no_token.as_str()),
        ("alice", "dp_pat_tooshort"),
    ] {
        is_refused_by_both(&server, name, secret, FAILED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_factors_a_right_password_is_refused_as_a_wrong_one_and_a_token_logs_in() {
    let server = TestServer::start().await;
    let alice = server.enrolled("alice").await;
    for password in [PASSWORD, "a wrong password of some length"] {
        is_refused_by_both(&server, "alice", password, FAILED);
    }
    let token = alice.browser.generate("laptop", "repo:write", "30").await;
    logs_in_with_both(&server, "alice", &token.secret);
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_logout_forgets_the_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("laptop", "repo:read", "30").await;
    let (host, client) = (server.address.to_string(), Client::new());
    client.docker_login(&host, "alice", &token.secret).succeed();
    client.docker(&["logout", &host]).succeed();
    let config = std::fs::read_to_string(client.file("docker/config.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&config).unwrap(), serde_json::json!({ "auths": {} }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_no_longer_good_is_refused_with_its_reason() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    server.account("bob").await;
    let token = alice.generate("ci push", "repo:write", "30").await;
    let owner =
        "access token \"ci push\" belongs to another account: log in with its owner's username (PAT-WRONG-USER)";
    is_refused_by_both(&server, "bob", &token.secret, owner);
    let page = server.url("/settings/tokens");
    alice.post(&format!("/settings/tokens/{}/deactivate", token.id), &[]).await;
    let inactive = format!("access token \"ci push\" is inactive: activate it at {page} (PAT-INACTIVE)");
    is_refused_by_both(&server, "alice", &token.secret, &inactive);
    alice.post(&format!("/settings/tokens/{}/delete", token.id), &[]).await;
    let day = server.clock.now().date();
    let deleted = format!("access token \"ci push\" was deleted on {day}: generate a new one at {page} (PAT-DELETED)");
    is_refused_by_both(&server, "alice", &token.secret, &deleted);
}
