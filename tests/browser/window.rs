//! A browser window, used like a person does: finding elements by their accessible names, clicking and typing.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::components::SelectElement;
use thirtyfour::extensions::query::ElementQueryable as _;
use thirtyfour::prelude::*;

use crate::driver::Session;
use crate::words::Words;

const PATIENCE: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_millis(20);

/// A browser window that shows pages of a test's server.
pub struct Window {
    session: Session,
    base: String,
    pub words: &'static Words,
    pub has_scripts: Cell<bool>,
}

impl Window {
    pub async fn new(session: Session, base: String, words: &'static Words) -> Self {
        let window = Self { session, base, words, has_scripts: Cell::new(true) };
        // Otherwise a screenshot could show a half-open menu.
        window.media("light").await;
        window
    }

    pub fn driver(&self) -> &WebDriver {
        self.session.driver()
    }

    pub async fn close(self) {
        self.session.end(&self.base).await;
    }

    /// Runs a command of the DevTools protocol.
    pub async fn devtools(&self, method: &str, parameters: Value) -> Value {
        let answer = self.driver().cdp().send_raw(method, parameters).await;
        answer.unwrap_or_else(|problem| panic!("{method}: {problem}"))
    }

    /// Emulates this system theme, and turns animations off.
    pub async fn media(&self, theme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": theme},
                              {"name": "prefers-reduced-motion", "value": "reduce"}]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Runs JavaScript in the page.
    pub async fn script(&self, body: &str) -> Value {
        self.driver().execute(body, vec![]).await.unwrap().json().clone()
    }

    pub async fn goto(&self, path: &str) {
        let address = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        self.driver().goto(address).await.unwrap();
    }

    /// The path and query of the current page.
    pub async fn path(&self) -> String {
        let url = self.driver().current_url().await.unwrap();
        url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
    }

    pub async fn arrive(&self, path: &str) {
        self.until(&format!("the page is {path}"), async || (self.path().await == path).then_some(())).await;
    }

    /// Repeats `look` until it finds something. Fails with a screenshot if it never does.
    pub async fn until<T>(&self, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
        let asked = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(answer) = ask().await {
                    return answer;
                }
                tokio::time::sleep(INTERVAL).await;
            }
        });
        match asked.await {
            Ok(answer) => answer,
            Err(_) => {
                let thread = std::thread::current();
                let name = thread.name().unwrap_or("journey").replace("::", "-");
                let picture = crate::audit::screens().join(format!("failed-{name}.png"));
                self.driver().screenshot(&picture).await.unwrap();
                let focus = self.script("return document.activeElement.outerHTML.slice(0, 200)").await;
                let path = self.path().await;
                panic!("waited in vain until {what}, at {path}, the focus on {focus}: see {}", picture.display());
            }
        }
    }

    /// All elements with this accessible role and name, in page order.
    pub async fn all(&self, role: &str, name: &str) -> Vec<WebElement> {
        let Ok(html) = self.driver().find(By::Css("html")).await else { return vec![] };
        let devtools = self.driver().cdp();
        let Ok(page) = devtools.send_raw("Runtime.evaluate", json!({"expression": "document"})).await else {
            return vec![];
        };
        let question = json!({"objectId": page["result"]["objectId"], "role": role, "accessibleName": name});
        let Ok(answer) = devtools.send_raw("Accessibility.queryAXTree", question).await else { return vec![] };
        // chromedriver's id of an element consists of the document's id and the number of its node.
        let id = html.element_id().to_string();
        let document = id.rsplit_once(".e.").expect("chromedriver names elements f.….d.….e.N").0.to_owned();
        let mut found = vec![];
        for node in answer["nodes"].as_array().into_iter().flatten().filter(|node| node["ignored"] != true) {
            let id = format!("{document}.e.{}", node["backendDOMNodeId"]);
            let element = json!({"element-6066-11e4-a52e-4f735466cecf": id});
            found.push(WebElement::from_json(element, self.driver().handle().clone()).unwrap());
        }
        found
    }

    /// Waits for the first element with this role and name.
    pub async fn find(&self, role: &str, name: &str) -> WebElement {
        self.until(&format!("there is a {role} named {name:?}"), async || self.all(role, name).await.into_iter().next())
            .await
    }

    pub async fn click(&self, role: &str, name: &str) {
        for attempt in 1.. {
            let Err(problem) = self.find(role, name).await.click().await else { return };
            // The next page may have replaced the old one between finding and clicking.
            let said = format!("{problem:?}").to_lowercase();
            let is_gone = ["stale", "no such element", "does not belong to the document", "no node with given id"]
                .iter()
                .any(|words| said.contains(words));
            assert!(is_gone && attempt < 5, "click {role} {name:?}: {problem}");
        }
    }

    /// Replaces the text of the field with this label.
    pub async fn fill(&self, label: &str, text: &str) {
        let field = self.find("textbox", label).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Chooses an option by its value in the select with this label.
    pub async fn choose(&self, label: &str, value: &str) {
        let select = SelectElement::new(&self.find("combobox", label).await).await.unwrap();
        select.select_by_value(value).await.unwrap();
    }

    /// Chooses an option by its text in the select with this label.
    pub async fn choose_text(&self, label: &str, text: &str) {
        let select = SelectElement::new(&self.find("combobox", label).await).await.unwrap();
        select.select_by_exact_text(text).await.unwrap();
    }

    pub async fn press(&self, keys: impl Into<TypingData>) {
        let keys: String = keys.into().as_vec().into_iter().collect();
        self.driver().action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// Presses a key together with Control.
    pub async fn press_control(&self, key: char) {
        let chain = self.driver().action_chain().key_down(Key::Control).send_keys(key.to_string());
        chain.key_up(Key::Control).perform().await.unwrap();
    }

    /// Waits for the first element with this selector.
    pub async fn element(&self, css: &str) -> WebElement {
        self.driver().query(By::Css(css)).wait(PATIENCE, INTERVAL).first().await.unwrap()
    }

    /// The visible text of an element.
    pub async fn text(&self, css: &str) -> String {
        self.element(css).await.text().await.unwrap()
    }

    /// Waits until the element's text contains this.
    pub async fn reads(&self, css: &str, part: &str) {
        self.until(&format!("{css} reads {part:?}"), async || {
            let element = self.driver().find(By::Css(css)).await.ok()?;
            element.text().await.ok()?.contains(part).then_some(())
        })
        .await;
    }

    /// Waits until a JavaScript expression is true.
    pub async fn holds(&self, expression: &str) {
        let body = format!("return Boolean({expression});");
        self.until(expression, async || (self.script(&body).await == Value::Bool(true)).then_some(())).await;
    }

    /// The cells of the token table, without the checkbox and the menu.
    pub async fn table(&self) -> Vec<Vec<String>> {
        let rows = self
            .script(
                "return [...document.querySelectorAll('.tokens tbody tr')].map(row => \
                 [...row.querySelectorAll('th, td:not(.tick, .actions)')].map(cell => \
                 (cell.querySelector('.description') ?? cell).innerText.trim()));",
            )
            .await;
        serde_json::from_value(rows).unwrap()
    }

    /// Waits until a token has this status in the table.
    pub async fn status_becomes(&self, description: &str, status: &str) {
        self.until(&format!("{description:?} is {status}"), async || {
            let table = self.table().await;
            table.iter().any(|row| row[0] == description && row[2] == status).then_some(())
        })
        .await;
    }

    /// Opens the menu of a row. Without scripts its button leads to the token's page, which has the same actions.
    pub async fn open_actions(&self, description: &str) {
        self.click("button", &self.words.actions_for(description)).await;
        if !self.has_scripts.get() && self.path().await.starts_with("/settings/tokens") {
            self.reads("h1", description).await;
        } else {
            self.holds("document.querySelector('.actions .menu:popover-open')").await;
        }
    }

    pub async fn sign_in(&self, name: &str) {
        self.sign_in_with(name, crate::harness::PASSWORD).await;
        self.arrive("/settings/tokens").await;
    }

    /// Fills in the sign-in form and posts it.
    pub async fn sign_in_with(&self, name: &str, password: &str) {
        self.goto("/login").await;
        self.fill(self.words.username, name).await;
        self.fill(self.words.password, password).await;
        self.click("button", self.words.sign_in).await;
    }

    /// Opens the dialog for a new token.
    pub async fn open_form(&self) {
        self.click("link", self.words.generate_new).await;
        self.find("dialog", self.words.generate_new).await;
    }

    /// Generates a token in the dialog, leaves the dialog open, and returns the secret.
    pub async fn generate(&self, description: &str) -> String {
        self.open_form().await;
        self.fill(self.words.description, description).await;
        self.click("button", self.words.generate).await;
        self.secret().await
    }

    /// The secret in the dialog.
    pub async fn secret(&self) -> String {
        let secret = self.element("#secret").await.value().await.unwrap().unwrap();
        assert!(secret.starts_with("dp_pat_") && secret.len() == 43, "{secret}");
        secret
    }

    pub async fn copy_and_close(&self) {
        self.click("button", self.words.copy).await;
        self.click("button", self.words.close).await;
        self.holds("!document.querySelector('dialog')").await;
    }

    pub async fn allow_clipboard(&self) {
        let permissions = json!(["clipboardReadWrite", "clipboardSanitizedWrite"]);
        self.devtools("Browser.grantPermissions", json!({"origin": self.base, "permissions": permissions})).await;
    }

    pub async fn clipboard(&self) -> String {
        let read = "const done = arguments[0]; navigator.clipboard.readText().then(done, e => done('no: ' + e));";
        self.driver().execute_async(read, vec![]).await.unwrap().convert().unwrap()
    }

    /// Checks that the console is empty, except for Chromium's own messages about responses with these statuses.
    pub async fn assert_quiet_console(&self, answers: &[u16]) {
        let said: Vec<String> = self.driver().browser_log().await.unwrap().into_iter().map(|e| e.message).collect();
        let expected: Vec<String> = answers.iter().map(|status| format!("with a status of {status}")).collect();
        let surprises: Vec<&String> =
            said.iter().filter(|message| !expected.iter().any(|part| message.contains(part))).collect();
        assert!(surprises.is_empty(), "the console says {surprises:#?}");
    }
}

pub fn target(folder: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(target).join(folder)
}
