//! The credential helper with real registry clients; approvals without a browser.

use std::fs;

use serde_json::json;
use time::Duration;

use crate::client::{Said, run};
use crate::harness::MadeToken;
use crate::registry_host::RegistryHost;
use crate::workstation::{CREDENTIALS, DENIED, Workstation, expired};

impl RegistryHost {
    /// The number of signed-in devices.
    async fn devices(&self) -> i64 {
        self.server.count("device_session WHERE ended IS NULL").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_was_unused_for_30_days_is_removed_and_the_next_pull_says_so() {
    let registry_host = RegistryHost::open().await;
    let pulls: [fn(&Workstation, &RegistryHost) -> Said; 2] = [Workstation::inspect, Workstation::copy];
    let workstations = pulls.map(|pull| (Workstation::new(), pull));
    for (workstation, pull) in &workstations {
        workstation.sign_in(&registry_host).await;
        pull(workstation, &registry_host).succeed();
    }
    registry_host.server.clock.advance(Duration::days(30));
    for (workstation, pull) in &workstations {
        workstation.make_due(&registry_host);
        // The client also speaks of the registry, whose clock was not moved.
        let refused = pull(workstation, &registry_host);
        assert!(!refused.succeeded, "{refused:#?}");
        assert_eq!(refused.stderr.lines().next(), Some(&*expired(&registry_host)), "{refused:#?}");
        assert_eq!(workstation.stored()["entries"], json!({}));
        let again = pull(workstation, &registry_host);
        assert!(!again.succeeded && !again.stderr.contains("expired"), "said once: {again:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sixth_computer_replaces_the_least_recently_used_one() {
    let registry_host = RegistryHost::open().await;
    let (first, sixth) = (Workstation::new(), Workstation::new());
    first.sign_in(&registry_host).await;
    let description = registry_host.server.text("SELECT description FROM token ORDER BY created_at").await;
    first.inspect(&registry_host).succeed();
    registry_host.server.clock.advance(Duration::SECOND);
    for number in 2..=5 {
        registry_host.server.device(&registry_host.alice, &format!("tablet {number}")).await;
    }
    sixth.sign_in(&registry_host).await;
    assert_eq!(registry_host.devices().await, 5);
    sixth.inspect(&registry_host).succeed();
    first.is_told_of_its_deletion(&registry_host, &description);
    sixth.copy(&registry_host).succeed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_token_is_refused_and_works_again_once_activated() {
    let registry_host = RegistryHost::open().await;
    let (workstation, host) = (Workstation::new(), &registry_host.registry.host);
    workstation.sign_in(&registry_host).await;
    let before = workstation.token(&registry_host);
    let id = registry_host.server.text("SELECT id FROM token ORDER BY created_at").await;
    registry_host.deactivate(&MadeToken { id: id.clone(), secret: before.clone() }).await;
    let deactivated = "the token of this device was deactivated: activate it on the page of personal access tokens";
    let server = registry_host.server.address;
    let by_helper = format!("docker-credential-dockpass: http://{server} refused: {deactivated} (access_denied)");
    for pull in [Workstation::inspect, Workstation::copy] {
        workstation.make_due(&registry_host);
        let refused = pull(&workstation, &registry_host);
        assert!(!refused.succeeded && refused.stderr.contains("(PAT-INACTIVE)"), "{refused:#?}");
        assert_eq!(refused.stderr.lines().next(), Some(&*by_helper), "{refused:#?}");
    }
    assert_eq!(registry_host.alice.post(&format!("/settings/tokens/{id}/activate"), &[]).await.status, 303);
    workstation.make_due(&registry_host);
    workstation.inspect(&registry_host).succeed();
    workstation.copy(&registry_host).succeed();
    assert_ne!(workstation.token(&registry_host), before);
    assert_eq!(workstation.stored()["entries"].as_object().unwrap().keys().collect::<Vec<_>>(), [host]);
}

/// Makes a client use the helper.
fn use_helper(registry_host: &RegistryHost, workstation: &Workstation, file: &str) {
    fs::create_dir_all(workstation.0.file(file).parent().unwrap()).unwrap();
    let config = json!({ "credHelpers": { &registry_host.registry.host: "dockpass" } });
    fs::write(workstation.0.file(file), config.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_login_and_logout_use_the_helper() {
    let registry_host = RegistryHost::open().await;
    let (workstation, host) = (Workstation::new(), &registry_host.registry.host);
    use_helper(&registry_host, &workstation, ".docker/config.json");
    let token = registry_host.alice.generate("by hand", "repo:read", "30").await;
    workstation.0.docker_login(host, "alice", &token.secret).succeed();
    assert_eq!(workstation.token(&registry_host), token.secret);
    let config = fs::read_to_string(workstation.0.file(".docker/config.json")).unwrap();
    assert!(config.contains("dockpass") && !config.contains("dp_pat_") && !config.contains("\"auth\""), "{config}");
    workstation.inspect(&registry_host).succeed();
    workstation.0.docker(&["logout", host]).succeed();
    assert!(!workstation.0.file(CREDENTIALS).exists());
    assert!(workstation.inspect(&registry_host).fail().ends_with(DENIED));
    assert_eq!(
        registry_host.server.anonymous().token("alice", &token.secret, &[]).await.status,
        200,
        "it is removed but not revoked"
    );

    // A login with the helper's token stores it again; the session stays.
    workstation.sign_in(&registry_host).await;
    let session = workstation.stored();
    workstation.0.docker_login(host, "alice", &workstation.token(&registry_host)).succeed();
    assert_eq!((workstation.stored(), registry_host.devices().await), (session, 1));
    workstation.0.docker(&["logout", host]).succeed();
    assert!(!workstation.0.file(CREDENTIALS).exists());
    assert_eq!(registry_host.devices().await, 0, "it was revoked on the server");
    assert!(workstation.inspect(&registry_host).fail().ends_with(DENIED));
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_login_and_logout_use_the_helper() {
    let registry_host = RegistryHost::open().await;
    let (workstation, host) = (Workstation::new(), &registry_host.registry.host);
    // skopeo's own file, below XDG_RUNTIME_DIR.
    use_helper(&registry_host, &workstation, "containers/auth.json");
    let token = registry_host.alice.generate("by hand", "repo:read", "30").await;
    workstation.0.skopeo_login(host, "alice", &token.secret).succeed();
    assert_eq!(workstation.token(&registry_host), token.secret);
    let auth = fs::read_to_string(workstation.0.file("containers/auth.json")).unwrap();
    assert!(!auth.contains("dp_pat_") && !auth.contains("\"auth\""), "{auth}");
    workstation.copy(&registry_host).succeed();
    let logout = || run(workstation.0.command("skopeo").args(["logout", host]), "");
    logout().succeed();
    assert!(!workstation.0.file(CREDENTIALS).exists());
    assert!(workstation.copy(&registry_host).fail().contains(DENIED));

    workstation.sign_in(&registry_host).await;
    workstation.copy(&registry_host).succeed();
    logout().succeed();
    assert!(!workstation.0.file(CREDENTIALS).exists());
    assert_eq!(registry_host.devices().await, 0, "it was revoked on the server");
}
