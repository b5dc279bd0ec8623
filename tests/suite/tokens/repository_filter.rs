//! The field "Repositories" of the forms, and how the table shows it.

use reqwest::StatusCode;

use crate::harness::{Answer, Browser, TestServer};

async fn generate(browser: &Browser, reach: &str, repositories: &str) -> Answer {
    let key = browser.form_key().await;
    let form = [
        ("form_key", key.as_str()),
        ("description", "ci"),
        ("expiration", "30"),
        ("permission", "repo:write"),
        ("reach", reach),
        ("repositories", repositories),
    ];
    browser.post("/settings/tokens", &form).await
}

async fn stored(server: &TestServer) -> String {
    server.text("SELECT COALESCE(repositories, 'all') FROM token").await
}

#[tokio::test]
async fn all_repositories_are_the_default_and_the_table_says_nothing_of_them() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let form = alice.get("/settings/tokens/new").await.body;
    assert!(form.contains("name=\"reach\" value=\"all\" checked"), "{form}");
    assert!(!form.contains("name=\"reach\" value=\"named\" checked"));
    assert_eq!(generate(&alice, "all", "alice/forgotten").await.status, StatusCode::OK);
    assert_eq!(stored(&server).await, "all", "what is not shown is not meant");
    let table = alice.get("/settings/tokens").await.body;
    assert!(table.contains("<td>Read &#38; Write</td>"), "{table}");
}

#[tokio::test]
async fn named_repositories_stand_in_the_table_in_words_with_all_of_them_in_the_title() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for (typed, kept, patterns, said) in [
        ("alice/api", "alice/api", "", ">alice/api</span>"),
        (
            " alice/api\r\nalice/web, alice/api\n\nalice/t-*",
            "alice/api\nalice/web\nalice/t-*",
            "alice/t-*",
            ">alice/api and 2 more</span>",
        ),
    ] {
        assert_eq!(generate(&alice, "named", typed).await.status, StatusCode::OK);
        assert_eq!(stored(&server).await, kept);
        let table = alice.get("/settings/tokens").await.body;
        assert!(table.contains(said) && table.contains(&format!("title=\"{kept}\"")), "{table}");
        let id = server.text("SELECT id FROM token").await;
        let edit = alice.get(&format!("/settings/tokens/{id}/edit")).await.body;
        assert!(
            edit.contains("value=\"named\" checked") && edit.contains(&format!(">{patterns}</textarea>")),
            "{edit}"
        );
        assert!(edit.contains("name=\"repository\" value=\"alice/api\" checked"), "{edit}");
        alice.post(&format!("/settings/tokens/{id}/delete"), &[]).await;
    }
}

#[tokio::test]
async fn what_cannot_be_a_repository_is_said_beside_the_field_and_what_was_typed_stays() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let many: String = (0..501).map(|number| format!("alice/r{number}\n")).collect();
    for (typed, sentence) in [
        ("", "Enter at least one repository, or choose All repositories."),
        ("alice/api alice/API", "“alice/API” isn’t a valid repository name."),
        ("alice/../bob", "“alice/../bob” isn’t a valid repository name."),
        ("<b>", "“&#60;b&#62;” isn’t a valid repository name."),
        (&many, "Enter at most 500 repositories or patterns."),
    ] {
        let answer = generate(&alice, "named", typed).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
        assert!(answer.body.contains(&format!("id=\"repositories-error\">{sentence}")), "{}", answer.body);
        assert!(answer.body.contains("value=\"named\" checked"));
        let kept = typed.lines().next().unwrap_or_default().replace('<', "&#60;").replace('>', "&#62;");
        assert!(
            answer.body.contains(&format!("repositories-error repositories-hint\" autofocus>{kept}")),
            "{}",
            answer.body
        );
    }
    assert_eq!(server.count("token").await, 0);
    assert_eq!(generate(&alice, "named", &many.replace("alice/r500\n", "")).await.status, StatusCode::OK);
    // With the longest possible names.
    let long = |many: usize| (0..many).map(|at| format!("alice/{at:03}{}\n", "/a".repeat(123))).collect::<String>();
    assert_eq!(generate(&alice, "named", &long(501)).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(generate(&alice, "named", &long(500)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn in_chinese_too() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await.with_header("accept-language", "zh-CN");
    let form = alice.get("/settings/tokens/new").await.body;
    assert!(form.contains("<legend>存储库</legend>") && form.contains("仅限以下存储库"), "{form}");
    assert!(generate(&alice, "named", "").await.body.contains("请至少填写一个存储库"));
    generate(&alice, "named", "alice/api alice/web").await;
    assert!(alice.get("/settings/tokens").await.body.contains(">alice/api 及另外 1 个</span>"));
}

#[tokio::test]
async fn pasted_image_names_lose_host_tag_and_digest() {
    let server = TestServer::start_with(|settings| settings.registry_host = Some("hub.example.com".into())).await;
    let alice = server.account_signed_in("alice").await;
    let pasted = "hub.example.com/alice/api:v1\nlocalhost:5000/alice/web@sha256:00 https://hub.example.com/alice/app";
    assert_eq!(generate(&alice, "named", pasted).await.status, StatusCode::OK);
    assert_eq!(stored(&server).await, "alice/api\nalice/web\nalice/app");
    let id = server.text("SELECT id FROM token").await;
    let asked = alice.get(&format!("/settings/tokens/{id}?repository=hub.example.com/alice/api:v1&action=pull")).await;
    assert!(asked.body.contains("Yes, it can pull alice/api"), "{}", asked.body);
    let created = alice.post("/settings/repositories/new", &[("name", "hub.example.com/alice/made:v2")]).await;
    assert_eq!(created.status, StatusCode::SEE_OTHER);
    assert_eq!(server.text("SELECT name FROM repository").await, "alice/made");
}

#[tokio::test]
async fn names_that_match_nothing_come_back_once_and_are_kept_when_they_are_sent_again() {
    let server = TestServer::start().await;
    let root = server.account_signed_in("root-of-all").await;
    let bob = server.account_signed_in("bob").await;
    let alice = server.account_signed_in("alice").await;
    for (owner, name, visibility) in
        [(&bob, "bob/open", "public"), (&bob, "bob/shared", "private"), (&bob, "bob/closed", "private")]
    {
        owner.post("/settings/repositories/new", &[("name", name), ("visibility", visibility)]).await;
    }
    let id = server.text("SELECT id FROM repository WHERE name = 'bob/shared'").await;
    bob.post(&format!("/settings/repositories/{id}/share"), &[("username", "alice"), ("share", "pull")]).await;
    for used in ["alice/new", "alice/*", "*", "bob/open", "bob/shared", "bob/sh*"] {
        assert_eq!(generate(&alice, "named", used).await.status, StatusCode::OK, "{used}");
    }
    for unused in ["web", "bob/closed", "bob/c*", "ghcr.io/alice/api", "nobody/api", "team/*"] {
        let answer = generate(&alice, "named", &format!("alice/api {unused}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{unused}");
        let sentence = format!("Your account can’t use any repository that matches {unused}. Names start with");
        assert!(answer.body.contains(&sentence) && answer.body.contains("such as alice/api"), "{}", answer.body);
    }
    for used in ["web", "team/*", "te*"] {
        assert_eq!(generate(&root, "named", used).await.status, StatusCode::OK, "an administrator's: {used}");
    }
    assert_eq!(generate(&root, "named", "bob/*").await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let before = server.count("token").await;
    let key = alice.form_key().await;
    let mut form = vec![
        ("form_key", key.as_str()),
        ("description", "kept"),
        ("expiration", "30"),
        ("permission", "repo:write"),
        ("reach", "named"),
        ("repositories", "web alice/api"),
    ];
    let asked = alice.post("/settings/tokens", &form).await;
    assert_eq!(asked.after("name=\"warned\" value=\""), "web alice/api", "{}", asked.body);
    form.push(("warned", "web alice/api"));
    assert_eq!(alice.post("/settings/tokens", &form).await.status, StatusCode::OK);
    assert_eq!(server.count("token").await, before + 1);
    let id = server.text("SELECT id FROM token WHERE description = 'kept'").await;
    let path = format!("/settings/tokens/{id}");
    let edit = |repositories: &'static str| {
        vec![("description", "ci"), ("permission", "repo:write"), ("reach", "named"), ("repositories", repositories)]
    };
    assert_eq!(alice.post(&path, &edit("web")).await.status, StatusCode::SEE_OTHER, "known from before");
    assert_eq!(alice.post(&path, &edit("web bob/closed")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}
