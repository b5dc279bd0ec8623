//! Client programs as a person runs them, each with its own home directory.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::harness::program;

/// The result of a program.
#[derive(Debug)]
pub struct Said {
    pub succeeded: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// Its standard output. Panics if the program failed.
    #[track_caller]
    pub fn succeed(self) -> String {
        assert!(self.succeeded, "{self:#?}");
        self.stdout
    }

    /// Its error message: standard error without log lines, or the message of a fatal log line. Digests are replaced
    /// with `sha256:…`.
    #[track_caller]
    pub fn fail(self) -> String {
        assert!(!self.succeeded, "{self:#?}");
        let message = match self.stderr.split_once("level=fatal msg=") {
            Some((_, quoted)) => serde_json::from_str(quoted.trim()).unwrap(),
            None => self.stderr.lines().filter(|line| !line.starts_with("time=")).collect::<Vec<_>>().join("\n"),
        };
        without_digests(message.trim())
    }
}

fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "sha256:…" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit()))
}

/// Starts a program. If it is missing, panics with a sentence that says how to install it.
#[track_caller]
pub fn start(command: &mut Command) -> Child {
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound => panic!("{program} is missing: run tests/run, which installs what the tests need"),
        _ => panic!("{program} does not start: {error}"),
    })
}

/// Runs a program with `input` on standard input.
#[track_caller]
pub fn run(command: &mut Command, input: &str) -> Said {
    let mut child = start(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    // Writing fails if the program ends without reading. Its output says why it did.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { succeeded: status.success(), stdout: text(stdout), stderr: text(stderr) }
}

/// A person at a terminal. Each one has separate logins.
pub struct Client {
    home: TempDir,
    has_helper: bool,
}

impl Client {
    /// A person without logins.
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), has_helper: false }
    }

    /// A person with the credential helper on the path and no keyring. All files are in their default places.
    pub fn with_helper() -> Self {
        Self { has_helper: true, ..Self::new() }
    }

    /// A person who logged in with docker and skopeo.
    #[track_caller]
    pub fn logged_in(host: &str, name: &str, secret: &str) -> Self {
        let client = Self::new();
        client.docker_login(host, name, secret).succeed();
        client.skopeo_login(host, name, secret).succeed();
        client
    }

    /// A person with a login in the files of both tools that no server ever saw.
    pub fn with_stored_login(host: &str, name: &str, secret: &str) -> Self {
        let client = Self::new();
        let auth = data_encoding::BASE64.encode(format!("{name}:{secret}").as_bytes());
        let stored = serde_json::json!({ "auths": { host: { "auth": auth } } }).to_string();
        std::fs::create_dir(client.file("docker")).unwrap();
        std::fs::write(client.file("docker/config.json"), &stored).unwrap();
        std::fs::write(client.file("auth.json"), &stored).unwrap();
        client
    }

    /// A file in the home directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    #[track_caller]
    pub fn docker(&self, arguments: &[&str]) -> Said {
        run(self.command("docker").args(arguments), "")
    }

    #[track_caller]
    pub fn skopeo(&self, arguments: &[&str]) -> Said {
        run(self.command("skopeo").arg("--insecure-policy").args(arguments), "")
    }

    #[track_caller]
    pub fn docker_login(&self, host: &str, name: &str, secret: &str) -> Said {
        run(self.command("docker").args(["login", host, "--username", name, "--password-stdin"]), secret)
    }

    #[track_caller]
    pub fn skopeo_login(&self, host: &str, name: &str, secret: &str) -> Said {
        let arguments = ["login", "--tls-verify=false", "--username", name, "--password-stdin", host];
        run(self.command("skopeo").args(arguments), secret)
    }

    /// The name and secret that docker stored for `host`.
    pub fn docker_stored(&self, host: &str) -> String {
        stored(&self.file("docker/config.json"), host)
    }

    /// The name and secret that skopeo stored for `host`.
    pub fn skopeo_stored(&self, host: &str) -> String {
        stored(&self.file("auth.json"), host)
    }

    /// A program that stores its files in the home directory.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.home.path()).env("XDG_RUNTIME_DIR", self.home.path());
        command.env("DOCKER_CONFIG", self.file("docker")).env("REGISTRY_AUTH_FILE", self.file("auth.json"));
        // Without an engine, even if the machine has one. Then the CLI logs in by itself, with the same output
        // everywhere.
        command.env("DOCKER_HOST", format!("unix://{}", self.file("no-engine.sock").display()));
        if self.has_helper {
            let helper = program::helper();
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = [helper.parent().unwrap().to_owned()].into_iter().chain(std::env::split_paths(&path));
            command.env("PATH", std::env::join_paths(folders).unwrap());
            command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
            command.env_remove("DOCKER_CONFIG").env_remove("REGISTRY_AUTH_FILE");
        }
        command
    }
}

fn stored(file: &std::path::Path, host: &str) -> String {
    let config: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let entry = &config["auths"][host];
    assert!(entry.get("identitytoken").is_none(), "{entry}");
    let auth = entry["auth"].as_str().unwrap_or_else(|| panic!("nothing is stored for {host}: {config}"));
    String::from_utf8(data_encoding::BASE64.decode(auth.as_bytes()).unwrap()).unwrap()
}
