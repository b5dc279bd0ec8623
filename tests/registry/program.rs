//! The program with a registry and clients, as an operator runs it.

use crate::client::{Client, run};
use crate::harness::PASSWORD;
use crate::harness::program::{self, Program};
use crate::image::Image;
use crate::registry_host::Registry;

#[test]
fn an_account_made_at_the_shell_pushes_and_pulls_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let mut add = program::command(&["--data", &data, "account", "add", "alice", "--password-stdin"]);
    assert_eq!(run(&mut add, &format!("{PASSWORD}\n")).succeed(), "account alice created (an administrator)\n");

    let server = Program::start(folder.path().join("data").as_path(), &[]);
    let address = server.base.trim_start_matches("http://").to_owned();
    let registry = Registry::start(&["--data", &data, "--listen", &address]);
    let client = Client::logged_in(&registry.host, "alice", PASSWORD);
    let (image, at) = (Image::holding("hello"), format!("docker://{}/alice/app:v1", registry.host));
    let pushed = || client.skopeo(&["copy", "--dest-tls-verify=false", &image.source(), &at]);
    let raw = || client.skopeo(&["inspect", "--tls-verify=false", "--raw", &at]);
    pushed().succeed();
    assert_eq!(raw().succeed().as_bytes(), image.manifest);

    assert_eq!(server.stop().code, Some(0));
    let refused = format!("dial tcp {address}: connect: connection refused");
    assert!(raw().fail().ends_with(&refused), "the registry let someone in who had no token");

    // The registry keeps using the certificate that it read at its start.
    let _server = Program::spawn(&mut program::command(&["--data", &data, "--listen", &address]));
    assert_eq!(raw().succeed().as_bytes(), image.manifest);
}
