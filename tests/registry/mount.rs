//! A layer that a registry already has, mounted from one repository into another: two scopes in one request. skopeo
//! keeps in mind where it saw a layer, and tries to mount it from there.

use crate::yard::Yard;

/// The token request for a push to the one and a pull from the other.
fn asks_both(log: &str, to: &str, from: &str) -> bool {
    let (to, from) = (to.replace('/', "%2F"), from.replace('/', "%2F"));
    log.contains(&format!("&scope=repository%3A{to}%3Apull%2Cpush&scope=repository%3A{from}%3Apull&service=dockpass"))
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_mounts_a_layer_from_another_repository_of_the_account() {
    let yard = Yard::open().await;
    let (client, _) = yard.alice_with("repo:write").await;
    assert!(yard.pull(&client, "alice/app:v1").is_ok());
    assert!(yard.pull(&client, "alice/docker:v1").is_ok());
    let (from, to) = (yard.at("alice/app:v1"), yard.at("alice/copy:v1"));
    let said = client.skopeo(&["--debug", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", &from, &to]);
    assert!(said.succeeded && said.stderr.contains("\"... mount OK\""), "{said:#?}");
    let sources = ["alice/app", "alice/docker"];
    assert!(sources.iter().any(|from| asks_both(&said.stderr, "alice/copy", from)), "{said:#?}");
    assert_eq!(yard.pull(&client, "alice/copy:v1").as_ref(), Ok(&yard.image.manifest));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_is_closed_to_the_account_is_uploaded_instead_and_the_push_succeeds() {
    let yard = Yard::open().await;
    let bob = yard.server.account_signed_in("bob").await;
    let token = bob.generate("bob's own", "repo:write", "30").await;
    // With alice's memory of where the layer is.
    yard.owner.skopeo_login(&yard.registry.host, "bob", &token.secret).succeed();
    let (from, to) = (yard.image.source(), yard.at("bob/app:v1"));
    let said = yard.owner.skopeo(&["--debug", "copy", "--dest-tls-verify=false", &from, &to]);
    assert!(said.succeeded, "a closed repository fails the others of its request: {said:#?}");
    assert!(asks_both(&said.stderr, "bob/app", "alice/app"), "{said:#?}");
    assert!(!said.stderr.contains("mount OK"), "{said:#?}");
    assert_eq!(yard.pull(&yard.owner, "bob/app:v1").as_ref(), Ok(&yard.image.manifest));
}
