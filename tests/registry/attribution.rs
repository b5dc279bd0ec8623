//! Which token a real registry's notifications name: it is started with the `notifications:` that `dockpass registry-config`
//! printed.

use dockpass::platform::clock::Clock;
use reqwest::StatusCode;
use time::Duration;

use crate::client::Client;
use crate::containerd::Containerd;
use crate::harness::database::texts;
use crate::harness::events::SKOPEO;
use crate::harness::{MadeToken, PASSWORD, claims};
use crate::image::{Image, digest};
use crate::registry_host::RegistryHost;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Waits until a query gives these texts: the registry notifies when it gets to it.
async fn notified(registry_host: &RegistryHost, query: &str, expected: &[&str]) {
    let mut found = Vec::new();
    for _ in 0..200 {
        found = texts(&registry_host.server.app.db, query).await;
        if found == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(found, expected, "{:?}", registry_host.server.transfers().await);
}

/// Waits until so many notifications came.
async fn events(registry_host: &RegistryHost, count: usize) {
    let query = "SELECT '' || COUNT(*) FROM registry_event";
    notified(registry_host, query, &[count.to_string().as_str()]).await;
}

/// What the token's page shows besides logins, without the programs, sorted.
async fn uses(registry_host: &RegistryHost, token: &MadeToken) -> Vec<String> {
    registry_host.server.flush().await;
    let mut lines = registry_host.alice.uses_of(token).await;
    lines.retain(|line| !line.starts_with("Login"));
    lines.sort();
    let parts = |line: &String| {
        assert!(line.contains(" skopeo 1.") && line.contains(" 127.0.0.1 "), "{line}");
        let (what, times) = (line.split(" skopeo").next().unwrap(), line.rsplit(' ').nth(1).unwrap());
        format!("{what} {times}")
    };
    lines.iter().map(parts).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_a_pull_and_a_delete_are_on_their_tokens_page_by_tag_and_digest() {
    let registry_host = RegistryHost::open().await;
    let (client, token) = registry_host.alice_with("repo:admin").await;
    let image = Image::holding("moved");
    registry_host.push(&client, &image, "alice/moved:v7").succeed();
    assert_eq!(registry_host.pull(&client, "alice/moved:v7").as_ref(), Ok(&image.manifest));
    assert!(registry_host.pull(&client, "alice/app:v1").is_ok());
    registry_host.delete(&client, "alice/moved:v7").succeed();
    // Two pushes of the owner's; a push, two pulls and the one before the delete; the deletes of the digest and its tag.
    events(&registry_host, 8).await;
    let digest = digest(&image.manifest);
    let expected = [
        format!("Deleted alice/moved {digest} 1"),
        "Deleted alice/moved v7 1".to_owned(),
        "Pulled alice/app v1 1".to_owned(),
        "Pulled alice/moved v7 2".to_owned(),
        "Pushed alice/moved v7 1".to_owned(),
    ];
    assert_eq!(uses(&registry_host, &token).await, expected);
    let last = "SELECT pushed_description || ', ' || pulled_description FROM repository WHERE name = 'alice/app'";
    assert_eq!(registry_host.server.text(last).await, "owner, ci push");
}

/// Pulls the manifest of `alice/app:v1` with a registry token for this access token.
async fn pull(registry_host: &RegistryHost, token: &MadeToken) {
    let answer = registry_host.server.anonymous().token("alice", &token.secret, &["repository:alice/app:pull"]).await;
    let bearer = answer.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&bearer)["sub"], format!("alice/{}", token.id));
    let url = format!("http://{}/v2/alice/app/manifests/v1", registry_host.registry.host);
    let request = reqwest::Client::new().get(url).bearer_auth(bearer);
    let answer = request.header("accept", MANIFEST).header("user-agent", SKOPEO).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tokens_of_one_account_with_the_same_program_in_the_same_second_are_told_apart() {
    let registry_host = RegistryHost::open().await;
    let first = registry_host.alice.next_token(&registry_host.server, "first", "repo:write").await;
    let second = registry_host.alice.next_token(&registry_host.server, "second", "repo:write").await;
    let host = &registry_host.registry.host;
    let clients = [(&first, "alice/one:v1"), (&second, "alice/two:v2")]
        .map(|(token, name)| (Client::logged_in(host, "alice", &token.secret), name));
    events(&registry_host, 2).await;
    std::thread::scope(|scope| {
        for (client, name) in &clients {
            // Images without a layer in common, or skopeo asks for the other repository too, to mount it from there.
            scope.spawn(|| registry_host.push(client, &Image::holding(name), name).succeed());
        }
    });
    let mut difference = i64::MAX;
    for round in 1..=5 {
        // A little ahead of the registry's clock: the server replaces times in its future by now.
        let clock = &registry_host.server.clock;
        clock.advance(Clock::System.now() - clock.now() + Duration::seconds(5));
        tokio::join!(pull(&registry_host, &first), pull(&registry_host, &second));
        events(&registry_host, 4 + 2 * round).await;
        let query = "SELECT MAX(last_at) - MIN(last_at) FROM token_use WHERE reference = 'v1' AND action = 'pull'";
        difference = registry_host.server.number(query).await.unwrap();
        if difference < 1000 {
            break;
        }
    }
    assert!(difference < 1000, "not in the same second: {difference} ms");
    let shown = async |token| {
        let mut lines = uses(&registry_host, token).await;
        // Another round adds to the count.
        lines.iter_mut().for_each(|line| *line = line.rsplit_once(' ').unwrap().0.to_owned());
        lines
    };
    assert_eq!(shown(&first).await, ["Pulled alice/app v1", "Pushed alice/one v1"]);
    assert_eq!(shown(&second).await, ["Pulled alice/app v1", "Pushed alice/two v2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_with_the_password_is_on_no_tokens_page() {
    let registry_host = RegistryHost::open().await;
    let client = Client::logged_in(&registry_host.registry.host, "alice", PASSWORD);
    registry_host.server.clock.advance(Duration::seconds(1));
    registry_host.push(&client, &Image::holding("by password"), "alice/app:v2").succeed();
    events(&registry_host, 3).await;
    assert_eq!(registry_host.server.transfers().await, ["v1 push by owner", "v1 push by owner"]);
    registry_host.server.flush().await;
    let with_password = "SELECT COUNT(*) FROM repository WHERE name = 'alice/app' AND pushed_token_id IS NULL
                         AND pushed_account_id IS NOT NULL";
    assert_eq!(registry_host.server.number(with_password).await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_and_its_manifests_are_one_row() {
    let registry_host = RegistryHost::open().await;
    let (client, token) = registry_host.alice_with("repo:write").await;
    registry_host.docker_push_list(&client, "alice/list:v1", "alice/docker:v1").succeed();
    let query =
        "SELECT reference FROM token_use WHERE repository = 'alice/list' AND action = 'push' AND reference <> ''";
    notified(&registry_host, query, &["v1"]).await;
    registry_host.server.flush().await;
    let lines = registry_host.alice.uses_of(&token).await;
    let pushed: Vec<&String> = lines.iter().filter(|line| line.contains(" alice/list ")).collect();
    assert!(pushed.len() == 1 && pushed[0].starts_with("Pushed alice/list v1 docker 2"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_by_digest_shows_the_tag_that_containerd_asked_for_before() {
    let registry_host = RegistryHost::open().await;
    let (_, token) = registry_host.alice_with("repo:read").await;
    let containerd = Containerd::start();
    containerd.ctr(&["content", "fetch"], &token.secret, &[&registry_host.name("alice/app:v1")]).succeed();
    let query = "SELECT reference FROM token_use WHERE action = 'pull' AND reference <> ''";
    notified(&registry_host, query, &["v1"]).await;
    assert_eq!(registry_host.server.number("SELECT COUNT(*) FROM recent_head WHERE tag = 'v1'").await, Some(1));
    registry_host.server.flush().await;
    let lines = registry_host.alice.uses_of(&token).await;
    assert!(lines.iter().any(|line| line.starts_with("Pulled alice/app v1 containerd 1.6 127.0.0.1")), "{lines:?}");
}
