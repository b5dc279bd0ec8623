//! The credential helper's whole way: a person approves in Chromium, then docker and skopeo work without a password.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;
use time::Duration;

use crate::{
    client::{Client, Said, run, start},
    driver::journey,
    harness::PASSWORD,
    window::Window,
    words::ENGLISH,
    yard::{UNABLE, Yard},
};

/// Someone at a computer with the helper on the path, without a keyring; every file where clients look by themselves.
struct Desk(Client);

impl Desk {
    fn command(&self, program: &str) -> Command {
        let mut command = self.0.command(program);
        let helper = Path::new(env!("CARGO_BIN_EXE_docker-credential-dockpass")).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [helper.to_owned()].into_iter().chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders).unwrap());
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        command.env_remove("DOCKER_CONFIG").env_remove("REGISTRY_AUTH_FILE");
        command
    }

    fn inspect(&self, yard: &Yard) -> Said {
        let image = yard.name("alice/docker:v1");
        run(self.command("docker").args(["manifest", "inspect", "--insecure", &image]), "")
    }

    /// Copies an image to the folder `copied`.
    fn copy(&self, yard: &Yard) -> Said {
        let (from, to) = (yard.at("alice/app:v1"), format!("dir:{}", self.0.file("copied").display()));
        let arguments = ["--insecure-policy", "copy", "--src-tls-verify=false", &from, &to];
        run(self.command("skopeo").args(arguments), "")
    }

    fn kept(&self) -> Value {
        serde_json::from_slice(&fs::read(self.0.file(CREDENTIALS)).unwrap()).unwrap()
    }
}

const CREDENTIALS: &str = ".local/share/dockpass/credentials.json";

/// `login` while it waits for a person.
struct SignIn {
    program: Child,
    stdout: BufReader<ChildStdout>,
    /// The link that it printed,
    link: String,
    /// and the code.
    code: String,
}

impl SignIn {
    fn begin(desk: &Desk, yard: &Yard) -> Self {
        let mut command = desk.command("docker-credential-dockpass");
        command.args(["login", &yard.registry.host, "--no-browser"]);
        let mut program = start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
        let mut stdout = BufReader::new(program.stdout.take().unwrap());
        let mut said = String::new();
        for _ in 0..2 {
            stdout.read_line(&mut said).unwrap();
        }
        let after = |before: &str| {
            let rest = said.split_once(before).unwrap_or_else(|| panic!("{before:?} is missing in {said:?}")).1;
            rest.split_whitespace().next().unwrap().to_owned()
        };
        let (link, code) = (after("or open "), after("enter the code "));
        // The program waits these seconds before it asks; the server's clock stands still.
        yard.server.clock.advance(Duration::seconds(5));
        Self { program, stdout, link, code }
    }

    /// What it says until it ends.
    fn end(mut self) -> Said {
        let mut said = Said { succeeded: false, stdout: String::new(), stderr: String::new() };
        self.stdout.read_to_string(&mut said.stdout).unwrap();
        self.program.stderr.take().unwrap().read_to_string(&mut said.stderr).unwrap();
        let status = self.program.wait().unwrap();
        assert!(matches!(status.code(), Some(0 | 1)), "{status}: {said:?}");
        said.succeeded = status.success();
        said
    }
}

impl Drop for SignIn {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Window {
    /// Follows the link that the program printed, signs in, and goes on to what stands behind the code.
    async fn follow(&self, sign_in: &SignIn) {
        self.goto(&sign_in.link).await;
        self.fill("Username", "alice").await;
        self.fill("Password", PASSWORD).await;
        self.click("button", "Sign in").await;
        self.click("button", "Continue").await;
        self.find("heading", "Let this program in?").await;
        assert_eq!(self.text("#shown-code").await, sign_in.code);
    }

    /// The descriptions of the auto-generated tokens.
    async fn devices(&self) -> Vec<String> {
        self.goto("/settings/tokens").await;
        let rows = self.table().await.into_iter().filter(|row| row[3] == "Auto-generated");
        rows.map(|row| row[0].clone()).collect()
    }
}

/// What someone is told whose token was deleted.
#[track_caller]
fn is_told(desk: &Desk, yard: &Yard, device: &str) {
    let host = &yard.registry.host;
    let day = yard.server.clock.now().date();
    let sentence = format!("access token \"{device}\" was deleted on {day}: sign in again on the device (PAT-DELETED)");
    let refused = desk.copy(yard).fail();
    assert_eq!(refused, format!("initializing source {}: {UNABLE}{sentence}", yard.at("alice/app:v1")));
    let refused = desk.inspect(yard).fail();
    assert!(refused.ends_with(&format!("denied: {sentence}")), "{refused}");

    // A day later the helper renews the token first, and learns that there is none.
    let kept = fs::read_to_string(desk.0.file(CREDENTIALS)).unwrap();
    let issued_at = desk.kept()["entries"][host]["session"]["issued_at"].as_i64().unwrap();
    let aged = kept.replace(&issued_at.to_string(), &(issued_at - 25 * 60 * 60).to_string());
    fs::write(desk.0.file(CREDENTIALS), aged).unwrap();
    let refused = desk.inspect(yard).fail();
    let sentence = format!("the sign-in to {host} expired: run docker-credential-dockpass login {host}");
    let denied = "errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required";
    assert_eq!(refused, format!("{sentence}\n{denied}"));
    assert!(!desk.0.file(CREDENTIALS).exists());
    assert!(desk.copy(yard).fail().contains(denied));
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_and_skopeo_work_without_a_password_until_the_token_is_deleted() {
    let yard = Yard::open().await;
    let (desk, host) = (Desk(Client::new()), &yard.registry.host);
    assert!(!desk.inspect(&yard).succeeded && !desk.copy(&yard).succeeded, "the images are anybody's");
    let sign_in = SignIn::begin(&desk, &yard);
    journey(&yard.server, &ENGLISH, &[], async |window| {
        window.follow(&sign_in).await;
        window.click("button", "Approve").await;
        window.find("heading", "Approved").await;

        let said = sign_in.end().succeed();
        assert!(said.contains(&format!("signed in to {host} as alice\n")), "{said}");
        assert!(said.contains(&format!("the token is stored in {} (", desk.0.file(CREDENTIALS).display())), "{said}");
        let token = desk.kept()["entries"][host]["secrets"]["secret"].as_str().unwrap().to_owned();
        assert!(token.starts_with("dp_dev_") && !said.contains(&token), "{said}");
        assert!(desk.inspect(&yard).succeed().contains("application/vnd.docker.image.rootfs.diff.tar.gzip"));
        desk.copy(&yard).succeed();
        assert_eq!(fs::read(desk.0.file("copied/manifest.json")).unwrap(), yard.image.manifest);
        let config = fs::read_to_string(desk.0.file(".docker/config.json")).unwrap();
        assert!(config.contains(host) && !config.contains(&token), "{config}");

        let devices = window.devices().await;
        let [device] = &devices[..] else { panic!("{devices:?}") };
        assert!(device.ends_with(" (docker-credential-dockpass)"), "{device}");
        window.open_actions(device).await;
        window.click("menuitem", "Delete").await;
        window.element("dialog button.danger").await.click().await.unwrap();
        window.holds("!document.querySelector('dialog')").await;
        assert!(window.devices().await.is_empty());
        is_told(&desk, &yard, device);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_sign_in_ends_the_program_with_a_sentence_and_keeps_nothing() {
    let yard = Yard::open().await;
    let desk = Desk(Client::new());
    let sign_in = SignIn::begin(&desk, &yard);
    journey(&yard.server, &ENGLISH, &[], async |window| {
        window.follow(&sign_in).await;
        window.click("button", "Deny").await;
        window.find("heading", "Denied").await;
        let said = sign_in.end();
        assert!(!said.succeeded && said.stderr.is_empty(), "{said:?}");
        let sentence = format!("the sign-in to {} was denied", yard.registry.host);
        assert_eq!(said.stdout.lines().last(), Some(&*sentence), "{said:?}");
        assert!(window.devices().await.is_empty());
    })
    .await;
    for file in [CREDENTIALS, ".docker/config.json"] {
        assert!(!desk.0.file(file).exists(), "{file}");
    }
    assert!(!desk.inspect(&yard).succeeded);
}
