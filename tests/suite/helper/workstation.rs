//! A person's computer: a home folder and the helper.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::fake_server::FakeServer;
use crate::harness::program;

/// The helper's path.
pub static PROGRAM: LazyLock<String> = LazyLock::new(|| program::helper().display().to_string());
pub const NOT_FOUND: &str = "credentials not found in native keychain\n";

pub struct Workstation {
    pub home: TempDir,
    /// Further environment variables.
    pub variables: Vec<(&'static str, &'static str)>,
}

/// The result of a run.
#[derive(Debug, PartialEq, Eq)]
pub struct ProgramOutput {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for ProgramOutput {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl ProgramOutput {
    /// The standard output of a run that succeeded without a warning.
    pub fn succeed(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// The one sentence of a run that failed.
    pub fn fail(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.stdout.lines().count(), 1, "one sentence: {self:?}");
        self.stdout.trim_end().to_owned()
    }
}

impl Workstation {
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// The helper in this home, without a keyring.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&*PROGRAM);
        command.args(arguments).env_clear().env("HOME", self.home.path());
        command.env("PATH", PathBuf::from(&*PROGRAM).parent().unwrap());
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere").envs(self.variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> ProgramOutput {
        self.command(arguments).output().unwrap().into()
    }

    /// Starts a command as registry clients do.
    pub fn start(&self, command: &str, input: &[u8]) -> Child {
        let mut process = self.command(&[command]).stdin(Stdio::piped()).spawn().unwrap();
        // The helper may close the pipe before it reads.
        let _ = process.stdin.take().unwrap().write_all(input);
        process
    }

    pub fn call(&self, command: &str, input: &str) -> ProgramOutput {
        self.start(command, input.as_bytes()).wait_with_output().unwrap().into()
    }

    /// Username and secret of a host.
    pub fn get(&self, host: &str) -> (String, String) {
        let said: Value = serde_json::from_str(&self.call("get", host).succeed()).unwrap();
        assert_eq!(said.as_object().unwrap().len(), 3);
        assert_eq!(said["ServerURL"], host);
        let text = |key: &str| said[key].as_str().unwrap().to_owned();
        (text("Username"), text("Secret"))
    }

    pub fn store(&self, host: &str, name: &str, secret: &str) -> ProgramOutput {
        let input = json!({ "ServerURL": host, "Username": name, "Secret": secret });
        self.call("store", &input.to_string())
    }

    /// Signs in at a server that needs no approval.
    pub fn login(&self, host: &str) -> String {
        self.run(&["login", host]).succeed()
    }

    /// Stores what a `login` at the server stores, without its seconds of waiting.
    #[expect(clippy::disallowed_methods, reason = "the helper compares the time with the system's clock")]
    pub fn sign_in(&self, server: &FakeServer) {
        let number = server.issue_token();
        let issued_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let session = json!({
            "issued_at": issued_at,
            "expires_in": 2_592_000,
            "token_endpoint": format!("http://{}/oauth/token", server.host()),
            "revocation_endpoint": format!("http://{}/oauth/revoke", server.host()),
        });
        let secrets = json!({ "secret": format!("dp_dev_{number}"), "refresh_token": format!("dp_ref_{number}") });
        let credential = json!({ "username": "alice", "secrets": secrets, "session": session });
        let stored = json!({ "version": 1, "storage": "file", "entries": { server.host(): credential } });
        fs::create_dir_all(self.file().parent().unwrap()).unwrap();
        fs::write(self.file().with_file_name("lock"), "").unwrap();
        fs::write(self.file(), stored.to_string()).unwrap();
    }

    pub fn list(&self) -> Value {
        serde_json::from_str(&self.run(&["list"]).succeed()).unwrap()
    }

    /// The file with the stored credentials.
    pub fn file(&self) -> PathBuf {
        self.home.path().join(".local/share/dockpass/credentials.json")
    }

    pub fn stored(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file()).unwrap()).unwrap()
    }

    /// Makes the stored token of a host old enough for a refresh.
    pub fn make_due(&self, host: &str) {
        self.set_session(host, "issued_at", 0);
    }

    /// Changes a number in the stored session of a host.
    pub fn set_session(&self, host: &str, key: &str, value: i64) {
        let mut stored = self.stored();
        stored["entries"][host]["session"][key] = value.into();
        fs::write(self.file(), stored.to_string()).unwrap();
    }

    /// Makes the folder with the stored credentials read-only, or writable again.
    pub fn set_read_only(&self, is_read_only: bool) {
        let set = |path: PathBuf, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let (file, folder) = if is_read_only { (0o400, 0o500) } else { (0o600, 0o700) };
        set(self.file(), file);
        set(self.file().with_file_name("lock"), file);
        set(self.file().parent().unwrap().to_owned(), folder);
    }

    /// Makes the next write of the stored credentials fail: a folder is where the new file would be.
    pub fn block_writes(&self) {
        fs::create_dir_all(self.file().with_file_name(".credentials.json.dockpass").join("x")).unwrap();
    }

    pub fn mode(&self, path: &str) -> u32 {
        fs::metadata(self.home.path().join(path)).unwrap().permissions().mode() & 0o777
    }

    pub fn docker_config(&self) -> String {
        fs::read_to_string(self.home.path().join(".docker/config.json")).unwrap()
    }

    pub fn write_docker_config(&self, text: &str) {
        fs::create_dir_all(self.home.path().join(".docker")).unwrap();
        fs::write(self.home.path().join(".docker/config.json"), text).unwrap();
    }
}

/// Waits for all processes.
pub fn finish_all(processes: Vec<Child>) -> Vec<Output> {
    processes.into_iter().map(|process| process.wait_with_output().unwrap()).collect()
}
