//! Times in the reader's time zone, and the calendar of expiries.

use serde_json::json;

use crate::driver::journey;
use crate::harness::{TestServer, database};
use crate::window::Window;
use crate::words::{CHINESE, ENGLISH, Words};

const TAB: char = '\u{e004}';
const RIGHT: char = '\u{e014}';
const ESCAPE: char = '\u{e00c}';

/// 2027-01-15 at noon UTC, so that no time zone changes its clocks during the test.
const NOON: i64 = 1_800_014_400_000;

async fn with_a_known_time() -> TestServer {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("laptop", "repo:read", "never").await;
    database::execute(&server.app.db, &format!("UPDATE token SET created_at = {NOON}")).await;
    server
}

async fn title(window: &Window) -> String {
    window.element(".tokens tbody time").await.attr("title").await.unwrap().unwrap()
}

#[tokio::test]
async fn exact_times_are_in_the_browsers_zone_until_one_is_chosen() {
    let server = with_a_known_time().await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.devtools("Emulation.setTimezoneOverride", json!({"timezoneId": "Asia/Tokyo"})).await;
        window.sign_in("alice").await;
        let machine = window.element(".tokens tbody time").await.attr("datetime").await.unwrap().unwrap();
        assert_eq!(machine, "2027-01-15T12:00:00Z");
        window.holds("document.querySelector('.tokens tbody time').title === '15 January 2027 21:00'").await;
        // Rows that htmx loads get it too.
        window.click("link", "Description").await;
        window.arrive("/settings/tokens?sort=description").await;
        window.holds("document.querySelector('.tokens tbody time').title === '15 January 2027 21:00'").await;

        window.goto("/settings").await;
        window.choose_text("Time zone", "Europe/Berlin").await;
        window.element(".sheet .primary").await.click().await.unwrap();
        window.reads("#notice", "saved").await;
        window.goto("/settings/tokens").await;
        let said = title(window).await;
        assert!(said.contains("15 January 2027") && said.contains("13:00 CET"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn without_javascript_exact_times_are_in_utc_or_the_chosen_zone() {
    let server = with_a_known_time().await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.devtools("Emulation.setTimezoneOverride", json!({"timezoneId": "Asia/Tokyo"})).await;
        window.without_scripts().await;
        window.sign_in("alice").await;
        assert_eq!(title(window).await, "15 January 2027 12:00 UTC");
        window.goto("/settings").await;
        window.choose_text("Time zone", "Europe/Berlin").await;
        window.element(".sheet .primary").await.click().await.unwrap();
        // Wait until it is saved before opening the next page.
        window.element("#notice .notice").await;
        window.goto("/settings/tokens").await;
        assert_eq!(title(window).await, "15 January 2027 13:00 CET");
    })
    .await;
}

/// The exact time that the page shows beside the focused one.
const SHOWN: &str = "getComputedStyle(document.activeElement, '::after').content";

#[tokio::test]
async fn exact_times_are_shown_to_keys_with_one_stop_of_the_tab_key() {
    let server = with_a_known_time().await;
    server.signed_in("alice").await.generate("desktop", "repo:read", "30").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.devtools("Emulation.setTimezoneOverride", json!({"timezoneId": "Asia/Tokyo"})).await;
        window.sign_in("alice").await;
        window.holds("document.querySelectorAll('main time[title]').length >= 3").await;
        window.holds("document.querySelectorAll('main time[tabindex=\"0\"]').length === 1").await;
        for _ in 0..60 {
            window.press(TAB).await;
            if window.script("return document.activeElement.tagName").await == "TIME" {
                break;
            }
        }
        let mut shown = vec![];
        for key in [None, Some(RIGHT), Some(RIGHT)] {
            if let Some(key) = key {
                window.press(key).await;
            }
            window.holds(&format!("{SHOWN} === JSON.stringify(document.activeElement.title)")).await;
            shown.push(window.script(&format!("return {SHOWN};")).await.to_string());
        }
        assert!(shown.iter().any(|exact| exact.contains("15 January 2027 21:00")), "{shown:?}");
        window.holds("document.querySelectorAll('main time[tabindex=\"0\"]').length === 1").await;
        window.picture("time-focused.png").await;
        window.press(ESCAPE).await;
        window.holds("document.activeElement === document.body").await;
    })
    .await;
}

#[tokio::test]
async fn exact_times_are_shown_to_taps_also_without_javascript() {
    let server = with_a_known_time().await;
    journey(&server, &ENGLISH, &[], async |window| {
        server.sql("UPDATE token SET expires_at = created_at + 864000000").await;
        window.without_scripts().await;
        window.sign_in("alice").await;
        window.touch(360, 740).await;
        // A card shows when a token expires, and not when it was created.
        let time = window.element(".tokens tbody [data-label=Expires] time").await;
        window.tap(&time).await;
        window.holds(&format!("{SHOWN} === JSON.stringify(document.activeElement.title)")).await;
        window.holds("document.activeElement.title.endsWith(' UTC')").await;
        window.picture("time-tapped.png").await;
        assert_eq!(window.script("return document.documentElement.scrollWidth").await, 360);
    })
    .await;
}

#[tokio::test]
async fn the_calendar_address_is_shown_once_and_renewed() {
    calendar(&ENGLISH).await;
}

#[tokio::test]
async fn the_calendar_address_is_shown_once_in_chinese_too() {
    calendar(&CHINESE).await;
}

async fn calendar(words: &'static Words) {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("laptop", "repo:read", "30").await;
    journey(&server, words, &[], async |window| {
        window.allow_clipboard().await;
        window.sign_in("alice").await;
        let address = make(window).await;
        window.show("calendar-made").await;
        window.click("button", words.close).await;
        window.element("dialog [role=alert]:not([hidden])").await;
        window.show("calendar-not-copied").await;
        window.click("button", words.close).await;
        window.holds("!document.querySelector('dialog')").await;
        window.assert_nowhere(&address).await;
        let feed = server.anonymous().get(&address).await;
        assert!(feed.status == 200 && feed.body.contains("laptop"), "{}", feed.body);

        window.driver().refresh().await.unwrap();
        window.element("#calendar").await.click().await.unwrap();
        window.element("dialog:modal").await;
        window.show("calendar-renew").await;
        window.press('\u{e00c}').await;
        window.holds("!document.querySelector('dialog')").await;
        let renewed = make(window).await;
        assert_ne!(renewed, address);
        window.click("button", words.copy).await;
        window.until("the address is copied", async || (window.clipboard().await == renewed).then_some(())).await;
        window.click("button", words.close).await;
        window.holds("!document.querySelector('dialog')").await;
        assert_eq!(server.anonymous().get(&address).await.status, 404);
        assert_eq!(server.anonymous().get(&renewed).await.status, 200);
    })
    .await;
}

async fn make(window: &Window) -> String {
    window.element("#calendar").await.click().await.unwrap();
    window.element("dialog:modal .primary:not([data-copy])").await.click().await.unwrap();
    window.element("#secret").await.value().await.unwrap().unwrap()
}

#[tokio::test]
async fn the_calendar_works_without_javascript() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.without_scripts().await;
        window.sign_in("alice").await;
        window.click("link", "Create calendar link").await;
        window.show("plain-calendar").await;
        window.click("button", "Create calendar link").await;
        window.show("plain-calendar-made").await;
        let address = window.text("#secret").await;
        assert_eq!(server.anonymous().get(&address).await.status, 200);
        window.click("button", "Close").await;
        window.arrive("/settings/tokens").await;
        window.find("link", "Replace calendar link").await;
        window.click("link", "Remove calendar link").await;
        window.show("calendar-remove").await;
        window.click("button", "Remove calendar link").await;
        window.find("link", "Create calendar link").await;
        assert_eq!(server.anonymous().get(&address).await.status, 404);
    })
    .await;
}
