//! `/admin/accounts` and its actions.

use std::sync::Arc;

use reqwest::StatusCode;
use time::Duration;

use crate::harness::factor::Enrolled;
use crate::harness::{Answer, Browser, PASSWORD, TestServer, database};

const LIST: &str = "/admin/accounts";

async fn id(server: &TestServer, name: &str) -> String {
    server.text(&format!("SELECT id FROM account WHERE username = '{name}'")).await
}

/// Runs an action on an account; returns the list with its notice.
async fn act(server: &TestServer, admin: &Browser, name: &str, verb: &str) -> Answer {
    let answer = admin.post(&format!("{LIST}/{}/{verb}", id(server, name).await), &[]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, LIST), "{verb} {name}");
    admin.get(LIST).await
}

/// The row of an account without tags.
fn row(page: &Answer, name: &str) -> String {
    let start = format!("<span class=\"description\">{name}</span>");
    let rest = page.body.split_once(&start).unwrap_or_else(|| panic!("no {name} in {}", page.body)).1;
    let row = rest.split("class=\"actions\"").next().unwrap();
    let parts = row.split('<').map(|part| part.split_once('>').map_or("", |(_, text)| text));
    parts.filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(" | ")
}

#[tokio::test]
async fn a_row_says_who_someone_is_and_what_they_have() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let Enrolled { browser: alice, .. } = server.enrolled("alice").await;
    server.account("bob").await;
    alice.post("/settings", &[("display_name", "Alice <b>Liddell</b>")]).await;
    alice.generate("one", "repo:read", "7").await;
    let off = alice.generate("two", "repo:read", "never").await;
    alice.generate("three", "repo:read", "never").await;
    alice.post(&format!("/settings/tokens/{}/deactivate", off.id), &[]).await;
    server.clock.advance(Duration::hours(2));
    let page = admin.get(LIST).await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(page.body.contains("3 accounts"));
    let said = row(&page, "alice");
    assert_eq!(said, "Alice &#60;b&#62;Liddell&#60;/b&#62; | Member | Enabled | On | 2 | 2 hours ago | 2 hours ago");
    assert_eq!(row(&page, "bob"), "Member | Enabled | Off | 0 | 2 hours ago | Never");
    assert!(row(&page, "root-of-all").starts_with("Administrator | Enabled | Off | 0 | 2 hours ago | "));
    server.clock.advance(Duration::days(8));
    let admin = server.signed_in("root-of-all").await;
    assert!(row(&admin.get(LIST).await, "alice").contains(" | On | 1 | "), "an expired token is not live");
    assert!(!page.body.contains("dp_pat_"), "nothing of anyone's tokens");
}

#[tokio::test]
async fn someone_is_found_by_name() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    for name in ["alice", "malice", "bob_1", "bobx1"] {
        server.account(name).await;
    }
    server.signed_in("bobx1").await.post("/settings", &[("display_name", "王小明 Wonder Émile")]).await;
    for (text, found) in [
        ("", 5),
        ("alice", 2),
        ("ALICE", 2),
        ("bob_1", 1),
        ("%", 0),
        ("_", 1),
        ("王小", 1),
        ("wonder", 1),
        ("ÉMILE", 1),
        (" alice ", 2),
        ("\\", 0),
        ("'; --", 0),
    ] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("text", text).finish();
        let page = admin.get(&format!("{LIST}?{query}")).await;
        assert_eq!(page.body.matches("<tr role=\"row\" id=\"account-").count(), found, "{text}");
    }
}

#[tokio::test]
async fn it_is_cut_into_pages_of_fifty() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    for number in 0..119 {
        let row = format!("('x{number}', 'user{number:03}', 'x', FALSE, 1)");
        server
            .sql(&format!("INSERT INTO account (id, username, password_hash, is_admin, created_at) VALUES {row}"))
            .await;
    }
    let rows = |page: &Answer| page.body.matches("<tr role=\"row\" id=\"account-").count();
    let (first, second, third) = (
        admin.get(LIST).await,
        admin.get(&format!("{LIST}?page=2")).await,
        admin.get(&format!("{LIST}?text=user&page=3")).await,
    );
    assert_eq!((rows(&first), rows(&second), rows(&third)), (50, 50, 19));
    assert!(first.body.contains("120 accounts") && third.body.contains("119 accounts"));
    assert!(!first.body.contains("rel=\"prev\"") && first.body.contains("rel=\"next\""));
    assert!(third.body.contains("rel=\"prev\" href=\"/admin/accounts?text=user&#38;page=2\""), "the search stays");
}

#[tokio::test]
async fn someone_is_added_with_a_link_that_is_shown_once() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let form = admin.get("/admin/accounts/new").await;
    assert!(form.status == StatusCode::OK && form.body.contains("name=\"username\""));
    let made = admin.htmx_post(LIST, &[("username", "alice"), ("admin", "yes")]).await;
    assert_eq!((made.status, made.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(made.body.trim_start().starts_with("<dialog") && made.body.contains("Send it to alice"));
    let link = made.shown_once();
    let code = link.split_once("code=").unwrap().1;
    assert!(!database::holds(&server.dump().await, code));
    let page = admin.get(LIST).await;
    assert!(!page.body.contains(code) && row(&page, "alice").starts_with("Administrator | Enabled"));
    // As the first push of an administrator to team/… does it.
    server.sql("INSERT INTO reserved_namespace (namespace, reserved_at) VALUES ('team', 0)").await;
    for (name, sentence) in [
        ("team", "This username isn’t available. Administrators have or had repositories under it"),
        ("", "Enter a username."),
        ("a", "Use 2 to 39 characters."),
        ("Alice", "Use only lowercase letters and digits"),
        ("settings", "This username is reserved."),
        ("alice", "This username isn’t available."),
        ("root-of-all", "This username isn’t available."),
    ] {
        let answer = admin.post(LIST, &[("username", name)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        assert!(answer.body.contains(&format!("id=\"username-error\">{sentence}")), "{name}: {}", answer.body);
        assert_eq!(answer.after("name=\"username\" value=\""), name, "kept");
    }
    assert_eq!((server.count("account").await, server.count("password_link").await), (2, 1));
}

#[tokio::test]
async fn disabling_ends_sessions_and_refuses_tokens_and_password_from_the_next_request_on() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let question = admin.get(&format!("{LIST}/{}/disable", id(&server, "alice").await)).await;
    assert!(
        question.status == StatusCode::OK
            && question.body.contains("Disable alice? The account is signed out everywhere")
    );
    assert_eq!(alice.get("/settings").await.status, StatusCode::OK, "a question changes nothing");
    let page = act(&server, &admin, "alice", "disable").await;
    assert!(page.body.contains("alice is disabled and signed out everywhere."));
    assert!(row(&page, "alice").contains("Disabled"));
    assert_eq!(alice.get("/settings").await.status, StatusCode::SEE_OTHER);
    let refused = server.anonymous().token("alice", &token.secret, &[]).await;
    let message = "this account is disabled: ask an administrator of this registry to enable it (ACCOUNT-DISABLED)";
    assert_eq!(
        (refused.status, refused.json()["errors"][0]["message"].as_str()),
        (StatusCode::UNAUTHORIZED, Some(message))
    );
    let by_password = server.anonymous().token("alice", PASSWORD, &[]).await;
    assert!(by_password.body.contains("(AUTH-FAILED)"), "only a token proves who asks");
    let sign_in = server.anonymous().post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(sign_in.status, StatusCode::UNAUTHORIZED);
    assert!(act(&server, &admin, "alice", "disable").await.body.contains("alice is already disabled or closed."));
    let page = act(&server, &admin, "alice", "enable").await;
    assert!(page.body.contains("alice is enabled. Its tokens work again."));
    assert_eq!(server.anonymous().token("alice", &token.secret, &[]).await.status, StatusCode::OK);
    assert_eq!(alice.get("/settings").await.status, StatusCode::SEE_OTHER, "its old sessions do not come back");
    server.signed_in("alice").await;
    assert!(act(&server, &admin, "alice", "enable").await.body.contains("alice isn’t disabled."));
}

#[tokio::test]
async fn sessions_are_ended_and_the_second_factor_is_reset() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let Enrolled { browser: alice, .. } = server.enrolled("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let page = act(&server, &admin, "alice", "reset-2fa").await;
    assert!(page.body.contains("Two-factor authentication is off for alice."));
    assert_eq!(server.count("recovery_code").await, 0);
    let again = server.signed_in("alice").await;
    let page = act(&server, &admin, "alice", "end-sessions").await;
    assert!(page.body.contains("alice was signed out everywhere."));
    for browser in [&alice, &again] {
        assert_eq!(browser.get("/settings").await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(admin.get("/settings").await.status, StatusCode::OK);
    assert_eq!(server.anonymous().token("alice", &token.secret, &[]).await.status, StatusCode::OK, "tokens stay");
    for kind in ["two_factor_off", "sessions_ended"] {
        let query = format!(
            "SELECT COUNT(*) FROM activity JOIN account ON account.id = account_id
             WHERE kind = '{kind}' AND username = 'alice'"
        );
        assert_eq!(server.number(&query).await, Some(1), "its owner reads of it: {kind}");
    }
}

#[tokio::test]
async fn the_last_administrator_cannot_be_disabled() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    server.account("alice").await;
    let page = act(&server, &admin, "root-of-all", "disable").await;
    assert!(page.body.contains("root-of-all is the only administrator."), "{}", page.body);
    server.account("second").await;
    server.sql("UPDATE account SET is_admin = TRUE, disabled_at = 1 WHERE username = 'second'").await;
    let page = act(&server, &admin, "root-of-all", "disable").await;
    assert!(page.body.contains("is the only administrator."), "a disabled one helps nobody");
    act(&server, &admin, "second", "enable").await;
    let answer = admin.post(&format!("{LIST}/{}/disable", id(&server, "root-of-all").await), &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(
        admin.get(LIST).await.header("location"),
        "/login?next=%2Fadmin%2Faccounts&reason=ended",
        "it disabled itself"
    );
}

#[tokio::test]
async fn of_two_administrators_that_disable_each_other_at_once_one_stays() {
    for _ in 0..5 {
        let server = TestServer::start().await;
        let (one, other) = (server.account_signed_in("one-admin").await, server.account_signed_in("two-admin").await);
        server.sql("UPDATE account SET is_admin = TRUE").await;
        let (one, other) = (Arc::new(one), Arc::new(other));
        let (first, second) = (id(&server, "two-admin").await, id(&server, "one-admin").await);
        let post = |browser: &Arc<Browser>, id: &str| {
            let (browser, path) = (Arc::clone(browser), format!("{LIST}/{id}/disable"));
            tokio::spawn(async move { browser.post(&path, &[]).await.status })
        };
        let (a, b) = (post(&one, &first), post(&other, &second));
        let statuses = [a.await.unwrap(), b.await.unwrap()];
        assert!(statuses.iter().all(|status| *status == StatusCode::SEE_OTHER), "{statuses:?}");
        let left = "SELECT COUNT(*) FROM account WHERE is_admin AND disabled_at IS NULL";
        assert_eq!(server.number(left).await, Some(1));
    }
}

#[tokio::test]
async fn an_id_that_is_nobodys_is_not_found() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    for id in ["00000000-0000-7000-8000-000000000000", "nonsense", "%00"] {
        for verb in ["disable", "enable", "end-sessions", "password-link", "reset-2fa"] {
            let answer = admin.post(&format!("{LIST}/{id}/{verb}"), &[]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id} {verb}");
        }
    }
}

#[tokio::test]
async fn what_opens_an_account_to_the_administrator_wants_a_fresh_sign_in_and_is_not_for_ones_own() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    server.enrolled("alice").await;
    let (own, other) = (id(&server, "root-of-all").await, id(&server, "alice").await);
    for verb in ["reset-2fa", "password-link"] {
        let answer = admin.post(&format!("{LIST}/{own}/{verb}"), &[]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, LIST), "{verb}");
    }
    server.clock.advance(Duration::minutes(30));
    for verb in ["reset-2fa", "password-link"] {
        let answer = admin.post(&format!("{LIST}/{other}/{verb}"), &[]).await;
        assert!(answer.status == StatusCode::FORBIDDEN && answer.body.contains("confirm_password"), "{verb}");
    }
    assert_eq!((server.count("password_link").await, server.count("recovery_code").await), (0, 10));
}

#[tokio::test]
async fn every_act_is_the_administrators_in_both_logs() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    admin.post(LIST, &[("username", "dora"), ("admin", "yes")]).await;
    server.enrolled("alice").await;
    for verb in ["reset-2fa", "end-sessions", "password-link", "disable", "disable", "enable"] {
        server.clock.advance(Duration::SECOND);
        admin.post(&format!("{LIST}/{}/{verb}", id(&server, "alice").await), &[]).await;
    }
    let acts =
        ["Account enabled", "Account disabled", "Password link created", "Sessions ended", "Two-factor turned off"];
    let entries = |page: &Answer| page.body.split("<li>").skip(1).map(str::to_owned).collect::<Vec<_>>();
    let log = admin.get("/admin/log").await;
    assert_eq!((log.status, log.header("cache-control")), (StatusCode::OK, "no-store"));
    let log = entries(&log);
    assert_eq!(log.len(), acts.len() + 1, "an act that changed nothing is none: {log:?}");
    for (entry, act) in log.iter().zip(acts) {
        assert!(entry.contains(&format!("<strong>{act}</strong> alice")), "{entry}");
        assert!(entry.contains("by root-of-all · ") && entry.contains("127.0.0.1"), "{entry}");
    }
    server.clock.advance(Duration::SECOND);
    assert!(log[5].contains("<strong>Account created</strong> dora Administrator"), "{}", log[5]);
    let alice = server.signed_in("alice").await;
    let own = entries(&alice.get("/settings/activity").await);
    for (entry, act) in own.iter().skip(1).zip(acts) {
        assert!(entry.contains(act) && entry.contains("by root-of-all"), "{entry}");
    }
    let changes = own.iter().filter(|entry| entry.contains("Signed in") || entry.contains("turned on"));
    assert!(changes.into_iter().all(|entry| !entry.contains(" by ")), "{own:?}");
    assert_eq!(alice.get("/admin/log").await.status, StatusCode::NOT_FOUND);
    assert!(!entries(&admin.get("/settings/activity").await).iter().any(|entry| entry.contains("Account disabled")));
}

#[tokio::test]
async fn what_is_hard_to_undo_asks_first() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let Enrolled { browser: alice, .. } = server.enrolled("alice").await;
    let id = id(&server, "alice").await;
    let list = admin.get(LIST).await.body;
    for (verb, question) in [
        ("end-sessions", "Sign alice out of every browser?"),
        ("reset-2fa", "Turn off two-factor authentication for alice?"),
        ("disable", "Disable alice?"),
    ] {
        let path = format!("{LIST}/{id}/{verb}");
        assert!(list.contains(&format!("href=\"{path}\"")) && !list.contains(&format!("action=\"{path}\"")), "{verb}");
        let page = admin.get(&path).await;
        assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"), "{verb}");
        assert!(page.body.contains(question) && page.body.contains(&format!("action=\"{path}\"")), "{}", page.body);
    }
    assert_eq!(alice.get("/settings").await.status, StatusCode::OK, "a question changes nothing");
    assert_eq!(server.count("recovery_code").await, 10);
}

#[tokio::test]
async fn the_table_behind_the_link_has_the_new_account() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let made = admin.htmx_post(LIST, &[("username", "alice")]).await;
    assert!(made.body.contains("hx-swap-oob=\"true\"") && row(&made, "alice").starts_with("Member | Enabled"));
    assert!(!admin.post(LIST, &[("username", "bob")]).await.body.contains("hx-swap-oob"), "without a script");
}

#[tokio::test]
async fn a_new_link_says_that_earlier_ones_stopped_working() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let first = admin.post(LIST, &[("username", "dora")]).await;
    assert!(first.body.contains("expires in 72 hours") && !first.body.contains("Earlier links"), "{}", first.body);
    let path = format!("{LIST}/{}/password-link", id(&server, "dora").await);
    let second = admin.post(&path, &[]).await;
    assert!(second.body.contains("Earlier links for this account no longer work."), "{}", second.body);
    assert_eq!(server.anonymous().get(&first.shown_once()).await.status, StatusCode::GONE);
}
