//! The credential helper with the clients that it serves; what needs no browser is approved without one.

use std::fs;

use serde_json::json;
use time::Duration;

use crate::{
    client::{Said, run},
    desk::{CREDENTIALS, DENIED, Desk, expired},
    harness::MadeToken,
    yard::Yard,
};

impl Yard {
    /// Auto-generated tokens.
    async fn devices(&self) -> i64 {
        self.server.count("device_session WHERE ended IS NULL").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_nobody_used_for_30_days_is_forgotten_and_the_next_pull_says_so() {
    let yard = Yard::open().await;
    let pulls: [fn(&Desk, &Yard) -> Said; 2] = [Desk::inspect, Desk::copy];
    let desks = pulls.map(|pull| (Desk::new(), pull));
    for (desk, pull) in &desks {
        desk.sign_in(&yard).await;
        pull(desk, &yard).succeed();
    }
    yard.server.clock.advance(Duration::days(30));
    for (desk, pull) in &desks {
        desk.ages(&yard);
        // What the client says besides is about a registry whose clock was not moved.
        let refused = pull(desk, &yard);
        assert!(!refused.succeeded, "{refused:#?}");
        assert_eq!(refused.stderr.lines().next(), Some(&*expired(&yard)), "{refused:#?}");
        assert_eq!(desk.kept()["entries"], json!({}));
        let again = pull(desk, &yard);
        assert!(!again.succeeded && !again.stderr.contains("expired"), "said once: {again:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sixth_computer_takes_the_place_of_the_one_that_was_used_least_recently() {
    let yard = Yard::open().await;
    let (first, sixth) = (Desk::new(), Desk::new());
    first.sign_in(&yard).await;
    let description = yard.server.text("SELECT description FROM token ORDER BY created_at").await;
    first.inspect(&yard).succeed();
    yard.server.clock.advance(Duration::SECOND);
    for number in 2..=5 {
        yard.server.device(&yard.alice, &format!("tablet {number}")).await;
    }
    sixth.sign_in(&yard).await;
    assert_eq!(yard.devices().await, 5);
    sixth.inspect(&yard).succeed();
    first.is_told_of_its_deletion(&yard, &description);
    sixth.copy(&yard).succeed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_switched_off_refuses_and_switched_on_again_goes_on() {
    let yard = Yard::open().await;
    let (desk, host) = (Desk::new(), &yard.registry.host);
    desk.sign_in(&yard).await;
    let before = desk.token(&yard);
    let id = yard.server.text("SELECT id FROM token ORDER BY created_at").await;
    yard.deactivate(&MadeToken { id: id.clone(), secret: before.clone() }).await;
    let deactivated = "the token of this device was deactivated: activate it on the page of personal access tokens";
    let server = yard.server.address;
    let by_helper = format!("docker-credential-dockpass: http://{server} refused: {deactivated} (access_denied)");
    for pull in [Desk::inspect, Desk::copy] {
        desk.ages(&yard);
        let refused = pull(&desk, &yard);
        assert!(!refused.succeeded && refused.stderr.contains("(PAT-INACTIVE)"), "{refused:#?}");
        assert_eq!(refused.stderr.lines().next(), Some(&*by_helper), "{refused:#?}");
    }
    assert_eq!(yard.alice.post(&format!("/settings/tokens/{id}/activate"), &[]).await.status, 303);
    desk.ages(&yard);
    desk.inspect(&yard).succeed();
    desk.copy(&yard).succeed();
    assert_ne!(desk.token(&yard), before);
    assert_eq!(desk.kept()["entries"].as_object().unwrap().keys().collect::<Vec<_>>(), [host]);
}

/// What clients ask for in their own file.
fn asks_for_helper(yard: &Yard, desk: &Desk, file: &str) {
    fs::create_dir_all(desk.0.file(file).parent().unwrap()).unwrap();
    let config = json!({ "credHelpers": { &yard.registry.host: "dockpass" } });
    fs::write(desk.0.file(file), config.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn dockers_own_login_and_logout_keep_and_forget_by_the_helper() {
    let yard = Yard::open().await;
    let (desk, host) = (Desk::new(), &yard.registry.host);
    asks_for_helper(&yard, &desk, ".docker/config.json");
    let token = yard.alice.generate("by hand", "repo:read", "30").await;
    desk.0.docker_login(host, "alice", &token.secret).succeed();
    assert_eq!(desk.token(&yard), token.secret);
    let config = fs::read_to_string(desk.0.file(".docker/config.json")).unwrap();
    assert!(config.contains("dockpass") && !config.contains("dp_pat_") && !config.contains("\"auth\""), "{config}");
    desk.inspect(&yard).succeed();
    desk.0.docker(&["logout", host]).succeed();
    assert!(!desk.0.file(CREDENTIALS).exists());
    assert!(desk.inspect(&yard).fail().ends_with(DENIED));
    assert_eq!(yard.server.anonymous().token("alice", &token.secret, &[]).await.status, 200, "it is only forgotten");

    // A login with what the helper gave stores it again; the session stays.
    desk.sign_in(&yard).await;
    let session = desk.kept();
    desk.0.docker_login(host, "alice", &desk.token(&yard)).succeed();
    assert_eq!((desk.kept(), yard.devices().await), (session, 1));
    desk.0.docker(&["logout", host]).succeed();
    assert!(!desk.0.file(CREDENTIALS).exists());
    assert_eq!(yard.devices().await, 0, "it ended on the server too");
    assert!(desk.inspect(&yard).fail().ends_with(DENIED));
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeos_own_login_and_logout_keep_and_forget_by_the_helper() {
    let yard = Yard::open().await;
    let (desk, host) = (Desk::new(), &yard.registry.host);
    // skopeo's own file, below XDG_RUNTIME_DIR.
    asks_for_helper(&yard, &desk, "containers/auth.json");
    let token = yard.alice.generate("by hand", "repo:read", "30").await;
    desk.0.skopeo_login(host, "alice", &token.secret).succeed();
    assert_eq!(desk.token(&yard), token.secret);
    let auth = fs::read_to_string(desk.0.file("containers/auth.json")).unwrap();
    assert!(!auth.contains("dp_pat_") && !auth.contains("\"auth\""), "{auth}");
    desk.copy(&yard).succeed();
    let logout = || run(desk.0.command("skopeo").args(["logout", host]), "");
    logout().succeed();
    assert!(!desk.0.file(CREDENTIALS).exists());
    assert!(desk.copy(&yard).fail().contains(DENIED));

    desk.sign_in(&yard).await;
    desk.copy(&yard).succeed();
    logout().succeed();
    assert!(!desk.0.file(CREDENTIALS).exists());
    assert_eq!(yard.devices().await, 0, "it ended on the server too");
}
