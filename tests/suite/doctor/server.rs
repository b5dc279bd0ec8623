//! `dockpass doctor`: the server's checks, addresses without a registry, and the registry's configuration file.
//! tests/registry has the tests with a real registry.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::{fs, thread};

use dockpass::platform::clock::Clock;
use tempfile::TempDir;
use time::Duration;
use time::format_description::well_known::Rfc2822;

use crate::harness::program::{Program, command, run};
use crate::harness::{TestServer, database};

/// A running server and its operator.
struct RunningServer {
    folder: TempDir,
    url: Option<String>,
    program: Program,
}

/// The result of `dockpass doctor`: exit code, lines, and standard error.
type DoctorResult = (Option<i32>, Vec<String>, String);

impl RunningServer {
    async fn start() -> Self {
        let (folder, url) = (tempfile::tempdir().unwrap(), database::url().await);
        let more = url.as_deref().map(|url| vec!["--database-url", url]).unwrap_or_default();
        let program = Program::start(&folder.path().join("data"), &more);
        Self { folder, url, program }
    }

    fn doctor(&self, more: &[&str]) -> DoctorResult {
        let data = self.folder.path().join("data");
        let mut all = vec!["--data", data.to_str().unwrap(), "--listen", self.program.base.split_at(7).1];
        all.extend(self.url.as_deref().map(|url| ["--database-url", url]).into_iter().flatten());
        all.push("doctor");
        all.extend(more);
        let output = run(&all);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let lines = text(output.stdout).lines().map(str::to_owned).collect();
        (output.status.code(), lines, text(output.stderr))
    }

    /// The lines about a configuration file with this content, except the one about the environment.
    fn file(&self, content: &str) -> Vec<String> {
        let path = self.folder.path().join("registry.yml");
        fs::write(&path, content).unwrap();
        let (_, lines, _) = self.doctor(&["--registry-config", path.to_str().unwrap()]);
        let about = |line: &&String| line.contains("  file's") || line.contains("registry's file");
        lines.iter().filter(about).map(|line| line.replace(path.to_str().unwrap(), "FILE")).collect()
    }

    /// The only wrong line for a registry that answers with `answers`.
    #[track_caller]
    fn registry(&self, answers: impl Fn(&str) -> String + Send + 'static) -> String {
        let (code, lines, _) = self.doctor(&["--registry-url", &fake(answers)]);
        let wrong: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("WRONG    ")).collect();
        assert!(code == Some(1) && wrong.len() == 1, "{lines:#?}");
        let address = wrong[0].split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or("none");
        wrong[0].replace(address, "HOST")
    }

    fn challenge(&self) -> String {
        let realm = format!("{}/token", self.program.base);
        format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"dockpass\"")
    }
}

/// Starts a server that answers by the request's head, and returns its URL.
fn fake(answers: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(|stream| answer(stream, &answers)));
    url
}

fn answer(mut stream: TcpStream, answers: &impl Fn(&str) -> String) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    let _ = stream.write_all(answers(&String::from_utf8_lossy(&head)).as_bytes());
}

fn http(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

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
        format!("OK       public URL: {base} answers"),
        "OK       public URL's clock: it agrees with this machine's".to_owned(),
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
    let nothing = format!("WRONG    public URL: http://{free}/healthz refuses connections: nothing runs there");
    assert!(said.contains(&nothing), "{said}");
    assert!(!data.exists());

    let output = run(&["--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0", "doctor"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("SKIPPED  public URL: the port is not known"), "{said}");
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

#[tokio::test]
async fn addresses_without_a_registry_are_explained() {
    let server = RunningServer::start().await;
    let at = "registry: http://HOST/v2/";
    let html = || http("200 OK", &["Content-Type: text/html"], "<html>");
    assert_eq!(server.registry(move |_| html()), format!("{at} is not a registry: it answers 200 with text/html"));
    let nowhere = || http("404 Not Found", &["Content-Type: text/plain; charset=utf-8"], "404 page not found\n");
    assert_eq!(server.registry(move |_| nowhere()), format!("{at} is not a registry: it answers 404 with text/plain"));
    let away = || http("301 Moved", &["Location: https://hub.example.com/v2/"], "");
    let advice = "redirects to \"https://hub.example.com/v2/\": use that address, here and in the clients";
    assert_eq!(server.registry(move |_| away()), format!("{at} {advice}"));
    let silent = || http("401 Unauthorized", &[], "{}");
    let advice = "answers 401 without a WWW-Authenticate header: perhaps a proxy drops it";
    assert_eq!(server.registry(move |_| silent()), format!("{at} {advice}"));
    let noise = server.registry(|_| "220 mail.example.com ESMTP\r\n".to_owned());
    assert!(noise.starts_with(&format!("{at} does not answer: ")), "{noise}");
    let closed = server.registry(|_| String::new());
    assert!(closed.starts_with(&format!("{at} does not answer: ")), "{closed}");
}

#[tokio::test]
async fn a_registry_that_never_answers_times_out() {
    let server = RunningServer::start().await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let (code, lines, _) = server.doctor(&["--registry-url", &url]);
    assert_eq!(code, Some(1));
    assert_eq!(lines.last().unwrap(), &format!("WRONG    registry: {url}/v2/ does not answer within 10 seconds"));
}

#[tokio::test]
async fn dockpass_is_not_a_registry() {
    let server = RunningServer::start().await;
    let (code, lines, _) = server.doctor(&["--registry-url", &server.program.base]);
    let sentence =
        format!("WRONG    token: {}/v2/ is Dockpass itself: give the registry's own address", server.program.base);
    assert_eq!((code, lines.last()), (Some(1), Some(&sentence)));
}

#[tokio::test]
async fn a_registrys_clock_is_compared_and_used_for_the_token() {
    let server = RunningServer::start().await;
    let challenge = server.challenge();
    let theirs = Clock::System.now() - Duration::hours(5);
    let date = format!("Date: {}", theirs.as_utc().format(&Rfc2822).unwrap().replace("+0000", "GMT"));
    // It checks the token's times as a registry does.
    let registry = move |head: &str| {
        let bearer = head.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
        let is_now = |token: &str| {
            let claims = crate::harness::claims(token);
            let (from, to) = (claims["nbf"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
            (from - 60..to + 60).contains(&theirs.seconds())
        };
        match bearer.is_some_and(is_now) {
            true => http("200 OK", &[&date], "{}"),
            false => http("401 Unauthorized", &[&date, &challenge], "{}"),
        }
    };
    let (code, lines, _) = server.doctor(&["--registry-url", &fake(registry)]);
    let sentence = "WRONG    registry's clock: it is 5 hours behind this machine's: registry tokens are valid for 5 \
                    minutes, so synchronize both clocks with a time server";
    assert!(code == Some(1) && lines.iter().any(|line| line == sentence), "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("WRONG")).count(), 1, "{lines:#?}");
}

fn bundle(folder: &Path) -> String {
    fs::read_to_string(folder.join("trust/bundle.pem")).unwrap()
}

#[tokio::test]
async fn each_setting_in_the_registrys_file_is_checked() {
    let server = RunningServer::start().await;
    let (folder, base) = (server.folder.path(), &server.program.base);
    let data = folder.join("data").display().to_string();
    let trust = folder.join("trust").display().to_string();
    let mut config = command(&["--data", &data, "--listen", base.split_at(7).1]);
    config.args(server.url.as_deref().map(|url| ["--database-url", url]).into_iter().flatten());
    let output = config.args(["registry-config", "--registry-version", "3", "--out", &trust]).output().unwrap();
    let good = format!("version: 0.1\n{}", String::from_utf8(output.stdout).unwrap());
    let path = folder.join("trust/bundle.pem").display().to_string();
    let right = [
        format!("OK       file's realm: \"{base}/token\""),
        "OK       file's service: \"dockpass\"".to_owned(),
        "OK       file's issuer: \"dockpass\"".to_owned(),
        format!("OK       file's rootcertbundle: {path} contains this server's root certificate"),
    ];
    assert_eq!(server.file(&good), right);
    let only = |content: &str| {
        let lines = server.file(content);
        let other: Vec<_> = lines.into_iter().filter(|line| !right.contains(line)).collect();
        assert_eq!(other.len(), 1, "{other:#?}");
        other.into_iter().next().unwrap()
    };

    let write = "add what `dockpass registry-config` prints";
    let section = "WRONG    registry's file: FILE";
    let without = |key: &str| {
        let lines = good.lines().filter(|line| !line.contains(key));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    let jwks = folder.join("trust/jwks.json").display().to_string();
    let alone = "it is missing: with only jwks, a registry refuses tokens that contain their certificate; write it";
    let unread = "/nowhere/bundle.pem cannot be read here; if the registry runs in a container";
    let open = "has no auth section, so the registry lets everyone in";
    let cases = [
        ("auth: [".to_owned(), format!("{section} is not valid YAML: ")),
        ("version: 0.1\n".to_owned(), format!("{section} {open}: {write}")),
        (
            "auth:\n  htpasswd: {realm: r}\n".to_owned(),
            format!("{section} has \"htpasswd\" below auth instead of token: {write}"),
        ),
        ("auth:\n  token:\n".to_owned(), format!("{section} has nothing below auth.token: {write}")),
        (
            without("service"),
            "WRONG    file's service: it is missing: write `service: \"dockpass\"` below auth.token".to_owned(),
        ),
        (
            good.replace("service: \"dockpass\"", "service: 5000"),
            "WRONG    file's service: it is \"5000\" and must be \"dockpass\": ".to_owned(),
        ),
        (
            good.clone() + "    autoredirect: true\n",
            "WRONG    file's autoredirect: it is on, so clients are sent to the registry's own host".to_owned(),
        ),
        (good.replace("[ES256]", "[EdDSA, RS256]"), "WRONG    file's signingalgorithms: ES256 is missing".to_owned()),
        (without("rootcertbundle"), format!("WRONG    file's rootcertbundle: {alone}")),
        (good.replace(&path, "/nowhere/bundle.pem"), format!("SKIPPED  file's rootcertbundle: {unread}")),
        (good.replace(&path, &jwks), format!("WRONG    file's rootcertbundle: {jwks} contains no certificate: ")),
    ];
    for (content, line) in cases {
        let found = only(&content);
        assert!(found.starts_with(&line), "{line}\n{found}");
    }
    assert_eq!(server.file(&good.replace(&path, "trust/bundle.pem")), right, "a path relative to the file");
    fs::write(folder.join("both.pem"), format!("an old one:\n{}{}", bundle(folder), bundle(folder))).unwrap();
    let both = folder.join("both.pem").display().to_string();
    assert!(
        only(&good.replace(&path, &both)).starts_with("OK       file's rootcertbundle"),
        "more than one is allowed"
    );
    let (code, lines, _) = server.doctor(&["--registry-config", "/nowhere/registry.yml"]);
    let missing =
        "WRONG    registry's file: /nowhere/registry.yml cannot be read: No such file or directory (os error 2)";
    assert!(code == Some(1) && lines.iter().any(|line| line == missing), "{lines:#?}");
}

#[test]
fn an_invalid_registry_url_is_a_usage_error() {
    for address in ["hub.example.com", "ftp://hub", "http://hub/alice", "http://a:b@hub"] {
        let output = run(&["doctor", "--registry-url", address]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && error.contains("must be http:// or https://"), "{error}");
    }
}
