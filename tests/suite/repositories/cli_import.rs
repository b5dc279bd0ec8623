//! `dockpass repositories import`, with registries that answer as it is written here. tests/registry has one with a real
//! registry.

use std::sync::{Arc, Mutex};

use crate::doctor::running_server::{RunningServer, fake, http};
use crate::harness::program::run_with_input;
use crate::harness::{Browser, PASSWORD, claims};

/// The answers of a registry with these pages. The link to the next one is what a registry behind a proxy sends.
fn pages(head: &str, pages: &[&[&str]]) -> String {
    let first = head.lines().next().unwrap();
    let at = first.split("last=").nth(1).map_or(0, |rest| rest[..1].parse().unwrap());
    let body = serde_json::json!({ "repositories": pages[at] }).to_string();
    let link = format!("Link: <http://10.0.0.1:5000/v2/_catalog?last={}&n=2>; rel=\"next\"", at + 1);
    let more: &[&str] = if at + 1 < pages.len() { &[&link] } else { &[] };
    http("200 OK", more, &body)
}

/// A server with the accounts root-of-all and alice.
async fn server() -> RunningServer {
    let server = RunningServer::start().await;
    for name in ["root-of-all", "alice"] {
        let mut arguments = vec!["--data", server.folder.path().to_str().unwrap(), "account", "add", name];
        let data = server.folder.path().join("data").display().to_string();
        arguments[1] = &data;
        arguments.extend(server.url.as_deref().map(|url| ["--database-url", url]).into_iter().flatten());
        arguments.push("--password-stdin");
        assert!(run_with_input(&arguments, PASSWORD).status.success());
    }
    server
}

fn import(server: &RunningServer, url: &str, more: &[&str]) -> (Option<i32>, String, String) {
    server.run("127.0.0.1:0", &[&["repositories", "import", "--registry-url", url], more].concat())
}

async fn names(server: &RunningServer, account: &str) -> Vec<String> {
    let browser: Browser = server.program.browser();
    browser.post("/login", &[("username", account), ("password", PASSWORD)]).await;
    let page = browser.get("/settings/repositories").await.body;
    let rows = page.split("<span class=\"description\">").skip(1);
    rows.map(|row| row.split('<').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn all_pages_are_created_as_private_for_their_owners_and_the_rest_is_listed() {
    let server = server().await;
    let heads = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&heads);
    let url = fake(move |head| {
        asked.lock().unwrap().push(head.to_owned());
        pages(head, &[&["alice/api", "alice/tools/lint"], &["app", "team/web"], &["alice/api", "alice"]])
    });
    let expected = |verb: &str, created: usize, known: usize| {
        let before = if known == 0 { String::new() } else { format!(", {known} known before") };
        let left = ["alice", "app", "team/web"].map(|name| format!("{name}: belongs to no account, left as it is\n"));
        let sum = format!("{created} {verb}, {known} known before, 3 of no account\n");
        format!("alice/: {created} {verb}{before}\n{}{sum}", left.concat())
    };
    let dry = expected("would be created", 2, 0) + "nothing was changed, because of --dry-run\n";
    assert_eq!(import(&server, &url, &["--dry-run"]), (Some(0), dry, String::new()));
    assert!(names(&server, "alice").await.is_empty());
    assert_eq!(import(&server, &url, &[]), (Some(0), expected("created", 2, 0), String::new()));
    assert_eq!(names(&server, "alice").await, ["alice/api", "alice/tools/lint"]);
    assert!(names(&server, "root-of-all").await.is_empty());
    assert_eq!(import(&server, &url, &[]), (Some(0), expected("created", 0, 2), String::new()));
    for head in heads.lock().unwrap().iter() {
        let token = head.lines().find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap();
        let access = serde_json::json!([{ "type": "registry", "name": "catalog", "actions": ["*"] }]);
        assert_eq!(claims(token)["access"], access);
    }
    let anonymous = server.program.browser().get("/token?scope=repository:alice/api:pull").await.json();
    let granted = claims(anonymous["token"].as_str().unwrap())["access"].clone();
    assert_eq!(granted, serde_json::json!([]), "private");
}

#[tokio::test]
async fn what_belongs_to_no_account_is_created_for_administrators_if_asked_for() {
    let server = server().await;
    let url = fake(|head| pages(head, &[&["app", "team/web"]]));
    let (code, said, error) = import(&server, &url, &["--with-unowned"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert_eq!(said, "app/: 1 created\nteam/: 1 created\n2 created, 0 known before, 0 of no account\n");
    assert_eq!(names(&server, "root-of-all").await, ["app", "team/web"]);
    assert!(names(&server, "alice").await.is_empty());
}

#[tokio::test]
async fn a_registry_that_allows_smaller_pages_is_asked_without_a_number() {
    let server = server().await;
    let url = fake(|head| match head.contains("n=1000") {
        true => http("400 Bad Request", &[], r#"{"errors":[{"code":"PAGINATION_NUMBER_INVALID"}]}"#),
        false => pages(head, &[&["alice/a"], &["alice/b"]]),
    });
    let (code, said, _) = import(&server, &url, &[]);
    assert_eq!((code, said.as_str()), (Some(0), "alice/: 2 created\n2 created, 0 known before, 0 of no account\n"));
}

#[tokio::test]
async fn every_refusal_says_what_to_do_and_enters_nothing() {
    let server = server().await;
    let basic = || http("401 Unauthorized", &["WWW-Authenticate: Basic realm=\"r\""], "{}");
    let challenge = server.challenge();
    let bearer = move || http("401 Unauthorized", &[&challenge], "{}");
    let circle = |_: &str| {
        let body = r#"{"repositories":["alice/a"]}"#;
        http("200 OK", &["Link: </v2/_catalog?last=x>; rel=\"next\""], body)
    };
    let cases = [
        (fake(move |_| basic()), "asks for Basic credentials and not for a token: use --username and --password-stdin"),
        (fake(move |_| bearer()), "refuses a token of this server: `dockpass doctor --registry-url` says why"),
        (server.program.base.clone(), "is Dockpass itself: give the registry's own address"),
        (fake(|_| http("404 Not Found", &[], "")), "the registry does not list its repositories: it answers 404"),
        (fake(|_| http("301 Moved", &["Location: https://b/"], "")), "redirects to \"https://b/\": use that address"),
        (fake(circle), "leads from one of its pages to an earlier one"),
        ("http://127.0.0.1:9".to_owned(), "refuses connections"),
    ];
    for (url, sentence) in cases {
        let (code, said, error) = import(&server, &url, &[]);
        assert_eq!((code, said.as_str()), (Some(1), ""), "{sentence}");
        assert!(error.contains(sentence) && error.lines().count() == 1, "{error}");
    }
    assert!(names(&server, "alice").await.is_empty());
    let (code, _, error) = import(&server, "http://127.0.0.1:9", &["--username", "alice"]);
    assert!(code == Some(2) && error.contains("--password-stdin"), "{error}");
}
