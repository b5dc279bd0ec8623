//! What each level may do in a registry, as docker and skopeo find out.

use crate::{
    client::Client,
    harness::PASSWORD,
    image::Image,
    yard::{UNABLE, Yard},
};

#[track_caller]
fn pulls(yard: &Yard, client: &Client) {
    assert_eq!(yard.pull(client, "alice/app:v1").as_ref(), Ok(&yard.image.manifest), "not the bytes that were pushed");
    let raw = client.skopeo(&["inspect", "--tls-verify=false", "--raw", &yard.at("alice/app:v1")]).succeed();
    assert_eq!(raw.as_bytes(), yard.image.manifest);
    assert_eq!(yard.list_tags(client, "alice/app"), Ok(vec!["v1".to_owned()]));
    let shown = yard.docker_inspect(client, "alice/docker:v1").succeed();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown, serde_json::from_slice::<serde_json::Value>(&yard.image.docker_manifest).unwrap());
    assert_eq!(yard.pull(client, "alice/docker:v1").as_ref(), Ok(&yard.image.docker_manifest));
}

#[track_caller]
fn pushes(yard: &Yard, client: &Client) {
    let image = Image::holding("pushed");
    yard.push(client, &image, "alice/pushed:v1").succeed();
    assert_eq!(yard.pull(&yard.owner, "alice/pushed:v1"), Ok(image.manifest));
    let said = yard.docker_push_list(client, "alice/list:v1", "alice/docker:v1").succeed();
    let list = yard.docker_inspect(&yard.owner, "alice/list:v1").succeed();
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["mediaType"], "application/vnd.docker.distribution.manifest.list.v2+json");
    let digest = list["manifests"][0]["digest"].as_str().unwrap();
    assert!(said.starts_with(&format!("Pushed ref {}@{digest} with digest: ", yard.name("alice/list"))), "{said}");
}

fn read_only(repository: &str) -> String {
    format!("this access token is read-only: it cannot push to {repository} (PAT-READ-ONLY)")
}

#[track_caller]
fn cannot_push(yard: &Yard, client: &Client) {
    let said = yard.push(client, &Image::holding("pushed"), "alice/app:v2").fail();
    assert_eq!(said, format!("trying to reuse blob sha256:… at destination: {UNABLE}{}", read_only("alice/app")));
    let said = yard.docker_push_list(client, "alice/list:v1", "alice/docker:v1").fail();
    assert!(said.ends_with(&format!("denied: {}", read_only("alice/list"))), "{said}");
    assert_eq!(yard.list_tags(&yard.owner, "alice/app"), Ok(vec!["v1".to_owned()]));
}

#[track_caller]
fn cannot_delete(yard: &Yard, client: &Client) {
    let said = yard.delete(client, "alice/app:v1").fail();
    let detail = r#""detail":[{"Type":"repository","Class":"","Name":"alice/app","Action":"delete"}]"#;
    let expected = format!(
        "Failed to delete /v2/alice/app/manifests/sha256:…: \
         {{\"errors\":[{{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\",{detail}}}]}}\n \
         (401 Unauthorized)"
    );
    assert_eq!(said, expected);
    assert_eq!(yard.pull(&yard.owner, "alice/app:v1").as_ref(), Ok(&yard.image.manifest));
}

#[track_caller]
fn deletes(yard: &Yard, client: &Client) {
    yard.delete(client, "alice/app:v1").succeed();
    let gone = yard.pull(&yard.owner, "alice/app:v1").unwrap_err();
    let name = yard.at("alice/app:v1");
    let reading = format!("reading manifest v1 in {}", yard.name("alice/app"));
    assert_eq!(gone, format!("initializing source {name}: {reading}: manifest unknown: manifest unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_token_pulls_and_can_neither_push_nor_delete() {
    let yard = Yard::open().await;
    let (client, _) = yard.alice_with("repo:read").await;
    pulls(&yard, &client);
    cannot_push(&yard, &client);
    cannot_delete(&yard, &client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_and_write_token_pulls_and_pushes_and_cannot_delete() {
    let yard = Yard::open().await;
    let (client, _) = yard.alice_with("repo:write").await;
    pulls(&yard, &client);
    pushes(&yard, &client);
    cannot_delete(&yard, &client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_write_delete_token_does_all() {
    let yard = Yard::open().await;
    let (client, _) = yard.alice_with("repo:admin").await;
    pulls(&yard, &client);
    pushes(&yard, &client);
    deletes(&yard, &client);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_password_does_all() {
    let yard = Yard::open().await;
    let client = Client::logged_in(&yard.registry.host, "alice", PASSWORD);
    pulls(&yard, &client);
    pushes(&yard, &client);
    deletes(&yard, &client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_repo_read_only_token_logs_in_and_gets_nothing() {
    let yard = Yard::open().await;
    let (client, _) = yard.alice_with("repo:public_read").await;
    yard.gets_nothing(&client, "alice", Some(&read_only("alice/app")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_level_holds_from_the_next_request_on() {
    let yard = Yard::open().await;
    let (client, token) = yard.alice_with("repo:read").await;
    cannot_push(&yard, &client);
    let form = [("description", "ci push"), ("permission", "repo:write")];
    yard.alice.post(&format!("/settings/tokens/{}", token.id), &form).await;
    pushes(&yard, &client);
    let form = [("description", "ci push"), ("permission", "repo:public_read")];
    yard.alice.post(&format!("/settings/tokens/{}", token.id), &form).await;
    yard.gets_nothing(&client, "alice", Some(&read_only("alice/app")));
}
