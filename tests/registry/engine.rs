//! The Docker engine, on machines where it can start.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};

use crate::client::{Client, Said, run};
use crate::containerd::Containerd;
use crate::registry_host::{RegistryHost, Running};

/// An engine that does not change the machine's network and runs no containers.
struct Engine {
    _running: Running,
    _containerd: Containerd,
    home: Client,
    socket: String,
}

impl Engine {
    /// Starts the engine, or returns why it cannot start.
    #[track_caller]
    fn start() -> Result<Self, String> {
        if Command::new("dockerd").arg("--version").stdout(Stdio::null()).status().is_err() {
            return Err("there is no dockerd on the PATH, where tests/run puts one".to_owned());
        }
        let home = Client::new();
        if home.file("").metadata().unwrap().uid() != 0 {
            return Err("it needs root".to_owned());
        }
        let containerd = Containerd::start();
        let at = |name| home.file(name).display().to_string();
        // Without the machine's settings.
        std::fs::write(home.file("daemon.json"), "{}").unwrap();
        let socket = format!("unix://{}", at("docker.sock"));
        // The engine mounts its folder. In its own namespace the mount always ends with the engine.
        let mut command = home.command("unshare");
        command.args(["--mount", "dockerd"]);
        command.args(["--iptables=false", "--ip-forward=false", "--ip-masq=false", "--bridge=none"]);
        command.args(["--storage-driver=vfs", "--containerd", &containerd.socket(), "--host", &socket]);
        command.args(["--config-file", &at("daemon.json"), "--data-root", &at("data"), "--exec-root", &at("exec")]);
        command.args(["--pidfile", &at("pid")]).stdout(Stdio::null()).stderr(Stdio::piped());
        let started = Running::try_start(&mut command, |child| child.stderr.take().unwrap(), "API listen on ");
        let last = |seen: String| seen.lines().last().unwrap_or("it says nothing").to_owned();
        let (running, _) = started.map_err(last)?;
        Ok(Self { _running: running, _containerd: containerd, home, socket })
    }

    /// Runs the docker CLI with this engine.
    #[track_caller]
    fn docker(&self, arguments: &[&str], input: &str) -> Said {
        run(self.home.command("docker").env("DOCKER_HOST", &self.socket).args(arguments), input)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_pulls_and_pushes_until_the_token_is_switched_off() {
    let engine = match Engine::start() {
        Ok(engine) => engine,
        // Written directly, because the output of tests is captured. tests/run counts and repeats these lines.
        Err(why) => return writeln!(std::io::stderr(), "\nNOT RUN: docker engine: {why}").unwrap(),
    };
    let registry_host = RegistryHost::open().await;
    let (_, token) = registry_host.alice_with("repo:write").await;
    let login =
        |secret| engine.docker(&["login", &registry_host.registry.host, "-u", "alice", "--password-stdin"], secret);
    let (from, to) = (registry_host.name("alice/docker:v1"), registry_host.name("alice/engine:v1"));
    assert_eq!(login(&token.secret).succeed(), "Login Succeeded\n");
    engine.docker(&["pull", &from], "").succeed();
    engine.docker(&["tag", &from, &to], "").succeed();
    engine.docker(&["push", &to], "").succeed();
    assert!(registry_host.pull(&registry_host.owner, "alice/engine:v1").is_ok());
    // With the stored login, which the engine sends again.
    engine.docker(&["login", &registry_host.registry.host], "").succeed();
    registry_host.deactivate(&token).await;
    let sentence = registry_host.inactive();
    let commands = [engine.docker(&["pull", &from], ""), engine.docker(&["push", &to], ""), login(&token.secret)];
    for said in commands {
        assert!(!said.succeeded && said.stderr.contains(&sentence), "{said:#?}");
    }
}
