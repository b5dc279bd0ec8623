//! A computer with the credential helper, and how a person signs it in.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::{Value, json};
use time::Duration;

use crate::client::{Client, Said, start};
use crate::harness::device::Codes;
use crate::registry_host::{RegistryHost, UNABLE};

/// The file with the stored credentials.
pub const CREDENTIALS: &str = ".local/share/dockpass/credentials.json";
/// What docker and skopeo say when a registry refuses anonymous access.
pub const DENIED: &str =
    "errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required";

/// A computer with the credential helper.
pub struct Workstation(pub Client);

impl Workstation {
    pub fn new() -> Self {
        Self(Client::with_helper())
    }

    pub fn inspect(&self, registry_host: &RegistryHost) -> Said {
        registry_host.docker_inspect(&self.0, "alice/docker:v1")
    }

    /// Copies an image to the folder `copied`.
    pub fn copy(&self, registry_host: &RegistryHost) -> Said {
        let (from, to) = (registry_host.at("alice/app:v1"), format!("dir:{}", self.0.file("copied").display()));
        self.0.skopeo(&["copy", "--src-tls-verify=false", &from, &to])
    }

    pub fn stored(&self) -> Value {
        serde_json::from_slice(&fs::read(self.0.file(CREDENTIALS)).unwrap()).unwrap()
    }

    /// The token that registry clients get.
    pub fn token(&self, registry_host: &RegistryHost) -> String {
        self.stored()["entries"][&registry_host.registry.host]["secrets"]["secret"].as_str().unwrap().to_owned()
    }

    /// Makes the token old enough for a refresh, also right after one that failed.
    pub fn make_due(&self, registry_host: &RegistryHost) {
        let mut stored = self.stored();
        let session = &mut stored["entries"][&registry_host.registry.host]["session"];
        session["issued_at"] = (session["issued_at"].as_i64().unwrap() - 25 * 60 * 60).into();
        session["back_off_until"] = 0.into();
        fs::write(self.0.file(CREDENTIALS), stored.to_string()).unwrap();
    }

    /// Signs in; alice approves.
    pub async fn sign_in(&self, registry_host: &RegistryHost) -> String {
        let sign_in = SignIn::begin(self, registry_host);
        let codes = Codes { device_code: String::new(), user_code: sign_in.code.clone() };
        let approved = registry_host.alice.decide(&codes, "approve").await;
        assert!(approved.body.contains("Approved"), "{}", approved.body);
        sign_in.finish().succeed()
    }

    /// The next pull is told that its token was deleted; a day later the helper says so and removes the sign-in.
    #[track_caller]
    pub fn is_told_of_its_deletion(&self, registry_host: &RegistryHost, device: &str) {
        let day = registry_host.server.clock.now().date();
        let sentence =
            format!("access token \"{device}\" was deleted on {day}: sign in again on the device (PAT-DELETED)");
        let refused = self.copy(registry_host).fail();
        assert_eq!(refused, format!("initializing source {}: {UNABLE}{sentence}", registry_host.at("alice/app:v1")));
        let refused = self.inspect(registry_host).fail();
        assert!(refused.ends_with(&format!("denied: {sentence}")), "{refused}");
        self.make_due(registry_host);
        self.is_told_that_it_expired(registry_host);
    }

    /// docker passes the helper's sentence on; afterwards nothing is stored.
    #[track_caller]
    fn is_told_that_it_expired(&self, registry_host: &RegistryHost) {
        assert_eq!(self.inspect(registry_host).fail(), format!("{}\n{DENIED}", expired(registry_host)));
        assert_eq!(self.stored()["entries"], json!({}));
        assert!(self.copy(registry_host).fail().contains(DENIED));
    }
}

/// What the helper says of an expired sign-in.
pub fn expired(registry_host: &RegistryHost) -> String {
    let host = &registry_host.registry.host;
    format!("the sign-in to {host} expired: run docker-credential-dockpass login {host}")
}

/// A running `login` that waits for an approval.
pub struct SignIn {
    program: Child,
    stdout: BufReader<ChildStdout>,
    /// The printed link.
    pub link: String,
    /// The printed code.
    pub code: String,
}

impl SignIn {
    pub fn begin(workstation: &Workstation, registry_host: &RegistryHost) -> Self {
        let mut command = workstation.0.command("docker-credential-dockpass");
        command.args(["login", &registry_host.registry.host, "--no-browser"]);
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
        // The helper waits these seconds before its first poll; the server's clock does not move by itself.
        registry_host.server.clock.advance(Duration::seconds(5));
        Self { program, stdout, link, code }
    }

    /// Its output until it ends.
    pub fn finish(mut self) -> Said {
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
