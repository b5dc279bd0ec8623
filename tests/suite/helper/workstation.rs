//! A person's computer: a home folder and the program.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::LazyLock,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::program;

/// The program.
pub static PROGRAM: LazyLock<String> = LazyLock::new(|| program::helper().display().to_string());
pub const NOT_FOUND: &str = "credentials not found in native keychain\n";

pub struct Workstation {
    pub home: TempDir,
    /// What its environment has besides.
    pub variables: Vec<(&'static str, &'static str)>,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Said {
    /// What a run said that went well and had nothing else to say.
    pub fn done(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// The one sentence of a run that failed.
    pub fn failed(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.stdout.lines().count(), 1, "one sentence: {self:?}");
        self.stdout.trim_end().to_owned()
    }
}

impl Workstation {
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// The program in this home and without a keyring, whatever the computer of the tests has.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&*PROGRAM);
        command.args(arguments).env_clear().env("HOME", self.home.path());
        command.env("PATH", PathBuf::from(&*PROGRAM).parent().unwrap());
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere").envs(self.variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        self.command(arguments).output().unwrap().into()
    }

    /// Starts a verb that a registry client calls, and hands it its input.
    pub fn start(&self, verb: &str, input: &[u8]) -> Child {
        let mut process = self.command(&[verb]).stdin(Stdio::piped()).spawn().unwrap();
        // A program that ends without reading closes the pipe: that is its right.
        let _ = process.stdin.take().unwrap().write_all(input);
        process
    }

    pub fn ask(&self, verb: &str, input: &str) -> Said {
        self.start(verb, input.as_bytes()).wait_with_output().unwrap().into()
    }

    /// User name and secret for a host.
    pub fn get(&self, host: &str) -> (String, String) {
        let said: Value = serde_json::from_str(&self.ask("get", host).done()).unwrap();
        assert_eq!(said.as_object().unwrap().len(), 3);
        assert_eq!(said["ServerURL"], host);
        let text = |key: &str| said[key].as_str().unwrap().to_owned();
        (text("Username"), text("Secret"))
    }

    pub fn store(&self, host: &str, name: &str, secret: &str) -> Said {
        let input = serde_json::json!({ "ServerURL": host, "Username": name, "Secret": secret });
        self.ask("store", &input.to_string())
    }

    /// Signs in at a server that approves at once.
    pub fn login(&self, host: &str) -> String {
        self.run(&["login", host]).done()
    }

    pub fn list(&self) -> Value {
        serde_json::from_str(&self.run(&["list"]).done()).unwrap()
    }

    /// The file of credentials.
    pub fn file(&self) -> PathBuf {
        self.home.path().join(".local/share/dockpass/credentials.json")
    }

    pub fn kept(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file()).unwrap()).unwrap()
    }

    /// Lets time pass: what was given for a host was given long ago.
    pub fn ages(&self, host: &str) {
        self.change(host, "issued_at", 0);
    }

    /// Writes a number into what is known of a sign-in.
    pub fn change(&self, host: &str, key: &str, value: i64) {
        let mut kept = self.kept();
        kept["entries"][host]["session"][key] = value.into();
        fs::write(self.file(), kept.to_string()).unwrap();
    }

    /// Takes the right to write in the folder of credentials away, or gives it back.
    pub fn keeps_read_only(&self, is_read_only: bool) {
        let set = |path: PathBuf, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let (file, folder) = if is_read_only { (0o400, 0o500) } else { (0o600, 0o700) };
        set(self.file(), file);
        set(self.file().with_file_name("lock"), file);
        set(self.file().parent().unwrap().to_owned(), folder);
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
