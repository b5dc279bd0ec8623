//! Choosing the repositories of a limited token from a list.

use serde_json::{Value, json};

use crate::driver::journey;
use crate::harness::{Browser, TestServer};
use crate::window::Window;
use crate::words::{CHINESE, ENGLISH, Words};

const NAMES: [&str; 6] =
    ["alice/api", "alice/build/toolchain", "alice/docs", "alice/web", "alice/web-admin", "alice/worker"];

async fn with_repositories() -> (TestServer, Browser) {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for name in NAMES {
        alice.post("/settings/repositories/new", &[("name", name), ("visibility", "private")]).await;
    }
    let insert = "INSERT INTO repository (id, name, namespace, is_public, created_at)
                  WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100)
                  SELECT 'repository-' || n, 'alice/z' || n, 'alice', FALSE, 0 FROM numbers";
    server.sql(insert).await;
    (server, alice)
}

impl Window {
    /// Limits the token to some repositories. The choice may be below the end of the dialog before.
    pub async fn only_these_repositories(&self) {
        let choice = self.find("radio", self.words.only_these).await;
        choice.scroll_into_view().await.unwrap();
        choice.click().await.unwrap();
    }

    /// The names in the list; a ticked one has a star.
    async fn choices(&self) -> Vec<String> {
        let listed = "return [...document.querySelectorAll('[name=repository]')].map(box => box.value + (box.checked ? '*' : ''))";
        serde_json::from_value(self.script(listed).await).unwrap()
    }

    async fn tick(&self, name: &str) {
        let checkbox = self.find("checkbox", name).await;
        checkbox.scroll_into_view().await.unwrap();
        checkbox.click().await.unwrap();
    }

    async fn search_repositories(&self, text: &str, first: &str) {
        let field = self.element("#repository-search").await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
        self.holds(&format!("document.querySelector('#repository-matches input')?.value === '{first}'")).await;
    }
}

#[tokio::test]
async fn repositories_are_searched_and_ticked_and_stay_ticked() {
    choosing(&ENGLISH).await;
}

#[tokio::test]
async fn repositories_are_searched_and_ticked_in_chinese() {
    choosing(&CHINESE).await;
}

async fn choosing(words: &'static Words) {
    let (server, _) = with_repositories().await;
    journey(&server, words, &[], async |window| {
        window.allow_clipboard().await;
        window.sign_in("alice").await;
        window.open_form().await;
        window.fill(words.description, "ci").await;
        window.only_these_repositories().await;
        // The list comes into view above the end of the dialog.
        let in_view = "const field = document.querySelector('#repository-search').getBoundingClientRect(); \
                       const box = document.querySelector('.picker').getBoundingClientRect(); \
                       const end = document.querySelector('.dialog-end').getBoundingClientRect(); \
                       return field.top >= 0 && box.bottom <= end.top + 1";
        assert_eq!(window.script(in_view).await, true, "the list is in view");
        assert_eq!(window.choices().await.len(), 50);
        window.reads("#repository-found", "106").await;
        window.show("new-choices").await;

        window.search_repositories("web", "alice/web").await;
        window.tick("alice/web").await;
        window.search_repositories("z9", "alice/z9").await;
        window.tick("alice/z99").await;
        window.search_repositories("web", "alice/web-admin").await;
        assert_eq!(window.choices().await, ["alice/web*", "alice/z99*", "alice/web-admin"]);
        window.element("#repository-search").await.send_keys("\u{e007}").await.unwrap();
        window.holds("document.querySelector('dialog form') && !document.querySelector('[aria-invalid=true]')").await;
        window.fill(words.repository_names, "alice/tool-*").await;
        window.show("new-chosen").await;
        window.click("button", words.generate).await;
        window.secret().await;
        window.copy_and_close().await;

        window.open_actions("ci").await;
        window.click("menuitem", words.edit).await;
        window.element("dialog:modal").await;
        let choices = window.choices().await;
        assert_eq!(choices[..3], ["alice/web*", "alice/z99*", "alice/api"], "the chosen ones come first");
        let typed = window.element("#repositories").await.value().await.unwrap().unwrap();
        assert_eq!(typed, "alice/tool-*");
        window.show("edit-chosen").await;

        // The link for another expiration date takes all settings over.
        window.click("link", words.same_settings).await;
        window.find("dialog", words.generate_new).await;
        let form = "const form = document.querySelector('dialog form'); const data = new FormData(form); \
                    return [data.get('description'), data.get('permission'), data.get('reach'), \
                            data.getAll('repository'), data.get('repositories')]";
        let same: Value = json!(["ci", "repo:read", "named", ["alice/web", "alice/z99"], "alice/tool-*"]);
        assert_eq!(window.script(form).await, same);
    })
    .await;
}

#[tokio::test]
async fn without_a_script_the_list_and_the_text_are_enough() {
    let (server, _) = with_repositories().await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.without_scripts().await;
        window.sign_in("alice").await;
        window.goto("/settings/tokens/new").await;
        window.fill("Description", "ci").await;
        window.only_these_repositories().await;
        window.tick("alice/docs").await;
        window.fill(window.words.repository_names, "alice/z99").await;
        assert!(window.all("searchbox", "Search your repositories").await.is_empty(), "no field that could do nothing");
        window.show("plain-new-choices").await;
        window.click("button", "Generate").await;
        window.secret().await;
        // All commands are readable, and the token's page opens beside this one.
        for name in ["Docker", "Podman", "Kubernetes", "GitHub Actions", "GitLab CI"] {
            assert!(window.find("heading", name).await.is_displayed().await.unwrap(), "{name}");
        }
        let link = window.element(".unscripted a").await;
        assert!(link.is_displayed().await.unwrap());
        assert_eq!(link.attr("target").await.unwrap().unwrap(), "_blank");
        assert!(!window.element("#first-use").await.is_displayed().await.unwrap());
    })
    .await;
    assert_eq!(server.text("SELECT repositories FROM token").await, "alice/docs\nalice/z99");
}
