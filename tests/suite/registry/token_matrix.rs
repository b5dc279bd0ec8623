//! `/token` for every level, kind of repository, action and token state.

use reqwest::StatusCode;

use crate::harness::{Answer, Browser, MadeToken, TestServer, claims};

const LEVELS: [&str; 4] = ["repo:public_read", "repo:read", "repo:write", "repo:admin"];

/// The granted actions, or the code of the refusal.
fn outcome(answer: &Answer) -> String {
    if answer.status == StatusCode::UNAUTHORIZED {
        let message = answer.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        return message.rsplit('(').next().unwrap().trim_end_matches(')').to_owned();
    }
    let access = claims(answer.json()["token"].as_str().unwrap())["access"].clone();
    let actions = access[0]["actions"].as_array().cloned().unwrap_or_default();
    actions.iter().map(|action| action.as_str().unwrap()).collect::<Vec<_>>().join(",")
}

async fn ask(server: &TestServer, token: &MadeToken, repository: &str, actions: &str) -> String {
    let scope = format!("repository:{repository}:{actions}");
    outcome(&server.anonymous().token("alice", &token.secret, &[&scope]).await)
}

/// An administrator, alice with a repository of each kind, and repositories of bob.
async fn world() -> (TestServer, Browser) {
    let server = TestServer::start().await;
    server.account("operator").await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    let rows = [
        ("alice/private", "alice", false, None),
        ("alice/public", "alice", true, None),
        ("bob/private", "bob", false, None),
        ("bob/public", "bob", true, None),
        ("bob/for-pulling", "bob", false, Some(false)),
        ("bob/for-pushing", "bob", false, Some(true)),
        ("team/app", "team", false, None),
        ("team/for-pushing", "team", false, Some(true)),
    ];
    for (at, (name, namespace, is_public, share)) in rows.into_iter().enumerate() {
        let insert = format!(
            "INSERT INTO repository (id, name, namespace, is_public, created_at)
             VALUES ('{at}', '{name}', '{namespace}', {is_public}, 0)"
        );
        server.execute(&insert).await;
        if let Some(can_push) = share {
            let share = format!(
                "INSERT INTO repository_share (repository_id, account_id, can_push, created_at)
                 SELECT '{at}', id, {can_push}, 0 FROM account WHERE username = 'alice'"
            );
            server.execute(&share).await;
        }
    }
    (server, alice)
}

#[tokio::test]
async fn each_level_gets_on_each_kind_of_repository_what_the_table_says() {
    let (server, alice) = world().await;
    // What `*` grants for each level, weakest first.
    let table = [
        ("alice/private", ["", "pull", "pull,push", "pull,push,delete"]),
        ("alice/unknown", ["", "pull", "pull,push", "pull,push,delete"]),
        ("alice/public", ["pull", "pull", "pull,push", "pull,push,delete"]),
        ("bob/private", ["", "", "", ""]),
        ("bob/unknown", ["", "", "", ""]),
        ("bob/public", ["pull", "pull", "pull", "pull"]),
        ("bob/for-pulling", ["", "pull", "pull", "pull"]),
        ("bob/for-pushing", ["", "pull", "pull,push", "pull,push"]),
        ("team/app", ["", "", "", ""]),
        ("team/for-pushing", ["", "pull", "pull,push", "pull,push"]),
        ("alice", ["", "", "", ""]),
    ];
    for (at, level) in LEVELS.into_iter().enumerate() {
        let token = alice.generate(level, level, "30").await;
        for (repository, expected) in &table {
            let all = ask(&server, &token, repository, "*").await;
            assert_eq!(all, expected[at], "{level} on {repository}");
            let pull = if expected[at].contains("pull") { "pull" } else { "" };
            assert_eq!(ask(&server, &token, repository, "pull").await, pull, "{level} pulls {repository}");
            for (action, asked, granted, code) in [
                ("push", "push,pull", "pull,push", "PAT-READ-ONLY"),
                ("delete", "delete", "delete", "PAT-NO-DELETE"),
                ("delete", "delete,pull,push", "pull,push,delete", "PAT-NO-DELETE"),
            ] {
                // The level is the reason if a higher level would help.
                let expected = match (expected[at].contains(action), expected[3].contains(action)) {
                    (true, _) => granted,
                    (false, true) => code,
                    (false, false) => "PAT-REPOSITORY",
                };
                assert_eq!(ask(&server, &token, repository, asked).await, expected, "{level} {asked} {repository}");
            }
        }
    }
}

#[tokio::test]
async fn no_state_but_active_gets_anything_anywhere() {
    let (server, alice) = world().await;
    for (state, code) in [("inactive", "PAT-INACTIVE"), ("expired", "PAT-EXPIRED"), ("deleted", "PAT-DELETED")] {
        for level in LEVELS {
            let token = alice.generate(state, level, "30").await;
            let address = format!("/settings/tokens/{}", token.id);
            match state {
                "inactive" => drop(alice.post(&format!("{address}/deactivate"), &[]).await),
                "deleted" => drop(alice.post(&format!("{address}/delete"), &[]).await),
                _ => server.execute(&format!("UPDATE token SET expires_at = 1 WHERE id = '{}'", token.id)).await,
            }
            for repository in ["alice/private", "bob/public", "bob/for-pushing", "team/app"] {
                for action in ["pull", "push,pull", "delete", "*"] {
                    assert_eq!(ask(&server, &token, repository, action).await, code, "{state} {level} {repository}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_limited_token_reaches_what_is_named_and_says_so_where_a_push_goes_elsewhere() {
    let (server, alice) = world().await;
    let token = alice.generate("limited", "repo:admin", "30").await;
    let form = [
        ("description", "limited"),
        ("permission", "repo:admin"),
        ("reach", "named"),
        ("repositories", "alice/pri*\nbob/for-pushing"),
    ];
    let saved = alice.post(&format!("/settings/tokens/{}", token.id), &form).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    for (repository, all, push) in [
        ("alice/private", "pull,push,delete", "pull,push"),
        ("bob/for-pushing", "pull,push", "pull,push"),
        // As an anonymous client can.
        ("alice/public", "pull", "PAT-REPOSITORY"),
        ("bob/public", "pull", "PAT-REPOSITORY"),
        ("team/for-pushing", "", "PAT-REPOSITORY"),
    ] {
        assert_eq!(ask(&server, &token, repository, "*").await, all, "{repository}");
        assert_eq!(ask(&server, &token, repository, "push").await, push, "{repository}");
        let delete = if all.contains("delete") { "delete" } else { "PAT-REPOSITORY" };
        assert_eq!(ask(&server, &token, repository, "delete").await, delete, "{repository}");
    }
}

#[tokio::test]
async fn whoever_shows_nothing_pulls_what_is_public() {
    let (server, _) = world().await;
    for (repository, expected) in [("bob/public", "pull"), ("bob/private", ""), ("team/app", ""), ("nobody/x", "")] {
        let answer = server.anonymous().get(&format!("/token?scope=repository:{repository}:pull,push,delete")).await;
        assert_eq!(outcome(&answer), expected, "{repository}");
    }
}

#[tokio::test]
async fn an_administrator_has_the_names_of_no_account_and_the_catalog() {
    let (server, _) = world().await;
    server.execute("UPDATE account SET is_admin = TRUE WHERE username = 'alice'").await;
    let alice = server.signed_in("alice").await;
    let token = alice.generate("admin", "repo:admin", "30").await;
    for (repository, expected) in
        [("team/app", "pull,push,delete"), ("app", "pull,push,delete"), ("bob/private", ""), ("bob", "")]
    {
        assert_eq!(ask(&server, &token, repository, "*").await, expected, "{repository}");
    }
    let catalog = server.anonymous().token("alice", &token.secret, &["registry:catalog:*"]).await;
    assert_eq!(outcome(&catalog), "*");
}

#[tokio::test]
async fn an_owners_request_reads_no_repositories_and_others_do() {
    let (server, alice) = world().await;
    let (read, public) =
        (alice.generate("read", "repo:read", "30").await, alice.generate("public", "repo:public_read", "30").await);
    server.execute("ALTER TABLE repository RENAME TO repository_elsewhere").await;
    assert_eq!(ask(&server, &read, "alice/private", "pull").await, "pull");
    assert_eq!(ask(&server, &read, "alice/private", "pull,delete").await, "PAT-NO-DELETE");
    assert_eq!(ask(&server, &read, "alice/private", "push").await, "PAT-READ-ONLY");
    for (token, repository) in [(&read, "bob/public"), (&public, "alice/public")] {
        let scope = format!("repository:{repository}:pull");
        let answer = server.anonymous().token("alice", &token.secret, &[&scope]).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{repository}");
    }
}

#[tokio::test]
async fn many_repositories_in_one_request_are_all_looked_up() {
    let (server, alice) = world().await;
    let token = alice.generate("many", "repo:admin", "30").await;
    let names: Vec<String> = (0..20).map(|at| format!("alice/r{at}")).chain(["bob/public".to_owned()]).collect();
    let scopes: Vec<String> = names.iter().map(|name| format!("repository:{name}:pull")).collect();
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let answer = server.anonymous().token("alice", &token.secret, &scopes).await;
    let access = claims(answer.json()["token"].as_str().unwrap())["access"].clone();
    let granted: Vec<&str> = access.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(granted, names);
}
