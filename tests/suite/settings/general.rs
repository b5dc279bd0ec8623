//! `/settings`: display name, language, theme, time zone.

use reqwest::StatusCode;

use crate::harness::TestServer;

#[tokio::test]
async fn what_is_chosen_holds_for_every_browser_of_the_account() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let form = [
        ("display_name", "  Alice \"A\" <Liddell> "),
        ("language", "en"),
        ("theme", "dark"),
        ("time_zone", "Asia/Shanghai"),
    ];
    let answer = alice.post("/settings", &form).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings"));
    let page = alice.get("/settings").await;
    assert!(page.body.contains("Settings saved."));
    let other = server.signed_in("alice").await.with_header("accept-language", "zh-CN");
    let page = other.get("/settings").await.body;
    for part in [
        "<html lang=\"en\" data-theme=\"dark\">",
        "name=\"display_name\" value=\"Alice &#34;A&#34; &#60;Liddell&#62;\"",
        "<option value=\"en\" lang=\"en\" selected>",
        "<option value=\"dark\" selected>",
        "<option selected>Asia/Shanghai</option>",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let table = other.get("/settings/tokens").await.body;
    assert!(table.contains(" CST\">"), "exact times are in the zone that was chosen: {table}");
    assert!(table.contains(&token.id) && !table.contains("data-local-times"), "and not in the browser's");
}

#[tokio::test]
async fn an_empty_choice_follows_the_browser_again() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let form = [("display_name", "A"), ("language", "en"), ("theme", "dark"), ("time_zone", "Europe/Berlin")];
    alice.post("/settings", &form).await;
    let form = [("display_name", " "), ("language", ""), ("theme", "system"), ("time_zone", "")];
    assert_eq!(alice.post("/settings", &form).await.status, StatusCode::SEE_OTHER);
    let chosen = "SELECT COUNT(*) FROM account WHERE display_name IS NOT NULL OR language IS NOT NULL
                  OR theme IS NOT NULL OR time_zone IS NOT NULL";
    assert_eq!(server.number(chosen).await, Some(0));
    let alice = alice.with_header("accept-language", "zh-CN");
    assert!(alice.get("/settings").await.body.contains("<html lang=\"zh-CN\" data-local-times data-zone-cookie="));
}

#[tokio::test]
async fn wrong_input_is_said_beside_its_field_and_changes_nothing() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.get("/settings").await;
    let before = server.rows("account").await;
    let long = "ü".repeat(61);
    for (field, value, sentence) in [
        ("display_name", long.as_str(), "Use at most 60 characters on one line."),
        ("display_name", "two\nlines", "Use at most 60 characters on one line."),
        ("language", "tlh", "Choose an option from the list."),
        ("time_zone", "Mars/Olympus", "Choose a time zone from the list."),
        ("time_zone", "../../etc/passwd", "Choose a time zone from the list."),
    ] {
        let kept = if field == "display_name" { ("theme", "dark") } else { ("display_name", "Kept <name>") };
        let answer = alice.post("/settings", &[(field, value), kept]).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::UNPROCESSABLE_ENTITY, "no-store"));
        assert!(answer.body.contains(&format!("id=\"{field}-error\">{sentence}")), "{value}: {}", answer.body);
        let is_kept = answer.body.contains("value=\"Kept &#60;name&#62;\"");
        assert!(is_kept || answer.body.contains("<option value=\"dark\" selected>"), "{value}: nothing typed is lost");
    }
    assert_eq!(server.rows("account").await, before);
    let sixty = "名".repeat(60);
    assert_eq!(alice.post("/settings", &[("display_name", &sixty)]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(server.text("SELECT display_name FROM account").await, sixty);
}

#[tokio::test]
async fn the_username_and_the_role_cannot_be_posted() {
    let server = TestServer::start().await;
    server.account("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    let form = [("display_name", "A"), ("username", "root"), ("is_admin", "true"), ("role", "admin")];
    assert_eq!(alice.post("/settings", &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(server.number("SELECT COUNT(*) FROM account WHERE is_admin").await, Some(1));
    assert_eq!(server.number("SELECT COUNT(*) FROM account WHERE username = 'alice'").await, Some(1));
}
