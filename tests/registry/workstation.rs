//! Someone at a computer with the credential helper, and how it signs in.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStdout, Stdio},
};

use serde_json::{Value, json};
use time::Duration;

use crate::{
    client::{Client, Said, start},
    harness::device::Codes,
    registry_host::{RegistryHost, UNABLE},
};

/// Where the helper keeps what it has where there is no keyring.
pub const CREDENTIALS: &str = ".local/share/dockpass/credentials.json";
/// What docker and skopeo say of a registry that wants somebody else, or anybody at all.
pub const DENIED: &str =
    "errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required";

/// Such a computer.
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

    pub fn kept(&self) -> Value {
        serde_json::from_slice(&fs::read(self.0.file(CREDENTIALS)).unwrap()).unwrap()
    }

    /// The token that registry clients get.
    pub fn token(&self, registry_host: &RegistryHost) -> String {
        self.kept()["entries"][&registry_host.registry.host]["secrets"]["secret"].as_str().unwrap().to_owned()
    }

    /// Lets a day pass on this computer, so that its token is due, and the time after a refresh that failed.
    pub fn ages(&self, registry_host: &RegistryHost) {
        let mut kept = self.kept();
        let session = &mut kept["entries"][&registry_host.registry.host]["session"];
        session["issued_at"] = (session["issued_at"].as_i64().unwrap() - 25 * 60 * 60).into();
        session["rests_until"] = 0.into();
        fs::write(self.0.file(CREDENTIALS), kept.to_string()).unwrap();
    }

    /// Signs in; alice approves.
    pub async fn sign_in(&self, registry_host: &RegistryHost) -> String {
        let sign_in = SignIn::begin(self, registry_host);
        let codes = Codes { device_code: String::new(), user_code: sign_in.code.clone() };
        let approved = registry_host.alice.decide(&codes, "approve").await;
        assert!(approved.body.contains("Approved"), "{}", approved.body);
        sign_in.end().succeed()
    }

    /// The next pull is told that its token was deleted; a day later the helper learns it, says so and forgets it.
    #[track_caller]
    pub fn is_told_of_its_deletion(&self, registry_host: &RegistryHost, device: &str) {
        let day = registry_host.server.clock.now().date();
        let sentence =
            format!("access token \"{device}\" was deleted on {day}: sign in again on the device (PAT-DELETED)");
        let refused = self.copy(registry_host).fail();
        assert_eq!(refused, format!("initializing source {}: {UNABLE}{sentence}", registry_host.at("alice/app:v1")));
        let refused = self.inspect(registry_host).fail();
        assert!(refused.ends_with(&format!("denied: {sentence}")), "{refused}");
        self.ages(registry_host);
        self.is_told_that_it_expired(registry_host);
    }

    /// docker passes the helper's sentence on; afterwards nothing is kept.
    #[track_caller]
    fn is_told_that_it_expired(&self, registry_host: &RegistryHost) {
        assert_eq!(self.inspect(registry_host).fail(), format!("{}\n{DENIED}", expired(registry_host)));
        assert_eq!(self.kept()["entries"], json!({}));
        assert!(self.copy(registry_host).fail().contains(DENIED));
    }
}

/// What the helper says when a session is over.
pub fn expired(registry_host: &RegistryHost) -> String {
    let host = &registry_host.registry.host;
    format!("the sign-in to {host} expired: run docker-credential-dockpass login {host}")
}

/// `login` while it waits for a person.
pub struct SignIn {
    program: Child,
    stdout: BufReader<ChildStdout>,
    /// The link that it printed,
    pub link: String,
    /// and the code.
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
        // The program waits these seconds before it asks; the server's clock stands still.
        registry_host.server.clock.advance(Duration::seconds(5));
        Self { program, stdout, link, code }
    }

    /// What it says until it ends.
    pub fn end(mut self) -> Said {
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
