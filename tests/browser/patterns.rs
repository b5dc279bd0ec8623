//! What all lists have in common: the filter, the empty state, the menu, the pages, and the colours of what is pointed at.

use serde_json::Value;
use time::Duration;

use crate::driver::journey;
use crate::harness::TestServer;
use crate::window::Window;
use crate::words::ENGLISH;

/// An administrator with 60 repositories, 60 accounts and 60 lines in the log.
async fn crowded() -> TestServer {
    let server = TestServer::start().await;
    server.account("root-of-all").await;
    let root = server.text("SELECT id FROM account").await;
    server.sql("UPDATE account SET is_admin = TRUE").await;
    for number in 0..60 {
        let at = (server.clock.now() - Duration::hours(number)).millis();
        let repository = format!("('r{number}', 'root-of-all/app-{number:02}', 'root-of-all', FALSE, {at})");
        server
            .sql(&format!("INSERT INTO repository (id, name, namespace, is_public, created_at) VALUES {repository}"))
            .await;
        let columns = "id, account_id, kind, detail, address, client, first_at, last_at, times";
        let line = format!("('{number}', '{root}', 'token_created', 'token {number}', '192.0.2.1', '', {at}, {at}, 1)");
        server.sql(&format!("INSERT INTO activity ({columns}) VALUES {line}")).await;
        server.account(&format!("user-{number:02}")).await;
    }
    server
}

/// The number of rows of a list.
async fn rows(window: &Window, rows: &str, count: usize) {
    window.holds(&format!("document.querySelectorAll('{rows}').length === {count}")).await;
}

#[tokio::test]
async fn every_list_is_filtered_emptied_and_paged_in_the_same_way() {
    let server = crowded().await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("root-of-all").await;
        for (path, row, text, found) in [
            ("/settings/repositories", "#tokens tbody tr", "app-07", "root-of-all/app-07"),
            ("/admin/accounts", "#tokens tbody tr", "user-07", "user-07"),
        ] {
            window.goto(path).await;
            rows(window, row, 50).await;
            window.holds("getComputedStyle(document.querySelector('.filter .filter-submit')).display === 'none'").await;
            window.element(".paging [rel=next]").await.click().await.unwrap();
            window.holds("location.search.includes('page=2')").await;
            window.holds("document.querySelector('.paging [rel=prev]')").await;
            assert!(window.text(".paging span").await.starts_with("51–"), "{path}");
            window.element(".filter [type=search]").await.send_keys(text).await.unwrap();
            rows(window, row, 1).await;
            window.reads("#tokens", found).await;
            window.holds(&format!("location.search.includes('text={text}')")).await;
            window.element(".filter [type=search]").await.send_keys("zz").await.unwrap();
            window.element(".empty h2").await;
            window.element(".empty a").await.click().await.unwrap();
            rows(window, row, 50).await;
        }
        window.goto("/settings/activity").await;
        let is_today = "document.querySelector('h2.day').innerText === 'Today'";
        window.holds(is_today).await;
        window.element(".paging [rel=next]").await.click().await.unwrap();
        window.holds("document.querySelector('.paging [rel=prev]')").await;
        window.choose("Event", "token_deleted").await;
        window.element("#entries .empty").await;
        window.choose("Event", "token_created").await;
        rows(window, "#entries li", 50).await;
        window.show("activity-days").await;
    })
    .await;
}

/// How light the background of an element is.
async fn light(window: &Window, css: &str) -> f64 {
    let script = "const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true}); \
                  canvas.fillStyle = getComputedStyle(document.querySelector(CSS)).backgroundColor; \
                  canvas.fillRect(0, 0, 1, 1); \
                  return canvas.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((sum, part) => sum + part, 0);";
    let value = window.script(&script.replace("CSS", &format!("'{css}'"))).await;
    if let Value::Number(number) = value { number.as_f64().unwrap() } else { panic!("{css}: {value}") }
}

#[tokio::test]
async fn what_is_pointed_at_is_lighter_than_the_surface_in_the_dark() {
    let server = crowded().await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("root-of-all").await;
        window.media("dark").await;
        window.goto("/settings/repositories").await;
        let surface = light(window, "html").await;
        assert!(light(window, ".side [aria-current]").await > surface, "the page that is open");
        for css in ["#tokens tbody tr", ".side a:not([aria-current])", "#tokens .actions .button", ".paging .button"] {
            let element = window.element(css).await;
            element.scroll_into_view().await.unwrap();
            window.driver().action_chain().move_to_element_center(&element).perform().await.unwrap();
            window.holds(&format!("document.querySelector('{css}').matches(':hover')")).await;
            assert!(light(window, css).await > surface, "{css}");
        }
        window.element("#tokens .actions button").await.click().await.unwrap();
        window.element(".menu:popover-open").await;
        let menu = light(window, ".menu:popover-open").await;
        let item = ".menu:popover-open :is(a, button)";
        window.driver().action_chain().move_to_element_center(&window.element(item).await).perform().await.unwrap();
        window.holds(&format!("document.querySelector('{item}').matches(':hover')")).await;
        assert!(light(window, item).await > menu, "an item of a menu");
    })
    .await;
}
