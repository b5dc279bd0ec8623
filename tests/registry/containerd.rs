//! containerd and its client `ctr`, which requests tokens by POST with the password grant.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;

use crate::client::{Client, Said, run};
use crate::registry_host::{RegistryHost, Running};

/// A containerd for one test, which runs no containers.
pub struct Containerd {
    _running: Running,
    home: Client,
}

impl Containerd {
    #[track_caller]
    pub fn start() -> Self {
        let home = Client::new();
        let (at, file) = (home.file(""), home.file("config.toml"));
        // Otherwise it would give its sockets to root, which other users may not do.
        let me = at.metadata().unwrap();
        let config = format!(
            "version = 2\nroot = \"{at}root\"\nstate = \"{at}state\"\n\
             disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\naddress = \"{at}containerd.sock\"\nuid = {}\ngid = {}\n\
             [plugins.\"io.containerd.internal.v1.opt\"]\npath = \"{at}opt\"\n",
            me.uid(),
            me.gid(),
            at = at.display()
        );
        fs::write(&file, config).unwrap();
        let mut command = home.command("containerd");
        command.arg("--config").arg(&file).stdout(Stdio::null()).stderr(Stdio::piped());
        let (running, _) = Running::start(&mut command, |child| child.stderr.take().unwrap(), "successfully booted");
        Self { _running: running, home }
    }

    /// The path of its socket.
    pub fn socket(&self) -> String {
        self.home.file("containerd.sock").display().to_string()
    }

    /// ctr stores no logins, so every command gets name and secret.
    #[track_caller]
    pub fn ctr(&self, command: &[&str], secret: &str, names: &[&str]) -> Said {
        let user = format!("alice:{secret}");
        let mut ctr = self.home.command("ctr");
        ctr.args(["--address", &self.socket()]).args(command).args(["--plain-http", "--user", &user]).args(names);
        run(&mut ctr, "")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ctr_fetches_and_pushes_until_the_token_is_switched_off() {
    let registry_host = RegistryHost::open().await;
    let (_, token) = registry_host.alice_with("repo:write").await;
    let containerd = Containerd::start();
    let (from, to) = (registry_host.name("alice/app:v1"), registry_host.name("alice/ctr:v1"));
    let fetch = || containerd.ctr(&["content", "fetch"], &token.secret, &[&from]);
    let push = || containerd.ctr(&["images", "push"], &token.secret, &[&to, &from]);
    fetch().succeed();
    push().succeed();
    assert_eq!(registry_host.pull(&registry_host.owner, "alice/ctr:v1").as_ref(), Ok(&registry_host.image.manifest));
    registry_host.deactivate(&token).await;
    // ctr does not show the server's sentence.
    for said in [fetch(), push()] {
        assert!(!said.succeeded && said.stderr.contains("401 Unauthorized"), "{said:#?}");
    }
    let to = registry_host.name("alice/other:v1");
    let wrong = containerd.ctr(&["images", "push"], "dp_pat_wrong", &[&to, &from]);
    assert!(!wrong.succeeded && wrong.stderr.contains("401 Unauthorized"), "{wrong:#?}");
}
