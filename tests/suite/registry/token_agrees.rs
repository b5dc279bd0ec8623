//! "What can this token do?" and the token endpoint always agree.

use std::collections::{BTreeMap, BTreeSet};

use dockpass::accounts::actions as accounts;
use dockpass::tokens::actions as tokens;
use dockpass::tokens::explain_permission::{self as tester, CheckFailure};
use dockpass_core::access_level::RepositoryAction;
use dockpass_core::permission_check::DenyReason;
use dockpass_core::repository::RepositoryName;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use reqwest::StatusCode;

use crate::harness::{Answer, TestServer, claims, database};

const ROUNDS: usize = 120;
const CASES: usize = 10_000;

/// The state of one round.
#[derive(Debug, Clone)]
struct World {
    level: &'static str,
    reach: Option<&'static str>,
    is_admin: bool,
    /// Rarely false.
    is_active: bool,
    is_expired: bool,
    is_disabled: bool,
    /// The known repositories by name: whether public, and whether shared for pushing.
    known: BTreeMap<String, (bool, Option<bool>)>,
    asked: BTreeSet<String>,
}

fn name() -> impl Strategy<Value = String> {
    "(alice|bob|team|alice2|app)(/(api|web|a-b|x/y|api2)){0,2}"
}

fn world() -> impl Strategy<Value = World> {
    let levels = prop::sample::select(vec!["repo:public_read", "repo:read", "repo:write", "repo:admin"]);
    let reaches = vec![
        None,
        Some("alice/api"),
        Some("alice/*"),
        Some("*"),
        Some("bob/a*\nteam/*"),
        Some("*/api"),
        Some("alice/web\nbob/api\napp"),
    ];
    let reach = prop_oneof![Just(None), prop::sample::select(reaches)];
    let rarely = || prop::bool::weighted(0.05);
    let known = prop::collection::btree_map(name(), (any::<bool>(), any::<Option<bool>>()), 0..20);
    let asked = prop::collection::btree_set(name(), 30..40);
    (levels, reach, any::<bool>(), rarely(), rarely(), rarely(), known, asked).prop_map(
        |(level, reach, is_admin, is_inactive, is_expired, is_disabled, known, asked)| World {
            level,
            reach,
            is_admin,
            is_active: !is_inactive,
            is_expired,
            is_disabled,
            known,
            asked,
        },
    )
}

async fn make(server: &TestServer, world: &World, end: i64) {
    server.sql("DELETE FROM repository_share").await;
    // One by one, because the server may still be writing pushes of the round before, in another order.
    for name in database::texts(&server.app.db, "SELECT name FROM repository").await {
        server.sql(&format!("DELETE FROM repository WHERE name = '{name}'")).await;
    }
    let reach = world.reach.map_or("NULL".to_owned(), |reach| format!("'{reach}'"));
    let (level, is_active) = (world.level, world.is_active);
    let end = if world.is_expired { 1 } else { end };
    let token = format!("level = '{level}', repositories = {reach}, is_active = {is_active}, expires_at = {end}");
    server.sql(&format!("UPDATE token SET {token}")).await;
    let disabled = if world.is_disabled { "1" } else { "NULL" };
    let account = format!("is_admin = {}, disabled_at = {disabled}", world.is_admin);
    server.sql(&format!("UPDATE account SET {account} WHERE username = 'alice'")).await;
    for (name, (is_public, share)) in &world.known {
        let namespace = name.split('/').next().unwrap();
        // The server may have created it from a push of the round before.
        let row = format!("('{name}', '{name}', '{namespace}', {is_public}, 0)");
        let known = "ON CONFLICT (name) DO UPDATE SET is_public = excluded.is_public";
        let columns = "(id, name, namespace, is_public, created_at)";
        server.sql(&format!("INSERT INTO repository {columns} VALUES {row} {known}")).await;
        if let Some(can_push) = share {
            let row = format!(
                "SELECT repository.id, account.id, {can_push}, 0 FROM account, repository
                 WHERE username = 'alice' AND name = '{name}'"
            );
            let columns = "(repository_id, account_id, can_push, created_at)";
            server.sql(&format!("INSERT INTO repository_share {columns} {row}")).await;
        }
    }
}

/// The repositories and actions that a response grants.
fn granted(answer: &Answer) -> BTreeSet<(String, String)> {
    if answer.status != StatusCode::OK {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.body);
        return BTreeSet::new();
    }
    let claims = claims(answer.json()["token"].as_str().unwrap());
    let entries = claims["access"].as_array().cloned().unwrap_or_default();
    let one = |entry: serde_json::Value| {
        let name = entry["name"].as_str().unwrap().to_owned();
        let actions = entry["actions"].as_array().unwrap().clone();
        actions.into_iter().map(move |action| (name.clone(), action.as_str().unwrap().to_owned()))
    };
    entries.into_iter().flat_map(one).collect()
}

/// Whether the response to a push or a delete has the code and the words for this failure, or grants it if there is none.
fn says(answer: &Answer, action: RepositoryAction, hindrance: Option<CheckFailure>) -> bool {
    let is_push = action == RepositoryAction::Push;
    let (code, words) = match hindrance {
        None => return answer.status == StatusCode::OK,
        Some(CheckFailure::AccountDisabled) => ("ACCOUNT-DISABLED", "disabled"),
        Some(CheckFailure::Expired) => ("PAT-EXPIRED", "expired"),
        Some(CheckFailure::Inactive) => ("PAT-INACTIVE", "inactive"),
        Some(CheckFailure::DenyReason(DenyReason::Level(_))) if is_push => ("PAT-READ-ONLY", "it cannot push to"),
        Some(CheckFailure::DenyReason(DenyReason::Level(_))) => ("PAT-NO-DELETE", "it cannot delete from"),
        Some(CheckFailure::DenyReason(DenyReason::OutsideFilter)) => {
            ("PAT-REPOSITORY", "limited to other repositories")
        }
        Some(CheckFailure::DenyReason(_)) if is_push => ("PAT-REPOSITORY", "alice cannot push to"),
        Some(CheckFailure::DenyReason(_)) => ("PAT-REPOSITORY", "only its owner can delete from"),
    };
    answer.status == StatusCode::UNAUTHORIZED && answer.body.contains(code) && answer.body.contains(words)
}

#[tokio::test]
async fn the_page_says_of_ten_thousand_cases_what_the_endpoint_does() {
    let server = TestServer::start().await;
    server.account("root-of-all").await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    let made = alice.generate("ci", "repo:read", "30").await;
    let end = server.number("SELECT expires_at FROM token").await.unwrap();
    let (mut runner, mut cases, mut yes) = (TestRunner::default(), 0, 0);
    let client = server.anonymous();
    for _ in 0..ROUNDS {
        let world = world().new_tree(&mut runner).unwrap().current();
        make(&server, &world, end).await;
        let scope = |actions: &'static str| move |name: &String| format!("repository:{name}:{actions}");
        let mut found = BTreeSet::new();
        // If every push or every delete is refused, the whole request is, so the actions are requested separately.
        for actions in ["pull", "push", "delete"] {
            let scopes: Vec<String> = world.asked.iter().map(scope(actions)).collect();
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            found.extend(granted(&client.token("alice", &made.secret, &scopes).await));
        }
        let mut reader = server.app.db.read().await.unwrap();
        let account = server.text("SELECT id FROM account WHERE username = 'alice'").await;
        let account = accounts::find(&mut reader, &account).await.unwrap().unwrap();
        let token = tokens::find(&mut reader, &account, &made.id).await.unwrap();
        // A single refused push or delete gets a sentence, for the same reason that the page shows.
        let one = world.asked.iter().next().unwrap();
        for action in [RepositoryAction::Push, RepositoryAction::Delete] {
            let scope = format!("repository:{one}:pull,{}", action.as_str());
            let answer = client.token("alice", &made.secret, &[&scope]).await;
            let (asked, now) = (RepositoryName::parse(one).unwrap(), server.clock.now());
            let verdict = tester::may(&mut reader, &account, &token, &asked, action, now).await.unwrap();
            assert!(says(&answer, action, verdict.err()), "{one}: {verdict:?} and {} in {world:?}", answer.body);
        }
        for name in &world.asked {
            for action in RepositoryAction::ALL {
                let asked = RepositoryName::parse(name).unwrap();
                let now = server.clock.now();
                let verdict = tester::may(&mut reader, &account, &token, &asked, action, now).await.unwrap();
                let is_granted = found.contains(&(name.clone(), action.as_str().to_owned()));
                assert_eq!(verdict.is_ok(), is_granted, "{} {name}: {verdict:?} in {world:?}", action.as_str());
                cases += 1;
                yes += usize::from(is_granted);
            }
        }
    }
    assert!(cases >= CASES, "{cases}");
    assert!(yes > cases / 20 && yes < cases - cases / 20, "both answers are common: {yes} of {cases}");
}
