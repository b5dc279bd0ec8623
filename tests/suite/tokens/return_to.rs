//! Where a change leads: back to the page on which it began.

use reqwest::{Method, StatusCode};
use time::Duration;

use crate::harness::callers::headers;
use crate::harness::{PASSWORD, TestServer};

#[tokio::test]
async fn a_change_that_began_on_a_tokens_page_comes_back_to_it() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let home = format!("/settings/tokens/{}", token.id);
    let from = format!("?from={}", token.id);
    let edited = [("description", "ci two"), ("permission", "repo:read"), ("reach", "all")];
    for (verb, form, notice) in [
        ("/deactivate", &[][..], "“ci” is inactive."),
        ("/activate", &[][..], "“ci” is active again."),
        ("", &edited[..], "“ci two” saved."),
    ] {
        let answer = alice.post(&format!("{home}{verb}{from}"), form).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, home.as_str()), "{verb}");
        assert!(alice.get(&home).await.body.contains(notice), "{notice}");
        assert!(!alice.get(&home).await.body.contains(notice), "it is said once");
        let answer = alice.post(&format!("{home}{verb}"), form).await;
        assert_eq!(answer.header("location"), "/settings/tokens", "{verb} from the list");
        alice.get("/settings/tokens").await;
    }
    // The form carries the place along, also when it is shown again, and Cancel leads there too.
    let back = format!("<a class=\"button\" href=\"{home}\" data-close");
    for page in [
        alice.get(&format!("{home}/edit{from}")).await,
        alice.post(&format!("{home}{from}"), &[("description", ""), ("permission", "repo:read")]).await,
    ] {
        assert!(page.body.contains(&format!("action=\"{home}{from}\"")), "{}", page.body);
        assert!(page.body.contains(&back), "{}", page.body);
    }
    let question = alice.get(&format!("{home}/delete{from}")).await.body;
    assert!(question.contains(&back), "{question}");
    // The question for the password carries it too.
    alice.post(&format!("{home}/deactivate"), &[]).await;
    server.clock.advance(Duration::minutes(31));
    let asked = alice.post(&format!("{home}/activate{from}"), &[]).await;
    assert!(asked.body.contains(&format!("action=\"{home}/activate{from}\"")), "{}", asked.body);
    let confirmed = alice.post(&format!("{home}/activate{from}"), &[("confirm_password", PASSWORD)]).await;
    assert_eq!(confirmed.header("location"), home);
    // A deleted token has no page any more.
    let deleted = alice.post(&format!("{home}/delete{from}"), &[]).await;
    assert_eq!(deleted.header("location"), "/settings/tokens");
    assert!(alice.get("/settings/tokens").await.body.contains("“ci two” deleted."));
}

#[tokio::test]
async fn a_new_token_with_the_same_settings_leads_back_too() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let home = format!("/settings/tokens/{}", token.id);
    let form = alice.get(&format!("/settings/tokens/new?like={0}&from={0}", token.id)).await.body;
    let address = format!("/settings/tokens?from={}", token.id);
    assert!(form.contains(&format!("action=\"{address}\"")) && form.contains(&format!("href=\"{home}\"")), "{form}");
    let form_key = alice.form_key().await;
    let fields =
        [("form_key", form_key.as_str()), ("description", "ci"), ("expiration", "30"), ("permission", "repo:read")];
    let created = alice.post(&address, &fields).await;
    assert_eq!(created.status, StatusCode::OK);
    assert!(created.body.contains(&format!("href=\"{home}\" role=\"button\" data-close")), "{}", created.body);
    let list = alice.get("/settings/tokens/new").await.body;
    assert!(list.contains("action=\"/settings/tokens\""), "{list}");
}

#[tokio::test]
async fn only_the_page_of_a_token_can_be_named() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    for other in ["//evil.example", "https://evil.example", "x/../../login", "%0d%0aset-cookie:a=b"] {
        let answer = alice.post(&format!("/settings/tokens/{}/deactivate?from={other}", token.id), &[]).await;
        assert_eq!(answer.header("location"), "/settings/tokens", "{other}");
    }
}

/// htmx says which page is shown: only the list can take the rows.
#[tokio::test]
async fn with_htmx_the_list_is_swapped_and_a_tokens_page_is_loaded_again() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let home = format!("/settings/tokens/{}", token.id);
    let send = async |verb: &str, shown: &str| {
        let shown = server.url(shown);
        let more = headers(&[("hx-request", "true"), ("hx-current-url", &shown)]);
        alice.send(Method::POST, &format!("{home}{verb}"), Some(&[]), more).await
    };
    let swapped = send("/deactivate", "/settings/tokens?sort=expires").await;
    assert!(swapped.body.contains("<div id=\"tokens\"") && swapped.body.contains("is inactive."));
    let loaded = send("/activate", &home).await;
    assert_eq!(
        (loaded.status, loaded.header("hx-redirect"), loaded.body.as_str()),
        (StatusCode::OK, home.as_str(), "")
    );
    assert!(alice.get(&home).await.body.contains("“ci” is active again."));
    let deleted = send("/delete", &home).await;
    assert_eq!(deleted.header("hx-redirect"), "/settings/tokens");
}
