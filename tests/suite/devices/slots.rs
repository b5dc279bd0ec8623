//! The slots of auto-generated tokens: one more sign-in replaces the least recently used token.

use std::sync::Arc;

use reqwest::StatusCode;
use time::Duration;

use crate::harness::callers::{MANY, all_at_once};
use crate::harness::device::{Codes, Got};
use crate::harness::{Browser, TestServer, database};

async fn names(server: &TestServer) -> Vec<String> {
    let all = database::texts(&server.app.db, "SELECT description FROM token ORDER BY created_at, id").await;
    all.into_iter().map(|name| name.replace(" (docker-credential-dockpass)", "")).collect()
}

async fn review(server: &TestServer, browser: &Browser) -> String {
    let codes = server.anonymous().begin("next").await;
    browser.post("/device", &[("user_code", &codes.user_code)]).await.body
}

#[tokio::test]
async fn a_sixth_device_takes_the_place_of_the_one_used_least_recently() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let manual = alice.generate("by hand", "repo:admin", "never").await;
    server.clock.advance(Duration::minutes(1));
    let mut devices = Vec::new();
    for name in ["a", "b", "c", "d"] {
        devices.push(server.device(&alice, name).await);
        server.clock.advance(Duration::minutes(1));
    }
    let marked = "Next to be replaced when another device signs in.";
    assert!(!alice.get("/settings/tokens").await.body.contains(marked), "a slot is free");
    assert!(!review(&server, &alice).await.contains("Approving signs out"));
    devices.push(server.device(&alice, "e").await);
    // The oldest token is used now, so the second one is the least recently used.
    assert_eq!(server.anonymous().token("alice", &devices[0].token, &[]).await.status, StatusCode::OK);
    assert_eq!(server.tidy().await, 0);
    let page = alice.get("/settings/tokens").await.body;
    let row = page.split(marked).next().unwrap().rsplit("class=\"description\">").next().unwrap();
    assert!(page.matches(marked).count() == 1 && row.starts_with("b ("), "{row}");
    assert!(review(&server, &alice).await.contains("Approving signs out “b (docker-credential-dockpass)”"));
    // A use counts even before it is written.
    assert_eq!(server.anonymous().token("alice", &devices[1].token, &[]).await.status, StatusCode::OK);
    server.device(&alice, "f").await;
    assert_eq!(names(&server).await, ["by hand", "a", "b", "d", "e", "f"]);
    let gone = server.anonymous().token("alice", &devices[2].token, &[]).await;
    assert!(gone.body.contains("PAT-DELETED"), "{}", gone.body);
    let told = server.anonymous().refresh(&devices[2].refresh).await;
    assert!(told.body.contains("a newer sign-in on a device took the place of this one"), "{}", told.body);
    let log = alice.get("/settings/activity?kind=token_replaced").await.body;
    let why = "Least recently used device token replaced by a newer sign-in:</strong> c (";
    assert!(log.contains(why), "{log}");
    assert_eq!(server.anonymous().token("alice", &manual.secret, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn forty_sign_ins_at_once_never_leave_six() {
    let server = TestServer::start_with(|settings| settings.trusted_proxies = Some("127.0.0.1".into())).await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("by hand", "repo:read", "30").await;
    let mut codes: Vec<Codes> = Vec::new();
    for number in 0..MANY {
        let program = server.anonymous().with_header("x-forwarded-for", &format!("10.0.0.{number}"));
        codes.push(program.begin(&format!("device {number}")).await);
        assert_eq!(alice.decide(&codes[number], "approve").await.status, StatusCode::OK);
    }
    let answers = all_at_once(|number| {
        let (caller, codes) = (Arc::new(server.anonymous()), codes[number].clone());
        async move { caller.poll(&codes).await }
    })
    .await;
    let got: Vec<Got> = answers.iter().map(Got::of).collect();
    assert_eq!(server.number("SELECT COUNT(*) FROM token WHERE source = 'auto-generated'").await, Some(5));
    assert_eq!(server.count("token").await, 6, "the one made by hand is there");
    assert_eq!(server.count("deleted_token").await, MANY as i64 - 5);
    assert_eq!(
        server.number("SELECT COUNT(*) FROM activity WHERE kind = 'token_replaced'").await,
        Some(MANY as i64 - 5)
    );
    let mut working = 0;
    for got in &got {
        working += usize::from(server.anonymous().token("alice", &got.token, &[]).await.status == StatusCode::OK);
    }
    assert_eq!(working, 5);
}

#[tokio::test]
async fn the_slots_are_a_setting_and_each_account_has_its_own() {
    let server = TestServer::start_with(|settings| settings.auto_token_slots = "1".into()).await;
    let (alice, bob) = (server.account_signed_in("alice").await, server.account_signed_in("bob").await);
    for name in ["first", "second"] {
        server.device(&alice, name).await;
    }
    server.device(&bob, "bobs").await;
    assert_eq!(names(&server).await, ["second", "bobs"]);
    assert!(alice.get("/settings/tokens").await.body.contains("Next to be replaced"));
}

#[tokio::test]
async fn inactive_ones_hold_a_slot_and_fewer_slots_make_room_for_one_and_say_what_goes() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for name in ["a", "b", "c", "d", "e"] {
        server.device(&alice, name).await;
    }
    let id = server.text("SELECT id FROM token WHERE description LIKE 'b %'").await;
    alice.post(&format!("/settings/tokens/{id}/deactivate"), &[]).await;
    server.device(&alice, "f").await;
    assert_eq!(names(&server).await, ["b", "c", "d", "e", "f"]);
    let tightened = server.beside_with(|config| config.devices.slots = 2).await;
    let alice = tightened.same_session(&alice);
    let page = alice.get("/settings/tokens").await.body;
    let marked = "Next to be replaced when another device signs in.";
    let rows = page.split("<tr class=").skip(1).filter(|row| row.contains(marked));
    let going: Vec<&str> = rows.map(|row| row.split_once("class=\"description\">").unwrap().1).collect();
    assert!(going.len() == 4 && !going.iter().any(|row| row.starts_with("f (")), "{going:?}");
    let review = review(&tightened, &alice).await;
    let (_, replaced) = review.split_once("Approving signs out these 4, the least recently used:").unwrap();
    let replaced: Vec<&str> = replaced.split("</ul>").next().unwrap().split("<li>").skip(1).collect();
    assert_eq!(replaced.iter().map(|name| &name[..1]).collect::<String>(), "bcde");
    tightened.device(&alice, "g").await;
    assert_eq!(names(&server).await, ["f", "g"]);
    assert_eq!(server.number("SELECT COUNT(*) FROM activity WHERE kind = 'token_replaced'").await, Some(5));
}

#[tokio::test]
async fn what_ended_by_itself_holds_no_slot_and_outlives_nothing() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let mut devices = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        devices.push(server.device(&alice, name).await);
    }
    let now = server.clock.now().millis();
    // Both were used recently, but one reached its maximum age and the other is idle.
    server
        .sql(&format!("UPDATE token SET last_used_at = {now}, expires_at = {now} WHERE description LIKE 'd %'"))
        .await;
    server.sql("UPDATE token SET created_at = 1 WHERE description LIKE 'e %'").await;
    server.sql("UPDATE device_session SET refreshed_at = 1").await;
    assert!(!review(&server, &alice).await.contains("Approving signs out"), "nothing that works is in the way");
    assert!(!alice.get("/settings/tokens").await.body.contains("Next to be replaced"));
    server.device(&alice, "f").await;
    assert_eq!(names(&server).await, ["a", "b", "c", "f"]);
    for (got, why) in [(&devices[3], "is older than 180 days"), (&devices[4], "was not used for 30 days")] {
        assert!(server.anonymous().refresh(&got.refresh).await.body.contains(why), "{why}");
    }
    for (kind, count) in [("device_over", 1), ("device_idle", 1), ("token_replaced", 0)] {
        let found = server.number(&format!("SELECT COUNT(*) FROM activity WHERE kind = '{kind}'")).await;
        assert_eq!(found, Some(count), "{kind}");
    }
}
