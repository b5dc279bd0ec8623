//! A token's whole life with nothing but a keyboard.

use crate::driver::journey;
use crate::harness::{PASSWORD, TestServer};
use crate::window::Window;
use crate::words::{CHINESE, ENGLISH, Words};

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
const END: char = '\u{e010}';
const DOWN: char = '\u{e015}';
const SPACE: char = ' ';

impl Window {
    /// Presses Tab until the element with this role and name has the focus, which must be seen.
    async fn tab_to(&self, role: &str, name: &str) {
        self.find(role, name).await;
        for _ in 0..80 {
            self.press(TAB).await;
            let focused = self.driver().active_element().await.unwrap().element_id();
            if self.all(role, name).await.iter().any(|wanted| wanted.element_id() == focused) {
                self.assert_focus_is_seen(name).await;
                return;
            }
        }
        panic!("the Tab key never comes to the {role} {name:?}");
    }

    /// Checks that the focused element has a ring, and that neither the edge of the window nor anything else covers it
    /// (WCAG 2.2, 2.4.7 and 2.4.11).
    async fn assert_focus_is_seen(&self, name: &str) {
        let faults = self
            .script(
                "const focused = document.activeElement, box = focused.getBoundingClientRect(), faults = []; \
                 const ringed = [focused, focused.closest('label')].filter(Boolean).map(e => getComputedStyle(e)); \
                 if (!ringed.some(s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1)) faults.push('no ring'); \
                 if (box.top < 0 || box.bottom > innerHeight) faults.push('out of the window'); \
                 const on = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2); \
                 if (on && !focused.contains(on) && !on.contains(focused)) faults.push('covered by ' + on.outerHTML); \
                 return faults;",
            )
            .await;
        assert_eq!(faults, serde_json::json!([]), "the focus on {name:?}");
    }

    /// Opens the menu of a row and stands on its first item.
    async fn open_menu_by_key(&self, name: &str) {
        self.tab_to("button", name).await;
        self.press(ENTER).await;
        self.holds("document.activeElement.getAttribute('role')?.startsWith('menuitem')").await;
    }

    /// Goes down in the open menu to the item with this name, and presses the key there.
    async fn choose_by_key(&self, item: &str, key: char) {
        let name = "document.activeElement.textContent.trim()";
        for _ in 0..10 {
            if self.script(&format!("return {name};")).await == item {
                self.press(key).await;
                return;
            }
            self.press(DOWN).await;
        }
        panic!("the menu has no {item:?}");
    }
}

#[tokio::test]
async fn a_token_lives_and_dies_by_the_keyboard() {
    by_keyboard(&ENGLISH).await;
}

#[tokio::test]
async fn a_token_lives_and_dies_by_the_keyboard_in_chinese() {
    by_keyboard(&CHINESE).await;
}

async fn by_keyboard(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, words, &[], async |window| {
        window.allow_clipboard().await;
        window.goto("/login").await;
        window.holds("document.activeElement.id === 'username'").await;
        window.press("alice").await;
        window.tab_to("textbox", words.password).await;
        window.press(PASSWORD).await;
        window.press(ENTER).await;
        window.arrive("/settings/tokens").await;

        window.tab_to("link", words.generate_new).await;
        window.press(ENTER).await;
        window.holds("document.activeElement.id === 'description'").await;
        window.press("laptop").await;
        let chosen = "[...document.querySelectorAll('[name=permission]')].findIndex(radio => radio.checked)";
        let before = window.script(&format!("return {chosen};")).await.as_u64().unwrap();
        window.tab_to("radio", words.levels[usize::try_from(before).unwrap()]).await;
        window.press(DOWN).await;
        window.holds(&format!("{chosen} !== {before}")).await;
        window.tab_to("button", words.generate).await;
        window.press(SPACE).await;
        let secret = window.secret().await;
        window.tab_to("button", words.copy).await;
        window.press(SPACE).await;
        window.until("the token is copied", async || (window.clipboard().await == secret).then_some(())).await;
        window.tab_to("button", words.close).await;
        window.press(SPACE).await;
        window.holds("!document.querySelector('dialog')").await;
        window.status_becomes("laptop", words.active).await;

        let menu = words.actions_for("laptop");
        window.open_menu_by_key(&menu).await;
        window.choose_by_key(words.deactivate, SPACE).await;
        window.status_becomes("laptop", words.inactive).await;
        window.open_menu_by_key(&menu).await;
        window.choose_by_key(words.activate, ENTER).await;
        window.status_becomes("laptop", words.active).await;

        // Edit is a link in the role of a menu item: Space works there too.
        window.open_menu_by_key(&menu).await;
        window.choose_by_key(words.edit, SPACE).await;
        window.holds("document.activeElement.id === 'description'").await;
        window.press(END).await;
        window.press(" of alice").await;
        window.tab_to("button", words.save).await;
        window.press(ENTER).await;
        window.status_becomes("laptop of alice", words.active).await;

        window.open_menu_by_key(&words.actions_for("laptop of alice")).await;
        window.choose_by_key(words.delete, SPACE).await;
        window.holds("document.activeElement.matches('dialog [data-close]')").await;
        // When htmx settles, it moves the focus there once more.
        window.holds("!document.querySelector('.htmx-added, .htmx-settling')").await;
        window.press(TAB).await;
        window.holds("document.activeElement.matches('dialog button.danger')").await;
        window.press(ENTER).await;
        window.element(".empty").await;
        window.holds("!document.querySelector('dialog')").await;

        window.tab_to("button", words.account_menu).await;
        window.press(SPACE).await;
        window.holds("document.activeElement.getAttribute('role') === 'menuitem'").await;
        window.choose_by_key(words.sign_out, SPACE).await;
        window.arrive("/login").await;
    })
    .await;
}
