//! What docker and skopeo can do with each level.

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap};

use crate::client::Client;
use crate::harness::PASSWORD;
use crate::image::Image;
use crate::registry_host::{RegistryHost, UNABLE};

#[track_caller]
fn pulls(registry_host: &RegistryHost, client: &Client) {
    assert_eq!(
        registry_host.pull(client, "alice/app:v1").as_ref(),
        Ok(&registry_host.image.manifest),
        "not the bytes that were pushed"
    );
    let raw = client.skopeo(&["inspect", "--tls-verify=false", "--raw", &registry_host.at("alice/app:v1")]).succeed();
    assert_eq!(raw.as_bytes(), registry_host.image.manifest);
    assert_eq!(registry_host.list_tags(client, "alice/app"), Ok(vec!["v1".to_owned()]));
    let shown = registry_host.docker_inspect(client, "alice/docker:v1").succeed();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown, serde_json::from_slice::<serde_json::Value>(&registry_host.image.docker_manifest).unwrap());
    assert_eq!(registry_host.pull(client, "alice/docker:v1").as_ref(), Ok(&registry_host.image.docker_manifest));
}

#[track_caller]
fn pushes(registry_host: &RegistryHost, client: &Client) {
    let image = Image::holding("pushed");
    registry_host.push(client, &image, "alice/pushed:v1").succeed();
    assert_eq!(registry_host.pull(&registry_host.owner, "alice/pushed:v1"), Ok(image.manifest));
    let said = registry_host.docker_push_list(client, "alice/list:v1", "alice/docker:v1").succeed();
    let list = registry_host.docker_inspect(&registry_host.owner, "alice/list:v1").succeed();
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["mediaType"], "application/vnd.docker.distribution.manifest.list.v2+json");
    let digest = list["manifests"][0]["digest"].as_str().unwrap();
    assert!(
        said.starts_with(&format!("Pushed ref {}@{digest} with digest: ", registry_host.name("alice/list"))),
        "{said}"
    );
}

fn read_only(repository: &str) -> String {
    format!("this access token is read-only: it cannot push to {repository} (PAT-READ-ONLY)")
}

#[track_caller]
fn cannot_push(registry_host: &RegistryHost, client: &Client) {
    let said = registry_host.push(client, &Image::holding("pushed"), "alice/app:v2").fail();
    assert_eq!(said, format!("trying to reuse blob sha256:… at destination: {UNABLE}{}", read_only("alice/app")));
    let said = registry_host.docker_push_list(client, "alice/list:v1", "alice/docker:v1").fail();
    assert!(said.ends_with(&format!("denied: {}", read_only("alice/list"))), "{said}");
    assert_eq!(registry_host.list_tags(&registry_host.owner, "alice/app"), Ok(vec!["v1".to_owned()]));
}

/// skopeo first asks for `*`, and for `delete` by its name when the registry refuses.
#[track_caller]
fn cannot_delete(registry_host: &RegistryHost, client: &Client, level: &str) {
    let said = registry_host.delete(client, "alice/app:v1").fail();
    let sentence = format!("this access token is {level}: it cannot delete from alice/app (PAT-NO-DELETE)");
    assert_eq!(said, format!("{UNABLE}{sentence}"));
    assert_eq!(registry_host.pull(&registry_host.owner, "alice/app:v1").as_ref(), Ok(&registry_host.image.manifest));
}

#[track_caller]
fn deletes(registry_host: &RegistryHost, client: &Client) {
    registry_host.delete(client, "alice/app:v1").succeed();
    let gone = registry_host.pull(&registry_host.owner, "alice/app:v1").unwrap_err();
    let name = registry_host.at("alice/app:v1");
    let reading = format!("reading manifest v1 in {}", registry_host.name("alice/app"));
    assert_eq!(gone, format!("initializing source {name}: {reading}: manifest unknown: manifest unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_token_pulls_and_can_neither_push_nor_delete() {
    let registry_host = RegistryHost::open().await;
    let (client, _) = registry_host.alice_with("repo:read").await;
    pulls(&registry_host, &client);
    cannot_push(&registry_host, &client);
    cannot_delete(&registry_host, &client, "read-only");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_and_write_token_pulls_and_pushes_and_cannot_delete() {
    let registry_host = RegistryHost::open().await;
    let (client, _) = registry_host.alice_with("repo:write").await;
    pulls(&registry_host, &client);
    pushes(&registry_host, &client);
    cannot_delete(&registry_host, &client, "Read & Write");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_write_delete_token_does_all() {
    let registry_host = RegistryHost::open().await;
    let (client, _) = registry_host.alice_with("repo:admin").await;
    pulls(&registry_host, &client);
    pushes(&registry_host, &client);
    deletes(&registry_host, &client);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_password_does_all() {
    let registry_host = RegistryHost::open().await;
    let client = Client::logged_in(&registry_host.registry.host, "alice", PASSWORD);
    pulls(&registry_host, &client);
    pushes(&registry_host, &client);
    deletes(&registry_host, &client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_repo_read_only_token_logs_in_and_gets_nothing() {
    let registry_host = RegistryHost::open().await;
    let (client, _) = registry_host.alice_with("repo:public_read").await;
    registry_host.gets_nothing(&client, "alice", Some(&read_only("alice/app")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_level_holds_from_the_next_request_on() {
    let registry_host = RegistryHost::open().await;
    let (client, token) = registry_host.alice_with("repo:read").await;
    cannot_push(&registry_host, &client);
    let form = [("description", "ci push"), ("permission", "repo:write")];
    registry_host.alice.post(&format!("/settings/tokens/{}", token.id), &form).await;
    pushes(&registry_host, &client);
    let form = [("description", "ci push"), ("permission", "repo:public_read")];
    registry_host.alice.post(&format!("/settings/tokens/{}", token.id), &form).await;
    registry_host.gets_nothing(&client, "alice", Some(&read_only("alice/app")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_names_delete_is_refused_before_it_touches_the_tag() {
    let registry_host = RegistryHost::open().await;
    let (client, write) = registry_host.alice_with("repo:write").await;
    let (_, admin) = registry_host.alice_with("repo:admin").await;
    // What regctl asks for: with less than it asked for it would overwrite the tag before it fails.
    let scope = ["repository:alice/app:delete,pull,push"];
    let refused = registry_host.server.anonymous().token("alice", &write.secret, &scope).await;
    let sentence = "this access token is Read & Write: it cannot delete from alice/app (PAT-NO-DELETE)";
    assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["message"]), (401, &sentence.into()));
    assert_eq!(registry_host.pull(&client, "alice/app:v1").as_ref(), Ok(&registry_host.image.manifest));
    let granted = registry_host.server.anonymous().token("alice", &admin.secret, &scope).await.json();
    let bearer = format!("Bearer {}", granted["token"].as_str().unwrap());
    let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer.parse().unwrap())]);
    let digest = crate::image::digest(&registry_host.image.manifest);
    let address = format!("http://{}/v2/alice/app/manifests/{digest}", registry_host.registry.host);
    let deleted = registry_host.server.anonymous().send(Method::DELETE, &address, None, headers).await;
    assert_eq!(deleted.status.as_u16(), 202, "{}", deleted.body);
}
