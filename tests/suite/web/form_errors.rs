//! A form that is shown again: its title says that something is wrong, and its first wrong field has the focus, without a
//! script too.

use crate::harness::{Answer, PASSWORD, TestServer};

/// The tag with the only `autofocus` of a page.
fn focused<'a>(answer: &'a Answer, what: &str) -> &'a str {
    let at: Vec<usize> = answer.body.match_indices(" autofocus").map(|(at, _)| at).collect();
    assert_eq!(at.len(), 1, "{what}: {}", answer.body);
    let start = answer.body[..at[0]].rfind('<').unwrap();
    answer.body[start..].split_once('>').unwrap().0
}

#[tokio::test]
async fn the_title_says_error_and_the_first_wrong_field_has_the_focus() {
    let server = TestServer::start_with(|settings| settings.signup = "open".into()).await;
    let alice = server.account_signed_in("alice").await;
    let key = alice.form_key().await;
    let token = [("form_key", key.as_str()), ("permission", "repo:read"), ("expiration", "30"), ("description", "ci")];
    let custom = ("expiration", "custom");
    let long = "x".repeat(61);
    for (path, form, field) in [
        ("/settings/tokens", vec![token[0], token[1], custom], "id=\"description\""),
        ("/settings/tokens", vec![token[0], token[1], custom, token[3]], "id=\"expiration_date\""),
        ("/settings/tokens", vec![token[0], token[2], token[3]], "name=\"permission\""),
        ("/settings/tokens", vec![token[0], token[1], token[2], token[3], ("reach", "named")], "id=\"repositories\""),
        ("/settings", vec![("display_name", long.as_str())], "id=\"display_name\""),
        ("/settings", vec![("time_zone", "Nowhere"), ("language", "xx")], "id=\"language\""),
        ("/settings/security/password", vec![("current_password", PASSWORD)], "id=\"new_password\""),
        ("/settings/security/password", vec![("current_password", "x")], "id=\"current_password\""),
        ("/settings/repositories/new", vec![("name", "No Name")], "id=\"name\""),
        ("/settings/close", vec![("password", "x")], "id=\"password\""),
        ("/device", vec![("user_code", "x")], "id=\"user_code\""),
        ("/login", vec![("username", "alice"), ("password", "x")], "id=\"password\""),
        ("/signup", vec![("username", "!"), ("password", "x")], "id=\"username\""),
        ("/signup", vec![("username", "dora"), ("password", "x")], "id=\"password\""),
    ] {
        let answer = alice.post(path, &form).await;
        assert!(answer.status.is_client_error(), "{path} {form:?}: {}", answer.status);
        assert!(answer.body.contains("<title>Error: "), "{path} {form:?}: {}", answer.body);
        assert!(focused(&answer, path).contains(field), "{path} {form:?}: {}", focused(&answer, path));
        let chinese = alice.post_with(path, &form, &[("accept-language", "zh-CN")]).await;
        assert!(chinese.body.contains("<title>错误："), "{path} {form:?}");
    }
}

#[tokio::test]
async fn a_form_that_nobody_sent_has_no_error_in_its_title() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for path in ["/settings", "/settings/tokens/new", "/settings/security", "/device", "/settings/close"] {
        assert!(!alice.get(path).await.body.contains("<title>Error"), "{path}");
    }
    server.clock.advance(time::Duration::minutes(31));
    let question = alice.post("/settings/sessions/others/end", &[]).await;
    assert!(question.body.contains("<title>Confirm it’s you"), "a question is no error: {}", question.body);
}
