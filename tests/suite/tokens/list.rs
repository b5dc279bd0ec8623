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
    assert!(page.body.contains("href=\"/settings/tokens/new\""));
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
        format!("<span class=\"token-hint\">{hint}</span>"),
        "data-label=\"Scope\">Read &#38; Write</td>".to_owned(),
        "<span class=\"badge active\">Active</span>".to_owned(),
        "data-label=\"Source\">Manual</td>".to_owned(),
        format!("data-label=\"Created\"><time datetime=\"{}\"", created.rfc3339()),
        "data-label=\"Last used\">Never</td>".to_owned(),
        format!("<time datetime=\"{}\"", ends.rfc3339()),
        ">in 30 days</time>".to_owned(),
        "aria-label=\"Actions for ci push\"".to_owned(),
        format!("action=\"/settings/tokens/{}/deactivate\"", token.id),
        format!("href=\"/settings/tokens/{}/edit\"", token.id),
        format!("href=\"/settings/tokens/{}/delete\"", token.id),
    ] {
        assert!(page.body.contains(&part), "{part} in {}", page.body);
    }
    for column in ["Description", "Scope", "Status", "Source", "Created", "Last used", "Expires"] {
        let heading =
            page.body.split_once(&format!("hx-push-url=\"true\">{column}</a></th>")).map(|(before, _)| before);
        let heading = heading.unwrap_or_else(|| panic!("no heading {column}")).rsplit("<th ").next().unwrap();
        let sort = if column == "Created" { "descending" } else { "none" };
        assert!(heading.contains(&format!("scope=\"col\" aria-sort=\"{sort}\"")), "{column}: {heading}");
        assert!(heading.contains("<a href=\"/settings/tokens?sort="), "{heading}");
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
    assert!(page.body.contains("data-label=\"Expires\">Never</td>"));
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
    assert!(near.body.contains("class=\"soon\""), "an end within a week stands out");
    server.clock.advance(Duration::hours(1));
    let page = alice.get("/settings/tokens").await;
    let row = |id: &str| page.body.split_once(&format!("id=\"token-{id}\"")).unwrap().1.split_once("</tr>").unwrap().0;
    let (expired, inactive) = (row(&short.id), row(&off.id));
    assert!(expired.contains(">Expired</span>") && expired.contains("/delete\""));
    for verb in ["activate", "deactivate", "edit"] {
        assert!(!expired.contains(&format!("/{verb}\"")), "an expired token can only be deleted: {verb}");
    }
    assert!(inactive.contains(">Inactive</span>") && inactive.contains("/activate\""));
    assert!(!inactive.contains("/deactivate\""));
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
