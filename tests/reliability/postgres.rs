//! A PostgreSQL server with its defaults, so with `fsync`, that can be killed.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

/// A cluster of its own. Dropping it ends it.
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

impl Postgres {
    pub fn create() -> Self {
        let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed, see tests/run");
        let mut programs: Vec<PathBuf> = versions.map(|entry| entry.unwrap().path().join("bin")).collect();
        programs.sort();
        let (folder, programs) = (tempfile::tempdir().unwrap(), programs.pop().unwrap());
        if is_root() {
            assert!(Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap().success());
        }
        let postgres = Self { folder, programs, port: free_port() };
        postgres.run("initdb", &["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        postgres.start();
        postgres
    }

    /// Starts it, also after it was killed, and waits until it has recovered.
    pub fn start(&self) {
        let options = format!("-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c port={}", self.port);
        let log = self.folder.path().join("log").display().to_string();
        self.run("pg_ctl", &["start", "--silent", "--wait", "--timeout=120", "--log", &log, "--options", &options]);
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Kills the server with all its processes.
    pub fn kill(&self) {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let main = file.lines().next().unwrap().to_owned();
        let children = Command::new("pgrep").args(["-P", &main]).output().unwrap().stdout;
        let children = String::from_utf8(children).unwrap();
        let all: Vec<&str> = [main.as_str()].into_iter().chain(children.split_whitespace()).collect();
        // A child may have ended by itself.
        let _ = Command::new("kill").arg("-9").args(&all).output();
        let is_alive = |process: &&str| {
            let stat = fs::read_to_string(Path::new("/proc").join(process).join("stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
        };
        while all.iter().any(&is_alive) {
            sleep(Duration::from_millis(20));
        }
        // It does not start while the process of this file exists, and a container may never collect a killed process.
        fs::remove_file(self.data().join("postmaster.pid")).unwrap();
    }

    /// Checks every table and index, after the last recovery.
    pub fn check_files(&self) {
        let (host, port) = ("--host=127.0.0.1", format!("--port={}", self.port));
        let arguments = [host, &port, "--username=postgres", "--install-missing", "--heapallindexed", "postgres"];
        let program = self.programs.join("pg_amcheck");
        let output = Command::new(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = if is_root() { Command::new("runuser") } else { Command::new("env") };
        if is_root() {
            // PostgreSQL refuses to run as root.
            command.args(["-u", "postgres", "--"]);
        }
        command.arg(self.programs.join(program)).args(arguments).env("PGDATA", self.data()).current_dir("/");
        // The server inherits these, and would keep the test's own output open.
        let out = self.folder.path().join(format!("{program}.out"));
        let output = fs::File::create(&out).unwrap();
        command.stdout(output.try_clone().unwrap()).stderr(output);
        let status = command.status().unwrap();
        assert!(status.success(), "{program}: {}", fs::read_to_string(&out).unwrap());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.kill();
        }
    }
}
