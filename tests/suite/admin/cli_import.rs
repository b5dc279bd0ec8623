//! `dockpass account import`: the accounts of an htpasswd file, and how they sign in.

use std::fs;

use reqwest::StatusCode;
use time::Duration;

use crate::harness::program::{run, run_with_input};
use crate::harness::{Answer, Browser, PASSWORD, TestServer};

/// Shorter than a password that Dockpass would accept.
const SHORT: &str = "a quiet harbour";
/// It, from Apache's htpasswd and from Python's bcrypt.
const DIGESTS: [&str; 3] = [
    "$2y$05$kD1rmHSRrLMNZgz1YGuIT./X5ORqjfLVDuoHWNKAi29Vhz8rkwkkK",
    "$2b$05$U4uDI8PdrV74oiZfWg3AdecoHpmkljCih5mlKHQAHfTRBM/RwCKdK",
    "$2a$05$krygZv.993yqip.JEdW7zeOKa6s68Irfso6V/zxA9CFBb1Ven.XHO",
];
/// `0123456789` eight times.
const LONG: &str = "$2y$05$A3TtY1gbWxVj4eTur7wtd.ISg0QsV4vJlEpKSEWQ1fAq6rDz7AtQm";
/// `café at night`, the é as one character.
const ACCENT: &str = "$2y$05$XsyUX58CF.WWMRRc8fKKN.WhAK8oy6wAIL.Es6CX/txeAjd8/gmJy";

/// A running server with the account root-of-all, and a shell beside it.
struct Shell {
    server: TestServer,
    url: Option<String>,
}

impl Shell {
    async fn open() -> Self {
        let mut url = None;
        let server = TestServer::start_with(|settings| url = settings.database_url.clone()).await;
        server.account("root-of-all").await;
        Self { server, url }
    }

    fn arguments<'a>(&'a self, data: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut all = vec!["--data", data, "account", "import"];
        all.extend(self.url.as_deref().map(|url| ["--database-url", url]).into_iter().flatten());
        all.extend(more);
        all
    }

    /// Imports a file with this text: exit code, standard output and standard error.
    fn import(&self, text: &str, more: &[&str]) -> (Option<i32>, String, String) {
        let (file, data) = (self.server.folder.path().join("htpasswd"), self.server.data().display().to_string());
        fs::write(&file, text).unwrap();
        let output = run(&self.arguments(&data, &[&[file.to_str().unwrap()], more].concat()));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    async fn digest(&self, name: &str) -> String {
        self.server.text(&format!("SELECT password_hash FROM account WHERE username = '{name}'")).await
    }

    async fn sign_in(&self, name: &str, password: &str) -> (Browser, Answer) {
        let browser = self.server.anonymous();
        let answer = browser.post("/login", &[("username", name), ("password", password)]).await;
        (browser, answer)
    }
}

#[tokio::test]
async fn passwords_go_on_working_on_the_page_and_at_the_token_endpoint_and_are_rehashed() {
    let shell = Shell::open().await;
    let [first, second, third] = DIGESTS;
    let (code, said, error) = shell.import(&format!("alice:{first}\nbob:{second}\n\ncarol:{third}\n"), &[]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert_eq!(said, "line 1: \"alice\" created\nline 2: \"bob\" created\nline 4: \"carol\" created\n");
    assert_eq!(shell.digest("alice").await, first);
    let rehashed = async |name: &str| {
        let digest = shell.digest(name).await;
        assert!(digest.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{digest}");
        digest
    };
    let (alice, answer) = shell.sign_in("alice", SHORT).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let digest = rehashed("alice").await;
    let log = alice.get("/settings/activity?kind=account_created").await.body;
    assert!(log.contains("by the operator, with dockpass account"), "{log}");
    assert_eq!(alice.get("/admin/accounts").await.status, StatusCode::NOT_FOUND, "no administrator");
    // Clients send the name as the registry knew it.
    for (name, stored) in [("bob", "bob"), ("Carol", "carol")] {
        let answer = shell.server.anonymous().token(name, SHORT, &["repository:bob/app:pull"]).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.body);
        rehashed(stored).await;
    }
    assert_eq!(shell.sign_in("alice", SHORT).await.1.status, StatusCode::SEE_OTHER);
    assert_eq!(shell.digest("alice").await, digest, "only once");
}

#[tokio::test]
async fn who_is_signed_in_confirms_and_changes_an_imported_password() {
    let shell = Shell::open().await;
    shell.import(&format!("alice:{}\n", DIGESTS[0]), &[]);
    let (alice, _) = shell.sign_in("alice", SHORT).await;
    let back_to_bcrypt = format!("UPDATE account SET password_hash = '{}' WHERE username = 'alice'", DIGESTS[0]);
    shell.server.sql(&back_to_bcrypt).await;
    shell.server.clock.advance(Duration::minutes(31));
    let end = async |password: &str| {
        alice.post("/settings/sessions/others/end", &[("confirm_password", password)]).await.status
    };
    assert_eq!(end("not this harbour").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(shell.digest("alice").await, DIGESTS[0], "a wrong password rehashes nothing");
    assert_eq!(end(SHORT).await, StatusCode::SEE_OTHER);
    assert!(shell.digest("alice").await.starts_with("$argon2id$"));
    shell.server.sql(&back_to_bcrypt).await;
    let form = [("current_password", SHORT), ("new_password", PASSWORD)];
    assert_eq!(alice.post("/settings/security/password", &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(shell.sign_in("alice", SHORT).await.1.status, StatusCode::UNAUTHORIZED);
    assert_eq!(shell.sign_in("alice", PASSWORD).await.1.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn wrong_passwords_of_an_imported_account_are_counted_and_rehash_nothing() {
    let shell = Shell::open().await;
    shell.import(&format!("alice:{}\nbob:{}\n", DIGESTS[0], DIGESTS[1]), &[]);
    let before = shell.server.app.hasher.verifications();
    for _ in 0..5 {
        assert_eq!(shell.sign_in("alice", "not this harbour").await.1.status, StatusCode::UNAUTHORIZED);
        shell.server.clock.advance(Duration::MINUTE);
    }
    for number in 0..5 {
        let answer = shell.server.anonymous().token("bob", &format!("not this {number}"), &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(shell.server.app.hasher.verifications() - before, 10, "each in the hasher's queue");
    assert_eq!(shell.server.anonymous().token("bob", SHORT, &[]).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!([shell.digest("alice").await, shell.digest("bob").await], [DIGESTS[0], DIGESTS[1]]);
}

#[tokio::test]
async fn bcrypt_reads_bytes_as_typed_and_72_of_them_and_argon2id_reads_all() {
    let shell = Shell::open().await;
    shell.import(&format!("alice:{LONG}\nbob:{ACCENT}\n"), &[]);
    let long = "0123456789".repeat(8);
    let status = async |name: &str, password: &str| shell.sign_in(name, password).await.1.status;
    assert_eq!(status("alice", &long[..71]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status("alice", &long).await, StatusCode::SEE_OTHER, "as in the registry");
    assert_eq!(status("alice", &long[..72]).await, StatusCode::UNAUTHORIZED, "the password is the whole one now");
    assert_eq!(status("alice", &long).await, StatusCode::SEE_OTHER);
    assert_eq!(status("bob", "cafe\u{301} at night").await, StatusCode::UNAUTHORIZED);
    assert_eq!(status("bob", "caf\u{e9} at night").await, StatusCode::SEE_OTHER);
    // What was wrong is remembered for a minute.
    shell.server.clock.advance(Duration::MINUTE);
    assert_eq!(status("bob", "cafe\u{301} at night").await, StatusCode::SEE_OTHER, "both forms are one password now");
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_changes_nothing() {
    let shell = Shell::open().await;
    let before = shell.server.dump().await;
    let text = format!("alice:{}\nroot-of-all:{}\n", DIGESTS[0], DIGESTS[1]);
    let (code, said, error) = shell.import(&text, &["--dry-run"]);
    assert_eq!(shell.server.dump().await, before);
    let taken = "line 2: \"root-of-all\" not created: there is an account with this name, and it keeps its password\n";
    let nothing = "nothing was changed, because of --dry-run\n";
    assert_eq!(said, format!("line 1: \"alice\" would be created\n{taken}{nothing}"));
    assert_eq!((code, error.as_str()), (Some(1), "dockpass: 1 of 2 lines created no account\n"));
    let (code, said, _) = shell.import(&text, &[]);
    assert_eq!((code, said), (Some(1), format!("line 1: \"alice\" created\n{taken}")));
    assert_eq!(shell.sign_in("root-of-all", PASSWORD).await.1.status, StatusCode::SEE_OTHER, "it keeps its password");
    let (code, said, _) = shell.import(&format!("bob:{}", DIGESTS[0]), &["--dry-run"]);
    assert_eq!((code, said), (Some(0), format!("line 1: \"bob\" would be created\n{nothing}")));
}

#[tokio::test]
async fn every_line_that_creates_no_account_is_named_with_its_reason() {
    let shell = Shell::open().await;
    shell.server.sql("INSERT INTO reserved_namespace (namespace, reserved_at) VALUES ('team', 0)").await;
    shell.import(&format!("closed:{}\n", DIGESTS[0]), &[]);
    shell.server.sql("UPDATE account SET closed_at = 1 WHERE username = 'closed'").await;
    let bcrypt = DIGESTS[1];
    let (costly, cheap) = (bcrypt.replace("$05$", "$15$"), bcrypt.replace("$05$", "$03$"));
    let cases: Vec<(String, &str)> = vec![
        (format!("Alice:{bcrypt}"), "\"Alice\" not created: usernames are in lower case: write alice in the file"),
        (format!("a@example.com:{bcrypt}"), "\"a@example.com\" not created: the name is not a valid username: it must"),
        (format!("x:{bcrypt}"), "\"x\" not created: the name is not a valid username: it must have 2 to 39 characters"),
        (format!("library:{bcrypt}"), "\"library\" not created: the name is reserved"),
        ("bob:$apr1$xyz$Zy3J6xVqcTCwcRw1h5xW7.".into(), "\"bob\" not created: its password is MD5 (apr1), and"),
        ("bert:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=".into(), "\"bert\" not created: its password is SHA-1, and"),
        ("bill:$6$salt$hash".into(), "\"bill\" not created: its password is SHA-2 (crypt), and"),
        ("ben:plain-secret".into(), "\"ben\" not created: its password is no bcrypt digest, and"),
        (format!("carol:{costly}"), "\"carol\" not created: its bcrypt digest has cost 15: "),
        (format!("chris:{cheap}"), "\"chris\" not created: bcrypt has no cost 3: "),
        (format!("dave:{}", &bcrypt[..59]), "\"dave\" not created: its bcrypt digest is damaged"),
        (format!("erin:{bcrypt}"), "\"erin\" not created: line 13 has the same name, and registries use the last one"),
        (format!("erin:{}", DIGESTS[0]), "\"erin\" created"),
        (format!("root-of-all:{bcrypt}"), "\"root-of-all\" not created: there is an account with this name"),
        (
            format!("team:{bcrypt}"),
            "\"team\" not created: administrators have or had repositories that begin with this name",
        ),
        (format!("closed:{bcrypt}"), "\"closed\" not created: a closed account had this name"),
        (bcrypt.to_owned(), "not created: it has no colon between a name and a digest"),
        (format!("{bcrypt}:frank"), "not created: its password is no bcrypt digest"),
    ];
    let text: Vec<&str> = cases.iter().map(|(line, _)| line.as_str()).collect();
    let (code, said, error) = shell.import(&text.join("\r\n"), &[]);
    assert_eq!(said.lines().count(), cases.len(), "{said}");
    for ((at, line), (_, expected)) in said.lines().enumerate().zip(&cases) {
        assert!(line.starts_with(&format!("line {}: {expected}", at + 1)), "{line}\n{expected}");
    }
    assert_eq!((code, error.as_str()), (Some(1), "dockpass: 17 of 18 lines created no account\n"));
    for secret in [&bcrypt[7..], "xyz", "W6ph5", "salt", "plain-secret"] {
        assert!(!said.contains(secret) && !error.contains(secret), "{said}{error}");
    }
    assert_eq!(shell.sign_in("erin", SHORT).await.1.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_file_comes_after_the_first_account_and_also_from_standard_input() {
    let shell = Shell::open().await;
    let (code, said, error) = shell.import("# nothing\n\n", &[]);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert!(error.ends_with("/htpasswd contains no accounts\n"), "{error}");
    let data = shell.server.data().display().to_string();
    let missing = run(&shell.arguments(&data, &["/nowhere/htpasswd"]));
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8(missing.stderr).unwrap().contains("/nowhere/htpasswd cannot be read: "));
    let line = format!("alice:{}\n", DIGESTS[0]);
    let output = run_with_input(&shell.arguments(&data, &["-"]), &line);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "line 1: \"alice\" created\n");
    let mut url = None;
    let empty = TestServer::start_with(|settings| url = settings.database_url.clone()).await;
    let shell = Shell { server: empty, url };
    let (code, said, error) = shell.import(&line, &[]);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert!(error.contains("there is no account yet: create the administrator's first"), "{error}");
    assert_eq!(shell.server.count("account").await, 0);
}
