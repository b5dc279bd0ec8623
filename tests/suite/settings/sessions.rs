//! `/settings/sessions`.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Browser, PASSWORD, TestServer};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/17.5 Mobile/15E148 Safari/604.1";

async fn sign_in(server: &TestServer, name: &str, agent: &str) -> Browser {
    let browser = server.anonymous().with_header("user-agent", agent);
    let answer = browser.post("/login", &[("username", name), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    browser
}

/// The entries of the page: id and text.
async fn entries(browser: &Browser) -> Vec<(String, String)> {
    let page = browser.get("/settings/sessions").await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    let entries = page.body.split("<li id=\"session-").skip(1);
    let entry = |text: &str| {
        let (id, rest) = text.split_once('"').unwrap();
        (id.to_owned(), rest.split("</li>").next().unwrap().to_owned())
    };
    entries.map(entry).collect()
}

async fn is_inside(browser: &Browser) -> bool {
    browser.get("/settings").await.status == StatusCode::OK
}

#[tokio::test]
async fn each_is_named_in_words_and_this_one_is_marked() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let here = sign_in(&server, "alice", FIREFOX).await;
    let began = server.clock.now();
    server.clock.advance(Duration::hours(2));
    let _there = sign_in(&server, "alice", SAFARI).await;
    sign_in(&server, "alice", "<b>curl</b>/8").await;
    sign_in(&server, "alice", "").await;
    let entries = entries(&here).await;
    assert_eq!(entries.len(), 4);
    let with = |words: &str| entries.iter().find(|(_, text)| text.contains(words)).map(|(_, text)| text.as_str());
    let this = with("<strong>Firefox 131 on Linux</strong>").unwrap();
    assert!(this.contains("This session") && this.contains("127.0.0.1") && this.contains("Sign out</button>"));
    assert!(this.contains(&format!("signed in <time tabindex=-1 datetime=\"{}\"", began.rfc3339())), "{this}");
    assert!(this.contains("2 hours ago"));
    let other = with("<strong>Safari 17 on iOS</strong>").unwrap();
    assert!(
        !other.contains("This session")
            && other.contains("aria-label=\"End session Safari 17 on iOS\">End session</a>")
    );
    assert!(with("<strong>Unknown browser</strong>").is_some());
    assert!(with("<b>curl").is_none(), "text and never markup");
    assert_eq!(entries.iter().filter(|(_, text)| text.contains("This session")).count(), 1);
}

#[tokio::test]
async fn no_address_of_the_page_holds_a_session_id() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let page = alice.get("/settings/sessions").await;
    assert!(!page.body.contains(&alice.cookie("dockpass").unwrap()));
    let public = server.text("SELECT public_id FROM session").await;
    let thief = server.anonymous().with_cookie("dockpass", &public);
    assert!(!is_inside(&thief).await);
}

#[tokio::test]
async fn one_is_ended_and_no_other() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let here = sign_in(&server, "alice", FIREFOX).await;
    let (phone, third) = (sign_in(&server, "alice", SAFARI).await, server.signed_in("alice").await);
    let id = entries(&here).await.into_iter().find(|(_, text)| text.contains("Safari")).unwrap().0;
    let question = here.get(&format!("/settings/sessions/{id}/end")).await;
    assert!(question.body.contains("End the session of Safari"), "{}", question.body);
    assert!(is_inside(&phone).await, "asked, not answered");
    let answer = here.post(&format!("/settings/sessions/{id}/end"), &[]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/sessions"));
    assert!(here.get("/settings/sessions").await.body.contains("1 session ended."));
    assert_eq!((is_inside(&here).await, is_inside(&phone).await, is_inside(&third).await), (true, false, true));
    let again = here.post(&format!("/settings/sessions/{id}/end"), &[]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "it is gone");
}

#[tokio::test]
async fn ending_this_one_signs_out() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let other = server.signed_in("alice").await;
    let id = entries(&alice).await.into_iter().find(|(_, text)| text.contains("This session")).unwrap().0;
    let answer = alice.post(&format!("/settings/sessions/{id}/end"), &[]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/login"));
    assert_eq!(alice.cookie("dockpass"), None);
    assert!(is_inside(&other).await);
    assert_eq!(server.count("session").await, 1);
}

#[tokio::test]
async fn all_others_are_ended_at_once() {
    let server = TestServer::start().await;
    let here = server.account_signed_in("alice").await;
    let others = [server.signed_in("alice").await, server.signed_in("alice").await, server.signed_in("alice").await];
    let bob = server.account_signed_in("bob").await;
    let question = here.get("/settings/sessions/others/end").await;
    assert!(question.body.contains("Every other browser is signed out"), "{}", question.body);
    assert!(is_inside(&others[0]).await);
    let answer = here.post("/settings/sessions/others/end", &[]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/sessions"));
    assert!(here.get("/settings/sessions").await.body.contains("3 sessions ended."));
    for other in &others {
        assert!(!is_inside(other).await);
    }
    assert!(is_inside(&here).await && is_inside(&bob).await);
}

#[tokio::test]
async fn a_session_of_another_account_is_not_found_and_stays() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let bob = server.account_signed_in("bob").await;
    let id = entries(&alice).await.remove(0).0;
    for id in [id.as_str(), "00000000-0000-7000-8000-000000000000", "nonsense"] {
        let answer = bob.post(&format!("/settings/sessions/{id}/end"), &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
    }
    assert!(is_inside(&alice).await);
}

#[tokio::test]
async fn what_is_over_is_not_listed() {
    let server = TestServer::start().await;
    let _old = server.account_signed_in("alice").await;
    server.clock.advance(Duration::hours(25));
    let alice = server.signed_in("alice").await;
    assert_eq!(entries(&alice).await.len(), 1);
}
