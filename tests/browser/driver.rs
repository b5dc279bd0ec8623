//! One chromedriver for all journeys, and a Chromium session for each.

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
pub struct Chromedriver {
    shell: Child,
    port: u16,
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
        Self { shell, port }
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// What a journey needs while its browser is open, in the order in which it is dropped.
pub struct Session {
    pub driver: WebDriver,
    _profile: TempDir,
    chromedriver: Arc<Chromedriver>,
    _permit: SemaphorePermit<'static>,
}

impl Drop for Session {
    /// Closes the browser even after a panic. thirtyfour's own `quit` would then wait for a runtime that is unwinding.
    fn drop(&mut self) {
        let closed = self.driver.clone().leak();
        if let (Ok(()), Ok(mut stream)) = (closed, TcpStream::connect(("127.0.0.1", self.chromedriver.port))) {
            let id = self.driver.session_id();
            let _ = write!(stream, "DELETE /session/{id} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
            let _ = stream.read(&mut [0; 16]);
        }
    }
}

impl Session {
    async fn open(words: &Words) -> Self {
        let permit = BROWSERS.acquire().await.unwrap();
        let chromedriver = Chromedriver::shared();
        let profile = tempfile::tempdir().unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        for flag in FLAGS {
            wanted.add_arg(flag).unwrap();
        }
        for flag in ["--lang", "--accept-lang"] {
            wanted.add_arg(&format!("{flag}={}", words.locale)).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.path().display())).unwrap();
        wanted.add_experimental_option("prefs", json!({"intl.accept_languages": words.locale})).unwrap();
        wanted.set("goog:loggingPrefs", json!({"browser": "ALL"})).unwrap();
        let address = format!("http://127.0.0.1:{}", chromedriver.port);
        let driver = WebDriver::new(address, wanted)
            .await
            .unwrap_or_else(|problem| panic!("Chromium did not start (tests/run installs chromium): {problem}"));
        Self { driver, _profile: profile, chromedriver, _permit: permit }
    }
}

/// Runs a story in a new browser. Afterwards its console must be empty, except for Chromium's own messages about
/// responses with the statuses in `answers`.
pub async fn journey(server: &TestServer, words: &'static Words, answers: &[u16], story: impl AsyncFnOnce(&Window)) {
    journey_at(server.url(""), words, answers, story).await;
}

/// The same for another URL of the server.
pub async fn journey_at(base: String, words: &'static Words, answers: &[u16], story: impl AsyncFnOnce(&Window)) {
    let window = Window::new(Session::open(words).await, base, words).await;
    story(&window).await;
    window.assert_quiet_console(answers).await;
}
