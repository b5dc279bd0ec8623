//! `/settings/activity`: the account's security log.

use dockpass::web::i18n::Words;
use dockpass_core::activity::{ActivityKind, ClientInfo};
use reqwest::StatusCode;
use time::Duration;

use crate::harness::device::Got;
use crate::harness::factor::{Authenticator, recovery_codes};
use crate::harness::{Browser, PASSWORD, TestServer, database};

const DOCKER: &str = "docker/20.10.24+dfsg1 go/go1.19.8 git-commit/x kernel/6 os/linux arch/amd64";

async fn kinds(server: &TestServer) -> Vec<String> {
    server.flush().await;
    let mut kinds = database::texts(&server.app.db, "SELECT DISTINCT kind FROM activity ORDER BY kind").await;
    kinds.sort();
    kinds
}

/// The lines of the page without tags.
async fn lines(browser: &Browser, path: &str) -> Vec<String> {
    let page = browser.get(path).await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    let lists = page.body.split("<ul class=\"list\">").skip(1).map(|list| list.split("</ul>").next().unwrap());
    let bare = |line: &str| {
        let parts = line.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        parts.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ").replace(['“', '”'], "")
    };
    lists.flat_map(|list| list.split("<li>").skip(1)).map(bare).collect()
}

/// Devices that are denied, sign out, are copied, are replaced, are idle and reach their maximum age; returns their secrets.
async fn every_end_of_a_device(server: &TestServer, alice: &Browser) -> Vec<String> {
    let denied = server.anonymous().begin("denied").await;
    alice.decide(&denied, "deny").await;
    let mut secrets = vec![denied.user_code, denied.device_code];
    for number in 0..7 {
        let got = server.device(alice, &format!("device {number}")).await;
        if number == 5 {
            let next = Got::of(&server.anonymous().refresh(&got.refresh).await);
            server.anonymous().token("alice", &next.token, &[]).await;
            server.clock.advance(Duration::MINUTE);
            server.anonymous().refresh(&got.refresh).await;
            secrets.extend([next.token[10..40].to_owned(), next.refresh]);
        }
        if number == 6 {
            server.anonymous().post("/oauth/revoke", &[("token", &got.refresh)]).await;
        }
        secrets.extend([got.token[10..40].to_owned(), got.refresh]);
    }
    server.sql("UPDATE token SET expires_at = 1 WHERE description LIKE 'device 2%'").await;
    server.sql("UPDATE token SET created_at = 1 WHERE description LIKE 'device 3%'").await;
    server.sql("UPDATE device_session SET refreshed_at = 1").await;
    assert_eq!(server.tidy().await, 2);
    secrets
}

/// Everything that can be done with a repository.
async fn repository_kinds(server: &TestServer, alice: &Browser) {
    server.account("bob").await;
    alice.post("/settings/repositories/new", &[("name", "alice/app")]).await;
    let id = server.text("SELECT id FROM repository").await;
    let bob = server.text("SELECT id FROM account WHERE username = 'bob'").await;
    let path = |verb: &str| format!("/settings/repositories/{id}/{verb}");
    alice.post(&path("public"), &[]).await;
    alice.post(&path("share"), &[("username", "bob"), ("share", "pull")]).await;
    alice.post(&path("unshare"), &[("account", &bob)]).await;
    alice.post(&path("remove"), &[]).await;
}

/// What administrators do with accounts.
async fn account_kinds(server: &TestServer, admin: &Browser) {
    admin.post("/admin/accounts", &[("username", "carol")]).await;
    let id = server.text("SELECT id FROM account WHERE username = 'carol'").await;
    for verb in ["password-link", "disable", "enable"] {
        admin.post(&format!("/admin/accounts/{id}/{verb}"), &[]).await;
    }
}

#[tokio::test]
async fn every_kind_is_written_and_no_secret_is() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let mut secrets = vec![PASSWORD.to_owned(), "not this harbour".into(), "another harbour at dusk".into()];
    let token = alice.generate("ci push", "repo:read", "30").await;
    secrets.push(token.secret[10..40].to_owned());
    let path = |verb: &str| format!("/settings/tokens/{}{verb}", token.id);
    alice.post(&path(""), &[("description", "ci pull"), ("permission", "repo:write")]).await;
    alice.post(&path("/deactivate"), &[]).await;
    server.anonymous().token("alice", &token.secret, &[]).await;
    alice.post(&path("/activate"), &[]).await;
    alice.post(&path("/delete"), &[]).await;
    server.anonymous().post("/login", &[("username", "alice"), ("password", "not this harbour")]).await;
    server.anonymous().token("alice", PASSWORD, &[]).await;
    let change = [("current_password", PASSWORD), ("new_password", "another harbour at dusk")];
    alice.post("/settings/security/password", &change).await;
    alice.post("/settings/sessions/others/end", &[]).await;
    let address = alice.post("/settings/tokens/calendar", &[]).await.shown_once();
    secrets.push(address.rsplit('/').next().unwrap().trim_end_matches(".ics").to_owned());
    alice.post("/settings/tokens/calendar/remove", &[]).await;
    repository_kinds(&server, &alice).await;
    account_kinds(&server, &alice).await;
    let page = alice.post("/settings/security/two-factor", &[]).await;
    let authenticator = Authenticator::reading(&page);
    let code = authenticator.code(server.clock.now());
    let codes = recovery_codes(&alice.post("/settings/security/two-factor/confirm", &[("code", &code)]).await);
    secrets.extend(codes.clone());
    secrets.push(Authenticator::text(&page));
    alice.post("/settings/security/two-factor/off", &[("code", &codes[0])]).await;
    secrets.extend(every_end_of_a_device(&server, &alice).await);
    alice.post("/logout", &[]).await;
    let mut all: Vec<String> =
        dockpass_core::activity::ActivityKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
    all.sort();
    assert_eq!(kinds(&server).await, all);
    let log = server.rows("activity").await.join("\n");
    for secret in secrets {
        assert!(!database::holds(&log, &secret), "{secret}");
    }
}

#[tokio::test]
async fn a_line_says_what_from_where_with_what_and_when() {
    let server = TestServer::start().await;
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0";
    server.account("alice").await;
    let alice = server.anonymous().with_header("user-agent", firefox);
    alice.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    server.clock.advance(Duration::SECOND);
    alice.generate("a <b>bold</b> \"name\"", "repo:read", "30").await;
    server.clock.advance(Duration::minutes(3));
    let lines = lines(&alice, "/settings/activity").await;
    assert_eq!(
        lines,
        [
            "Token generated a &#60;b&#62;bold&#60;/b&#62; &#34;name&#34; Firefox 131 on Linux · 127.0.0.1 3 minutes ago",
            "Signed in Firefox 131 on Linux · 127.0.0.1 3 minutes ago",
        ]
    );
}

#[tokio::test]
async fn equal_failures_within_an_hour_are_one_line_with_a_count() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    alice.post(&format!("/settings/tokens/{}/deactivate", token.id), &[]).await;
    let docker = server.anonymous().with_header("user-agent", DOCKER);
    for _ in 0..3 {
        docker.token("alice", &token.secret, &[]).await;
        server.flush().await;
        server.clock.advance(Duration::minutes(10));
        docker.token("alice", &token.secret, &[]).await;
    }
    docker.token("bob", &token.secret, &[]).await;
    for _ in 0..3 {
        server.anonymous().post("/login", &[("username", "alice"), ("password", "not this harbour")]).await;
    }
    server.flush().await;
    let said = lines(&alice, "/settings/activity?kind=token_refused").await;
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("Token refused ci (PAT-WRONG-USER) docker 20.10 on linux · 127.0.0.1"), "{said:?}");
    assert!(said[1].starts_with("Token refused ci (PAT-INACTIVE) 6 times docker 20.10 on linux"), "{said:?}");
    let failed = lines(&alice, "/settings/activity?kind=sign_in_failed").await;
    assert!(failed.len() == 1 && failed[0].starts_with("Sign-in failed 3 times"), "{failed:?}");
    server.clock.advance(Duration::hours(2));
    docker.token("alice", &token.secret, &[]).await;
    server.flush().await;
    assert_eq!(lines(&alice, "/settings/activity?kind=token_refused").await.len(), 3, "after an hour a new line");
}

#[tokio::test]
async fn a_password_at_the_token_endpoint_leaves_a_line_and_a_token_none() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let docker = server.anonymous().with_header("user-agent", DOCKER);
    for secret in [PASSWORD, PASSWORD, token.secret.as_str()] {
        assert_eq!(docker.token("alice", secret, &[]).await.status, StatusCode::OK);
    }
    docker.token("alice", "not this harbour", &[]).await;
    let count = "SELECT COUNT(*) FROM activity WHERE kind = 'password_used'";
    assert_eq!(server.number(count).await, Some(0), "the request itself writes nothing");
    server.flush().await;
    let said = lines(&alice, "/settings/activity?kind=password_used").await;
    assert_eq!(said, ["Password used at the registry 2 times docker 20.10 on linux · 127.0.0.1 just now"]);
}

#[tokio::test]
async fn failures_are_written_in_batches_and_at_the_end() {
    let mut server = TestServer::start().await;
    server.account("alice").await;
    server.anonymous().post("/login", &[("username", "alice"), ("password", "not this harbour")]).await;
    server.flushed("SELECT COUNT(*) FROM activity WHERE kind = 'sign_in_failed'", 1).await;
    server.anonymous().post("/login", &[("username", "alice"), ("password", "nor that one")]).await;
    let database = server.app.config.database.clone();
    server.stop().await;
    let db = dockpass::platform::database::Db::open(&database).await.unwrap();
    let times = database::number(&db, "SELECT CAST(SUM(times) AS BIGINT) FROM activity WHERE kind = 'sign_in_failed'");
    assert_eq!(times.await, Some(2));
}

#[tokio::test]
async fn lines_stand_below_their_days_in_the_accounts_zone() {
    let server = TestServer::start().await;
    // Until noon in UTC, which is 21:00 in Tokyo.
    let noon = 1000 * 60 * 60 * 12;
    server.clock.advance(Duration::milliseconds(2 * noon - (server.clock.now().millis() + noon) % (2 * noon)));
    let alice = server.account_signed_in("alice").await;
    let id = server.text("SELECT id FROM account").await;
    alice.post("/settings", &[("language", "en"), ("time_zone", "Asia/Tokyo")]).await;
    server.sql("DELETE FROM activity").await;
    for hours in [1, 25, 26, 49] {
        let at = (server.clock.now() - Duration::hours(hours)).millis();
        let row = format!("'x{hours}', '{id}', 'token_edited', 'ci', '', '', {at}, {at}, 1");
        let columns = "id, account_id, kind, detail, address, client, first_at, last_at, times";
        server.sql(&format!("INSERT INTO activity ({columns}) VALUES ({row})")).await;
    }
    let page = alice.get("/settings/activity").await.body;
    let mut days = page.split("<h2 class=\"day\">").skip(1);
    let (today, yesterday, before) = (days.next().unwrap(), days.next().unwrap(), days.next().unwrap());
    assert!(today.starts_with("Today<") && today.contains(">1 hour ago</time>"), "{today}");
    assert!(yesterday.starts_with("Yesterday<") && yesterday.matches("<li>").count() == 2, "{yesterday}");
    assert_eq!(days.next(), None);
    let date = Words::named("en").unwrap().date((server.clock.now() - Duration::days(2)).date());
    assert!(before.starts_with(&format!("{date}<")) && before.contains(">20:00</time>"), "{date}: {before}");
}

#[tokio::test]
async fn it_is_filtered_by_kind_and_cut_into_pages_of_fifty() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let id = server.text("SELECT id FROM account").await;
    for number in 0..120 {
        let at = server.clock.now().millis() - 1000 * (number + 1);
        server
            .sql(&format!(
                "INSERT INTO activity (id, account_id, kind, detail, address, client, first_at, last_at, times)
                 VALUES ('x{number}', '{id}', 'token_edited', 'token {number}', '', '', {at}, {at}, 1)"
            ))
            .await;
    }
    let page = |number: u32| format!("/settings/activity?kind=token_edited&page={number}");
    let first = lines(&alice, &page(1)).await;
    assert!(first.len() == 50 && first[0].contains("token 0") && first[49].contains("token 49"), "{first:?}");
    assert_eq!((lines(&alice, &page(2)).await.len(), lines(&alice, &page(3)).await.len()), (50, 20));
    let middle = alice.get(&page(2)).await.body;
    assert!(middle.contains("rel=\"prev\" href=\"/settings/activity?kind=token_edited&#38;page=1\""), "{middle}");
    assert!(middle.contains("rel=\"next\" href=\"/settings/activity?kind=token_edited&#38;page=3\""));
    assert!(middle.contains("<option value=\"token_edited\" selected>"));
    assert!(!alice.get(&page(3)).await.body.contains("rel=\"next\""));
    assert_eq!(lines(&alice, "/settings/activity?kind=signed_in").await.len(), 1);
    assert_eq!(
        lines(&alice, "/settings/activity?kind=nonsense&page=-1").await.len(),
        50,
        "a link that is off shows all"
    );
    assert!(alice.get("/settings/activity?kind=two_factor_on").await.body.contains("No events found."));
}

#[tokio::test]
async fn nobody_sees_anothers() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("alices own", "repo:read", "30").await;
    let bob = server.account_signed_in("bob").await;
    assert!(!bob.get("/settings/activity").await.body.contains("alices own"));
    assert_eq!(lines(&bob, "/settings/activity").await.len(), 1);
}

#[tokio::test]
async fn it_is_kept_400_days() {
    let server = TestServer::start().await;
    server.account_signed_in("alice").await;
    let tidy = async || {
        server.tidy().await;
        server.count("activity").await
    };
    server.clock.advance(Duration::days(400));
    assert_eq!(tidy().await, 1);
    server.clock.advance(Duration::DAY);
    assert_eq!(tidy().await, 0);
}

#[tokio::test]
async fn a_change_that_is_refused_leaves_no_line() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "7").await;
    server.clock.advance(Duration::days(8));
    let alice = server.signed_in("alice").await;
    let before = server.count("activity").await;
    let path = |verb: &str| format!("/settings/tokens/{}{verb}", token.id);
    alice.post(&path("/deactivate"), &[]).await;
    alice.post(&path("/activate"), &[]).await;
    alice.post(&path(""), &[("description", "x"), ("permission", "repo:read")]).await;
    alice.post(&path(""), &[("description", ""), ("permission", "repo:read")]).await;
    alice.post("/settings/security/password", &[("current_password", PASSWORD), ("new_password", "short")]).await;
    assert_eq!(server.count("activity").await, before);
}

#[tokio::test]
async fn whoever_names_another_program_each_time_hides_nothing_else() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let (account_id, now) = (server.text("SELECT id FROM account").await, server.clock.now());
    let note = |kind, client: String, after: i64| {
        let origin = ClientInfo { address: "203.0.113.7".to_owned(), client };
        let at = now + Duration::milliseconds(after);
        dockpass::activity::actions::note_failure(&server.app.failures, &account_id, kind, "ci", &origin, at);
    };
    note(ActivityKind::SignInFailed, "Firefox".to_owned(), 0);
    (1..=60).for_each(|at| note(ActivityKind::TokenRefused, format!("program {at}"), at));
    server.flushed("SELECT CAST(SUM(times) AS BIGINT) FROM activity", 61).await;
    assert_eq!(server.number("SELECT COUNT(*) FROM activity WHERE kind = 'sign_in_failed'").await, Some(1));
    assert_eq!(server.text("SELECT client FROM activity WHERE kind = 'token_refused'").await, "program 60");
}
