//! The credential helper's sign-ins where a real keyring holds their tokens.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::device::Codes;
use crate::harness::{Browser, TestServer};
use crate::keyring::with_keyring;

const STILL_VALID: &str = "the token is still valid on the server, where you can delete it: ";

/// alice's server, which is its own registry here, and her computer.
struct Home {
    server: TestServer,
    alice: Browser,
    folder: TempDir,
}

impl Home {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let alice = server.account_signed_in("alice").await;
        Self { server, alice, folder: tempfile::tempdir().unwrap() }
    }

    fn host(&self) -> String {
        self.server.address.to_string()
    }

    /// Runs a script and returns its lines on standard output. `sign_in` signs in to `$HOST` and alice approves, `login`
    /// signs in without approval, `make_due` makes the token old enough for a refresh, and `lock` locks the keyring.
    async fn run(&self, script: &str) -> Vec<String> {
        let (folder, said) = (self.folder.path().to_owned(), self.folder.path().join("said"));
        let file = "$HOME/.local/share/dockpass/credentials.json";
        let script = [
            &format!("HOST={}", self.host()),
            "login() { timeout 60 docker-credential-dockpass login $HOST --no-browser; }",
            "sign_in() { login >$HOME/said 2>&1; }",
            &format!("make_due() {{ sed -i 's/\"issued_at\": [0-9]*/\"issued_at\": 0/' {file}; }}"),
            script,
        ]
        .join("\n");
        let run = tokio::task::spawn_blocking(move || with_keyring(&folder, &script));
        let mut approved = String::new();
        while !run.is_finished() {
            let text = fs::read_to_string(&said).unwrap_or_default();
            let code = text.split_once("enter the code ").and_then(|(_, rest)| rest.split_once('\n'));
            if let Some((code, _)) = code.filter(|(code, _)| *code != approved) {
                approved = code.to_owned();
                let codes = Codes { device_code: String::new(), user_code: approved.clone() };
                self.alice.decide(&codes, "approve").await;
                // The helper waits these seconds before its first poll; the server's clock does not move by itself.
                self.server.clock.advance(time::Duration::seconds(5));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        run.await.unwrap().lines().map(str::to_owned).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_stored_in_the_keyring_and_refreshed_once_by_several_at_once() {
    let home = Home::new().await;
    let said = home
        .run(
            "sign_in; cat $HOME/said | tail -n +4; printf $HOST | helper get
            make_due; for n in 1 2 3 4 5 6; do (printf $HOST | helper get) & done; wait",
        )
        .await;
    let (host, folder) = (home.host(), home.folder.path().display());
    let expected = [
        format!("signed in to {host} as alice"),
        "the token is stored in your keyring".to_owned(),
        format!("docker now uses this program for {host}: {folder}/.docker/config.json"),
    ];
    assert_eq!(said[..3], expected);
    let given = |token: &str| format!("{{\"ServerURL\":\"{host}\",\"Username\":\"alice\",\"Secret\":\"{token}\"}}");
    let token = |line: &str| line.split('"').nth(11).unwrap_or_else(|| panic!("{line}")).to_owned();
    let (first, second) = (token(&said[3]), token(&said[4]));
    assert!(first.starts_with("dp_dev_") && second.starts_with("dp_dev_") && first != second, "{said:?}");
    assert_eq!(said[3..], [vec![given(&first)], vec![given(&second); 6]].concat());
    assert_eq!(home.server.count("previous_secret").await, 1, "one of the six refreshed it");
    let kept = fs::read_to_string(home.folder.path().join(".local/share/dockpass/credentials.json")).unwrap();
    assert!(!kept.contains("dp_dev_") && !kept.contains("dp_ref_"), "{kept}");
    for token in [&first, &second] {
        assert_eq!(home.server.anonymous().token("alice", token, &[]).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn erase_revokes_the_token_in_the_keyring() {
    let home = Home::new().await;
    let said = home
        .run(
            "sign_in; printf $HOST | helper erase 2>&1; helper list
            secret-tool search --all application docker-credential-dockpass",
        )
        .await;
    assert_eq!(said, ["{}"]);
    assert_eq!(home.server.count("token").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_a_locked_keyring_stays_valid_on_the_server_and_the_person_is_told() {
    let home = Home::new().await;
    let (host, locked) = (home.host(), "the keyring is locked");
    let kept = format!("the token for {host} is still in the keyring: {locked}");
    let unread = format!("{STILL_VALID}the token for {host} is in the keyring, which cannot be read: {locked}");
    let to_a_client = |sentence: &str| format!("docker-credential-dockpass: {sentence}");
    let said = home.run("sign_in; lock; printf $HOST | helper erase 2>&1 | tail -n 2; helper list").await;
    assert_eq!(said, [to_a_client(&kept), to_a_client(&unread), "{}".to_owned()]);
    let said = home.run("sign_in; lock; helper logout $HOST; helper list").await;
    assert_eq!(said, [kept, unread, format!("signed out of {host}"), "{}".to_owned()]);
    assert_eq!(home.server.count("token").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_removed_from_the_keyring_stays_valid_on_the_server_and_the_person_is_told() {
    let home = Home::new().await;
    let removal = "sign_in; secret-tool clear application docker-credential-dockpass host $HOST";
    let sentence = format!("{STILL_VALID}it is no longer in the keyring");
    let said = home.run(&format!("{removal}; printf $HOST | helper erase 2>&1; helper list")).await;
    assert_eq!(said, [format!("docker-credential-dockpass: {sentence}"), "{}".to_owned()]);
    let said = home.run(&format!("{removal}; helper logout $HOST; helper list")).await;
    assert_eq!(said, [sentence, format!("signed out of {}", home.host()), "{}".to_owned()]);
    assert_eq!(home.server.count("token").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sign_in_begins_while_the_keyring_is_unavailable() {
    let home = Home::new().await;
    let unusable = "this computer stores its credentials in the keyring, which cannot be used: ";
    for (break_keyring, reason) in [
        ("lock", "the keyring is locked"),
        ("export DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere", "no keyring is available"),
    ] {
        let said = home.run(&format!("store other x; {break_keyring}; login; echo $?; helper list")).await;
        assert_eq!(said, [format!("{unusable}{reason}"), "1".to_owned(), "{\"other\":\"alice\"}".to_owned()]);
    }
    assert_eq!(home.server.count("device_code").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_expired_sign_in_the_next_one_does_not_go_to_the_file() {
    let home = Home::new().await;
    home.run("sign_in").await;
    home.server.sql("DELETE FROM token").await;
    let said = home.run("make_due; printf $HOST | helper get 2>&1; helper list").await;
    let expired = format!("the sign-in to {0} expired: run docker-credential-dockpass login {0}", home.host());
    assert_eq!(said, ["credentials not found in native keychain", &expired, "{}"]);
    let said = home.run("export DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere; login; echo $?").await;
    assert!(said[0].ends_with("which cannot be used: no keyring is available") && said[1..] == ["1"], "{said:?}");
}
