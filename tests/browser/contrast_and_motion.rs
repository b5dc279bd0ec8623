//! Forced colours, reduced motion, print, and text of twice the size.

use serde_json::{Value, json};
use time::Duration;

use crate::driver::journey;
use crate::harness::TestServer;
use crate::window::Window;
use crate::words::ENGLISH;

const FORCED: &str = "forced-colors";

impl Window {
    async fn emulate(&self, media: &str, features: &[(&str, &str)]) {
        let features: Vec<Value> = features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.devtools("Emulation.setEmulatedMedia", json!({"media": media, "features": features})).await;
    }

    /// The highest contrast between two pixels of an element's box, or of its first pixels from the left.
    async fn contrast_within(&self, css: &str, from_left: f64) -> f64 {
        let element = self.element(css).await;
        element.scroll_into_view().await.unwrap();
        let place = self
            .script(&format!(
                "const b = document.querySelector(`{css}`).getBoundingClientRect(); \
             return [b.left + scrollX, b.top + scrollY, b.width, b.height];"
            ))
            .await;
        let at = |index: usize| place[index].as_f64().unwrap();
        let clip = json!({"x": at(0), "y": at(1), "width": at(2).min(from_left), "height": at(3), "scale": 1});
        let shot = self.devtools("Page.captureScreenshot", json!({"format": "png", "clip": clip})).await;
        let measure = "const [png, done] = arguments; \
             const bytes = Uint8Array.from(atob(png), c => c.charCodeAt(0)); \
             createImageBitmap(new Blob([bytes], {type: 'image/png'})).then(image => { \
               const pen = new OffscreenCanvas(image.width, image.height).getContext('2d'); pen.drawImage(image, 0, 0); \
               const all = pen.getImageData(0, 0, image.width, image.height).data, light = []; \
               const linear = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; \
               for (let i = 0; i < all.length; i += 4) \
                 light.push(0.2126 * linear(all[i]) + 0.7152 * linear(all[i + 1]) + 0.0722 * linear(all[i + 2])); \
               light.sort((a, b) => a - b); done((light.at(-1) + 0.05) / (light[0] + 0.05)); });";
        self.driver().execute_async(measure, vec![shot["data"].clone()]).await.unwrap().convert().unwrap()
    }
}

/// A server with tokens of every status, a refusal, and uses in the chart.
async fn used() -> TestServer {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let laptop = alice.generate("laptop", "repo:write", "30").await;
    let old = alice.generate("old desktop", "repo:read", "30").await;
    let gone = alice.generate("gone", "repo:read", "30").await;
    server.execute("UPDATE token SET expires_at = created_at + 1 WHERE description = 'gone'").await;
    alice.post(&format!("/settings/tokens/{}/deactivate", old.id), &[]).await;
    let docker = server.anonymous().with_header("user-agent", "Docker-Client/28.2.2 (linux)");
    docker.token("alice", &laptop.secret, &["repository:alice/api:pull,push"]).await;
    docker.token("alice", &old.secret, &[]).await;
    server.clock.advance(Duration::minutes(1));
    docker.token("alice", &gone.secret, &[]).await;
    server.flush().await;
    server
}

#[tokio::test]
async fn shapes_stay_in_forced_colours() {
    let server = used().await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        for theme in ["light", "dark"] {
            window.emulate("", &[(FORCED, "active"), ("prefers-color-scheme", theme)]).await;
            window.goto("/settings/tokens").await;
            window.holds("matchMedia('(forced-colors: active)').matches").await;
            window.picture(&format!("forced-{theme}-tokens.png")).await;
            for shape in [".tokens .actions > button", ".theme-glyph"] {
                let contrast = window.contrast_within(shape, 100.0).await;
                assert!(contrast >= 3.0, "{shape} in {theme} forced colours: {contrast}");
            }
            for status in ["active", "inactive", "expired"] {
                // The shape stands left of the word.
                let contrast = window.contrast_within(&format!(".tokens .badge.{status}"), 16.0).await;
                assert!(contrast >= 3.0, "{status} in {theme} forced colours: {contrast}");
            }
            window.click("link", "laptop").await;
            window.element(".chart").await;
            window.picture(&format!("forced-{theme}-token.png")).await;
            let contrast = window.contrast_within(".chart svg", 2000.0).await;
            assert!(contrast >= 3.0, "the chart in {theme} forced colours: {contrast}");
            window.goto("/settings/tokens").await;
            window.open_form().await;
            window.picture(&format!("forced-{theme}-new.png")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_moves_for_those_who_want_less_motion() {
    let server = used().await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        for (motion, most) in [("reduce", 0.0), ("no-preference", 120.0)] {
            window.emulate("", &[("prefers-reduced-motion", motion)]).await;
            window.goto("/settings/tokens").await;
            window
                .script(
                    "window.longest = 0; for (const kind of ['animationstart', 'transitionrun']) \
                     document.addEventListener(kind, () => { for (const moving of document.getAnimations().filter(one => one.animationName !== 'spin')) \
                       window.longest = Math.max(window.longest, moving.effect.getComputedTiming().activeDuration); }); \
                     return true;",
                )
                .await;
            window.open_form().await;
            window.press('\u{e00c}').await;
            window.holds("!document.querySelector('dialog')").await;
            window.open_actions("laptop").await;
            let longest = window.script("return window.longest;").await.as_f64().unwrap();
            assert!(longest <= most, "{motion}: something moves for {longest} ms");
        }
    })
    .await;
}

#[tokio::test]
async fn a_printed_page_is_its_content() {
    let server = used().await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        window.emulate("print", &[("prefers-color-scheme", "dark")]).await;
        window.picture("print-tokens.png").await;
        let sees = async |css: &str| {
            window
                .script(&format!("return [...document.querySelectorAll('{css}')].some(e => e.checkVisibility());"))
                .await
        };
        for css in [".bar", ".side", ".actions button", ".filter"] {
            assert_eq!(sees(css).await, false, "{css} is of no use on paper");
        }
        assert_eq!(sees(".tokens tbody th").await, true);
        let colour = window.script("return getComputedStyle(document.body).color;").await;
        assert_eq!(colour, "rgb(27, 29, 35)", "dark on white, also in the dark theme");
    })
    .await;
}

#[tokio::test]
async fn text_of_twice_the_size_is_readable() {
    let server = used().await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        for path in ["/settings/tokens", "/settings/tokens/new", "/settings/security", "/settings/activity"] {
            window.goto(path).await;
            window.text_size(2).await;
            let name = path.rsplit('/').next().unwrap();
            window.picture_at(&format!("text-200-{name}-1280.png"), 1280, 1600).await;
            window.picture_at(&format!("text-200-{name}-320.png"), 320, 1600).await;
            let size = window.script("return getComputedStyle(document.body).fontSize;").await;
            assert_eq!(size, "32px");
            window.text_size(1).await;
        }
    })
    .await;
}
