//! The real program, as an operator runs it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Browser;

/// A running `dockpass serve`.
pub struct Program {
    pub base: String,
    pub setup_link: Option<String>,
    /// The URL of `/metrics`, if it is served.
    pub metrics: Option<String>,
    process: Running,
    said: JoinHandle<String>,
    log: JoinHandle<String>,
}

/// A process that ends with its test, even if the test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The result of a finished program.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub took: Duration,
    /// Its standard output after the first lines.
    pub said: String,
    pub log: String,
}

/// The program with these arguments and a clean environment.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockpass"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DOCKPASS_") || name == "RUST_LOG") {
        command.env_remove(name);
    }
    command.env("DOCKPASS_CONFIG", "/dev/null");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The path of the credential helper, which is another package. `tests/run` builds it and sets the variable; without
/// the variable it is expected beside the server.
pub fn helper() -> PathBuf {
    let beside = || Path::new(env!("CARGO_BIN_EXE_dockpass")).with_file_name("docker-credential-dockpass");
    let path = std::env::var_os("DOCKPASS_TEST_HELPER").map_or_else(beside, PathBuf::from);
    assert!(path.is_file(), "{} is missing: cargo build -p docker-credential-dockpass", path.display());
    path
}

pub fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// Runs a subcommand with this text on standard input.
pub fn run_with_input(arguments: &[&str], input: &str) -> Output {
    let mut process = command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    // Writing fails if the program ends without reading, which is allowed.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap()
}

impl Program {
    /// Starts the server on a free port and waits for its first lines.
    pub fn start(data: &Path, more: &[&str]) -> Self {
        Self::spawn(command(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]).args(more))
    }

    /// Starts a command from [`command`] and waits for its first lines.
    pub fn spawn(command: &mut Command) -> Self {
        let mut process = command.spawn().unwrap();
        let stderr = process.stderr.take();
        let log = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.map(|mut stderr| stderr.read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let Some(base) = line.strip_prefix("listening on ").map(|base| base.trim().to_owned()) else {
            panic!("it began with {line:?}: {}", log.join().unwrap())
        };
        let (lines, first) = std::sync::mpsc::channel();
        let said = thread::spawn(move || {
            let mut all = String::new();
            for line in stdout.lines().map_while(Result::ok) {
                let _ = lines.send(line.clone());
                all += &format!("{line}\n");
            }
            all
        });
        // The server writes all its lines at once, before it answers the first request.
        let mut next = first.recv_timeout(Duration::from_millis(500)).ok();
        let mut line = |before: &str| {
            let found = next.as_deref()?.strip_prefix(before)?.to_owned();
            next = first.recv_timeout(Duration::from_millis(50)).ok();
            Some(found)
        };
        let (setup_link, metrics) = (line("create the first account at "), line("metrics on "));
        Self { base, setup_link, metrics, process: Running(process), said, log }
    }

    /// A client without cookies.
    pub fn browser(&self) -> Browser {
        Browser::at(&self.base)
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.0.id()
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.id().to_string()]).status().unwrap().success());
    }

    /// Stops it as Ctrl-C does, and waits for the end.
    pub fn stop(self) -> Ended {
        self.signal("INT");
        self.wait()
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Ended {
        let began = Instant::now();
        let code = self.process.0.wait().unwrap().code();
        Ended { code, took: began.elapsed(), said: self.said.join().unwrap(), log: self.log.join().unwrap() }
    }
}
