//! Public repositories, shared repositories, repositories of the administrators, and tokens that are limited to some.

use crate::client::Client;
use crate::harness::Browser;
use crate::image::Image;
use crate::podman::Podman;
use crate::registry_host::{RegistryHost, UNABLE};

/// Waits for a repository's first push and returns its id.
async fn known(registry_host: &RegistryHost, name: &str) -> String {
    registry_host.server.flush().await;
    registry_host.server.text(&format!("SELECT id FROM repository WHERE name = '{name}'")).await
}

async fn post(browser: &Browser, id: &str, verb: &str, form: &[(&str, &str)]) {
    let answer = browser.post(&format!("/settings/repositories/{id}/{verb}"), form).await;
    assert_eq!(answer.status, 303, "{verb}: {}", answer.body);
}

/// Another account, logged in with a token of this level.
async fn bob(registry_host: &RegistryHost, level: &str) -> Client {
    let browser = registry_host.server.account_signed_in("bob").await;
    let secret = browser.generate("bob's own", level, "30").await.secret;
    Client::logged_in(&registry_host.registry.host, "bob", &secret)
}

#[track_caller]
fn pulls(registry_host: &RegistryHost, client: &Client) {
    assert_eq!(registry_host.pull(client, "alice/app:v1").as_ref(), Ok(&registry_host.image.manifest));
    assert_eq!(registry_host.list_tags(client, "alice/app"), Ok(vec!["v1".to_owned()]));
    registry_host.docker_inspect(client, "alice/docker:v1").succeed();
}

#[track_caller]
fn cannot_delete(registry_host: &RegistryHost, client: &Client) {
    let said = registry_host.delete(client, "alice/app:v1").fail();
    assert_eq!(said, format!("{UNABLE}only its owner can delete from alice/app (PAT-REPOSITORY)"));
    assert!(registry_host.pull(&registry_host.owner, "alice/app:v1").is_ok());
}

fn not_shared(repository: &str) -> String {
    format!("bob cannot push to {repository}: it is neither bob's own nor shared with bob for pushing (PAT-REPOSITORY)")
}

#[track_caller]
fn cannot_push(registry_host: &RegistryHost, client: &Client, sentence: &str) {
    let said = registry_host.push(client, &Image::holding("intruder"), "alice/app:v2").fail();
    assert_eq!(said, format!("trying to reuse blob sha256:… at destination: {UNABLE}{sentence}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_repository_is_pulled_by_everyone_until_it_is_private_again() {
    let registry_host = RegistryHost::open().await;
    let (app, docker) = (known(&registry_host, "alice/app").await, known(&registry_host, "alice/docker").await);
    for id in [&app, &docker] {
        post(&registry_host.alice, id, "public", &[]).await;
    }
    let (nobody, weakest) = (Client::new(), bob(&registry_host, "repo:public_read").await);
    for client in [&nobody, &weakest, &registry_host.alice_with("repo:public_read").await.0] {
        pulls(&registry_host, client);
    }
    cannot_push(&registry_host, &weakest, &not_shared("alice/app"));
    cannot_delete(&registry_host, &weakest);
    for id in [&app, &docker] {
        post(&registry_host.alice, id, "private", &[]).await;
    }
    registry_host.gets_nothing(&nobody, "alice", None);
    registry_host.gets_nothing(&weakest, "alice", Some(&not_shared("alice/app")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_reaches_as_far_as_it_was_given_and_never_to_delete() {
    let registry_host = RegistryHost::open().await;
    let client = bob(&registry_host, "repo:admin").await;
    let (app, docker) = (known(&registry_host, "alice/app").await, known(&registry_host, "alice/docker").await);
    for id in [&app, &docker] {
        post(&registry_host.alice, id, "share", &[("username", "bob"), ("share", "pull")]).await;
    }
    pulls(&registry_host, &client);
    cannot_push(&registry_host, &client, &not_shared("alice/app"));
    cannot_delete(&registry_host, &client);
    post(&registry_host.alice, &app, "share", &[("username", "bob"), ("share", "push")]).await;
    let image = Image::holding("bob's work");
    registry_host.push(&client, &image, "alice/app:v2").succeed();
    assert_eq!(registry_host.pull(&registry_host.owner, "alice/app:v2"), Ok(image.manifest));
    cannot_delete(&registry_host, &client);
    let account = registry_host.server.text("SELECT id FROM account WHERE username = 'bob'").await;
    for id in [&app, &docker] {
        post(&registry_host.alice, id, "unshare", &[("account", &account)]).await;
    }
    registry_host.gets_nothing(&client, "alice", Some(&not_shared("alice/app")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_token_reaches_what_is_named_and_no_other() {
    let registry_host = RegistryHost::open().await;
    let (client, token) = registry_host.alice_with("repo:admin").await;
    let form = [
        ("description", "ci push"),
        ("permission", "repo:admin"),
        ("reach", "named"),
        ("repositories", "alice/web alice/doc*"),
    ];
    registry_host.alice.post(&format!("/settings/tokens/{}", token.id), &form).await;
    let image = Image::holding("the web");
    registry_host.push(&client, &image, "alice/web:v1").succeed();
    assert_eq!(registry_host.pull(&client, "alice/web:v1"), Ok(image.manifest));
    registry_host.docker_inspect(&client, "alice/docker:v1").succeed();
    assert!(
        registry_host.pull(&client, "alice/app:v1").unwrap_err().contains("requested access to the resource is denied")
    );
    let limited = "this access token is limited to other repositories: it cannot push to alice/app (PAT-REPOSITORY)";
    cannot_push(&registry_host, &client, limited);
    registry_host.delete(&client, "alice/web:v1").succeed();
    // Of all others it pulls what is public, as an anonymous client can.
    post(&registry_host.alice, &known(&registry_host, "alice/app").await, "public", &[]).await;
    assert!(registry_host.pull(&client, "alice/app:v1").is_ok());
    assert!(registry_host.pull(&Client::new(), "alice/app:v1").is_ok());
    cannot_push(&registry_host, &client, limited);
    let said = registry_host.delete(&client, "alice/app:v1").fail();
    assert_eq!(said, format!("{UNABLE}{}", limited.replace("push to", "delete from")));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_no_account_are_the_administrators_who_share_them_and_list_all() {
    let registry_host = RegistryHost::open().await;
    let browser = registry_host.server.account_signed_in("root-of-all").await;
    // alice has the first account and so is an administrator.
    registry_host.server.sql("UPDATE account SET is_admin = (username = 'root-of-all')").await;
    let secret = browser.generate("admin", "repo:admin", "30").await.secret;
    let admin = Client::logged_in(&registry_host.registry.host, "root-of-all", &secret);
    let image = Image::holding("the team's");
    for name in ["team/app:v1", "app:v1"] {
        registry_host.push(&admin, &image, name).succeed();
        assert_eq!(registry_host.pull(&admin, name).as_ref(), Ok(&image.manifest));
        assert!(registry_host.pull(&registry_host.owner, name).is_err(), "{name}");
    }
    let team = known(&registry_host, "team/app").await;
    post(&browser, &team, "share", &[("username", "alice"), ("share", "push")]).await;
    registry_host.push(&registry_host.owner, &image, "team/app:v2").succeed();
    assert_eq!(
        registry_host.delete(&registry_host.owner, "team/app:v2").fail(),
        format!("{UNABLE}only its owner can delete from team/app (PAT-REPOSITORY)")
    );
    registry_host.delete(&admin, "team/app:v2").succeed();
    assert!(registry_host.pull(&admin, "alice/app:v1").is_err(), "what an account has is its own");
    // podman search requests the catalog.
    let search = |podman: &Podman| podman.run(&["search", "--tls-verify=false", &registry_host.name("app")], "");
    let podman = Podman::new("podman");
    podman.login_as(&registry_host, "root-of-all", &secret).succeed();
    let found = search(&podman).succeed();
    for name in ["alice/app", "team/app"] {
        assert!(found.contains(&registry_host.name(name)), "{found}");
    }
    let (_, plain) = registry_host.alice_with("repo:admin").await;
    let podman = Podman::new("podman");
    podman.login_as(&registry_host, "alice", &plain.secret).succeed();
    let refused = search(&podman);
    assert!(!refused.succeeded && !refused.stdout.contains("team/app"), "{refused:#?}");
}
