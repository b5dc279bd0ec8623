//! Private repositories are only for their owner.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::client::Client;
use crate::harness::Answer;
use crate::image::Image;
use crate::registry_host::RegistryHost;

/// Another account, logged in with a token of the highest level.
async fn bob(registry_host: &RegistryHost) -> (Client, String) {
    let browser = registry_host.server.account_signed_in("bob").await;
    let secret = browser.generate("bob's own", "repo:admin", "30").await.secret;
    (Client::logged_in(&registry_host.registry.host, "bob", &secret), secret)
}

fn not_shared(who: &str, owner: &str) -> String {
    let reason = format!("it is neither {who}'s own nor shared with {who} for pushing");
    format!("{who} cannot push to {owner}/app: {reason} (PAT-REPOSITORY)")
}

/// Sends a request to the registry with a registry token for `scopes` that no client would request.
async fn ask(registry_host: &RegistryHost, secret: &str, scopes: &[&str], method: Method, path: &str) -> Answer {
    let caller = registry_host.server.anonymous();
    let token = caller.token("bob", secret, scopes).await.json();
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {}", token["token"].as_str().unwrap()).parse().unwrap());
    caller.send(method, &format!("http://{}{path}", registry_host.registry.host), None, headers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_highest_level_opens_no_namespace_but_its_own() {
    let registry_host = RegistryHost::open().await;
    let (client, _) = bob(&registry_host).await;
    registry_host.gets_nothing(&client, "alice", Some(&not_shared("bob", "alice")));
    let image = Image::holding("bob's");
    registry_host.push(&client, &image, "bob/app:v1").succeed();
    assert_eq!(registry_host.pull(&client, "bob/app:v1"), Ok(image.manifest));
    registry_host.gets_nothing(&registry_host.owner, "bob", Some(&not_shared("alice", "bob")));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_anything_without_logging_in() {
    let registry_host = RegistryHost::open().await;
    registry_host.gets_nothing(&Client::new(), "alice", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_cannot_be_mounted_from_another_namespace() {
    let registry_host = RegistryHost::open().await;
    let (_, secret) = bob(&registry_host).await;
    let manifest: serde_json::Value = serde_json::from_slice(&registry_host.image.manifest).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let scopes = ["repository:bob/app:pull,push", "repository:alice/app:pull"];
    let mount = format!("/v2/bob/app/blobs/uploads/?mount={layer}&from=alice/app");
    assert_eq!(ask(&registry_host, &secret, &scopes, Method::POST, &mount).await.status, StatusCode::UNAUTHORIZED);
    let own = ask(&registry_host, &secret, &scopes, Method::POST, "/v2/bob/app/blobs/uploads/").await;
    assert_eq!(own.status, StatusCode::ACCEPTED, "{}", own.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_only_begins_alike_is_another() {
    let registry_host = RegistryHost::open().await;
    let (_, secret) = bob(&registry_host).await;
    for repository in ["bobby/app", "bob-2/app", "bob", "alice/bob/app", "bob/../alice/app", "BOB/app"] {
        let scope = format!("repository:{repository}:pull,*");
        let token = registry_host.server.anonymous().token("bob", &secret, &[&scope]).await.json();
        let access = crate::harness::claims(token["token"].as_str().unwrap())["access"].clone();
        assert_eq!(access, serde_json::json!([]), "{repository}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_of_all_repositories_stays_closed() {
    let registry_host = RegistryHost::open().await;
    let (_, secret) = bob(&registry_host).await;
    let answer = ask(&registry_host, &secret, &["registry:catalog:*"], Method::GET, "/v2/_catalog").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.json()["errors"][0]["code"], "UNAUTHORIZED");
}
