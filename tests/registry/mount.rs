//! Mounting a layer from another repository, which needs two scopes in one request. skopeo remembers where it saw a
//! layer and tries to mount it from there.

use crate::registry_host::RegistryHost;

/// Whether skopeo requested push access to one repository and pull access to the other.
fn asks_both(log: &str, to: &str, from: &str) -> bool {
    let (to, from) = (to.replace('/', "%2F"), from.replace('/', "%2F"));
    log.contains(&format!("&scope=repository%3A{to}%3Apull%2Cpush&scope=repository%3A{from}%3Apull&service=dockpass"))
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_mounts_a_layer_from_another_repository_of_the_account() {
    let registry_host = RegistryHost::open().await;
    let (client, _) = registry_host.alice_with("repo:write").await;
    assert!(registry_host.pull(&client, "alice/app:v1").is_ok());
    assert!(registry_host.pull(&client, "alice/docker:v1").is_ok());
    let (from, to) = (registry_host.at("alice/app:v1"), registry_host.at("alice/copy:v1"));
    let said = client.skopeo(&["--debug", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", &from, &to]);
    assert!(said.succeeded && said.stderr.contains("\"... mount OK\""), "{said:#?}");
    let sources = ["alice/app", "alice/docker"];
    assert!(sources.iter().any(|from| asks_both(&said.stderr, "alice/copy", from)), "{said:#?}");
    assert_eq!(registry_host.pull(&client, "alice/copy:v1").as_ref(), Ok(&registry_host.image.manifest));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_is_closed_to_the_account_is_uploaded_instead_and_the_push_succeeds() {
    let registry_host = RegistryHost::open().await;
    let bob = registry_host.server.account_signed_in("bob").await;
    let token = bob.generate("bob's own", "repo:write", "30").await;
    // Under alice's home directory, where skopeo remembers the layer's place.
    registry_host.owner.skopeo_login(&registry_host.registry.host, "bob", &token.secret).succeed();
    let (from, to) = (registry_host.image.source(), registry_host.at("bob/app:v1"));
    let said = registry_host.owner.skopeo(&["--debug", "copy", "--dest-tls-verify=false", &from, &to]);
    assert!(said.succeeded, "a closed repository fails the others of its request: {said:#?}");
    assert!(asks_both(&said.stderr, "bob/app", "alice/app"), "{said:#?}");
    assert!(!said.stderr.contains("mount OK"), "{said:#?}");
    assert_eq!(registry_host.pull(&registry_host.owner, "bob/app:v1").as_ref(), Ok(&registry_host.image.manifest));
}
