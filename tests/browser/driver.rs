//! One chromedriver for all journeys, and browsers that journeys use one after another.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde_json::json;
use tempfile::TempDir;
use thirtyfour::prelude::*;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::harness::TestServer;
use crate::window::Window;
use crate::words::Words;

const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,800",
    // A host name other than localhost: there browsers offer no clipboard over plain http.
    "--host-resolver-rules=MAP registry.example 127.0.0.1",
];

/// A journey mostly waits for its browser, so four keep two cores busy.
static BROWSERS: Semaphore = Semaphore::const_new(4);
static DRIVER: Mutex<Weak<Chromedriver>> = Mutex::new(Weak::new());

/// A running chromedriver. It ends with the last journey that uses it. It also ends if this process is killed, because
/// the shell around it waits for the end of its input.
struct Chromedriver {
    shell: Child,
    port: u16,
    /// The browsers that no journey uses at the moment.
    idle: Mutex<Vec<Chromium>>,
}

impl Chromedriver {
    fn shared() -> Arc<Self> {
        let mut shared: MutexGuard<'_, Weak<Self>> = DRIVER.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let driver = Arc::new(Self::start());
            *shared = Arc::downgrade(&driver);
            driver
        })
    }

    fn start() -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", "chromedriver --port=0 & cat >/dev/null; kill $!; wait"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the browser journeys need a shell named sh");
        let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port =
            lines.find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        let port = port.expect("chromedriver did not start: tests/run installs chromium-driver");
        // Its later output must be read, or it blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { shell, port, idle: Mutex::default() }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Chromium>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An idle browser that speaks this language, or a new one.
    async fn browser(&self, locale: &'static str) -> Chromium {
        let idle = {
            let mut idle = self.idle();
            idle.iter().position(|browser| browser.locale == locale).map(|at| idle.swap_remove(at))
        };
        match idle {
            Some(browser) => browser,
            None => Chromium::start(self.port, locale).await,
        }
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        self.idle().clear();
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A browser with a profile of its own.
struct Chromium {
    driver: WebDriver,
    locale: &'static str,
    port: u16,
    _profile: TempDir,
}

impl Chromium {
    async fn start(port: u16, locale: &'static str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        for flag in FLAGS {
            wanted.add_arg(flag).unwrap();
        }
        for flag in ["--lang", "--accept-lang"] {
            wanted.add_arg(&format!("{flag}={locale}")).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.path().display())).unwrap();
        // A journey must not be offered what an earlier one typed.
        let prefs = json!({"intl.accept_languages": locale, "autofill.profile_enabled": false});
        wanted.add_experimental_option("prefs", prefs).unwrap();
        wanted.set("goog:loggingPrefs", json!({"browser": "ALL"})).unwrap();
        // Each journey has a runtime of its own, and a connection does not outlive the runtime that opened it.
        let driver = WebDriver::builder(format!("http://127.0.0.1:{port}"), wanted)
            .keep_alive(false)
            .await
            .unwrap_or_else(|problem| panic!("Chromium did not start (tests/run installs chromium): {problem}"));
        Self { driver, locale, port, _profile: profile }
    }

    /// Forgets a journey. What is emulated, the history and the session storage belong to a tab, so they go with it.
    async fn forget(&self, origin: &str) -> WebDriverResult<()> {
        self.driver.action_chain().reset_actions().await?;
        let tabs = self.driver.windows().await?;
        let new = self.driver.new_tab().await?;
        for tab in tabs {
            self.driver.switch_to_window(tab).await?;
            self.driver.close_window().await?;
        }
        self.driver.switch_to_window(new).await?;
        let devtools = self.driver.cdp();
        for method in ["Network.clearBrowserCookies", "Network.clearBrowserCache", "Browser.resetPermissions"] {
            devtools.send_raw(method, json!({})).await?;
        }
        let storage = json!({"origin": origin, "storageTypes": "all"});
        devtools.send_raw("Storage.clearDataForOrigin", storage).await?;
        self.driver.browser_log().await?;
        Ok(())
    }
}

impl Drop for Chromium {
    /// Closes the browser even after a panic. thirtyfour's own `quit` would then wait for a runtime that is unwinding.
    fn drop(&mut self) {
        let closed = self.driver.clone().leak();
        if let (Ok(()), Ok(mut stream)) = (closed, TcpStream::connect(("127.0.0.1", self.port))) {
            let id = self.driver.session_id();
            let _ = write!(stream, "DELETE /session/{id} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
            let _ = stream.read(&mut [0; 16]);
        }
    }
}

/// What a journey needs while its browser is open, in the order in which it is dropped. The browser of a journey that fails
/// is closed.
pub struct Session {
    browser: Chromium,
    chromedriver: Arc<Chromedriver>,
    _permit: SemaphorePermit<'static>,
}

impl Session {
    async fn open(words: &Words) -> Self {
        let permit = BROWSERS.acquire().await.unwrap();
        let chromedriver = Chromedriver::shared();
        let browser = chromedriver.browser(words.locale).await;
        Self { browser, chromedriver, _permit: permit }
    }

    pub fn driver(&self) -> &WebDriver {
        &self.browser.driver
    }

    /// Leaves the browser to the next journey.
    pub async fn end(self, origin: &str) {
        if self.browser.forget(origin).await.is_ok() {
            self.chromedriver.idle().push(self.browser);
        }
    }
}

/// Runs a story in a browser that remembers nothing. Afterwards its console must be empty, except for Chromium's own
/// messages about responses with the statuses in `answers`.
pub async fn journey(server: &TestServer, words: &'static Words, answers: &[u16], story: impl AsyncFnOnce(&Window)) {
    journey_at(server.url(""), words, answers, story).await;
}

/// The same for another URL of the server.
pub async fn journey_at(base: String, words: &'static Words, answers: &[u16], story: impl AsyncFnOnce(&Window)) {
    let window = Window::new(Session::open(words).await, base, words).await;
    story(&window).await;
    window.assert_quiet_console(answers).await;
    window.close().await;
}
