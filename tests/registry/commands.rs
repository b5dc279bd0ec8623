//! The ready commands in the dialog of a new token, run with the real programs.

use crate::client::{Client, run};
use crate::harness::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_dialog_log_in() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate_and_read("laptop").await;
    let (host, expected) = (server.address.to_string(), format!("alice:{}", token.secret));
    for name in ["docker", "podman"] {
        let client = Client::new();
        let mut shell = client.command("bash");
        shell.args(["-c", &token.commands[&format!("{name}-script")]]).env("DOCKPASS_TOKEN", &token.secret);
        assert!(run(&mut shell, "").succeed().contains("Login Succeeded"), "{name}");
        let stored = if name == "docker" { client.docker_stored(&host) } else { client.skopeo_stored(&host) };
        assert_eq!(stored, expected, "{name}");

        // `script` is a terminal, on which the program asks for the password. It shows what is typed before the question.
        let client = Client::new();
        let mut terminal = client.command("script");
        terminal.args(["-qec", &token.commands[&format!("{name}-terminal")], "/dev/null"]);
        let said = run(&mut terminal, &format!("{}\n", token.secret)).succeed();
        assert!(said.contains("Password:") && said.contains("Login Succeeded"), "{name}: {said}");
        let stored = if name == "docker" { client.docker_stored(&host) } else { client.skopeo_stored(&host) };
        assert_eq!(stored, expected, "{name}");
    }
}
