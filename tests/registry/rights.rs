//! What others may do with a repository: everyone with a public one, those with whom it is shared, administrators with
//! the names of no account; and what a token that is limited to some reaches.

use crate::{
    client::Client,
    harness::Browser,
    image::Image,
    podman::Podman,
    yard::{UNABLE, Yard},
};

/// The id of a repository, once its first push is known.
async fn known(yard: &Yard, name: &str) -> String {
    yard.server.times(&format!("SELECT COUNT(*) FROM repository WHERE name = '{name}'"), 1).await;
    yard.server.text(&format!("SELECT id FROM repository WHERE name = '{name}'")).await
}

async fn post(browser: &Browser, id: &str, verb: &str, form: &[(&str, &str)]) {
    let answer = browser.post(&format!("/settings/repositories/{id}/{verb}"), form).await;
    assert_eq!(answer.status, 303, "{verb}: {}", answer.body);
}

/// Someone else, logged in with a token of this level.
async fn bob(yard: &Yard, level: &str) -> Client {
    let browser = yard.server.account_signed_in("bob").await;
    let secret = browser.generate("bob's own", level, "30").await.secret;
    Client::logged_in(&yard.registry.host, "bob", &secret)
}

#[track_caller]
fn pulls(yard: &Yard, client: &Client) {
    assert_eq!(yard.pull(client, "alice/app:v1").as_ref(), Ok(&yard.image.manifest));
    assert_eq!(yard.list_tags(client, "alice/app"), Ok(vec!["v1".to_owned()]));
    yard.docker_inspect(client, "alice/docker:v1").succeed();
}

#[track_caller]
fn cannot_delete(yard: &Yard, client: &Client) {
    let said = yard.delete(client, "alice/app:v1").fail();
    assert!(said.contains("(401 Unauthorized)") && said.contains(r#""Action":"delete""#), "{said}");
    assert!(yard.pull(&yard.owner, "alice/app:v1").is_ok());
}

fn not_shared(repository: &str) -> String {
    format!("bob cannot push to {repository}: it is neither bob's own nor shared with bob for pushing (PAT-REPOSITORY)")
}

#[track_caller]
fn cannot_push(yard: &Yard, client: &Client, sentence: &str) {
    let said = yard.push(client, &Image::holding("intruder"), "alice/app:v2").fail();
    assert_eq!(said, format!("trying to reuse blob sha256:… at destination: {UNABLE}{sentence}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_repository_is_pulled_by_everyone_until_it_is_private_again() {
    let yard = Yard::open().await;
    let (app, docker) = (known(&yard, "alice/app").await, known(&yard, "alice/docker").await);
    for id in [&app, &docker] {
        post(&yard.alice, id, "public", &[]).await;
    }
    let (nobody, weakest) = (Client::new(), bob(&yard, "repo:public_read").await);
    for client in [&nobody, &weakest, &yard.alice_with("repo:public_read").await.0] {
        pulls(&yard, client);
    }
    cannot_push(&yard, &weakest, &not_shared("alice/app"));
    cannot_delete(&yard, &weakest);
    for id in [&app, &docker] {
        post(&yard.alice, id, "private", &[]).await;
    }
    yard.gets_nothing(&nobody, "alice", None);
    yard.gets_nothing(&weakest, "alice", Some(&not_shared("alice/app")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_reaches_as_far_as_it_was_given_and_never_to_delete() {
    let yard = Yard::open().await;
    let client = bob(&yard, "repo:admin").await;
    let (app, docker) = (known(&yard, "alice/app").await, known(&yard, "alice/docker").await);
    for id in [&app, &docker] {
        post(&yard.alice, id, "share", &[("username", "bob"), ("share", "pull")]).await;
    }
    pulls(&yard, &client);
    cannot_push(&yard, &client, &not_shared("alice/app"));
    cannot_delete(&yard, &client);
    post(&yard.alice, &app, "share", &[("username", "bob"), ("share", "push")]).await;
    let image = Image::holding("bob's work");
    yard.push(&client, &image, "alice/app:v2").succeed();
    assert_eq!(yard.pull(&yard.owner, "alice/app:v2"), Ok(image.manifest));
    cannot_delete(&yard, &client);
    let account = yard.server.text("SELECT id FROM account WHERE username = 'bob'").await;
    for id in [&app, &docker] {
        post(&yard.alice, id, "unshare", &[("account", &account)]).await;
    }
    yard.gets_nothing(&client, "alice", Some(&not_shared("alice/app")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_token_reaches_what_is_named_and_no_other() {
    let yard = Yard::open().await;
    let (client, token) = yard.alice_with("repo:admin").await;
    let form = [
        ("description", "ci push"),
        ("permission", "repo:admin"),
        ("reach", "named"),
        ("repositories", "alice/web alice/doc*"),
    ];
    yard.alice.post(&format!("/settings/tokens/{}", token.id), &form).await;
    let image = Image::holding("the web");
    yard.push(&client, &image, "alice/web:v1").succeed();
    assert_eq!(yard.pull(&client, "alice/web:v1"), Ok(image.manifest));
    yard.docker_inspect(&client, "alice/docker:v1").succeed();
    assert!(yard.pull(&client, "alice/app:v1").unwrap_err().contains("requested access to the resource is denied"));
    let limited = "this access token is limited to other repositories: it cannot push to alice/app (PAT-REPOSITORY)";
    cannot_push(&yard, &client, limited);
    yard.delete(&client, "alice/web:v1").succeed();
    // A public one neither, though without the token it would be had.
    post(&yard.alice, &known(&yard, "alice/app").await, "public", &[]).await;
    assert!(yard.pull(&client, "alice/app:v1").is_err());
    assert!(yard.pull(&Client::new(), "alice/app:v1").is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_no_account_are_the_administrators_who_share_them_and_list_all() {
    let yard = Yard::open().await;
    let browser = yard.server.account_signed_in("root-of-all").await;
    // The first account, alice's, was an administrator's.
    yard.server.sql("UPDATE account SET is_admin = (username = 'root-of-all')").await;
    let secret = browser.generate("admin", "repo:admin", "30").await.secret;
    let admin = Client::logged_in(&yard.registry.host, "root-of-all", &secret);
    let image = Image::holding("the team's");
    for name in ["team/app:v1", "app:v1"] {
        yard.push(&admin, &image, name).succeed();
        assert_eq!(yard.pull(&admin, name).as_ref(), Ok(&image.manifest));
        assert!(yard.pull(&yard.owner, name).is_err(), "{name}");
    }
    let team = known(&yard, "team/app").await;
    post(&browser, &team, "share", &[("username", "alice"), ("share", "push")]).await;
    yard.push(&yard.owner, &image, "team/app:v2").succeed();
    assert!(yard.delete(&yard.owner, "team/app:v2").fail().contains("(401 Unauthorized)"));
    yard.delete(&admin, "team/app:v2").succeed();
    assert!(yard.pull(&admin, "alice/app:v1").is_err(), "what an account has is its own");
    // podman search asks for the list of all.
    let search = |podman: &Podman| podman.run(&["search", "--tls-verify=false", &yard.name("app")], "");
    let podman = Podman::new("podman");
    podman.login_as(&yard, "root-of-all", &secret).succeed();
    let found = search(&podman).succeed();
    for name in ["alice/app", "team/app"] {
        assert!(found.contains(&yard.name(name)), "{found}");
    }
    let (_, plain) = yard.alice_with("repo:admin").await;
    let podman = Podman::new("podman");
    podman.login_as(&yard, "alice", &plain.secret).succeed();
    let refused = search(&podman);
    assert!(!refused.succeeded && !refused.stdout.contains("team/app"), "{refused:#?}");
}
