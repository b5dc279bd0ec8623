//! `dockpass backup` and `dockpass restore`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use dockpass::platform::database::{DatabaseLocation, Db};
use reqwest::StatusCode;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use crate::harness::program::{Program, command, run, run_with_input};
use crate::harness::{PASSWORD, database};

fn shell(data: &Path, arguments: &[&str]) -> Output {
    run(&[&["--data", data.to_str().unwrap()], arguments].concat())
}

fn add(data: &Path, name: &str) {
    let arguments = ["--data", data.to_str().unwrap(), "account", "add", name, "--password-stdin"];
    assert!(run_with_input(&arguments, PASSWORD).status.success());
}

fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn can_sign_in(program: &Program, name: &str) -> bool {
    let answer = program.browser().post("/login", &[("username", name), ("password", PASSWORD)]).await;
    answer.status == StatusCode::SEE_OTHER
}

#[tokio::test]
async fn a_backup_of_a_running_server_can_be_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("copy.db"));
    let copy = file.to_str().unwrap();
    let program = Program::start(&data, &[]);
    add(&data, "alice");
    let browser = program.browser();
    browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    let token = browser.generate("ci", "repo:read", "30").await;
    assert!(shell(&data, &["backup", copy]).status.success());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let key = fs::read_to_string(data.join("secret.key")).unwrap();
    let bytes = fs::read(&file).unwrap();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!holds(key.trim()) && !holds(&token.secret) && holds("alice"));
    add(&data, "late");
    assert!(error(&shell(&data, &["restore", copy])).contains("a server is running on this data folder"));
    assert!(can_sign_in(&program, "late").await);
    program.stop();
    assert!(shell(&data, &["restore", copy]).status.success());
    let program = Program::start(&data, &[]);
    assert_eq!(program.setup_link, None);
    assert!(can_sign_in(&program, "alice").await && !can_sign_in(&program, "late").await);
    assert_eq!(program.browser().token("alice", &token.secret, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_plain_copy_of_a_stopped_servers_database_can_be_restored_with_and_without_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy.db"));
    add(&data, "alice");
    // It switches the database to a log, which a clean stop deletes.
    Program::start(&data, &[]).stop();
    fs::copy(data.join("dockpass.db"), &copy).unwrap();
    let before = names(folder.path());
    add(&data, "late");
    let output = shell(&data, &["restore", copy.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(accounts(&data.join("dockpass.db")).await, ["alice"]);
    assert_eq!(names(folder.path()), before, "nothing is left beside the copy");

    let program = Program::start(&data, &[]);
    add(&data, "bob");
    // Killed, it leaves what it wrote in the log.
    drop(program);
    for suffix in ["", "-wal"] {
        fs::copy(data.join(format!("dockpass.db{suffix}")), folder.path().join(format!("copy.db{suffix}"))).unwrap();
    }
    let output = shell(&data, &["restore", copy.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(accounts(&data.join("dockpass.db")).await, ["alice", "bob"]);
}

/// The names of the accounts in a database, read without the server.
async fn accounts(path: &Path) -> Vec<String> {
    let db = Db::open_as_it_is(&DatabaseLocation::Sqlite(path.to_owned())).await.unwrap();
    let names = database::texts(&db, "SELECT username FROM account ORDER BY 1").await;
    db.close().await;
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A backup that holds only this account.
fn backup_of(folder: &Path, name: &str) -> PathBuf {
    let (data, file) = (folder.join(name), folder.join(format!("{name}.db")));
    add(&data, name);
    assert!(shell(&data, &["backup", file.to_str().unwrap()]).status.success());
    file
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_second_backup_replaces_the_first_at_once_and_stays_private() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = folder.path().join("copy.db");
    add(&data, "alice");
    // As a backup that was killed leaves it.
    fs::write(folder.path().join("copy.db.writing"), "half a backup").unwrap();
    assert!(shell(&data, &["backup", file.to_str().unwrap()]).status.success());
    fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    add(&data, "late");
    assert!(shell(&data, &["backup", file.to_str().unwrap()]).status.success());
    assert_eq!((accounts(&file).await, mode(&file)), (vec!["alice".to_owned(), "late".to_owned()], 0o600));
    assert_eq!(names(folder.path()), ["copy.db", "data"]);
    let database = data.join("dockpass.db");
    assert!(error(&shell(&data, &["backup", database.to_str().unwrap()])).contains("is the database itself"));
    assert!(error(&shell(&data, &["backup", data.to_str().unwrap()])).contains("is a folder"));
    assert!(error(&shell(&data, &["backup", "/dev/null"])).contains("/dev/null is not a file"));
    assert_eq!(accounts(&database).await, ["alice", "late"]);
}

#[tokio::test]
async fn the_newest_backups_are_kept_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (data, backups) = (folder.path().join("data"), folder.path().join("backups"));
    for name in ["alice", "bob", "carol"] {
        add(&data, name);
        assert!(shell(&data, &["backup", "--keep", "2", backups.to_str().unwrap()]).status.success());
        fs::write(backups.join("dockpass-notes.db"), "not ours").unwrap();
    }
    let kept = names(&backups);
    assert_eq!((kept.len(), kept[2].as_str(), mode(&backups)), (3, "dockpass-notes.db", 0o700), "{kept:?}");
    assert_eq!(accounts(&backups.join(&kept[0])).await, ["alice", "bob"]);
    assert_eq!(accounts(&backups.join(&kept[1])).await, ["alice", "bob", "carol"]);
    assert_eq!(mode(&backups.join(&kept[1])), 0o600);
}

/// Runs statements on a database that no server uses.
async fn change(path: &Path, statements: &str) {
    let options = SqliteConnectOptions::new().filename(path).foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_copy_that_does_not_verify_is_an_error_and_no_earlier_backup_goes() {
    let incomplete = "is incomplete: it has no table token";
    let damaged = "is damaged: NULL value in account.display_name";
    for (statements, reason) in [
        ("DROP TABLE token", incomplete),
        (
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, 'display_name        TEXT,', 'display_name TEXT NOT NULL,')
             WHERE name = 'account'",
            damaged,
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (data, backups) = (folder.path().join("data"), folder.path().join("backups"));
        add(&data, "alice");
        let back_up = || shell(&data, &["backup", "--keep", "1", backups.to_str().unwrap()]);
        let said = String::from_utf8(back_up().stdout).unwrap();
        let (file, key) = (backups.join(&names(&backups)[0]), data.join("secret.key"));
        assert_eq!(
            said,
            format!(
                "backup written to {} and verified: 1 account and 0 tokens. It does not contain the secret key file {}: keep \
                 a copy of that elsewhere, because the backup is useless without it. {} holds 1 backup, at most 1\n",
                file.display(),
                key.display(),
                backups.display()
            )
        );
        let before = fs::read(&file).unwrap();
        change(&data.join("dockpass.db"), statements).await;
        let said = error(&back_up());
        assert!(said.contains(&format!("dockpass.db cannot be backed up: its copy {reason}")), "{said}");
        assert_eq!(names(&backups), [file.file_name().unwrap().to_str().unwrap()], "nothing is left of the copy");
        // Neither does it replace a file that is named.
        assert!(!shell(&data, &["backup", file.to_str().unwrap()]).status.success());
        assert_eq!(fs::read(&file).unwrap(), before);
    }
}

#[tokio::test]
async fn a_database_is_at_its_path_at_every_moment_of_a_restore() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), backup_of(folder.path(), "alice"));
    let path = data.join("dockpass.db");
    let program = Program::start(&data, &[]);
    add(&data, "late");
    // Killed, it leaves what it wrote in the log.
    drop(program);
    assert!(fs::metadata(data.join("dockpass.db-wal")).unwrap().len() > 0);
    let is_done = Arc::new(AtomicBool::new(false));
    let watching = {
        let (path, is_done) = (path.clone(), Arc::clone(&is_done));
        thread::spawn(move || {
            let mut missing = 0;
            while !is_done.load(Ordering::Relaxed) {
                missing += usize::from(fs::metadata(&path).is_err());
            }
            missing
        })
    };
    for _ in 0..2 {
        let output = shell(&data, &["restore", "--yes", file.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
    }
    is_done.store(true, Ordering::Relaxed);
    assert_eq!(watching.join().unwrap(), 0);
    assert_eq!(accounts(&path).await, ["alice"]);
    assert_eq!(accounts(&data.join("dockpass.db.replaced-1")).await, ["late"], "with what was in the log");
    assert_eq!(accounts(&data.join("dockpass.db.replaced-2")).await, ["alice"]);
    let databases = names(&data).into_iter().filter(|name| name.starts_with("dockpass.db")).count();
    assert_eq!(databases, 3, "{:?}", names(&data));
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn a_restore_that_is_killed_leaves_the_old_or_the_new_database() {
    const ROUNDS: u32 = 20;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let backups = ["alice", "bob"].map(|name| backup_of(folder.path(), name));
    let arguments = |round: u32| {
        let file = &backups[round as usize % 2];
        ["--data", data.to_str().unwrap(), "restore", file.to_str().unwrap()].map(str::to_owned)
    };
    let restore = |round: u32| command(&arguments(round).each_ref().map(String::as_str)).spawn().unwrap();
    let began = Instant::now();
    assert!(restore(0).wait().unwrap().success());
    let whole = began.elapsed();
    for round in 1..=ROUNDS {
        let mut process = restore(round);
        // At moments that are spread over the time that a whole one takes.
        thread::sleep(whole * round / ROUNDS);
        process.kill().unwrap();
        process.wait().unwrap();
        let listed = shell(&data, &["account", "list"]);
        let said = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.status.success() && said.contains("alice") != said.contains("bob"), "round {round}: {said}");
    }
}

#[tokio::test]
async fn where_a_restore_left_no_database_none_is_created() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), backup_of(folder.path(), "alice"));
    let path = data.join("dockpass.db");
    add(&data, "late");
    let commands =
        [&["--listen", "127.0.0.1:0"][..], &["account", "list"], &["account", "add", "eve", "--password-stdin"]];
    let is_refused = |found: &str, way: &str| {
        for arguments in commands {
            let said = error(&shell(&data, arguments));
            assert!(said.contains(&format!("{found} is beside it: a restore did not finish")), "{said}");
            assert!(said.contains("Run `dockpass restore FILE` again") && said.contains(way), "{said}");
            assert!(!path.exists());
        }
    };
    // As an earlier version left it: killed between the database and its log.
    fs::rename(&path, data.join("dockpass.db.replaced-1")).unwrap();
    fs::write(data.join("dockpass.db-wal"), "the log of the former database").unwrap();
    is_refused("dockpass.db.replaced-1", "or rename");
    assert!(shell(&data, &["restore", file.to_str().unwrap()]).status.success());
    assert_eq!(accounts(&path).await, ["alice"]);
    assert!(data.join("dockpass.db.replaced-1-wal").exists() && !data.join("dockpass.db-wal").exists());
    // As this version leaves it in a folder that had no database.
    for name in names(&data) {
        fs::remove_file(data.join(name)).unwrap();
    }
    fs::write(data.join("dockpass.db.restoring"), "half a database").unwrap();
    is_refused("dockpass.db.restoring", "move the files of the restore away");
    assert!(shell(&data, &["restore", file.to_str().unwrap()]).status.success());
    assert_eq!(accounts(&path).await, ["alice"]);
}

#[tokio::test]
async fn a_damaged_database_is_kept_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), backup_of(folder.path(), "alice"));
    let path = data.join("dockpass.db");
    add(&data, "late");
    fs::OpenOptions::new().write(true).open(&path).unwrap().write_all(&[0x55; 4096]).unwrap();
    fs::write(data.join("dockpass.db-wal"), "a log").unwrap();
    let output = shell(&data, &["restore", file.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(accounts(&path).await, ["alice"]);
    assert!(fs::read(data.join("dockpass.db.replaced-1")).unwrap().starts_with(&[0x55; 4096]));
    assert_eq!(fs::read(data.join("dockpass.db.replaced-1-wal")).unwrap(), b"a log");
    assert!(!data.join("dockpass.db-wal").exists());
}

#[tokio::test]
async fn a_backup_needs_the_key_file_on_another_machine() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new, file) = (folder.path().join("old"), folder.path().join("new"), folder.path().join("copy.db"));
    Program::start(&old, &[]).stop();
    add(&old, "alice");
    assert!(shell(&old, &["backup", file.to_str().unwrap()]).status.success());
    assert!(shell(&new, &["restore", file.to_str().unwrap()]).status.success());
    let listen = ["--listen", "127.0.0.1:0"];
    assert!(error(&shell(&new, &listen)).contains("the secret key file"));
    fs::copy(old.join("secret.key"), new.join("secret.key")).unwrap();
    assert!(can_sign_in(&Program::start(&new, &[]), "alice").await);
}

#[test]
fn other_files_are_refused_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("copy.db"));
    Program::start(&data, &[]).stop();
    let before = fs::read(data.join("dockpass.db")).unwrap();
    for content in [b"".as_slice(), b"not a database, but long enough to be looked at as if it were one"] {
        fs::write(&file, content).unwrap();
        assert!(error(&shell(&data, &["restore", file.to_str().unwrap()])).contains("is not a Dockpass backup"));
    }
    assert!(error(&shell(&data, &["restore", "/nonexistent"])).contains("is not a Dockpass backup"));
    assert_eq!(fs::read(data.join("dockpass.db")).unwrap(), before);
}

#[test]
fn postgresql_needs_its_own_tools() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let url = ["--database-url", "postgres://127.0.0.1:1/x"];
    for verb in ["backup", "restore"] {
        let output = shell(&data, &[url.as_slice(), &[verb, "x"]].concat());
        assert!(error(&output).contains("use pg_dump and pg_restore"));
    }
    // A timer runs this one, and must not fail each day.
    let output = shell(&data, &[url.as_slice(), &["backup", "--keep", "2", "x"]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("no backup was made, because the database is PostgreSQL: use pg_dump"), "{said}");
}
