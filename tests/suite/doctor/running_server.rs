//! A running server for `dockpass doctor` to check, and servers that answer as a test wants.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::{fs, thread};

use tempfile::TempDir;

use crate::harness::database;
use crate::harness::program::{Program, run};

/// A running server and its operator.
pub struct RunningServer {
    pub folder: TempDir,
    pub url: Option<String>,
    pub program: Program,
}

/// The result of `dockpass doctor`: exit code, lines, and standard error.
pub type DoctorResult = (Option<i32>, Vec<String>, String);

impl RunningServer {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub async fn start_with(settings: &[&str]) -> Self {
        let (folder, url) = (tempfile::tempdir().unwrap(), database::url().await);
        let mut more = url.as_deref().map(|url| vec!["--database-url", url]).unwrap_or_default();
        more.extend(settings);
        let program = Program::start(&folder.path().join("data"), &more);
        Self { folder, url, program }
    }

    /// The lines are those of the checks, without what is left to set up.
    pub fn doctor(&self, more: &[&str]) -> DoctorResult {
        let (code, said, error) = self.run(self.program.base.split_at(7).1, &[&["doctor"], more].concat());
        let said = said.split("\nLeft to set up").next().unwrap();
        // A file of this machine's own registry is not that of the test.
        let is_ours = |line: &&str| !line.contains("registry's file: /etc/docker/registry/config.yml");
        (code, said.lines().filter(is_ours).map(str::to_owned).collect(), error)
    }

    /// Runs a command with the server's data: exit code, standard output and standard error.
    pub fn run(&self, listen: &str, command: &[&str]) -> (Option<i32>, String, String) {
        let data = self.folder.path().join("data");
        let mut all = vec!["--data", data.to_str().unwrap(), "--listen", listen];
        all.extend(self.url.as_deref().map(|url| ["--database-url", url]).into_iter().flatten());
        all.extend(command);
        let output = run(&all);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    pub fn write(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    }

    /// The lines about a configuration file with this content, except the one about the environment.
    pub fn file(&self, content: &str) -> Vec<String> {
        let path = self.folder.path().join("registry.yml");
        fs::write(&path, content).unwrap();
        let (_, lines, _) = self.doctor(&["--registry-config", path.to_str().unwrap()]);
        let about = |line: &&String| line.contains("  file's") || line.contains("registry's file");
        lines.iter().filter(about).map(|line| line.replace(path.to_str().unwrap(), "FILE")).collect()
    }

    /// The only wrong line for a registry that answers with `answers`.
    #[track_caller]
    pub fn registry(&self, answers: impl Fn(&str) -> String + Send + 'static) -> String {
        let (code, lines, _) = self.doctor(&["--registry-url", &fake(answers)]);
        let wrong: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("WRONG    ")).collect();
        assert!(code == Some(1) && wrong.len() == 1, "{lines:#?}");
        let address = wrong[0].split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or("none");
        wrong[0].replace(address, "HOST")
    }

    pub fn challenge(&self) -> String {
        let realm = format!("{}/token", self.program.base);
        format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"dockpass\"")
    }
}

/// Starts a server that answers by the request's head, and returns its URL.
pub fn fake(answers: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(|stream| answer(stream, &answers)));
    url
}

fn answer(mut stream: TcpStream, answers: &impl Fn(&str) -> String) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    let _ = stream.write_all(answers(&String::from_utf8_lossy(&head)).as_bytes());
}

pub fn http(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}
