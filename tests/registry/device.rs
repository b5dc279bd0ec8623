//! The credential helper with a browser: a person approves in Chromium, and then docker and skopeo work without a
//! password.

use std::fs;

use crate::driver::journey;
use crate::harness::PASSWORD;
use crate::registry_host::RegistryHost;
use crate::window::Window;
use crate::words::ENGLISH;
use crate::workstation::{CREDENTIALS, SignIn, Workstation};

impl Window {
    /// Follows the printed link, signs in, and continues to the page that shows the sign-in.
    async fn follow(&self, sign_in: &SignIn) {
        self.goto(&sign_in.link).await;
        self.fill("Username", "alice").await;
        self.fill("Password", PASSWORD).await;
        self.click("button", "Sign in").await;
        self.click("button", "Continue").await;
        self.find("heading", "Approve this sign-in?").await;
        assert_eq!(self.text("#shown-code").await, sign_in.code);
    }

    /// The descriptions of the auto-generated tokens.
    async fn devices(&self) -> Vec<String> {
        self.goto("/settings/tokens").await;
        let rows = self.table().await.into_iter().filter(|row| row[3] == "Auto-generated");
        rows.map(|row| row[0].clone()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_and_skopeo_work_without_a_password_until_the_token_is_deleted() {
    let registry_host = RegistryHost::open().await;
    let (workstation, host) = (Workstation::new(), &registry_host.registry.host);
    assert!(
        !workstation.inspect(&registry_host).succeeded && !workstation.copy(&registry_host).succeeded,
        "the images are anybody's"
    );
    let sign_in = SignIn::begin(&workstation, &registry_host);
    journey(&registry_host.server, &ENGLISH, &[], async |window| {
        window.follow(&sign_in).await;
        window.click("button", "Approve").await;
        window.find("heading", "Approved").await;

        let said = sign_in.finish().succeed();
        assert!(said.contains(&format!("signed in to {host} as alice\n")), "{said}");
        assert!(
            said.contains(&format!("the token is stored in {} (", workstation.0.file(CREDENTIALS).display())),
            "{said}"
        );
        let token = workstation.token(&registry_host);
        assert!(token.starts_with("dp_dev_") && !said.contains(&token), "{said}");
        assert!(
            workstation.inspect(&registry_host).succeed().contains("application/vnd.docker.image.rootfs.diff.tar.gzip")
        );
        workstation.copy(&registry_host).succeed();
        assert_eq!(fs::read(workstation.0.file("copied/manifest.json")).unwrap(), registry_host.image.manifest);
        let config = fs::read_to_string(workstation.0.file(".docker/config.json")).unwrap();
        assert!(config.contains(host) && !config.contains(&token), "{config}");

        let devices = window.devices().await;
        let [device] = &devices[..] else { panic!("{devices:?}") };
        assert!(device.ends_with(" (docker-credential-dockpass)"), "{device}");
        window.open_actions(device).await;
        window.click("menuitem", "Delete").await;
        window.element("dialog button.danger").await.click().await.unwrap();
        window.holds("!document.querySelector('dialog')").await;
        assert!(window.devices().await.is_empty());
        workstation.is_told_of_its_deletion(&registry_host, device);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_sign_in_ends_the_program_with_a_sentence_and_keeps_nothing() {
    let registry_host = RegistryHost::open().await;
    let workstation = Workstation::new();
    let sign_in = SignIn::begin(&workstation, &registry_host);
    journey(&registry_host.server, &ENGLISH, &[], async |window| {
        window.follow(&sign_in).await;
        window.click("button", "Deny").await;
        window.find("heading", "Denied").await;
        let said = sign_in.finish();
        assert!(!said.succeeded && said.stderr.is_empty(), "{said:?}");
        let sentence = format!("the sign-in to {} was denied", registry_host.registry.host);
        assert_eq!(said.stdout.lines().last(), Some(&*sentence), "{said:?}");
        assert!(window.devices().await.is_empty());
    })
    .await;
    for file in [CREDENTIALS, ".docker/config.json"] {
        assert!(!workstation.0.file(file).exists(), "{file}");
    }
    assert!(!workstation.inspect(&registry_host).succeeded);
}
