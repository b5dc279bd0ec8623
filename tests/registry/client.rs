//! Programs as a person runs them, each in a home of its own.

use std::{
    io::{ErrorKind, Write},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::harness::program;

/// What a program answered.
#[derive(Debug)]
pub struct Said {
    pub succeeded: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// Its standard output; the test fails where the program did.
    #[track_caller]
    pub fn succeed(self) -> String {
        assert!(self.succeeded, "{self:#?}");
        self.stdout
    }

    /// The message of its failure: what standard error holds besides notes in log form; of a fatal log line its
    /// message. Digests are written as `sha256:…`.
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

/// Starts a program, or fails with a sentence that says how to get it.
#[track_caller]
pub fn start(command: &mut Command) -> Child {
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound => panic!("{program} is missing: run tests/run, which installs what the tests need"),
        _ => panic!("{program} does not start: {error}"),
    })
}

/// Runs a program to its end with `input` on standard input.
#[track_caller]
pub fn run(command: &mut Command, input: &str) -> Said {
    let mut child = start(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    // A program that ends without reading closes the pipe: its answer says why.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { succeeded: status.success(), stdout: text(stdout), stderr: text(stderr) }
}

/// Someone at a terminal of their own: what one logs in to, no other sees.
pub struct Client {
    home: TempDir,
    has_helper: bool,
}

impl Client {
    /// Logged in nowhere.
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), has_helper: false }
    }

    /// With the credential helper on the path, without a keyring, and every file where programs look by themselves.
    pub fn with_helper() -> Self {
        Self { has_helper: true, ..Self::new() }
    }

    /// Logged in with docker and with skopeo.
    #[track_caller]
    pub fn logged_in(host: &str, name: &str, secret: &str) -> Self {
        let client = Self::new();
        client.docker_login(host, name, secret).succeed();
        client.skopeo_login(host, name, secret).succeed();
        client
    }

    /// With a login in both tools' files that no server has seen.
    pub fn with_stored_login(host: &str, name: &str, secret: &str) -> Self {
        let client = Self::new();
        let auth = data_encoding::BASE64.encode(format!("{name}:{secret}").as_bytes());
        let stored = serde_json::json!({ "auths": { host: { "auth": auth } } }).to_string();
        std::fs::create_dir(client.file("docker")).unwrap();
        std::fs::write(client.file("docker/config.json"), &stored).unwrap();
        std::fs::write(client.file("auth.json"), &stored).unwrap();
        client
    }

    /// A file in the client's home.
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

    /// What docker keeps for `host`: name and secret.
    pub fn docker_stored(&self, host: &str) -> String {
        stored(&self.file("docker/config.json"), host)
    }

    /// What skopeo keeps for `host`: name and secret.
    pub fn skopeo_stored(&self, host: &str) -> String {
        stored(&self.file("auth.json"), host)
    }

    /// A program in the client's home, where all that it keeps is kept.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.home.path()).env("XDG_RUNTIME_DIR", self.home.path());
        command.env("DOCKER_CONFIG", self.file("docker")).env("REGISTRY_AUTH_FILE", self.file("auth.json"));
        // No engine, whatever this machine has: the CLI logs in by itself and says the same words everywhere.
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
