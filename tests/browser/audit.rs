//! Screenshots of pages in both themes and at two widths, with an axe-core audit of each.

use std::path::PathBuf;
use std::sync::LazyLock;

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::window::{Window, target};

/// A desktop and a phone: width, height, whether it has a touch screen.
const DEVICES: [(u32, u32, bool); 2] = [(1280, 800, false), (360, 740, true)];
/// The narrowest screen that pages must fit.
const NARROWEST: u32 = 320;

static AXE: LazyLock<String> = LazyLock::new(|| {
    let script = target("tools").join("axe.min.js");
    std::fs::read_to_string(&script)
        .unwrap_or_else(|_| panic!("{} is missing: tests/run fetches axe-core there", script.display()))
});

/// The folder for screenshots.
pub fn screens() -> PathBuf {
    let folder = target("screens");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

impl Window {
    /// Takes screenshots of the open page as `{name}-{theme}-{width}{language}.png`. Audits each one, and checks that
    /// nothing is wider than the screen.
    pub async fn show(&self, name: &str) {
        for (width, height, is_touched) in DEVICES {
            for theme in ["light", "dark"] {
                self.media(theme).await;
                self.device(width, height, is_touched).await;
                self.assert_fits(name).await;
                if let Some(rules) = self.rules(theme, width) {
                    self.audit(&format!("{name}, {theme}, {width} px wide"), rules).await;
                }
                self.picture(&format!("{name}-{theme}-{width}{}.png", self.words.suffix)).await;
            }
        }
        self.device(NARROWEST, 600, true).await;
        self.assert_fits(name).await;
        self.as_before().await;
    }

    /// The axe-core rules for a screenshot. The dark theme changes only colours, and other languages have the same
    /// markup, so they need fewer audits.
    fn rules(&self, theme: &str, width: u32) -> Option<&'static str> {
        let is_wide = width == DEVICES[0].0;
        match (self.words.suffix.is_empty(), theme, is_wide) {
            (true, "light", _) | (false, "light", true) => Some(""),
            (true, "dark", true) => Some(", runOnly: ['color-contrast']"),
            _ => None,
        }
    }

    async fn device(&self, width: u32, height: u32, is_touched: bool) {
        self.devtools("Emulation.setTouchEmulationEnabled", json!({"enabled": is_touched})).await;
        let screen =
            |height: u32| json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_touched});
        self.devtools("Emulation.setDeviceMetricsOverride", screen(height)).await;
        let tall = self
            .script(
                "const dialog = document.querySelector('dialog:modal'); \
                 return Math.ceil(dialog ? dialog.scrollHeight + 40 : document.documentElement.scrollHeight);",
            )
            .await;
        let tall = u32::try_from(tall.as_u64().unwrap()).unwrap();
        if tall > height {
            self.devtools("Emulation.setDeviceMetricsOverride", screen(tall)).await;
        }
    }

    async fn as_before(&self) {
        self.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await;
        self.devtools("Emulation.setTouchEmulationEnabled", json!({"enabled": false})).await;
        self.media("light").await;
    }

    /// Checks that nothing is cut off and the page does not scroll sideways.
    async fn assert_fits(&self, name: &str) {
        let beyond = self
            .script(
                "const page = document.documentElement, dialog = document.querySelector('dialog:modal'); \
                 const boxes = [page, dialog].filter(box => box && box.scrollWidth > box.clientWidth); \
                 return boxes.map(box => { const end = box.getBoundingClientRect().left + box.clientWidth; \
                   return {needs: box.scrollWidth, has: box.clientWidth, beyond: [...box.querySelectorAll('*')] \
                     .filter(e => e.getBoundingClientRect().right > end).map(e => e.outerHTML.slice(0, 90))}; });",
            )
            .await;
        assert_eq!(beyond, json!([]), "{name} is wider than the screen: {beyond:#}");
    }

    async fn audit(&self, what: &str, rules: &str) {
        // axe-core needs scripts. The page's own scripts were not loaded while scripts were off.
        self.scripts(true).await;
        self.driver().execute(format!("if (!window.axe) {{ {} }}", *AXE), vec![]).await.unwrap();
        let run = "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']RULES}).then( \
                   found => done(found.violations.map(v => ({rule: v.id, help: v.help, \
                     at: v.nodes.map(n => n.html + ' ' + n.failureSummary)}))), \
                   problem => done('axe failed: ' + problem));";
        let violations: Value =
            self.driver().execute_async(run.replace("RULES", rules), vec![]).await.unwrap().json().clone();
        self.scripts(self.has_scripts.get()).await;
        assert_eq!(violations, json!([]), "axe-core finds violations in {what}: {violations:#}");
    }

    async fn scripts(&self, may_run: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({"value": !may_run})).await;
    }

    /// Turns JavaScript off, from the next page on.
    pub async fn without_scripts(&self) {
        self.has_scripts.set(false);
        self.scripts(false).await;
    }

    /// Saves a screenshot of the visible part.
    pub async fn picture(&self, file: &str) {
        self.capture(file, json!({"format": "png"})).await;
    }

    async fn capture(&self, file: &str, what: Value) {
        let answer = self.devtools("Page.captureScreenshot", what).await;
        let png = BASE64.decode(answer["data"].as_str().unwrap().as_bytes()).unwrap();
        std::fs::write(screens().join(file), png).unwrap();
    }

    /// Saves a screenshot of this size of the top of the page.
    pub async fn picture_at(&self, file: &str, width: u32, height: u32) {
        self.device(width, height, false).await;
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        self.capture(file, json!({"format": "png", "clip": clip})).await;
        self.as_before().await;
    }
}
