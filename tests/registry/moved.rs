//! What a real registry tells: it is started with the `notifications:` that `dockpass registry-config` printed.

use time::Duration;

use crate::{
    client::Client,
    harness::{PASSWORD, database::texts},
    image::{Image, digest},
    registry_host::RegistryHost,
};

/// Waits until so many notifications of manifests have come, and then until they are settled.
async fn told(registry_host: &RegistryHost, count: i64) -> Vec<String> {
    for _ in 0..200 {
        if registry_host.server.count("registry_event").await >= count {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // A moment for one too many.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(
        registry_host.server.count("registry_event").await,
        count,
        "{:?}",
        registry_host.server.rows("unsettled_event").await
    );
    registry_host.server.fields().await;
    registry_host.server.moved().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_a_pull_and_a_delete_stand_with_their_token_by_tag_and_digest() {
    let registry_host = RegistryHost::open().await;
    // Of two tokens that ask within a second nobody can tell which it was: the registry_host's own asked a moment ago. The
    // registry's clock runs by itself, and stays ahead.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    registry_host.server.clock.advance(Duration::seconds(2));
    let (client, token) = registry_host.alice_with("repo:admin").await;
    let image = Image::holding("moved");
    registry_host.push(&client, &image, "alice/moved:v7").succeed();
    assert_eq!(registry_host.pull(&client, "alice/moved:v7").as_ref(), Ok(&image.manifest));
    assert!(registry_host.pull(&client, "alice/app:v1").is_ok());
    registry_host.delete(&client, "alice/moved:v7").succeed();
    // Two pushes of the registry_host's; a push, two pulls and the one before the delete; the digest's delete and its tag's.
    let agents = texts(&registry_host.server.app.db, "SELECT DISTINCT client FROM unsettled_event").await;
    let moved = told(&registry_host, 8).await;
    let digest = digest(&image.manifest);
    let expected = [
        format!("{digest} delete by ci push"),
        "v1 pull by ci push".to_owned(),
        "v1 push by owner".to_owned(),
        "v1 push by owner".to_owned(),
        "v7 delete by ci push".to_owned(),
        "v7 pull by ci push".to_owned(),
        "v7 push by ci push".to_owned(),
    ];
    assert_eq!(moved, expected);
    let asked =
        texts(&registry_host.server.app.db, "SELECT DISTINCT client FROM token_use WHERE client LIKE 'skopeo/%'").await;
    assert_eq!(agents, asked, "a program calls itself the same at both");
    let page = registry_host.alice.get(&format!("/settings/tokens/{}", token.id)).await.body;
    let line = |action: &str, repository: &str, what: &str| {
        format!("<td>{action}</td><td class=\"mono\">{repository}</td><td class=\"mono\">{what}</td><td>skopeo 1.")
    };
    for line in [
        line("Push", "alice/moved", "v7"),
        line("Pull", "alice/moved", "v7"),
        line("Pull", "alice/app", "v1"),
        line("Delete", "alice/moved", "v7"),
        line("Delete", "alice/moved", &digest),
    ] {
        assert!(page.contains(&line), "{line} in {page}");
    }
    let last = "SELECT pushed_description || ', ' || pulled_description FROM repository WHERE name = 'alice/app'";
    assert_eq!(registry_host.server.text(last).await, "owner, ci push");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_with_the_password_stands_with_no_token() {
    let registry_host = RegistryHost::open().await;
    assert_eq!(told(&registry_host, 2).await, ["v1 push by owner", "v1 push by owner"]);
    // Back to the registry's clock, which has not moved along, and a second later than what was told.
    registry_host.server.clock.advance(-Duration::seconds(4));
    let client = Client::logged_in(&registry_host.registry.host, "alice", PASSWORD);
    registry_host.push(&client, &Image::holding("by password"), "alice/app:v2").succeed();
    assert_eq!(told(&registry_host, 3).await, ["v1 push by owner", "v1 push by owner"]);
    let nobodys = "SELECT COUNT(*) FROM repository WHERE name = 'alice/app' AND pushed_token_id IS NULL
                   AND pushed_account_id IS NOT NULL";
    assert_eq!(registry_host.server.number(nobodys).await, Some(1));
}
