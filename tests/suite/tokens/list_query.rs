//! `GET /settings/tokens` with a query: sorting, filtering and paging.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Answer, Browser, TestServer};

const TABLE: &str = "/settings/tokens";

/// The descriptions of the rows, in their order.
fn names(page: &Answer) -> Vec<String> {
    let parts = page.body.split("<span class=\"description\">").skip(1);
    parts.map(|part| part.split('<').next().unwrap().replace("&#38;", "&")).collect()
}

async fn shown(browser: &Browser, query: &str) -> Vec<String> {
    let page = browser.get(&format!("{TABLE}?{query}")).await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"), "{query}");
    names(&page)
}

/// Inserts a token. `values` are SQL.
async fn put(server: &TestServer, name: &str, values: &str) {
    let account = server.text("SELECT id FROM account WHERE username = 'alice'").await;
    let (id, folded) = (name.replace('\'', "''"), name.to_lowercase().replace('\'', "''"));
    let hash = data_encoding::HEXLOWER.encode(name.as_bytes());
    let hash = match server.app.db {
        dockpass::platform::database::Db::Sqlite { .. } => format!("x'{hash}'"),
        dockpass::platform::database::Db::Postgres(_) => format!("'\\x{hash}'"),
    };
    server
        .sql(&format!(
            "INSERT INTO token (id, account_id, secret_hash, description, description_folded, hint, level, is_active,
                                source, created_at, expires_at, last_used_at)
             VALUES ('{id}', '{account}', {hash}, '{id}', '{folded}', 'a hint', {values})"
        ))
        .await;
}

/// Three tokens that every column sorts differently.
async fn three() -> (TestServer, Browser) {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let now = server.clock.now().millis();
    let day = 86_400_000;
    put(&server, "Zebra", &format!("'repo:admin', TRUE, 'manual', {}, NULL, {}", now - 3 * day, now - day)).await;
    put(&server, "apple", &format!("'repo:public_read', FALSE, 'manual', {}, {}, NULL", now - 2 * day, now + day))
        .await;
    let ended = format!("'repo:write', TRUE, 'auto-generated', {}, {}, {}", now - day, now - 1, now - 2 * day);
    put(&server, "Mango", &ended).await;
    (server, alice)
}

#[tokio::test]
async fn every_column_sorts_both_ways() {
    let (_server, alice) = three().await;
    for (column, ascending) in [
        ("description", ["apple", "Mango", "Zebra"]),
        ("scope", ["apple", "Mango", "Zebra"]),
        ("status", ["Zebra", "apple", "Mango"]),
        ("created", ["Zebra", "apple", "Mango"]),
        ("last_used", ["apple", "Mango", "Zebra"]),
        ("expires", ["Mango", "apple", "Zebra"]),
    ] {
        assert_eq!(shown(&alice, &format!("sort={column}&direction=asc")).await, ascending, "{column}");
        let mut descending = ascending;
        descending.reverse();
        assert_eq!(shown(&alice, &format!("sort={column}&direction=desc")).await, descending, "{column} turned round");
    }
    assert_eq!(shown(&alice, "sort=source&direction=asc").await[0], "Mango");
    assert_eq!(shown(&alice, "sort=source&direction=desc").await[2], "Mango");
    assert_eq!(shown(&alice, "").await, ["Mango", "apple", "Zebra"], "the newest first");
}

#[tokio::test]
async fn a_heading_says_how_it_is_sorted_and_leads_to_the_other_way() {
    let (_server, alice) = three().await;
    let page = alice.get("/settings/tokens?sort=expires&status=active").await.body;
    let heading = |name: &str| {
        let before = page.split_once(&format!(">{name}</a></th>")).unwrap().0;
        before.rsplit("<th ").next().unwrap().to_owned()
    };
    assert!(heading("Expires").contains("aria-sort=\"ascending\""), "{}", heading("Expires"));
    assert!(heading("Expires").contains("sort=expires&#38;direction=desc&#38;status=active\""));
    assert!(heading("Created").contains("aria-sort=\"none\"") && heading("Created").contains("?status=active\""));
    let page = alice.get("/settings/tokens?sort=expires&direction=desc").await.body;
    assert!(page.contains("aria-sort=\"descending\"><a href=\"/settings/tokens?sort=expires\""), "{page}");
}

#[tokio::test]
async fn it_is_filtered_by_status_and_source() {
    let (_server, alice) = three().await;
    for (query, found) in [
        ("status=active", vec!["Zebra"]),
        ("status=inactive", vec!["apple"]),
        ("status=expired", vec!["Mango"]),
        ("source=auto-generated", vec!["Mango"]),
        ("source=manual", vec!["apple", "Zebra"]),
        ("source=manual&status=active", vec!["Zebra"]),
        ("source=manual&status=expired", vec![]),
        ("status=nonsense&source=nonsense", vec!["Mango", "apple", "Zebra"]),
    ] {
        assert_eq!(shown(&alice, query).await, found, "{query}");
    }
    let none = alice.get("/settings/tokens?source=manual&status=expired").await;
    assert!(
        none.body.contains("No tokens match.") && none.body.contains("<a href=\"/settings/tokens\">Clear filters</a>")
    );
    let page = alice.get("/settings/tokens?status=inactive").await;
    assert!(page.body.contains("<option value=\"inactive\" selected>Inactive</option>"));
}

#[tokio::test]
async fn a_text_is_found_as_it_is_in_any_case_and_any_language() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for name in ["100% sure", "100x sure", "a_b", "axb", "back\\slash", "令牌描述", "ÄRGER", "it's"] {
        put(&server, name, "'repo:read', TRUE, 'manual', 1, NULL, NULL").await;
    }
    for (text, found) in [
        ("100%", vec!["100% sure"]),
        ("%", vec!["100% sure"]),
        ("_", vec!["a_b"]),
        ("A_B", vec!["a_b"]),
        ("\\", vec!["back\\slash"]),
        ("牌描", vec!["令牌描述"]),
        ("ärger", vec!["ÄRGER"]),
        ("SURE", vec!["100x sure", "100% sure"]),
        ("' OR 1=1 --", vec![]),
        ("  a_b ", vec!["a_b"]),
    ] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("text", text).finish();
        let (mut said, mut found) = (shown(&alice, &query).await, found);
        said.sort();
        found.sort_unstable();
        let said: Vec<&str> = said.iter().map(|name| name.strip_prefix("it&#39;s").unwrap_or(name)).collect();
        assert_eq!(said, found, "{text}");
    }
    let token = alice.generate("by its hint", "repo:read", "never").await;
    assert_eq!(shown(&alice, &format!("text={}", &token.secret[40..])).await, ["by its hint"]);
    let page = alice.get("/settings/tokens?text=%3Cscript%3E%22").await.body;
    assert!(page.contains("value=\"&#60;script&#62;&#34;\"") && !page.contains("<script>\""));
}

#[tokio::test]
async fn ten_thousand_tokens_are_two_hundred_pages_of_fifty() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let account = server.text("SELECT id FROM account").await;
    let (numbers, hash) = match server.app.db {
        dockpass::platform::database::Db::Sqlite { .. } => (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)",
            "CAST('h' || i AS BLOB)",
        ),
        dockpass::platform::database::Db::Postgres(_) => {
            ("WITH n(i) AS (SELECT generate_series(1, 10000))", "CAST('h' || i AS BYTEA)")
        }
    };
    server
        .sql(&format!(
            "INSERT INTO token (id, account_id, secret_hash, description, description_folded, hint, level, is_active,
                                source, created_at, expires_at, last_used_at)
             {numbers} SELECT 'id' || i, '{account}', {hash}, 'token ' || i, 'token ' || i, 'dp_pat_x', 'repo:read',
                              i % 2 = 0, 'auto-generated', i, NULL, NULL FROM n"
        ))
        .await;
    let first = alice.get(TABLE).await;
    assert_eq!((names(&first).len(), names(&first)[0].as_str()), (50, "token 10000"));
    assert!(first.body.contains("1–50 of 10000") && !first.body.contains("rel=\"prev\""));
    assert!(first.body.contains("rel=\"next\" href=\"/settings/tokens?page=2\""));
    let last = alice.get("/settings/tokens?page=200").await;
    assert_eq!(names(&last).last().unwrap(), "token 1");
    assert!(last.body.contains("9951–10000 of 10000") && !last.body.contains("rel=\"next\""));
    let beyond = alice.get("/settings/tokens?page=900").await;
    assert_eq!(names(&beyond), names(&last), "a page after the last shows the last");
    let mut seen = std::collections::BTreeSet::new();
    for page in 1..=100 {
        let found = shown(&alice, &format!("status=active&sort=status&page={page}")).await;
        assert_eq!(found.len(), 50, "{page}");
        seen.extend(found);
    }
    assert_eq!(seen.len(), 5000, "no row stands on two pages, even where all are equal");
    assert_eq!(shown(&alice, "text=token+999").await.len(), 11);
}

#[tokio::test]
async fn htmx_gets_the_table_alone_and_its_address() {
    let (_server, alice) = three().await;
    let answer = alice.htmx_get("/settings/tokens?status=active&source=&text=&sort=created&direction=desc").await;
    assert_eq!((answer.status, answer.header("hx-push-url")), (StatusCode::OK, "/settings/tokens?status=active"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.body.trim_start().starts_with("<div id=\"tokens\">") && !answer.body.contains("<html"));
    assert_eq!(names(&answer), ["Zebra"]);
    assert_eq!(alice.htmx_get("/settings/tokens?sort=nonsense&page=0").await.header("hx-push-url"), TABLE);
    assert!(alice.get(TABLE).await.headers.get("hx-push-url").is_none());
}

#[tokio::test]
async fn after_a_change_the_same_rows_come_back() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let (one, two) =
        (alice.generate("one", "repo:read", "never").await, alice.generate("two", "repo:read", "never").await);
    alice.generate("other", "repo:read", "never").await;
    let view = "?sort=description&direction=desc&status=active&text=o";
    let address = server.url(&format!("{TABLE}{view}"));
    let path = |id: &str, verb: &str| format!("{TABLE}/{id}/{verb}");
    let answer = alice.post_with(&path(&one.id, "deactivate"), &[], &[("referer", &address)]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, &*format!("{TABLE}{view}")));
    let htmx = [("hx-request", "true"), ("hx-current-url", address.as_str()), ("referer", "http://elsewhere/")];
    let answer = alice.post_with(&path(&two.id, "deactivate"), &[], &htmx).await;
    assert_eq!(names(&answer), ["other"], "two is no longer active");
    let elsewhere = [("referer", "https://evil.example/settings/tokens?next=//evil.example&status=expired%0d%0a")];
    let answer = alice.post_with(&path(&two.id, "delete"), &[], &elsewhere).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, TABLE));
}

#[tokio::test]
async fn an_end_within_seven_days_is_said_above_the_table_and_stands_out() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let alice = server.signed_in("alice").await;
    alice.generate("a week", "repo:read", "7").await;
    alice.generate("a month", "repo:read", "30").await;
    alice.generate("for ever", "repo:read", "never").await;
    let off = alice.generate("off", "repo:read", "7").await;
    alice.post(&format!("{TABLE}/{}/deactivate", off.id), &[]).await;
    let page = alice.get("/settings/tokens?text=month").await.body;
    assert!(page.contains("1 token expires within 7 days."), "whatever is filtered: {page}");
    assert!(
        page.contains("href=\"/settings/tokens?sort=expires&amp;status=active\"") && !page.contains("class=\"soon\"")
    );
    assert_eq!(alice.get(TABLE).await.body.matches("class=\"soon\"").count(), 1);
    server.clock.advance(Duration::days(8));
    let alice = server.signed_in("alice").await;
    assert!(!alice.get(TABLE).await.body.contains("within 7 days"));
    server.clock.advance(Duration::days(15));
    let alice = server.signed_in("alice").await;
    alice.generate("another", "repo:read", "7").await;
    assert!(alice.get(TABLE).await.body.contains("2 tokens expire within 7 days."));
}
