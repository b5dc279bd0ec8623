//! Two servers on one PostgreSQL behind nginx, set up as `docs/operating.md` says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::Browser;
use crate::harness::PASSWORD;
use crate::harness::program::{Program, command, run_with_input};
use crate::postgres::{Postgres, free_port};

/// What the servers need, and the addresses of all.
pub struct Site {
    pub postgres: Postgres,
    pub folder: TempDir,
    /// The address of nginx.
    pub base: String,
    pub ports: [u16; 2],
    nginx: Child,
}

impl Site {
    pub fn start() -> Self {
        let (postgres, folder) = (Postgres::create(), tempfile::tempdir().unwrap());
        let (port, ports) = (free_port(), [free_port(), free_port()]);
        // Every server has a copy of the same file.
        fs::write(folder.path().join("secret.key"), data_encoding::BASE64.encode(&[7; 32])).unwrap();
        let nginx = start_nginx(folder.path(), port, ports);
        Self { postgres, folder, base: format!("http://127.0.0.1:{port}"), ports, nginx }
    }

    /// The database and the secret key file.
    pub fn settings(&self, data: &str, url: &str) -> Vec<String> {
        let key = self.folder.path().join("secret.key").display().to_string();
        let data = self.folder.path().join(data).display().to_string();
        ["--data", &data, "--database-url", url, "--secret-key-file", &key].map(str::to_owned).to_vec()
    }

    /// One of the two servers; it is ready when this returns.
    pub fn server(&self, number: usize, more: &[&str]) -> Program {
        self.server_on(number, &self.postgres.url(), more)
    }

    pub fn server_on(&self, number: usize, url: &str, more: &[&str]) -> Program {
        let listen = format!("127.0.0.1:{}", self.ports[number]);
        let mut server = command(&["--listen", &listen, "--public-url", &self.base, "--trusted-proxies", "127.0.0.1"]);
        Program::spawn(server.args(self.settings(&format!("data{number}"), url)).args(more))
    }

    /// Runs a command of the program on the database.
    pub fn shell(&self, arguments: &[&str], input: &str) {
        let settings = self.settings("data0", &self.postgres.url());
        let all: Vec<&str> = settings.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
        let output = run_with_input(&all, input);
        assert!(output.status.success(), "{output:?}");
    }

    pub fn account(&self, name: &str) {
        self.shell(&["account", "add", name, "--password-stdin"], PASSWORD);
    }

    /// A client of nginx that has signed in.
    pub async fn signed_in(&self, name: &str) -> Browser {
        let browser = Browser::at(&self.base);
        let answer = browser.post("/login", &[("username", name), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, reqwest::StatusCode::SEE_OTHER, "{}", answer.body);
        browser
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Its workers would outlive a killed master.
        let _ = Command::new("kill").args(["-s", "TERM", &self.nginx.id().to_string()]).status();
        let _ = self.nginx.wait();
    }
}

/// The part between these two lines stands in `docs/operating.md`, with its own addresses.
const BALANCING: &str = "
    upstream dockpass {
        server FIRST max_fails=0;
        server SECOND max_fails=0;
    }
";

fn start_nginx(folder: &Path, port: u16, ports: [u16; 2]) -> Child {
    let [first, second] = ports.map(|port| format!("127.0.0.1:{port}"));
    let balancing = BALANCING.replace("FIRST", &first).replace("SECOND", &second);
    // nginx would give its workers to a user who cannot enter the folder.
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let user = if is_root { "user root;" } else { "" };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {}/{name};\n", folder.display()))
        .concat();
    let config = format!(
        "daemon off; {user} pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 2000; }}
http {{
    access_log off;
{temporary}{balancing}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://dockpass;
            proxy_connect_timeout 2s;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            add_header X-Upstream $upstream_addr always;
        }}
    }}
}}
",
        folder = folder.display()
    );
    let file: PathBuf = folder.join("nginx.conf");
    fs::write(&file, config).unwrap();
    let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
    let child = Command::new(program)
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(&file)
        .arg("-e")
        .arg(folder.join("nginx.log"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nginx is installed, see tests/run");
    let began = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = fs::read_to_string(folder.join("nginx.log")).unwrap_or_default();
        assert!(began.elapsed() < Duration::from_secs(20), "nginx does not start: {log}");
        sleep(Duration::from_millis(20));
    }
    child
}
