//! The token table: sorting, filtering, pages, limits, and generating a token again.

use time::Duration;

use crate::driver::journey;
use crate::harness::TestServer;
use crate::window::Window;
use crate::words::{CHINESE, ENGLISH, Words};

impl TestServer {
    /// Gives an account many tokens. "service 001" is the oldest, every third is inactive, every fifth is
    /// auto-generated, and every tenth is expired.
    pub async fn many_tokens(&self, name: &str, count: i64) {
        let account = self.text(&format!("SELECT id FROM account WHERE username = '{name}'")).await;
        let now = self.clock.now();
        for number in 1..=count {
            let (made, end) = (now - Duration::minutes(count - number + 61), now + Duration::days(20 + number));
            let end = if number % 10 == 0 { now - Duration::minutes(1) } else { end };
            let level = ["repo:public_read", "repo:read", "repo:write", "repo:admin"][(number % 4) as usize];
            let source = if number % 5 == 0 { "auto-generated" } else { "manual" };
            let insert = format!(
                "INSERT INTO token (id, account_id, secret_hash, description, description_folded, hint, level, is_active, \
                 source, created_at, expires_at) VALUES ('00000000-0000-7000-8000-{number:012}', '{account}', 'hash {number}', \
                 'Service {number:03}', 'service {number:03}', 'dp_pat_{number:03}…abc', '{level}', {}, '{source}', {}, {})",
                number % 3 != 0,
                made.millis(),
                end.millis(),
            );
            self.sql(&insert).await;
        }
    }
}

impl Window {
    /// The descriptions in the table, in their order.
    pub async fn descriptions(&self) -> Vec<String> {
        self.table().await.into_iter().map(|row| row[0].clone()).collect()
    }

    /// Waits until the table begins with these rows.
    pub async fn begins_with(&self, descriptions: &[&str]) {
        self.until(&format!("the table begins with {descriptions:?}"), async || {
            let table = self.descriptions().await;
            table.iter().zip(descriptions).all(|(row, wanted)| row == wanted).then_some(())?;
            (table.len() >= descriptions.len()).then_some(())
        })
        .await;
    }

    async fn sorted(&self, column: &str) -> String {
        let heading = self.find("columnheader", column).await;
        heading.attr("aria-sort").await.unwrap().unwrap_or_default()
    }
}

#[tokio::test]
async fn headings_sort_the_table_and_the_address_keeps_it() {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.many_tokens("alice", 12).await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        window.begins_with(&["Service 012", "Service 011"]).await;
        assert_eq!(window.sorted("Created").await, "descending");
        assert_eq!(window.sorted("Scope").await, "none");
        window.click("link", "Description").await;
        window.arrive("/settings/tokens?sort=description").await;
        window.begins_with(&["Service 001", "Service 002"]).await;
        assert_eq!(window.sorted("Description").await, "ascending");
        assert_eq!(window.sorted("Created").await, "none");
        // The focus stays on the column's link.
        window.holds("document.activeElement.textContent === 'Description'").await;
        window.show("table-sorted").await;
        window.click("link", "Description").await;
        window.arrive("/settings/tokens?sort=description&direction=desc").await;
        window.begins_with(&["Service 012", "Service 011"]).await;
        assert_eq!(window.sorted("Description").await, "descending");
        for (column, address, first) in [
            ("Scope", "scope", "Service 004"),
            ("Status", "status", "Service 001"),
            ("Source", "source", "Service 005"),
            ("Created", "created&direction=asc", "Service 001"),
            ("Expires", "expires", "Service 010"),
        ] {
            window.click("link", column).await;
            if column == "Created" {
                window.arrive("/settings/tokens").await;
                window.begins_with(&["Service 012"]).await;
                window.click("link", column).await;
            }
            window.arrive(&format!("/settings/tokens?sort={address}")).await;
            window.begins_with(&[first]).await;
        }
        // The URL gives the same table, and an action in a row does not change the order.
        window.goto("/settings/tokens?sort=description&direction=desc").await;
        window.begins_with(&["Service 012"]).await;
        window.open_actions("Service 011").await;
        window.click("menuitem", "Deactivate").await;
        window.status_becomes("Service 011", "Inactive").await;
        window.begins_with(&["Service 012", "Service 011"]).await;
        assert_eq!(window.path().await, "/settings/tokens?sort=description&direction=desc");
    })
    .await;
}

#[tokio::test]
async fn a_filter_narrows_the_table_as_one_types_and_back_leads_to_what_was() {
    filter(&ENGLISH).await;
}

#[tokio::test]
async fn a_filter_narrows_the_table_in_chinese_too() {
    filter(&CHINESE).await;
}

async fn filter(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.many_tokens("alice", 20).await;
    journey(&server, words, &[], async |window| {
        window.sign_in("alice").await;
        window.find("search", "").await;
        window.find("searchbox", words.find).await.send_keys("SERVICE 01").await.unwrap();
        window.begins_with(&["Service 019", "Service 018"]).await;
        window.until("ten are left", async || (window.descriptions().await.len() == 10).then_some(())).await;
        window.holds("document.querySelector('#announcement').textContent.startsWith('10 ')").await;
        window.arrive("/settings/tokens?text=SERVICE+01").await;
        window.holds("document.activeElement.id === 'text'").await;
        window.choose(words.columns[2], "inactive").await;
        window.arrive("/settings/tokens?status=inactive&text=SERVICE+01").await;
        window
            .until("three are left", async || {
                (window.descriptions().await == ["Service 018", "Service 015", "Service 012"]).then_some(())
            })
            .await;
        window.show("table-filtered").await;
        window.choose(words.columns[3], "auto-generated").await;
        window.until("one is left", async || (window.descriptions().await == ["Service 015"]).then_some(())).await;
        window.click("link", words.columns[0]).await;
        window.arrive("/settings/tokens?sort=description&status=inactive&source=auto-generated&text=SERVICE+01").await;
        assert_eq!(window.descriptions().await, ["Service 015"], "sorting keeps the filter");

        // "Back" shows the previous page with current data, and its fields match.
        window.driver().back().await.unwrap();
        window.arrive("/settings/tokens?status=inactive&source=auto-generated&text=SERVICE+01").await;
        window.driver().back().await.unwrap();
        window.arrive("/settings/tokens?status=inactive&text=SERVICE+01").await;
        window.until("Back shows three", async || (window.descriptions().await.len() == 3).then_some(())).await;
        let fields = "['#text', '#status', '#source'].map(field => document.querySelector(field).value).join('|')";
        window.holds(&format!("{fields} === 'SERVICE 01|inactive|'")).await;
        window.driver().forward().await.unwrap();
        window.until("Forward shows one", async || (window.descriptions().await.len() == 1).then_some(())).await;
        window.holds(&format!("{fields} === 'SERVICE 01|inactive|auto-generated'")).await;

        window.goto("/settings/tokens?text=nothing+like+it").await;
        window.element(".empty").await;
        window.show("table-none-found").await;
        window.element(".empty a").await.click().await.unwrap();
        window.arrive("/settings/tokens").await;
        assert_eq!(window.descriptions().await.len(), 20);
    })
    .await;
}

#[tokio::test]
async fn a_hundred_and_twenty_tokens_come_in_three_pages() {
    pages(&ENGLISH).await;
}

#[tokio::test]
async fn a_hundred_and_twenty_tokens_come_in_three_pages_in_chinese() {
    pages(&CHINESE).await;
}

async fn pages(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.many_tokens("alice", 120).await;
    journey(&server, words, &[], async |window| {
        window.sign_in("alice").await;
        assert_eq!(window.descriptions().await.len(), 50);
        window.reads(".paging", "120").await;
        assert!(window.all("link", words.previous).await.is_empty());
        window.click("link", words.next).await;
        window.arrive("/settings/tokens?page=2").await;
        window.begins_with(&["Service 070"]).await;
        // The focus goes to the heading above the new rows, and a screen reader says which they are.
        window.holds("document.activeElement.matches('h1')").await;
        window.holds("document.querySelector('#announcement').textContent.includes('120')").await;
        window.picture_at(&format!("table-page-2{}.png", words.suffix), 1280, 3600).await;
        window.click("link", words.next).await;
        window.begins_with(&["Service 020"]).await;
        assert_eq!(window.descriptions().await.len(), 20);
        assert!(window.all("link", words.next).await.is_empty());
        window.show("table-last-page").await;
        // An action stays on the page, but another filter begins at the first page.
        window.open_actions("Service 019").await;
        window.click("menuitem", words.deactivate).await;
        window.status_becomes("Service 019", words.inactive).await;
        window.begins_with(&["Service 020"]).await;
        window.click("link", words.previous).await;
        window.begins_with(&["Service 070"]).await;
        window.choose(words.columns[2], "active").await;
        window.arrive("/settings/tokens?status=active").await;
        window.begins_with(&["Service 119"]).await;
        window.goto("/settings/tokens?page=99").await;
        window.begins_with(&["Service 020"]).await;
    })
    .await;
}

#[tokio::test]
async fn sorting_filtering_and_paging_need_no_javascript() {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.many_tokens("alice", 120).await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.without_scripts().await;
        window.sign_in("alice").await;
        window.find("searchbox", "Search").await.send_keys("service 1").await.unwrap();
        window.choose("Status", "active").await;
        window.click("button", "Filter").await;
        window.begins_with(&["Service 119"]).await;
        let path = window.path().await;
        assert!(path.contains("status=active") && path.contains("text=service+1"), "{path}");
        window.show("plain-table-filtered").await;
        window.click("link", "Expires").await;
        window.begins_with(&["Service 101"]).await;
        let path = window.path().await;
        assert_eq!(path, "/settings/tokens?sort=expires&status=active&text=service+1");
        window.choose("Source", "auto-generated").await;
        window.click("button", "Filter").await;
        window.begins_with(&["Service 115"]).await;
        assert!(window.path().await.contains("sort=expires"), "filtering keeps the order");
        window.goto("/settings/tokens").await;
        window.click("link", "Next").await;
        window.begins_with(&["Service 070"]).await;
    })
    .await;
}

#[tokio::test]
async fn the_numbers_of_fair_use_are_shown_and_the_button_says_why_it_is_off() {
    fair_use(&ENGLISH).await;
}

#[tokio::test]
async fn fair_use_is_told_in_chinese_too() {
    fair_use(&CHINESE).await;
}

async fn fair_use(words: &'static Words) {
    let server = TestServer::start_with(|settings| settings.token_creations_per_hour = "2".into()).await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("laptop", "repo:read", "30").await;
    journey(&server, words, &[429], async |window| {
        window.sign_in("alice").await;
        let quota = window.text("#quota").await;
        assert!(quota.contains("200") && quota.matches('1').count() == 2, "one of 200, one more this hour: {quota}");
        window.open_form().await;
        window.fill(words.description, "desktop").await;
        // Another window generates the last allowed token of this hour.
        alice.generate("tablet", "repo:read", "30").await;
        window.click("button", words.generate).await;
        window.element("dialog .notice.danger").await;
        let kept = window.find("textbox", words.description).await.value().await.unwrap().unwrap();
        assert_eq!(kept, "desktop");
        window.show("new-full").await;
        window.press('\u{e00c}').await;
        window.driver().refresh().await.unwrap();
        let button = window.find("button", words.generate_new).await;
        assert!(!button.is_enabled().await.unwrap());
        let why = button.attr("aria-describedby").await.unwrap().unwrap();
        window.reads(&format!("#{why}"), "60").await;
        window.show("tokens-full").await;
        server.clock.advance(Duration::minutes(61));
        window.driver().refresh().await.unwrap();
        window.open_form().await;
    })
    .await;
}

#[tokio::test]
async fn a_token_is_made_anew_with_the_settings_of_another_which_stays_as_it_is() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("old laptop", "repo:write", "30").await;
    server.clock.advance(Duration::days(31));
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        window.status_becomes("old laptop", "Expired").await;
        window.open_actions("old laptop").await;
        window.show("row-menu-expired").await;
        window.click("menuitem", "Generate similar token").await;
        window.find("dialog", "Generate new token").await;
        let filled_in = "return [document.querySelector('#description').value, \
                         document.querySelector('#expiration').value, \
                         document.querySelector('[name=permission]:checked').value]";
        assert_eq!(window.script(filled_in).await, serde_json::json!(["old laptop", "30", "repo:write"]));
        window.show("new-again").await;
        window.click("button", "Generate").await;
        window.secret().await;
        window.allow_clipboard().await;
        window.copy_and_close().await;
        let table = window.table().await;
        assert_eq!(table[0][..3], ["old laptop", "Read & Write", "Active"]);
        assert_eq!(table[1][..3], ["old laptop", "Read & Write", "Expired"]);
    })
    .await;
}

#[tokio::test]
async fn a_week_ahead_a_notice_says_how_many_tokens_end() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for (name, days) in [("first", "30"), ("second", "30"), ("far away", "365")] {
        alice.generate(name, "repo:read", days).await;
    }
    server.clock.advance(Duration::days(24));
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        window.reads("#tokens .notice.warning", "2 tokens expire within 7 days").await;
        window.show("tokens-ending").await;
        window.element("#tokens .notice.warning a").await.click().await.unwrap();
        window.arrive("/settings/tokens?sort=expires&status=active").await;
        let table = window.descriptions().await;
        assert_eq!(table[2], "far away");
    })
    .await;
}
