//! The page of tokens: its notices, what a slow server shows, narrow screens, and the empty page.

use serde_json::json;
use time::Duration;

use crate::driver::journey;
use crate::harness::TestServer;
use crate::words::{CHINESE, ENGLISH, Words};

const IN_SIGHT: &str = "(() => { const box = document.querySelector('#notice > .notice')?.getBoundingClientRect(); \
                        return box && box.top >= 0 && box.bottom <= innerHeight; })()";

/// Where the row of a token is on the screen.
fn top_of(description: &str) -> String {
    format!(
        "return Math.round([...document.querySelectorAll('.tokens tbody tr')] \
         .find(row => row.innerText.includes('{description}')).getBoundingClientRect().top);"
    )
}

#[tokio::test]
async fn a_notice_floats_in_sight_and_goes_with_the_next_action() {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.many_tokens("alice", 50).await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        // The 42nd row, far below the heading.
        window.open_actions("Service 008").await;
        let before = window.script(&top_of("Service 008")).await;
        window.click("menuitem", "Deactivate").await;
        window.reads("#notice", "“Service 008” is inactive.").await;
        window.holds(IN_SIGHT).await;
        assert_eq!(window.script(&top_of("Service 008")).await, before, "nothing moves under the pointer");
        assert_eq!(window.script("return document.querySelector('#notice').role").await, json!("status"));
        window.picture("notice-floats.png").await;
        // The next action takes it away, also one that only shows something.
        window.open_actions("Service 008").await;
        window.click("menuitem", "Edit").await;
        window.element("dialog:modal").await;
        window.holds("!document.querySelector('#notice > *')").await;
        window.press('\u{e00c}').await;
        window.open_actions("Service 008").await;
        window.click("menuitem", "Activate").await;
        window.reads("#notice", "“Service 008” is active again.").await;
        window.click("button", "Dismiss").await;
        window.holds("!document.querySelector('#notice > *')").await;
        window.holds("document.activeElement !== document.body").await;
    })
    .await;
}

#[tokio::test]
async fn a_notice_of_a_page_that_was_loaded_is_announced_too() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("laptop", "repo:read", "30").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        window.click("link", "laptop").await;
        window.click("button", "Deactivate").await;
        // A screen reader hears what is put into the region, and not what a page begins with.
        window.reads("#notice", "“laptop” is inactive.").await;
        window.holds(IN_SIGHT).await;
        window.reads("h1", "laptop").await;
        window.reads(".badge", "Inactive").await;
        window.click("link", "Edit").await;
        window.fill("Description", "old laptop").await;
        window.click("button", "Save token").await;
        window.reads("h1", "old laptop").await;
        window.reads("#notice", "“old laptop” saved.").await;
        window.click("link", "Delete").await;
        window.click("button", "Delete token").await;
        window.arrive("/settings/tokens").await;
        window.reads("#notice", "“old laptop” deleted.").await;
    })
    .await;
}

#[tokio::test]
async fn while_the_server_is_slow_the_button_says_so_and_takes_no_second_click() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("laptop", "repo:read", "30").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        let busy = |css: &str| {
            format!("document.querySelector(\"{css}\")?.matches('[aria-busy=\"true\"][aria-disabled=\"true\"]')")
        };
        let button = busy(".actions > button");
        // Another transaction keeps the database, so the answer waits.
        let held = server.writing("UPDATE token SET is_active = is_active").await;
        window.open_actions("laptop").await;
        window.click("menuitem", "Deactivate").await;
        window.holds(&button).await;
        window.element(".actions > button").await.click().await.unwrap();
        window.holds("!document.querySelector('.menu:popover-open')").await;
        window.holds("getComputedStyle(document.querySelector('.actions > button'), '::after').opacity === '1'").await;
        window.picture("row-busy.png").await;
        drop(held);
        window.status_becomes("laptop", "Inactive").await;
        window.holds(&format!("!{button}")).await;

        // The same for a form that is posted without htmx, and the page that the browser keeps is not left busy.
        window.goto("/settings").await;
        // The driver waits while a page is loaded, so the page itself notes that its button was busy.
        window
            .script(
                "const button = document.querySelector(\"form[action='/settings'] button\"); \
                 new MutationObserver(() => { if (button.ariaBusy && button.ariaDisabled) sessionStorage.wasBusy = 'yes'; }) \
                     .observe(button, {attributes: true}); \
                 button.click();",
            )
            .await;
        window.reads("#notice", "saved").await;
        window.holds("sessionStorage.wasBusy === 'yes'").await;
        window.driver().back().await.unwrap();
        window.holds("document.readyState === 'complete' && !document.querySelector('[aria-busy]')").await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_away_is_said_once_and_the_button_works_again() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("laptop", "repo:read", "30").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        window.devtools("Network.enable", json!({})).await;
        let offline = |is_offline: bool| json!({"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        window.devtools("Network.emulateNetworkConditions", offline(true)).await;
        for _ in 0..2 {
            window.click("link", "Generate new token").await;
            window.reads("#notice", "The server didn’t respond.").await;
        }
        assert_eq!(window.script("return document.querySelectorAll('.notice.danger').length").await, json!(1));
        window.holds("!document.querySelector('[aria-busy]')").await;
        window.show("server-away").await;
        window.devtools("Network.emulateNetworkConditions", offline(false)).await;
        window.click("link", "Generate new token").await;
        window.element("dialog:modal").await;
        window.holds("!document.querySelector('#notice > *')").await;
        // The console names each attempt that failed.
        let said = window.driver().browser_log().await.unwrap();
        let is_expected = |message: &str| message.contains("ERR_INTERNET_DISCONNECTED") || message.contains("htmx:");
        assert!(said.iter().all(|entry| is_expected(&entry.message)), "{said:#?}");
    })
    .await;
}

#[tokio::test]
async fn between_900_and_1060_pixels_the_tokens_are_a_table_and_nothing_is_cut() {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.many_tokens("alice", 12).await;
    server.sql("UPDATE token SET description = 'CI: build and push, main branch' WHERE level = 'repo:write'").await;
    for words in [&ENGLISH, &CHINESE] {
        journey(&server, words, &[], async |window| {
            window.sign_in("alice").await;
            for width in [900, 1000, 1024, 1060, 1280, 1440] {
                window.screen(width, 800).await;
                window.holds("getComputedStyle(document.querySelector('.token-table')).display === 'table'").await;
                window.assert_fits(&format!("tokens, {width} px wide")).await;
                let wrapped = "return [...document.querySelectorAll('tbody :is(time, .badge)')] \
                               .filter(part => part.getClientRects().length > 1).length";
                assert_eq!(window.script(wrapped).await, json!(0), "times and status never wrap at {width} px");
                window.picture(&format!("tokens-{width}{}.png", words.suffix)).await;
            }
            for width in [320, 375] {
                window.screen(width, 800).await;
                window.assert_fits(&format!("tokens, {width} px wide")).await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn the_first_row_is_above_the_fold_whatever_was_refused() {
    first_row(&ENGLISH).await;
}

#[tokio::test]
async fn the_first_row_is_above_the_fold_in_chinese_too() {
    first_row(&CHINESE).await;
}

async fn first_row(words: &'static Words) {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let old = alice.generate("The_laptop_from_before_the_move_with_one_long_word", "repo:read", "7").await;
    let ci = alice.generate("CI: build and push, main branch", "repo:read", "30").await;
    server.clock.advance(Duration::days(24));
    for at in 0..4 {
        server.anonymous().token("alice", &ci.secret, &[&format!("repository:alice/r{at}:push")]).await;
        server.clock.advance(Duration::seconds(1));
    }
    server.anonymous().token("alice", &old.secret, &["repository:alice/api:pull"]).await;
    server.flush().await;
    journey(&server, words, &[], async |window| {
        window.sign_in("alice").await;
        window.screen(1280, 800).await;
        window.element("#refusals").await;
        window.holds("document.querySelector('.tokens tbody tr').getBoundingClientRect().bottom <= innerHeight").await;
        assert_eq!(window.script("return scrollY").await, json!(0), "a page begins at its beginning");
        // The source has a mark as its heading.
        let lines = "return new Set([...document.querySelectorAll('.token-table thead th:not(.tick, :nth-child(5)) a')] \
                     .map(heading => Math.round(heading.getBoundingClientRect().bottom))).size";
        assert_eq!(window.script(lines).await, json!(1), "the headings stand in one line");
        window.picture(&format!("first-row{}.png", words.suffix)).await;
        // The refusal of an expired token offers a new one, which is the widest button. It fits a phone.
        window.element("#refusals a[href*='like=']").await;
        window.screen(375, 800).await;
        window.assert_fits("a refusal at 375 px").await;
        window.show("refusals-again").await;
        window.element("#refusals summary").await.click().await.unwrap();
        window.holds("[...document.querySelectorAll('#refusals li')].every(line => line.checkVisibility())").await;
        assert_eq!(window.script("return document.querySelectorAll('#refusals li').length").await, json!(5));
    })
    .await;
}

#[tokio::test]
async fn on_a_phone_a_token_is_three_lines_and_a_select_sorts_them() {
    phone(&ENGLISH).await;
}

#[tokio::test]
async fn on_a_phone_a_token_is_three_lines_in_chinese_too() {
    phone(&CHINESE).await;
}

async fn phone(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.many_tokens("alice", 12).await;
    let used = format!("UPDATE token SET last_used_at = {}", (server.clock.now() - Duration::minutes(3)).millis());
    server.sql(&used).await;
    journey(&server, words, &[], async |window| {
        window.sign_in("alice").await;
        window.screen(360, 740).await;
        let lines = "return [...document.querySelectorAll('.tokens tbody tr')].map(row => new Set( \
                     [...row.querySelectorAll('.description, td:nth-child(3), td:nth-child(7), td:nth-child(8)')] \
                     .map(part => Math.round(part.getBoundingClientRect().bottom))).size)";
        let lines: Vec<u64> = serde_json::from_value(window.script(lines).await).unwrap();
        assert!(lines.iter().all(|lines| *lines == 3), "{lines:?}");
        window.picture(&format!("phone-cards{}.png", words.suffix)).await;
        window.script("document.querySelector('#sort').focus()").await;
        window
            .script(
                "const sort = document.querySelector('#sort'); sort.value = 'description'; \
                       sort.dispatchEvent(new Event('change', {bubbles: true}))",
            )
            .await;
        window.arrive("/settings/tokens?sort=description").await;
        window.begins_with(&["Service 001", "Service 002"]).await;
        window.holds("document.activeElement.id === 'sort' && document.activeElement.value === 'description'").await;
        window.element("#reverse").await.click().await.unwrap();
        window.begins_with(&["Service 012", "Service 011"]).await;
        window.arrive("/settings/tokens?sort=description&direction=desc").await;
    })
    .await;
}

#[tokio::test]
async fn without_javascript_a_phone_sorts_with_a_button() {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.many_tokens("alice", 3).await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.without_scripts().await;
        window.sign_in("alice").await;
        window.screen(360, 740).await;
        window.choose("Sort by", "description").await;
        window.click("button", "Sort").await;
        window.begins_with(&["Service 001"]).await;
        window.click("button", "Actions for Service 001").await;
        window.reads("h1", "Service 001").await;
    })
    .await;
}

#[tokio::test]
async fn the_empty_page_says_how_to_begin() {
    empty(&ENGLISH).await;
}

#[tokio::test]
async fn the_empty_page_says_how_to_begin_in_chinese() {
    empty(&CHINESE).await;
}

async fn empty(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, words, &[], async |window| {
        window.sign_in("alice").await;
        let login = format!("docker login {} -u alice", server.app.urls.registry_host);
        window.reads(".empty .code", &login).await;
        assert!(window.all("search", "").await.is_empty(), "nothing to search in");
        assert_eq!(window.all("link", words.generate_new).await.len(), 1);
        window.show("tokens-empty").await;
        window.allow_clipboard().await;
        window.generate("laptop").await;
        window.copy_and_close().await;
        // Now there is something to search in, and the button is in its place.
        window.find("search", "").await;
        window.holds("document.activeElement.id === 'generate'").await;
        assert_eq!(window.all("link", words.generate_new).await.len(), 1);
        window.find("searchbox", words.find).await.send_keys("lap").await.unwrap();
        window.arrive("/settings/tokens?text=lap").await;
    })
    .await;
}
