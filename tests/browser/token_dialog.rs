//! The dialog of a new token: its commands in tabs, and the line that waits for the first use.

use serde_json::json;
use thirtyfour::Key;
use time::Duration;

use crate::driver::journey;
use crate::harness::TestServer;
use crate::window::Window;
use crate::words::{CHINESE, ENGLISH, Words};

const DOCKER: &str = "docker/28.2.2 go/go1.24 git-commit/x kernel/6 os/linux arch/amd64";
const TABS: [&str; 5] = ["Docker", "Podman", "Kubernetes", "GitHub Actions", "GitLab CI"];

/// Signs in with a token as docker does, two seconds ago.
async fn docker_signs_in(server: &TestServer, name: &str, secret: &str) {
    server.anonymous().with_header("user-agent", DOCKER).token(name, secret, &[]).await;
    server.clock.advance(Duration::seconds(2));
}

impl Window {
    /// Whether the browser would ask before this page is left.
    async fn asks_before_leaving(&self) -> bool {
        let asks = "const leaving = new Event('beforeunload', {cancelable: true}); \
                    window.dispatchEvent(leaving); return leaving.defaultPrevented;";
        self.script(asks).await == true
    }
}

#[tokio::test]
async fn the_commands_are_in_tabs_and_each_is_copied_by_its_own_button() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.allow_clipboard().await;
        window.sign_in("alice").await;
        let secret = window.generate("laptop").await;
        let tab = window.find("tab", "Docker").await;
        window.find("tablist", "Use this token").await;
        tab.click().await.unwrap();
        for name in TABS.into_iter().cycle().skip(1).take(5) {
            window.press(Key::Right).await;
            window.holds(&format!("document.activeElement.textContent === '{name}'")).await;
            window.find("tabpanel", name).await;
            let chosen = "return [...document.querySelectorAll('[role=tab][aria-selected=true]')].map(tab => tab.textContent)";
            assert_eq!(window.script(chosen).await, json!([name]));
            let shown = "return [...document.querySelectorAll('.tab')].filter(panel => panel.checkVisibility()).length";
            assert_eq!(window.script(shown).await, 1);
        }
        window.press(Key::Left).await;
        window.holds("document.activeElement.textContent === 'GitLab CI'").await;
        window.press(Key::Home).await;
        window.holds("document.activeElement.textContent === 'Docker'").await;
        for name in TABS {
            window.click("tab", name).await;
            for id in window.script("return [...document.querySelectorAll('.tab:not([hidden]) pre')].map(pre => pre.id)").await.as_array().unwrap() {
                let id = id.as_str().unwrap();
                window.element(&format!("#{id}-copy")).await.click().await.unwrap();
                window.reads(&format!("#{id}-copy"), "Copied").await;
                let code = window.script(&format!("return document.getElementById('{id}').textContent")).await;
                assert_eq!(window.clipboard().await, code.as_str().unwrap());
                assert!(!window.clipboard().await.contains(&secret));
                let broken = format!("return [...document.querySelectorAll('#{id} span')].filter(flag => flag.getClientRects().length > 1).length");
                assert_eq!(window.script(&broken).await, json!(0), "no line of {id} breaks inside a flag");
            }
            if name != "Docker" {
                window.show(&format!("created-{}", name.to_lowercase().replace(' ', "-"))).await;
            }
        }
        // A copied command is not the token.
        window.click("button", "Close").await;
        window.reads("dialog [role=alert]", "haven’t copied").await;
    })
    .await;
}

#[tokio::test]
async fn the_line_tells_who_used_the_token_first() {
    first_use(&ENGLISH, "docker 28.2 on linux signed in from 127.0.0.1, 2 seconds ago").await;
}

#[tokio::test]
async fn the_line_tells_who_used_the_token_first_in_chinese() {
    first_use(&CHINESE, "linux 上的 docker 28.2 已从 127.0.0.1 登录 · 2 秒前").await;
}

async fn first_use(words: &'static Words, sentence: &str) {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.account("bob").await;
    journey(&server, words, &[], async |window| {
        window.allow_clipboard().await;
        window.sign_in("alice").await;
        let secret = window.generate("laptop").await;
        window.element("#first-use .waiting").await;
        docker_signs_in(&server, "bob", &secret).await;
        window.reads("#first-use .refused", "PAT-WRONG-USER").await;
        window.show("created-refused").await;
        docker_signs_in(&server, "alice", &secret).await;
        window.reads("#first-use .used", sentence).await;
        window.holds("!document.querySelector('[data-poll]')").await;
        window.show("created-used").await;
        window.secret().await;

        // Nothing asks any more when the dialog is closed.
        window.copy_and_close().await;
        window.generate("second").await;
        window.element("[data-poll]").await;
        window.copy_and_close().await;
        window.holds("!document.querySelector('[data-poll]')").await;
    })
    .await;
}

#[tokio::test]
async fn the_end_of_the_session_does_not_take_the_token_away() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[401], async |window| {
        window.sign_in("alice").await;
        let secret = window.generate("laptop").await;
        server.sql("DELETE FROM session").await;
        window.holds("!document.querySelector('#first-use').textContent.trim()").await;
        assert_eq!(window.path().await, "/settings/tokens");
        assert_eq!(window.secret().await, secret);
        window.holds("!document.querySelector('dialog .notice.danger:not([hidden])')").await;
    })
    .await;
}

#[tokio::test]
async fn the_browser_asks_before_an_uncopied_secret_is_lost() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.allow_clipboard().await;
        window.sign_in("alice").await;
        assert!(!window.asks_before_leaving().await);
        window.generate("laptop").await;
        assert!(window.asks_before_leaving().await);
        window.click("button", "Copy").await;
        window.reads(".secret .button", "Copied").await;
        assert!(!window.asks_before_leaving().await);
        window.click("button", "Close").await;
        window.holds("!document.querySelector('dialog')").await;
        window.generate("desktop").await;
        assert!(window.asks_before_leaving().await, "another token, not copied yet");
        window.click("button", "Close").await;
        window.click("button", "Close").await;
        window.holds("!document.querySelector('dialog')").await;
        assert!(!window.asks_before_leaving().await, "given up");

        window.goto("/settings/tokens").await;
        window.element("#calendar").await.click().await.unwrap();
        window.element("dialog:modal .primary:not([data-copy])").await.click().await.unwrap();
        window.element("#secret").await;
        assert!(window.asks_before_leaving().await, "the link of the calendar");
        window.copy_and_close().await;

        window.turn_on(&server).await;
        assert!(window.asks_before_leaving().await, "recovery codes");
        window.find("checkbox", "I’ve saved these codes").await.click().await.unwrap();
        assert!(!window.asks_before_leaving().await);
    })
    .await;
}

#[tokio::test]
async fn the_warning_is_in_view_on_every_screen_and_goes_when_the_token_is_copied() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.allow_clipboard().await;
        window.sign_in("alice").await;
        for (width, height) in [(1280, 800), (360, 740), (320, 568), (568, 320)] {
            window.screen(width, height).await;
            window.generate("laptop").await;
            let close = window.find("button", "Close").await;
            close.scroll_into_view().await.unwrap();
            // A double click is one attempt.
            window.driver().action_chain().double_click_element(&close).perform().await.unwrap();
            window.reads("dialog [role=alert]", "haven’t copied").await;
            let seen = "const warning = document.querySelector('dialog [role=alert]'); \
                        const {left, right, top, bottom} = warning.getBoundingClientRect(); \
                        return [top + 2, bottom - 2].every(y => \
                          document.elementFromPoint((left + right) / 2, y) === warning);";
            assert_eq!(window.script(seen).await, true, "the warning is covered at {width} x {height}");
            window.picture(&format!("created-not-copied-{width}x{height}.png")).await;
            window.find("button", "Copy").await.click().await.unwrap();
            window.holds("!document.querySelector('dialog [role=alert]').checkVisibility()").await;
            window.find("button", "Close").await.click().await.unwrap();
            window.holds("!document.querySelector('dialog')").await;
        }
        // The warning that was scrolled out of view comes back instead of closing the dialog.
        window.screen(360, 500).await;
        window.generate("desktop").await;
        window.press(Key::Escape).await;
        window.reads("dialog [role=alert]", "haven’t copied").await;
        window.script("document.querySelector('dialog').scrollTop = 0").await;
        window.press(Key::Escape).await;
        window.secret().await;
        window.press(Key::Escape).await;
        window.holds("!document.querySelector('dialog')").await;
    })
    .await;
}

impl Window {
    /// Goes through all controls of the open dialog with Tab. None of them is covered by another part of the dialog. Of
    /// a box of many lines the browser brings only the cursor into view.
    async fn assert_no_focus_is_covered(&self, name: &str) {
        let count = "return document.querySelectorAll('dialog :is(a, button, input, select, textarea, pre)').length";
        for _ in 0..self.script(count).await.as_u64().unwrap() {
            self.press(Key::Tab).await;
            let covered = "const {left, right, top, bottom} = document.activeElement.getBoundingClientRect(); \
                           const dialog = document.querySelector('dialog'); \
                           if (!dialog.contains(document.activeElement)) return null; \
                           const parts = [top + 3, (top + bottom) / 2, bottom - 3]; \
                           const at = parts.map(y => document.elementFromPoint((left + right) / 2, y)); \
                           const isOwn = e => e && (document.activeElement.contains(e) || e.contains(document.activeElement)); \
                           const own = document.activeElement.matches('textarea, pre') ? at.some(isOwn) : at.every(isOwn); \
                           return own ? null : document.activeElement.outerHTML.slice(0, 120);";
            assert_eq!(self.script(covered).await, json!(null), "covered in {name}");
        }
    }
}

#[tokio::test]
async fn no_control_with_the_focus_is_covered_in_a_dialog() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let alice = server.signed_in("alice").await;
    let token = alice.generate("ci", "repo:write", "30").await;
    alice.post("/settings/repositories/new", &[("name", "alice/api"), ("visibility", "private")]).await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        for (width, height) in [(320, 568), (320, 700), (360, 740), (1280, 800)] {
            window.screen(width, height).await;
            window.goto("/settings/tokens").await;
            window.open_form().await;
            window.only_these_repositories().await;
            window.assert_no_focus_is_covered(&format!("new, {width} x {height}")).await;
            window.goto("/settings/tokens").await;
            window.open_actions("ci").await;
            window.element(&format!("a[href='/settings/tokens/{}/edit']", token.id)).await.click().await.unwrap();
            window.element("dialog:modal").await;
            window.assert_no_focus_is_covered(&format!("edit, {width} x {height}")).await;
            window.goto("/settings/security").await;
            window.click("button", window.words.turn_on).await;
            window.element("dialog:modal").await;
            window.assert_no_focus_is_covered(&format!("two-factor, {width} x {height}")).await;
            window.goto("/settings/tokens").await;
            window.generate(&format!("{width} x {height}")).await;
            window.assert_no_focus_is_covered(&format!("created, {width} x {height}")).await;
        }
    })
    .await;
}
