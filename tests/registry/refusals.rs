//! Clients whose stored token no longer works.

use time::Duration;

use crate::client::Client;
use crate::harness::MadeToken;
use crate::image::Image;
use crate::registry_host::RegistryHost;

/// Every client that shows the server's sentence shows this one.
#[track_caller]
fn is_refused(registry_host: &RegistryHost, client: &Client, name: &str, secret: &str, sentence: &str) {
    let host = &registry_host.registry.host;
    let docker = format!("Get \"http://{host}/v2/alice/docker/manifests/v1\": denied: {sentence}");
    assert_eq!(registry_host.docker_inspect(client, "alice/docker:v1").fail(), docker);
    assert_eq!(registry_host.docker_push_list(client, "alice/list:v1", "alice/docker:v1").fail(), docker);
    let skopeo = format!("unable to retrieve auth token: invalid username/password: denied: {sentence}");
    let pulled = registry_host.pull(client, "alice/app:v1").unwrap_err();
    assert_eq!(pulled, format!("initializing source {}: {skopeo}", registry_host.at("alice/app:v1")));
    let listed = registry_host.list_tags(client, "alice/app").unwrap_err();
    assert_eq!(listed, format!("Error listing repository tags: {skopeo}"));
    let pushed = registry_host.push(client, &Image::holding("refused"), "alice/app:v2").fail();
    assert_eq!(pushed, format!("trying to reuse blob sha256:… at destination: {skopeo}"));
    let deleted = registry_host.delete(client, "alice/app:v1").fail();
    assert_eq!(deleted, skopeo);
    let login = Client::new();
    let docker = login.docker_login(host, name, secret).fail();
    assert_eq!(docker, format!("Get \"http://{host}/v2/\": denied: {sentence}"));
    let skopeo = login.skopeo_login(host, name, secret).fail();
    assert_eq!(skopeo, format!("logging into \"{host}\": invalid username/password"));
    let debug = login.skopeo(&["--debug", "login", "--tls-verify=false", "-u", name, "-p", secret, host]);
    let quoted = serde_json::Value::from(sentence).to_string();
    assert!(debug.stderr.contains(quoted.trim_matches('"')), "what the README says shows the reason: {debug:#?}");
}

async fn do_to(registry_host: &RegistryHost, token: &MadeToken, verb: &str) {
    let answer = registry_host.alice.post(&format!("/settings/tokens/{}/{verb}", token.id), &[]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inactive_token_is_refused_until_it_is_activated() {
    let registry_host = RegistryHost::open().await;
    let (client, token) = registry_host.alice_with("repo:admin").await;
    assert!(registry_host.pull(&client, "alice/app:v1").is_ok());
    registry_host.deactivate(&token).await;
    is_refused(&registry_host, &client, "alice", &token.secret, &registry_host.inactive());
    do_to(&registry_host, &token, "activate").await;
    assert_eq!(registry_host.pull(&client, "alice/app:v1").as_ref(), Ok(&registry_host.image.manifest));
    registry_host.push(&client, &Image::holding("active again"), "alice/app:v2").succeed();
    registry_host.docker_inspect(&client, "alice/docker:v1").succeed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_token_is_refused() {
    let registry_host = RegistryHost::open().await;
    let (client, token) = registry_host.alice_with("repo:admin").await;
    do_to(&registry_host, &token, "delete").await;
    let (page, day) = (registry_host.server.url("/settings/tokens"), registry_host.server.clock.now().date());
    let sentence = format!("access token \"ci push\" was deleted on {day}: generate a new one at {page} (PAT-DELETED)");
    is_refused(&registry_host, &client, "alice", &token.secret, &sentence);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_refused() {
    let registry_host = RegistryHost::open().await;
    let token = registry_host.alice.generate("one week", "repo:admin", "7").await;
    let client = Client::logged_in(&registry_host.registry.host, "alice", &token.secret);
    let page = registry_host.server.url("/settings/tokens");
    // The registry uses the machine's clock and would refuse newer tokens of this server, so from here on only refusals
    // are tested.
    registry_host.server.clock.advance(Duration::days(7));
    let day = registry_host.server.clock.now().date();
    let sentence = format!("access token \"one week\" expired on {day}: generate a new one at {page} (PAT-EXPIRED)");
    is_refused(&registry_host, &client, "alice", &token.secret, &sentence);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_under_another_name_is_refused() {
    let registry_host = RegistryHost::open().await;
    registry_host.server.account("bob").await;
    let (_, token) = registry_host.alice_with("repo:admin").await;
    let client = Client::with_stored_login(&registry_host.registry.host, "bob", &token.secret);
    let sentence =
        "access token \"ci push\" belongs to another account: log in with its owner's username (PAT-WRONG-USER)";
    is_refused(&registry_host, &client, "bob", &token.secret, sentence);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_disabled_account_is_refused_until_it_is_enabled() {
    let registry_host = RegistryHost::open().await;
    let (client, token) = registry_host.alice_with("repo:admin").await;
    registry_host.server.sql("UPDATE account SET disabled_at = 1 WHERE username = 'alice'").await;
    let sentence = "this account is disabled: ask an administrator of this registry to enable it (ACCOUNT-DISABLED)";
    is_refused(&registry_host, &client, "alice", &token.secret, sentence);
    registry_host.server.sql("UPDATE account SET disabled_at = NULL").await;
    assert_eq!(registry_host.pull(&client, "alice/app:v1").as_ref(), Ok(&registry_host.image.manifest));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused() {
    let registry_host = RegistryHost::open().await;
    let client = Client::with_stored_login(&registry_host.registry.host, "alice", "a wrong password of some length");
    let sentence = "incorrect username or password; with two-factor authentication on, use a personal access token as \
                    the password (AUTH-FAILED)";
    is_refused(&registry_host, &client, "alice", "a wrong password of some length", sentence);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_is_a_use_of_the_token() {
    let registry_host = RegistryHost::open().await;
    // Not with `alice_with`, which logs in and so uses the token.
    let token = registry_host.alice.generate("unused", "repo:read", "30").await;
    let is_used = async || {
        let page = registry_host.alice.get("/settings/tokens").await.body;
        let row = page.split("<tr ").find(|row| row.contains("<span class=\"description\">unused</span>")).unwrap();
        !row.contains(">Never</td>")
    };
    assert!(!is_used().await);
    let client = Client::with_stored_login(&registry_host.registry.host, "alice", &token.secret);
    assert!(registry_host.pull(&client, "alice/app:v1").is_ok());
    registry_host.server.flush().await;
    assert!(is_used().await);
}
