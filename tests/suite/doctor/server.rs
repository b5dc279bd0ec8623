//! `dockpass doctor`: the server's checks.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use dockpass::platform::clock::Clock;

use super::running_server::{RunningServer, fake, http};
use crate::harness::TestServer;
use crate::harness::program::{command, run};

#[tokio::test]
async fn everything_is_right_with_a_running_server() {
    let server = RunningServer::start().await;
    let base = &server.program.base;
    let (code, lines, error) = server.doctor(&[]);
    assert_eq!((code, error.as_str()), (Some(0), ""), "{lines:#?}");
    let data = server.folder.path().join("data");
    let database = match server.url {
        Some(_) => "PostgreSQL answers".to_owned(),
        None => data.join("dockpass.db").display().to_string(),
    };
    let today = Clock::System.now().date();
    let expected = [
        format!("OK       settings: clients are sent to {base}/token; service \"dockpass\", issuer \"dockpass\""),
        format!("OK       database: {database}"),
        format!(
            "OK       keys: {} decrypts them; signing key 1 was created on {today}",
            data.join("secret.key").display()
        ),
        "OK       file modes: other users of this machine cannot use the database and the secrets".to_owned(),
        format!("OK       public URL: {base} answers"),
        "OK       public URL's clock: it agrees with this machine's".to_owned(),
        "SKIPPED  notifications: without --events-secret-file, pages show only what tokens were granted".to_owned(),
        "SKIPPED  registry: give its address with --registry-url to check it".to_owned(),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn without_a_database_it_reports_so_and_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = run(&["--data", data.to_str().unwrap(), "--listen", &free, "doctor"]);
    let (said, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!((output.status.code(), error.as_str()), (Some(1), "dockpass: 2 checks found something wrong\n"));
    assert!(said.contains(&format!("WRONG    database: there is no database {}", data.display())), "{said}");
    assert!(said.contains("SKIPPED  keys: they are in the database\n"), "{said}");
    let asked = format!("http://{free}/.well-known/oauth-authorization-server");
    let nothing = format!("WRONG    public URL: {asked} refuses connections: nothing runs there");
    assert!(said.contains(&nothing), "{said}");
    assert!(said.contains(": start the server, or give its --public-url\n"), "{said}");
    assert!(said.contains("clients are sent to an unknown address"), "{said}");
    assert!(!data.exists());

    let output = run(&["--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0", "doctor"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("SKIPPED  public URL: the port is not known"), "{said}");
}

#[tokio::test]
async fn the_running_server_is_asked_for_its_public_url() {
    let server = RunningServer::start_with(&["--public-url", "https://hub.example.com"]).await;
    let (listen, trust) = (server.program.base.split_at(7).1, server.folder.path().join("trust"));
    let everywhere = listen.replace("127.0.0.1", "0.0.0.0");
    let config = ["registry-config", "--registry-version", "2", "--out", trust.to_str().unwrap()];
    for listen in [listen, &everywhere] {
        let (code, said, error) = server.run(listen, &config);
        assert!(code == Some(0) && said.contains("realm: \"https://hub.example.com/token\""), "{said} {error}");
        assert_eq!(error, "");
        let (_, said, _) = server.run(listen, &["doctor"]);
        assert!(said.starts_with("OK       settings: clients are sent to https://hub.example.com/token;"), "{said}");
    }

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let advice = "start the server, or give its --public-url\n";
    let (code, said, error) = server.run(&free, &config);
    assert!(
        code == Some(0) && said.contains(&format!("realm: \"http://{free}/token\"")),
        "the default: {said} {error}"
    );
    assert!(error.contains("refuses connections") && error.ends_with(advice), "{error}");
    let (code, said, error) = server.run(&free.replace("127.0.0.1", "0.0.0.0"), &config);
    assert!(code == Some(1) && said.is_empty() && error.ends_with(advice), "there is no default: {said} {error}");
    let page = fake(|_| http("200 OK", &["Content-Type: text/html"], "<h1>Welcome to nginx!</h1>"));
    let (_, said, _) = server.run(page.split_at(7).1, &["doctor"]);
    assert!(
        said.contains("is not answered by Dockpass (200 with text/html): give the server's --public-url"),
        "{said}"
    );
}

#[tokio::test]
async fn files_that_other_users_of_the_machine_can_read_are_reported() {
    let server = RunningServer::start().await;
    let data = server.folder.path().join("data");
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let key = data.join("secret.key");
    mode(&key, 0o640);
    let (code, lines, _) = server.doctor(&[]);
    assert_eq!(code, Some(0), "a group may: {lines:#?}");
    let database = data.join("dockpass.db");
    if database.exists() {
        mode(&database, 0o644);
    }
    let secret = server.write("events.secret", "a secret of some length".replace(' ', "-").as_str());
    mode(Path::new(&secret), 0o604);
    let (code, lines, _) = server.doctor(&["--events-secret-file", &secret]);
    let found: Vec<_> = lines.iter().filter(|line| line.starts_with("WRONG    file modes: ")).collect();
    let line = |path: &str, mode| {
        format!("WRONG    file modes: other users of this machine can use {path} (mode {mode}): chmod 600 {path}")
    };
    let mut expected = vec![line(&secret, "0604")];
    if database.exists() {
        expected.push(line(database.to_str().unwrap(), "0644"));
    }
    assert!(code == Some(1) && found == expected.iter().collect::<Vec<_>>(), "{lines:#?}");
}

#[tokio::test]
async fn a_wrong_secret_key_file_and_an_unreachable_database_are_reported() {
    let server = RunningServer::start().await;
    let key = server.folder.path().join("data/secret.key");
    fs::write(&key, data_encoding::BASE64.encode(&[7; 32])).unwrap();
    let (code, lines, _) = server.doctor(&[]);
    let wrong = format!(
        "WRONG    keys: {}: the secret key file is not the one with which this database was encrypted",
        key.display()
    );
    assert!(code == Some(1) && lines.contains(&wrong), "{lines:#?}");
    let unsure = format!("OK       public URL: {} answers, but its keys cannot be compared", server.program.base);
    assert!(lines.contains(&unsure), "{lines:#?}");

    let output = command(&["--database-url", "postgres://root:hunter2@127.0.0.1:1/x", "doctor"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.code() == Some(1) && said.contains("WRONG    database: the database cannot be opened"),
        "{said}"
    );
    assert!(!said.contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_url_of_another_server_is_reported() {
    let server = RunningServer::start().await;
    let other = TestServer::start().await;
    let page = fake(|_| http("200 OK", &["Content-Type: text/html; charset=utf-8"], "<h1>Welcome to nginx!</h1>"));
    let old = fake(|head| match head.contains("/healthz") {
        true => http("200 OK", &["Date: Tue, 24 Nov 2020 00:00:00 GMT"], "ok\n"),
        false => http("200 OK", &[], "{\"keys\":[]}"),
    });
    let keys = "is a server with other keys: it uses another database, or another --data was given";
    let cases = [
        (other.url(""), format!("public URL: {} {keys}", other.url(""))),
        (old.clone(), format!("public URL: {old} {keys}")),
        (old, "public URL's clock: it is 2".to_owned()),
        (
            page.clone(),
            format!("public URL: {page}/healthz is not answered by Dockpass (200 with text/html): give the server's"),
        ),
    ];
    for (url, sentence) in cases {
        let (code, lines, _) = server.doctor(&["--public-url", &url]);
        let is_said = lines.iter().any(|line| line.starts_with(&format!("WRONG    {sentence}")));
        assert!(code == Some(1) && is_said, "{sentence}: {lines:#?}");
    }
}
