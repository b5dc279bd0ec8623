//! `GET /settings/tokens`.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::TestServer;

#[tokio::test]
async fn without_tokens_the_page_invites_to_make_one() {
    let server = TestServer::start().await;
    let page = server.account_signed_in("alice").await.get("/settings/tokens").await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.body.contains("<h2>No tokens yet</h2>") && !page.body.contains("<table"));
    assert_eq!(page.body.matches("href=\"/settings/tokens/new\"").count(), 1, "one way to begin");
    let login = format!("docker login {} -u alice", server.app.urls.registry_host);
    assert!(page.body.contains(&login), "{}", page.body);
    assert!(!page.body.contains("role=\"search\""), "nothing to search in");
    assert!(page.body.contains("href=\"/settings/tokens\" aria-current=\"page\""));
}

#[tokio::test]
async fn a_row_says_everything_about_a_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:write", "30").await;
    let page = alice.get("/settings/tokens").await;
    let created = server.clock.now();
    let ends = created + Duration::days(30);
    let hint = format!("{}…{}", &token.secret[..10], &token.secret[40..]);
    for part in [
        "<span class=\"description\">ci push</span>".to_owned(),
        format!("<small>{hint}</small>"),
        "<td>Read &#38; Write</td>".to_owned(),
        "<span class=\"badge active\">Active</span>".to_owned(),
        "<td>Manual</td>".to_owned(),
        format!("<td><time tabindex=-1 datetime=\"{}\"", created.rfc3339()),
        "data-card=\"Never used\">Never</td>".to_owned(),
        format!("datetime=\"{}\"", ends.rfc3339()),
        ">in 30 days</time>".to_owned(),
        "aria-label=\"Actions for ci push\"".to_owned(),
        // Without a script the button of the menu leads to the token's page, which has the same actions.
        format!("<button formaction=\"/settings/tokens/{}\"", token.id),
    ] {
        assert!(page.body.contains(&part), "{part} in {}", page.body);
    }
    // One menu for all rows, whose addresses the script completes.
    let menu = page.body.split_once("<template id=\"row-menu\">").unwrap().1.split_once("</template>").unwrap().0;
    for part in [
        "data-for=\"active\" method=\"post\" action=\"/settings/tokens/{id}/deactivate\"",
        "data-for=\"inactive\" method=\"post\" action=\"/settings/tokens/{id}/activate\"",
        "data-for=\"active inactive\" href=\"/settings/tokens/{id}/edit\"",
        "href=\"/settings/tokens/new?like={id}\"",
        "href=\"/settings/tokens/{id}/delete\"",
    ] {
        assert!(menu.contains(part), "{part} in {menu}");
    }
    let detail = alice.get(&format!("/settings/tokens/{}", token.id)).await.body;
    for verb in ["deactivate", "edit", "delete"] {
        assert!(detail.contains(&format!("\"/settings/tokens/{0}/{verb}?from={0}\"", token.id)), "{verb} in {detail}");
    }
    for column in ["Description", "Scope", "Status", "Source", "Created", "Last used", "Expires"] {
        let heading =
            page.body.split_once(&format!("hx-push-url=\"true\">{column}</a></th>")).map(|(before, _)| before);
        let heading = heading.unwrap_or_else(|| panic!("no heading {column}")).rsplit("<th ").next().unwrap();
        let sort = if column == "Created" { "descending" } else { "none" };
        assert!(heading.contains("scope=\"col\"") && heading.contains(&format!("aria-sort=\"{sort}\"")), "{heading}");
        assert!(heading.contains("href=\"/settings/tokens?sort="), "{heading}");
    }
}

#[tokio::test]
async fn the_newest_token_stands_first() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for name in ["first", "second", "third"] {
        alice.generate(name, "repo:read", "never").await;
        server.clock.advance(Duration::SECOND);
    }
    let page = alice.get("/settings/tokens").await;
    let at = |name: &str| page.body.find(&format!("description\">{name}<")).unwrap();
    assert!(at("third") < at("second") && at("second") < at("first"));
}

#[tokio::test]
async fn what_never_happens_is_said() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("for ever", "repo:public_read", "never").await;
    let page = alice.get("/settings/tokens").await;
    assert!(page.body.contains("data-card=\"Never expires\">Never</td>"));
    assert!(page.body.contains("data-card=\"Never used\">Never</td>"));
    assert!(page.body.contains("Public Repo Read-only"));
}

#[tokio::test]
async fn each_status_is_a_word_and_has_its_own_menu() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let short = alice.generate("short", "repo:read", "7").await;
    let off = alice.generate("off", "repo:read", "never").await;
    alice.post(&format!("/settings/tokens/{}/deactivate", off.id), &[]).await;
    server.clock.advance(Duration::days(6) + Duration::hours(23));
    let alice = server.signed_in("alice").await;
    let near = alice.get("/settings/tokens").await;
    assert!(near.body.contains("data-label=\"Expires\" class=\"soon\""), "an end within a week stands out");
    server.clock.advance(Duration::hours(1));
    let page = alice.get("/settings/tokens").await;
    let row = |id: &str| {
        let before = page.body.split_once(&format!("href=\"/settings/tokens/{id}\"")).unwrap().0;
        let start = before.rfind("<tr ").unwrap();
        page.body[start..].split_once("</tr>").unwrap().0
    };
    // The class of a row decides which items of the menu the script keeps.
    for (row, status, word) in [(row(&short.id), "expired", "Expired"), (row(&off.id), "inactive", "Inactive")] {
        assert!(
            row.starts_with(&format!("<tr class=\"{status}\"")) && row.contains(&format!(">{word}</span>")),
            "{row}"
        );
    }
    let actions = async |id: &str| alice.get(&format!("/settings/tokens/{id}")).await.body;
    let (expired, inactive) = (actions(&short.id).await, actions(&off.id).await);
    assert!(expired.contains("/delete?from="));
    for verb in ["activate", "deactivate", "edit"] {
        assert!(!expired.contains(&format!("/{verb}?from=")), "an expired token can only be deleted: {verb}");
    }
    assert!(inactive.contains("/activate?from=") && !inactive.contains("/deactivate?from="));
}

/// Fifty tokens as people have them: with a use, an expiry and a program.
#[tokio::test]
async fn fifty_rows_weigh_at_most_60_kilobytes() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    server.dismiss_setup_steps().await;
    let account = server.text("SELECT id FROM account WHERE username = 'alice'").await;
    let now = server.clock.now();
    for number in 0..50 {
        let id = format!("0197c2a0-0000-7000-8000-{number:012}");
        let secret = server.bytes(&format!("{number:064x}"));
        server
            .sql(&format!(
                "INSERT INTO token (id, account_id, secret_hash, description, description_folded, hint, level, is_active,
                                    source, created_at, expires_at, last_used_at, last_used_action, last_used_repository,
                                    last_used_address, last_used_client)
                 VALUES ('{id}', '{account}', {secret}, 'CI build {number}', 'ci build {number}', 'dp_pat_3fK…9Qx',
                         'repo:write', TRUE, 'manual', {}, {}, {}, 'pull', 'alice/app', '203.0.113.7', 'docker/28.2.2')",
                (now - Duration::days(40)).millis(),
                (now + Duration::days(50)).millis(),
                (now - Duration::minutes(3)).millis(),
            ))
            .await;
    }
    let page = alice.get("/settings/tokens").await.body;
    assert_eq!(page.matches("aria-label=\"Actions for CI build ").count(), 50);
    assert_eq!(page.matches("docker 28.2</small>").count(), 50);
    assert!(page.len() <= 60_000, "{} bytes", page.len());
}

#[tokio::test]
async fn others_tokens_are_not_in_it() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let bob = server.account_signed_in("bob").await;
    alice.generate("alice-only", "repo:read", "never").await;
    let page = bob.get("/settings/tokens").await;
    assert!(page.body.contains("No tokens yet") && !page.body.contains("alice-only"));
}

#[tokio::test]
async fn descriptions_are_text_and_never_markup() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("<script>alert('x')</script>\"", "repo:read", "never").await;
    let page = alice.get("/settings/tokens").await;
    assert!(!page.body.contains("<script>alert") && page.body.contains("&#60;script&#62;"));
}

#[tokio::test]
async fn strangers_are_led_to_sign_in_and_back() {
    let server = TestServer::start().await;
    let answer = server.anonymous().get("/settings/tokens").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header("location"), "/login?next=%2Fsettings%2Ftokens");
    assert_eq!(answer.header("cache-control"), "no-store");
    let fragment = server.anonymous().htmx_get("/settings/tokens/new").await;
    assert_eq!((fragment.status, fragment.header("hx-redirect")), (StatusCode::UNAUTHORIZED, "/login"));
}
