//! What is left to set up, above the tokens of an administrator.

use crate::driver::journey;
use crate::harness::TestServer;
use crate::words::{CHINESE, ENGLISH, Words};

const IS_OPEN: &str = "document.querySelector('.setup-steps').open";
const ROW_IS_IN_SIGHT: &str =
    "document.querySelector('.tokens tbody tr').getBoundingClientRect().bottom <= innerHeight";

#[tokio::test]
async fn an_administrator_opens_the_steps_and_dismisses_them() {
    steps(&ENGLISH, true).await;
}

#[tokio::test]
async fn an_administrator_opens_the_steps_and_dismisses_them_in_chinese() {
    steps(&CHINESE, true).await;
}

#[tokio::test]
async fn the_steps_need_no_javascript() {
    steps(&ENGLISH, false).await;
}

async fn steps(words: &'static Words, has_scripts: bool) {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("laptop", "repo:read", "30").await;
    journey(&server, words, &[], async |window| {
        if !has_scripts {
            window.without_scripts().await;
        }
        window.sign_in("alice").await;
        window.screen(1280, 800).await;
        window.holds(&format!("!{IS_OPEN} && {ROW_IS_IN_SIGHT}")).await;
        let one_line = "document.querySelector('.setup-steps').getBoundingClientRect().height < 40";
        window.holds(one_line).await;
        window.picture(&format!("setup-steps-closed{}.png", words.suffix)).await;
        window.element(".setup-steps > summary").await.click().await.unwrap();
        window.holds("document.querySelectorAll('#setup-steps > li').length === 6").await;
        if has_scripts {
            window.show("setup-steps").await;
        }
        // Each time the list stays open.
        for (step, left) in [("https", 5), ("public_url", 4), ("secret_key", 3)] {
            window.element(&format!("#setup-steps button[value={step}]")).await.click().await.unwrap();
            window.holds(&format!("document.querySelectorAll('#setup-steps > li').length === {left}")).await;
            window.holds(IS_OPEN).await;
            window.element("#notice .notice").await;
        }
        for left in [2, 1] {
            window.element("#setup-steps button[name=step]").await.click().await.unwrap();
            window.holds(&format!("document.querySelectorAll('#setup-steps > li').length === {left}")).await;
        }
        window.element("#setup-steps button[name=step]").await.click().await.unwrap();
        window.holds("document.querySelector('#notice .notice') && !document.querySelector('.setup-steps')").await;
        assert_eq!(window.path().await, "/settings/tokens");
        window.goto("/settings").await;
        window.goto("/settings/tokens").await;
        window.holds("!document.querySelector('.setup-steps')").await;
    })
    .await;
}
