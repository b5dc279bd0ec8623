//! What `dockpass restore` says before it replaces a database, and that it asks at a terminal.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::harness::program::{Program, run, run_with_input};
use crate::harness::{Browser, PASSWORD};

/// A data folder with two accounts and a token, and a backup from before the second account and the token.
async fn data_and_backup() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("copy.db"));
    let program = Program::start(&data, &[]);
    add(&data, "alice");
    assert!(run(&["--data", text(&data), "backup", text(&file)]).status.success());
    add(&data, "bob");
    let browser: Browser = program.browser();
    browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    browser.generate("ci", "repo:read", "30").await;
    program.stop();
    let written = |path: &Path, seconds| {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
    };
    written(&file, 1_800_000_000);
    written(&data.join("dockpass.db"), 1_800_086_400);
    (folder, data, file)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn add(data: &Path, name: &str) {
    let arguments = ["--data", text(data), "account", "add", name, "--password-stdin"];
    assert!(run_with_input(&arguments, PASSWORD).status.success());
}

fn accounts(data: &Path) -> String {
    String::from_utf8(run(&["--data", text(data), "account", "list"]).stdout).unwrap()
}

/// What is said before the database is replaced for the first time.
fn announced(data: &Path, file: &Path) -> String {
    let path = data.join("dockpass.db");
    let path = path.display();
    format!(
        "This replaces {path}, last written at 2027-01-16T08:00:00Z: 2 accounts and 1 token\n\
         with the backup {}, last written at 2027-01-15T08:00:00Z: 1 account and 0 tokens.\n\
         The replaced database is kept beside it as {path}.replaced-1.\n",
        file.display()
    )
}

#[tokio::test]
async fn it_says_what_it_replaces_and_by_what() {
    for yes in [&[][..], &["--yes"]] {
        let (_folder, data, file) = data_and_backup().await;
        let output = run(&[&["--data", text(&data), "restore", text(&file)], yes].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        assert_eq!(said, announced(&data, &file), "{yes:?}: a script is not asked");
        assert!(!accounts(&data).contains("bob"));
    }
}

#[tokio::test]
async fn a_terminal_is_asked_and_a_no_changes_nothing() {
    let (_folder, data, file) = data_and_backup().await;
    let before = fs::read(data.join("dockpass.db")).unwrap();
    // `script` gives the program a terminal.
    let restore = |answer: &str, more: &str| {
        let program = env!("CARGO_BIN_EXE_dockpass");
        let line = format!("{program} --data {} restore {more} {}", text(&data), text(&file));
        let mut terminal = Command::new("script");
        terminal.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("DOCKPASS_CONFIG", "/dev/null");
        terminal.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = terminal.spawn().expect("script is missing: it is in Debian's bsdutils");
        process.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        let output = process.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n"))
    };
    for no in ["n\n", "\n", "yes please\n"] {
        let (code, said) = restore(no, "");
        assert!(code == Some(1) && said.contains(&announced(&data, &file)), "{said}");
        assert!(said.contains("Replace it? [y/N]") && said.ends_with("dockpass: nothing was changed\n"), "{said}");
        assert_eq!(fs::read(data.join("dockpass.db")).unwrap(), before);
    }
    let (code, said) = restore("y\n", "");
    assert!(code == Some(0) && said.contains("Replace it? [y/N]") && !accounts(&data).contains("bob"), "{said}");
    let (code, said) = restore("", "--yes");
    assert!(code == Some(0) && said.contains("This replaces") && !said.contains("[y/N]"), "{said}");
}

#[tokio::test]
async fn a_database_that_cannot_be_read_is_replaced_all_the_same_and_an_absent_one_needs_no_words() {
    let (folder, data, file) = data_and_backup().await;
    fs::write(data.join("dockpass.db"), [0x55; 4096]).unwrap();
    let output = run(&["--data", text(&data), "restore", text(&file)]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains(", whose content cannot be read ("), "{said}");
    assert!(accounts(&data).contains("alice"));

    let new = folder.path().join("new");
    let output = run(&["--data", text(&new), "restore", text(&file)]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
