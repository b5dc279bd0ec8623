//! The credential helper with a real keyring: Debian's gnome-keyring, on a bus of its own.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::program;

/// Runs a shell script where a keyring is unlocked; what it printed on standard output.
pub fn with_keyring(home: &Path, script: &str) -> String {
    let unlock = "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1 || exit 9\n\
        store() { printf '{\"ServerURL\":\"%s\",\"Username\":\"alice\",\"Secret\":\"%s\"}' \"$1\" \"$2\" | helper store; }\n\
        helper() { docker-credential-dockpass \"$@\"; }\n\
        lock() { dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
            org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >&2; }\n";
    let program = program::helper();
    let mut command = Command::new("dbus-run-session");
    command.args(["--", "bash", "-c", &format!("{unlock}{script}")]).stdin(Stdio::null());
    command.env_clear().env("HOME", home).env("XDG_RUNTIME_DIR", home);
    command.env("PATH", format!("{}:/usr/bin:/bin", program.parent().unwrap().display()));
    let output = command.output().expect("dbus-run-session is missing: tests/run installs it");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn kept(home: &TempDir) -> String {
    fs::read_to_string(home.path().join(".local/share/dockpass/credentials.json")).unwrap()
}

#[test]
fn secrets_are_in_the_keyring_and_nowhere_else() {
    let home = tempfile::tempdir().unwrap();
    let said = with_keyring(
        home.path(),
        "store hub.example.com dp_pat_x 2>&1
        printf hub.example.com | helper get
        secret-tool lookup application docker-credential-dockpass host hub.example.com | tr -d ' \\n'; echo
        cat $HOME/.local/share/dockpass/credentials.json | tr -d ' \\n'; echo
        printf hub.example.com | helper erase
        secret-tool search --all application docker-credential-dockpass
        ls $HOME/.local/share/dockpass",
    );
    let expected = [
        "docker-credential-dockpass: credentials are stored in your keyring",
        "{\"ServerURL\":\"hub.example.com\",\"Username\":\"alice\",\"Secret\":\"dp_pat_x\"}",
        "{\"secret\":\"dp_pat_x\"}",
        "{\"version\":1,\"storage\":\"keyring\",\"entries\":{\"hub.example.com\":{\"username\":\"alice\"}}}",
        "lock",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn many_programs_at_once_lose_nothing_in_the_keyring_either() {
    let home = tempfile::tempdir().unwrap();
    let said = with_keyring(
        home.path(),
        "for n in 1 2 3 4 5 6 7 8; do store hub$n secret$n & done; wait
        for n in 1 2 3 4 5 6 7 8; do (printf hub$n | helper get) & done; wait",
    );
    let mut found: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    found.sort_by_key(|entry| entry["ServerURL"].as_str().map(str::to_owned));
    let entry = |n: u32| json!({ "ServerURL": format!("hub{n}"), "Username": "alice", "Secret": format!("secret{n}") });
    assert_eq!(found, (1..=8).map(entry).collect::<Vec<_>>());
    assert!(!kept(&home).contains("secret1"));
}

#[test]
fn a_locked_and_an_emptied_keyring_are_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let said = with_keyring(
        home.path(),
        "store hub dp_pat_x; store other dp_pat_y
        secret-tool clear application docker-credential-dockpass host other
        printf other | helper get
        lock
        printf hub | helper get; echo $?",
    );
    let expected = [
        "credentials not found in native keychain",
        "the token for hub is in the keyring, which cannot be read: the keyring is locked",
        "1",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn an_item_that_somebody_else_wrote_is_no_missing_one_and_is_never_quoted() {
    let home = tempfile::tempdir().unwrap();
    let said = with_keyring(
        home.path(),
        "store hub dp_pat_x
        for text in dp_dev_secret '{\"secret\":[\"dp_dev_secret\"]}' $'\\xff'; do
            printf \"$text\" | secret-tool store --label=x application docker-credential-dockpass host hub
            printf hub | helper get 2>&1; echo $?
        done
        printf hub | helper erase; helper list
        secret-tool search --all application docker-credential-dockpass",
    );
    let sentence = "the token for hub in the keyring is not as docker-credential-dockpass wrote it: sign in again";
    let on_stderr = format!("docker-credential-dockpass: {sentence}");
    let mut expected = [sentence, on_stderr.as_str(), "1"].repeat(3);
    expected.push("{}");
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn before_an_unlock_prompt_is_waited_for_that_is_said() {
    let home = tempfile::tempdir().unwrap();
    let said = with_keyring(home.path(), "store hub dp_pat_x; lock; printf hub | helper get 2>&1 >/dev/null; true");
    let expected = [
        "docker-credential-dockpass: the keyring is locked: a window of your desktop asks for its password",
        "docker-credential-dockpass: the token for hub is in the keyring, which cannot be read: the keyring is locked",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn what_was_chosen_holds_where_the_keyring_is_out_of_reach() {
    let home = tempfile::tempdir().unwrap();
    let said = with_keyring(
        home.path(),
        "store hub dp_pat_x
        export DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere
        printf hub | helper get
        store other dp_pat_y
        helper list",
    );
    let expected = [
        "the token for hub is in the keyring, which cannot be read: no keyring answers",
        "the token for other cannot be put into the keyring: no keyring answers",
        "{\"hub\":\"alice\"}",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    assert!(!kept(&home).contains("dp_pat"));
}
