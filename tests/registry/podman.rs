//! podman and buildah without service and containers. Their storage is in the home directory.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::client::{Client, Said, run};
use crate::registry_host::RegistryHost;
use crate::workstation::{Workstation, expired};

/// podman or buildah.
pub struct Podman {
    program: &'static str,
    home: Workstation,
}

/// The program pulls and pushes with the credential helper and without its own login.
async fn pulls_and_pushes_by_the_helper(program: &'static str) {
    let registry_host = RegistryHost::open().await;
    let (workstation, repository) = (Workstation::new(), format!("alice/{program}"));
    workstation.sign_in(&registry_host).await;
    let podman = Podman { program, home: workstation };
    assert!(!podman.home.0.file("containers/auth.json").exists(), "it has no password of its own");
    podman.pull(&registry_host, "alice/app:v1").succeed();
    podman.push(&registry_host, &registry_host.name("alice/app:v1"), &format!("{repository}:v1")).succeed();
    assert_eq!(registry_host.list_tags(&registry_host.owner, &repository), Ok(vec!["v1".to_owned()]));
    let id = registry_host.server.text("SELECT id FROM token ORDER BY created_at").await;
    assert_eq!(registry_host.alice.post(&format!("/settings/tokens/{id}/deactivate"), &[]).await.status, 303);
    podman.home.make_due(&registry_host);
    let push = || podman.push(&registry_host, &registry_host.name("alice/app:v1"), &format!("{repository}:v2"));
    let refused = push();
    assert!(!refused.succeeded && refused.stderr.contains("(PAT-INACTIVE)"), "{refused:#?}");
    assert!(
        refused.stderr.starts_with("docker-credential-dockpass: "),
        "the helper's words are passed on: {refused:#?}"
    );
    assert_eq!(registry_host.alice.post(&format!("/settings/tokens/{id}/delete"), &[]).await.status, 303);
    podman.home.make_due(&registry_host);
    let refused = push();
    assert!(!refused.succeeded && refused.stderr.starts_with(&expired(&registry_host)), "{refused:#?}");
    assert_eq!(podman.home.stored()["entries"], json!({}));
}

impl Podman {
    pub fn new(program: &'static str) -> Self {
        Self { program, home: Workstation(Client::new()) }
    }

    #[track_caller]
    pub fn run(&self, arguments: &[&str], input: &str) -> Said {
        let mut command = self.home.0.command(self.program);
        command.arg("--root").arg(self.home.0.file("storage")).arg("--runroot").arg(self.home.0.file("run"));
        command.args(["--storage-driver", "vfs"]);
        if self.program == "podman" {
            command.args(["--cgroup-manager", "cgroupfs", "--events-backend", "none"]);
            command.arg("--tmpdir").arg(self.home.0.file("tmp"));
        }
        // Otherwise it would write temporary files to /var/tmp.
        command.env("TMPDIR", self.home.0.file(""));
        run(command.args(arguments), input)
    }

    #[track_caller]
    fn login(&self, registry_host: &RegistryHost, secret: &str) -> Said {
        self.login_as(registry_host, "alice", secret)
    }

    #[track_caller]
    pub fn login_as(&self, registry_host: &RegistryHost, name: &str, secret: &str) -> Said {
        self.run(&["login", "--tls-verify=false", "-u", name, "--password-stdin", &registry_host.registry.host], secret)
    }

    #[track_caller]
    fn pull(&self, registry_host: &RegistryHost, image: &str) -> Said {
        self.run(&["pull", "--tls-verify=false", &registry_host.name(image)], "")
    }

    #[track_caller]
    fn push(&self, registry_host: &RegistryHost, local: &str, image: &str) -> Said {
        self.run(&["push", "--tls-verify=false", local, &registry_host.at(image)], "")
    }

    /// Pull and push are refused with the sentence. Only login does not show it.
    #[track_caller]
    fn is_refused(&self, registry_host: &RegistryHost, secret: &str) {
        let sentence =
            format!("unable to retrieve auth token: invalid username/password: denied: {}", registry_host.inactive());
        // buildah does not contact the registry for an image that it already has.
        for said in [
            self.pull(registry_host, "alice/docker:v1"),
            self.push(registry_host, &registry_host.name("alice/app:v1"), "alice/again:v1"),
        ] {
            assert!(!said.succeeded && said.stderr.contains(&sentence), "{said:#?}");
        }
        let said = self.login(registry_host, secret).fail();
        assert!(
            said.ends_with(&format!("logging into \"{}\": invalid username/password", registry_host.registry.host)),
            "{said}"
        );
        let debug = ["--log-level", "debug", "login", "--tls-verify=false", "-u", "alice", "--password-stdin"];
        let said = self.run(&[&debug[..], &[&registry_host.registry.host]].concat(), secret);
        assert!(said.stderr.contains("(PAT-INACTIVE)"), "what the README says shows the reason: {said:#?}");
    }
}

impl Drop for Podman {
    /// Without root, podman leaves a process for its namespace and read-only folders behind.
    fn drop(&mut self) {
        if let Ok(id) = fs::read_to_string(self.home.0.file("tmp/pause.pid")) {
            let _ = Command::new("kill").arg(id.trim()).stderr(Stdio::null()).status();
        }
        let _ =
            Command::new("chmod").args(["-R", "u+w"]).arg(self.home.0.file("storage")).stderr(Stdio::null()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn podman_pulls_builds_and_pushes_until_the_token_is_switched_off() {
    let registry_host = RegistryHost::open().await;
    let (_, token) = registry_host.alice_with("repo:write").await;
    let podman = Podman::new("podman");
    assert_eq!(podman.login(&registry_host, &token.secret).succeed(), "Login Succeeded!\n");
    podman.pull(&registry_host, "alice/app:v1").succeed();
    podman.push(&registry_host, &registry_host.name("alice/app:v1"), "alice/podman:v1").succeed();
    fs::write(podman.home.0.file("hello.txt"), "built").unwrap();
    fs::write(podman.home.0.file("Containerfile"), "FROM scratch\nCOPY hello.txt /\n").unwrap();
    let (home, built) = (podman.home.0.file("").display().to_string(), registry_host.name("alice/built:v1"));
    podman.run(&["build", "--tag", &built, &home], "").succeed();
    podman.push(&registry_host, &built, "alice/built:v1").succeed();
    for repository in ["alice/podman", "alice/built"] {
        assert_eq!(registry_host.list_tags(&registry_host.owner, repository), Ok(vec!["v1".to_owned()]));
        assert!(registry_host.pull(&registry_host.owner, &format!("{repository}:v1")).is_ok());
    }
    let found =
        podman.run(&["search", "--tls-verify=false", "--list-tags", &registry_host.name("alice/built")], "").succeed();
    assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["NAME", "TAG", &registry_host.name("alice/built"), "v1"]);
    registry_host.deactivate(&token).await;
    podman.is_refused(&registry_host, &token.secret);
}

#[tokio::test(flavor = "multi_thread")]
async fn buildah_makes_an_image_and_pushes_it_until_the_token_is_switched_off() {
    let registry_host = RegistryHost::open().await;
    let (_, token) = registry_host.alice_with("repo:write").await;
    let buildah = Podman::new("buildah");
    assert_eq!(buildah.login(&registry_host, &token.secret).succeed(), "Login Succeeded!\n");
    buildah.pull(&registry_host, "alice/app:v1").succeed();
    let container = buildah.run(&["from", "scratch"], "").succeed();
    fs::write(buildah.home.0.file("hello.txt"), "made by hand").unwrap();
    let file = buildah.home.0.file("hello.txt").display().to_string();
    buildah.run(&["copy", container.trim(), &file, "/"], "").succeed();
    buildah.run(&["commit", container.trim(), "made"], "").succeed();
    buildah.push(&registry_host, "made", "alice/made:v1").succeed();
    // Directly from the working container to the registry.
    let straight = ["commit", "--tls-verify=false", container.trim(), &registry_host.at("alice/straight:v1")];
    buildah.run(&straight, "").succeed();
    for image in ["alice/made:v1", "alice/straight:v1"] {
        assert!(registry_host.pull(&registry_host.owner, image).is_ok());
        buildah.pull(&registry_host, image).succeed();
    }
    registry_host.deactivate(&token).await;
    buildah.is_refused(&registry_host, &token.secret);
}

#[tokio::test(flavor = "multi_thread")]
async fn podman_pulls_and_pushes_by_the_credential_helper() {
    pulls_and_pushes_by_the_helper("podman").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buildah_pulls_and_pushes_by_the_credential_helper() {
    pulls_and_pushes_by_the_helper("buildah").await;
}
