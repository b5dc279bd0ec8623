//! Clients other than browsers, and many concurrent clients.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::task::JoinSet;

use super::{Answer, Browser, TestServer};

/// The number of clients in a race.
pub const MANY: usize = 40;

pub fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    pairs.iter().map(pair).collect()
}

/// Runs [`MANY`] futures concurrently and collects their results.
pub async fn all_at_once<F>(caller: impl Fn(usize) -> F) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let mut callers = JoinSet::new();
    (0..MANY).for_each(|number| {
        callers.spawn(caller(number));
    });
    callers.join_all().await
}

impl Browser {
    /// A client of the server at `base`, such as `http://127.0.0.1:8080`.
    pub fn at(base: &str) -> Self {
        Self::new(base)
    }

    /// Sends a GET with additional headers.
    pub async fn get_with(&self, path: &str, pairs: &[(&'static str, &str)]) -> Answer {
        self.send(Method::GET, path, None, headers(pairs)).await
    }

    /// Posts a form with additional headers.
    pub async fn post_with(&self, path: &str, form: &[(&str, &str)], pairs: &[(&'static str, &str)]) -> Answer {
        self.send(Method::POST, path, Some(form), headers(pairs)).await
    }

    /// A new form key for generating a token.
    pub async fn form_key(&self) -> String {
        self.get("/settings/tokens/new").await.after("name=\"form_key\" value=\"")
    }
}

impl TestServer {
    /// Sends bytes unchanged and reads the whole response, for requests that a well-behaved client never sends.
    pub async fn raw(&self, request: impl Into<Vec<u8>>) -> String {
        let (address, request) = (self.address, request.into());
        let exchange = move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            stream.write_all(&request).unwrap();
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        };
        tokio::task::spawn_blocking(exchange).await.unwrap()
    }

    /// A client that shares the session of `browser`, for concurrent requests.
    pub fn same_session(&self, browser: &Browser) -> Arc<Browser> {
        Arc::new(self.anonymous().with_cookie("dockpass", &browser.cookie("dockpass").unwrap()))
    }
}
