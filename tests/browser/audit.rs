//! axe-core audits of pages in both themes and at two widths, measurements at more widths, and screenshots if they are asked
//! for.

use std::path::PathBuf;
use std::sync::LazyLock;

use data_encoding::BASE64;
use serde_json::{Value, json};
use thirtyfour::WebElement;

use crate::harness::files;
use crate::window::{Window, target};

/// The screens on which pages are measured: width, height, whether it has a touch screen.
const SCREENS: [(u32, u32, bool); 7] = [
    (1440, 900, false),
    (1280, 800, false),
    (1024, 768, false),
    (900, 700, false),
    (375, 740, true),
    (360, 740, true),
    (320, 600, true),
];
const PICTURED: [u32; 2] = [1280, 360];
const AUDITED: [u32; 2] = [1280, 320];
/// The widths at which text of twice the size must fit.
const ENLARGED: [u32; 2] = [1280, 320];
/// The width at which a language with texts that are 40 % longer must fit.
const STRETCHED: u32 = 360;

/// All rules of WCAG 2.2 A and AA and the best practices. axe-core leaves the size of targets and the comparison of
/// visible labels with names out unless they are asked for.
const ALL_RULES: &str = "runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', \
                         'wcag22aa', 'best-practice']}, \
                         rules: {'target-size': {enabled: true}, 'label-content-name-mismatch': {enabled: true}}";

/// The rules whose findings can differ between the themes. A theme is a value of `color-scheme`, which the style sheet reads
/// only with `light-dark()`, and that takes nothing but colours.
const RULES_ABOUT_COLOUR: &str = "runOnly: ['color-contrast', 'link-in-text-block']";

const FITS: &str = include_str!("fits.js");
const PSEUDO_LANGUAGE: &str = include_str!("pseudo_language.js");

static AXE: LazyLock<String> = LazyLock::new(|| {
    let script = target("tools").join("axe.min.js");
    std::fs::read_to_string(&script)
        .unwrap_or_else(|_| panic!("{} is missing: tests/run fetches axe-core there", script.display()))
});

/// The variable that names a folder for screenshots. Drawing them takes as long as an audit, so they are taken only if it is
/// set. A wait that fails and a page that does not fit take one in any case.
const SCREENSHOTS: &str = "DOCKPASS_TEST_SCREENSHOTS";

fn are_pictures_wanted() -> bool {
    std::env::var_os(SCREENSHOTS).is_some()
}

/// That folder, or `target/screens` for failures.
pub fn screens() -> PathBuf {
    let folder = std::env::var_os(SCREENSHOTS).map_or_else(|| target("screens"), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

impl Window {
    /// Measures the open page or dialog on all screens, audits it, and takes screenshots as
    /// `{name}-{theme}-{width}{language}.png`.
    pub async fn show(&self, name: &str) {
        crate::shown_pages::note(self, name).await;
        self.load_axe().await;
        for (width, height, is_touched) in SCREENS {
            if is_touched {
                self.touch(width, height).await;
            } else {
                self.device(width, height, false).await;
            }
            self.assert_fits(&format!("{name}, {width} px wide")).await;
            // Chinese texts are shorter than English ones, and their markup is the same.
            if self.words.suffix.is_empty() {
                self.assert_fits_with_longer_and_larger_text(name, width).await;
            }
            let is_pictured = PICTURED.contains(&width) && are_pictures_wanted();
            let is_audited = AUDITED.contains(&width);
            if !is_pictured && !is_audited {
                continue;
            }
            for (theme, rules) in [("light", ALL_RULES), ("dark", RULES_ABOUT_COLOUR)] {
                self.media(theme).await;
                if is_audited {
                    self.audit(&format!("{name}, {theme}, {width} px wide"), rules).await;
                }
                if is_pictured {
                    self.picture(&format!("{name}-{theme}-{width}{}.png", self.words.suffix)).await;
                }
            }
            self.media("light").await;
        }
        self.as_before().await;
    }

    async fn assert_fits_with_longer_and_larger_text(&self, name: &str, width: u32) {
        if width == STRETCHED {
            self.script(PSEUDO_LANGUAGE).await;
            self.assert_fits(&format!("{name} in a language with longer texts, {width} px wide")).await;
            self.script(PSEUDO_LANGUAGE).await;
        }
        if ENLARGED.contains(&width) {
            self.text_size(2).await;
            self.assert_fits(&format!("{name} with text of 200 %, {width} px wide")).await;
            self.text_size(1).await;
        }
    }

    /// Sets the browser's own text size.
    pub async fn text_size(&self, times: u32) {
        let sizes = json!({"fontSizes": {"standard": 16 * times, "fixed": 13 * times}});
        self.devtools("Page.setFontSizes", sizes).await;
    }

    /// Checks that the page fits a window of this width, and leaves the window so.
    pub async fn fits_at(&self, width: u32) {
        self.device(width, 800, false).await;
        self.assert_fits(&format!("{} at {width} px", self.path().await)).await;
    }

    async fn device(&self, width: u32, height: u32, is_touched: bool) {
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

    /// Emulates a screen that people touch.
    pub async fn touch(&self, width: u32, height: u32) {
        self.devtools("Emulation.setTouchEmulationEnabled", json!({"enabled": true})).await;
        self.device(width, height, true).await;
    }

    /// Taps an element with a finger.
    pub async fn tap(&self, element: &WebElement) {
        element.scroll_into_view().await.unwrap();
        let place = element.rect().await.unwrap();
        let scrolled = self.script("return [scrollX, scrollY];").await;
        let scrolled = |at: usize| scrolled[at].as_f64().unwrap();
        let (x, y) = (place.x + place.width / 2.0 - scrolled(0), place.y + place.height / 2.0 - scrolled(1));
        self.devtools("Input.dispatchTouchEvent", json!({"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}))
            .await;
        self.devtools("Input.dispatchTouchEvent", json!({"type": "touchEnd", "touchPoints": []})).await;
    }

    /// Emulates a screen of this size.
    pub async fn screen(&self, width: u32, height: u32) {
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await;
    }

    async fn as_before(&self) {
        self.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await;
        self.devtools("Emulation.setTouchEmulationEnabled", json!({"enabled": false})).await;
        self.media("light").await;
    }

    /// Checks that the page does not scroll sideways, and that no text is cut off or lies over other text.
    pub async fn assert_fits(&self, what: &str) {
        let faults = self.script(FITS).await;
        if faults != json!([]) {
            self.capture("does-not-fit.png", json!({"format": "png"})).await;
        }
        assert_eq!(faults, json!([]), "{what}: {faults:#}");
    }

    async fn load_axe(&self) {
        if self.script("return Boolean(window.axe)").await == false {
            self.driver().execute(AXE.as_str(), vec![]).await.unwrap();
        }
    }

    async fn audit(&self, what: &str, rules: &str) {
        // axe-core needs scripts. The page's own scripts were not loaded while scripts were off.
        let has_scripts = self.has_scripts.get();
        if !has_scripts {
            self.scripts(true).await;
        }
        let run = "const done = arguments[0]; axe.run(document, {resultTypes: ['violations'], RULES}).then( \
                   found => done(found.violations.map(v => ({rule: v.id, help: v.help, \
                     at: v.nodes.map(n => n.html + ' ' + n.failureSummary)}))), \
                   problem => done('axe failed: ' + problem));";
        let violations: Value =
            self.driver().execute_async(run.replace("RULES", rules), vec![]).await.unwrap().json().clone();
        if !has_scripts {
            self.scripts(false).await;
        }
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

    /// Saves a screenshot of the visible part, if screenshots are asked for.
    pub async fn picture(&self, file: &str) {
        if are_pictures_wanted() {
            self.capture(file, json!({"format": "png"})).await;
        }
    }

    async fn capture(&self, file: &str, what: Value) {
        let answer = self.devtools("Page.captureScreenshot", what).await;
        let png = BASE64.decode(answer["data"].as_str().unwrap().as_bytes()).unwrap();
        std::fs::write(screens().join(file), png).unwrap();
    }

    /// Saves a screenshot of this size of the top of the page, if screenshots are asked for.
    pub async fn picture_at(&self, file: &str, width: u32, height: u32) {
        if !are_pictures_wanted() {
            return;
        }
        self.device(width, height, false).await;
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        self.capture(file, json!({"format": "png", "clip": clip})).await;
        self.as_before().await;
    }
}

/// If this fails, the dark theme needs [`ALL_RULES`].
#[test]
fn themes_differ_only_in_colours() {
    for (file, text) in [files("static", ".css"), files("static", ".js")].concat() {
        assert!(!text.contains("prefers-color-scheme"), "{file}");
        for line in text.lines().filter(|line| line.contains("[data-theme")) {
            assert!(line.contains("{ color-scheme: light; }") || line.contains("{ color-scheme: dark; }"), "{line}");
        }
    }
}
