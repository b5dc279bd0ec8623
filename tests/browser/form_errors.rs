//! Expiry, wrong input, and pages that are out of date.

use thirtyfour::prelude::*;
use time::Duration;

use crate::driver::journey;
use crate::harness::TestServer;
use crate::words::{CHINESE, ENGLISH, Words};

#[tokio::test]
async fn an_expired_token_can_be_deleted_or_made_anew_and_nothing_else() {
    expired_token(&ENGLISH).await;
}

#[tokio::test]
async fn an_expired_token_can_be_deleted_or_made_anew_and_nothing_else_in_chinese_too() {
    expired_token(&CHINESE).await;
}

async fn expired_token(words: &'static Words) {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("old laptop", "repo:read", "7").await;
    server.clock.advance(Duration::days(7) - Duration::hours(1));
    journey(&server, words, &[409], async |window| {
        window.sign_in("alice").await;
        window.element(".soon time").await;
        window.open_actions("old laptop").await;
        window.find("menuitem", words.edit).await;
        window.find("menuitem", words.deactivate).await;

        // The token expires while its menu is open.
        server.clock.advance(Duration::hours(2));
        window.click("menuitem", words.deactivate).await;
        window.reads("dialog", "old laptop").await;
        window.find("link", words.again).await;
        window.show("expired").await;
        window.click("button", words.close).await;

        window.driver().refresh().await.unwrap();
        window.status_becomes("old laptop", words.expired).await;
        window.open_actions("old laptop").await;
        let items = window.driver().find_all(By::Css(".menu:popover-open [role=menuitem]")).await.unwrap();
        assert_eq!(items.len(), 2);
        window.find("menuitem", words.again).await;
        window.click("menuitem", words.delete).await;
        window.element("dialog button.danger").await.click().await.unwrap();
        window.element(".empty").await;
    })
    .await;
}

#[tokio::test]
async fn wrong_input_is_said_beside_its_field_and_the_rest_is_kept() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[422], async |window| {
        let today = server.clock.now().date();
        let typed = |days: i64| {
            let day = today + Duration::days(days);
            format!("{:02}{:02}{:04}", u8::from(day.month()), day.day(), day.year())
        };
        window.sign_in("alice").await;
        window.open_form().await;
        window.fill("Description", "deploy key").await;
        window.choose("Expiration date", "custom").await;
        for (date, sentence) in [
            (String::new(), "Enter a date"),
            (typed(-1), "Choose today or a later date"),
            (typed(400), "Choose a date no later than"),
        ] {
            let field = window.find("Date", "Last valid day").await;
            field.send_keys(date).await.unwrap();
            window.click("button", "Generate").await;
            window.reads("#expiration_date-error", sentence).await;
            let field = window.find("Date", "Last valid day").await;
            assert_eq!(field.attr("aria-invalid").await.unwrap().unwrap(), "true");
            let described = field.attr("aria-describedby").await.unwrap().unwrap();
            assert!(described.split(' ').any(|id| id == "expiration_date-error"), "{described}");
            let description = window.find("textbox", "Description").await;
            assert_eq!(description.value().await.unwrap().unwrap(), "deploy key");
        }
        window.show("new-wrong-date").await;
        window.find("Date", "Last valid day").await.send_keys(typed(10)).await.unwrap();
        window.click("button", "Generate").await;
        window.secret().await;
        window.driver().refresh().await.unwrap();
        let end = window.element("[data-label=Expires] time").await.attr("datetime").await.unwrap().unwrap();
        let day = today + Duration::days(10);
        assert_eq!(end, format!("{day}T23:59:59Z"), "until the end of that day");
    })
    .await;
}

#[tokio::test]
async fn the_result_of_an_expiration_is_said_in_words_beside_it() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        window.open_form().await;
        for days in [7, 30, 60, 90, 365] {
            window.choose("Expiration date", &days.to_string()).await;
            let day = server.clock.now().date() + Duration::days(days);
            let said = window.text("#expiration-hint").await;
            assert_eq!(said, format!("Expires on {} {} {}.", day.day(), day.month(), day.year()));
        }
        window.choose("Expiration date", "never").await;
        window.reads("#expiration-hint", "until you delete it").await;
        window.choose("Expiration date", "custom").await;
        window.reads("#expiration-hint", "end of that day").await;
        window.show("new-custom").await;
        window.choose("Expiration date", "never").await;
        window.fill("Description", "for ever").await;
        window.click("button", "Generate").await;
        window.secret().await;
        window.driver().refresh().await.unwrap();
        assert_eq!(window.table().await[0][6], ENGLISH.never_expires);
    })
    .await;
}

#[tokio::test]
async fn who_was_signed_out_meanwhile_is_led_to_the_sign_in_page() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[401], async |window| {
        window.sign_in("alice").await;
        server.clock.advance(Duration::hours(25));
        window.click("link", "Generate new token").await;
        window.arrive("/login?next=%2Fsettings%2Ftokens&reason=ended").await;
        window.reads("main", "Your session has ended.").await;
        window.find("textbox", "Username").await;
    })
    .await;
}

#[tokio::test]
async fn a_token_deleted_in_another_window_is_said_to_be_gone() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("laptop", "repo:read", "30").await;
    journey(&server, &ENGLISH, &[404], async |window| {
        window.sign_in("alice").await;
        alice.generate("kept", "repo:read", "30").await;
        alice.post(&format!("/settings/tokens/{}/delete", token.id), &[]).await;
        for verb in ["Edit", "Delete", "Deactivate"] {
            window.open_actions("laptop").await;
            window.click("menuitem", verb).await;
            window.reads("#notice", "This token was already deleted (“laptop”).").await;
            window.begins_with(&["kept"]).await;
            assert_eq!(window.descriptions().await, ["kept"], "after {verb} the row is gone");
            if verb == "Edit" {
                window.show("tokens-row-gone").await;
            }
            // Another tab shows the row still.
            let token = alice.generate("laptop", "repo:read", "30").await;
            window.driver().refresh().await.unwrap();
            window.status_becomes("laptop", "Active").await;
            alice.post(&format!("/settings/tokens/{}/delete", token.id), &[]).await;
        }
        window.click("checkbox", "Select laptop").await;
        window.element("#selection [value=delete]").await.click().await.unwrap();
        window.reads("#notice", "This token was already deleted (“laptop”).").await;
    })
    .await;
}
