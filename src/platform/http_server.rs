//! Accepting connections and serving HTTP/1.1 on them, with a bound on everything that a client can hold open.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{self, Instant};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;

/// File descriptors that are not for connections: the database, the log, outgoing requests.
const RESERVED_FILES: u64 = 128;
const MOST_CONNECTIONS: usize = 20_000;
/// Linux keeps at most so many connections waiting for a listener.
const LISTEN_QUEUE: usize = 4096;
/// After a failed accept: without a pause a process that is out of files would spin.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
const LOG_EVERY: Duration = Duration::from_secs(60);
/// How long a new connection gets to send its first bytes when the server stops.
const FIRST_BYTES_TIMEOUT: Duration = Duration::from_millis(300);

/// How far a server is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerPhase {
    Serving,
    /// Connections are still accepted, but each answer closes its connection, so that clients go elsewhere.
    Draining,
    /// No connections are accepted, and running requests finish.
    Stopping,
}

/// What clients may hold open.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections at a time; further ones wait in the system's queue.
    pub connections: usize,
    /// A request's headers arrive within this, and an idle connection is closed after it.
    pub header_timeout: Duration,
    /// A client that sends no byte of a body, or reads no byte of an answer, for this long is cut off. Longer than a
    /// request may run: hyper also reads while a handler works, to notice a client that hangs up.
    pub stall_timeout: Duration,
}

impl ConnectionLimits {
    /// The limits of a server with room for so many connections.
    pub const fn new(connections: usize) -> Self {
        Self { connections, header_timeout: Duration::from_secs(30), stall_timeout: Duration::from_secs(45) }
    }
}

/// Raises this process's limit of open files to what the system allows, and says how many connections fit into it.
pub fn raise_file_limit() -> usize {
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    usize::try_from(files.saturating_sub(RESERVED_FILES)).unwrap_or(MOST_CONNECTIONS).clamp(64, MOST_CONNECTIONS)
}

/// Serves `router` until the phase is [`ServerPhase::Stopping`], then finishes the requests that run.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    mut phase: watch::Receiver<ServerPhase>,
) {
    let (graceful, slots) = (GracefulShutdown::new(), Arc::new(Semaphore::new(limits.connections)));
    let (mut failures, mut accepted_at) = (Failures::default(), None);
    let answers = phase.clone();
    let start = |stream, peer, slot| {
        let connection = serve_connection(stream, peer, router.clone(), limits, answers.clone(), graceful.watcher());
        tokio::spawn(async move {
            connection.await;
            drop::<Option<OwnedSemaphorePermit>>(slot);
        });
    };
    loop {
        let accepted = async {
            let free = Arc::clone(&slots).try_acquire_owned();
            let slot = match free {
                Ok(slot) => Some(slot),
                Err(_) => {
                    failures.note("all connections are in use: more wait until one ends");
                    // The semaphore is never closed.
                    Arc::clone(&slots).acquire_owned().await.ok()
                }
            };
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            accepted = accepted => accepted,
            _ = phase.wait_for(|phase| *phase == ServerPhase::Stopping) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                accepted_at = Some(Instant::now());
                start(stream, peer, slot);
            }
            Err(error) => {
                failures.note(&format!("connections cannot be accepted: {error}"));
                time::sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
    // Closing a listener resets the connections in its queue, and a proxy must not repeat a POST that it has sent.
    if let Ok(listener) = listener.into_std() {
        // A client whose connection is broken does not end the queue, and a steady stream of new ones does not prolong it.
        for _ in 0..LISTEN_QUEUE {
            let (stream, peer) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => continue,
            };
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            if let (Ok(stream), Ok(slot)) = (stream, Arc::clone(&slots).try_acquire_owned()) {
                accepted_at = Some(Instant::now());
                start(stream, peer, Some(slot));
            }
        }
    }
    // hyper closes connections on which it has read nothing so far.
    if let Some(at) = accepted_at {
        time::sleep_until(at + FIRST_BYTES_TIMEOUT).await;
    }
    graceful.shutdown().await;
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: ConnectionLimits,
    phase: watch::Receiver<ServerPhase>,
    watcher: Watcher,
) {
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_read_timeout(Some(limits.stall_timeout));
    stream.set_write_timeout(Some(limits.stall_timeout));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let (answering, phase) = (router.clone().oneshot(request.map(Body::new)), phase.clone());
        async move {
            let mut response = answering.await?;
            if *phase.borrow() != ServerPhase::Serving {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    // An error here is a client's: it hung up, stalled, or does not speak HTTP.
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// What keeps connections out, logged once a minute with how often it happened.
#[derive(Default)]
struct Failures {
    count: u64,
    logged_at: Option<Instant>,
}

impl Failures {
    fn note(&mut self, sentence: &str) {
        self.count += 1;
        if self.logged_at.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            tracing::error!(count = self.count, "{sentence}");
            (self.count, self.logged_at) = (0, Some(Instant::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Bytes, routing::post};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const HEAD: &[u8] = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n";

    /// A server that echoes, with short limits; its address.
    async fn start(connections: usize) -> (SocketAddr, watch::Sender<ServerPhase>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let short = Duration::from_millis(200);
        let limits = ConnectionLimits { connections, header_timeout: short, stall_timeout: short };
        let router = Router::new().route("/", post(|body: Bytes| async move { body }));
        let (sender, phase) = watch::channel(ServerPhase::Serving);
        tokio::spawn(serve(listener, router, limits, phase));
        (address, sender)
    }

    /// Sends these bytes and reads until the server closes the connection.
    async fn send(address: SocketAddr, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let _ = time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("it is closed");
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn a_half_sent_request_is_closed_and_gives_its_place_to_others() {
        let (address, _stop) = start(1).await;
        for half in [&b""[..], b"POST / HTT", HEAD, &[HEAD, b"12"].concat()] {
            let answer = send(address, half).await;
            assert!(!answer.contains("200 OK"), "{answer}");
        }
        let whole = send(address, &[HEAD, b"1234"].concat()).await;
        assert!(whole.starts_with("HTTP/1.1 200 OK") && whole.ends_with("1234"), "{whole}");
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let short = Duration::from_millis(200);
        let limits = ConnectionLimits { connections: 1, header_timeout: short, stall_timeout: short };
        let router = Router::new().route("/", post(|| async { vec![0_u8; 64 << 20] }));
        let (_sender, phase) = watch::channel(ServerPhase::Serving);
        tokio::spawn(serve(listener, router, limits, phase));
        let mut stuck = TcpStream::connect(address).await.unwrap();
        stuck.write_all(&[HEAD, b"1234"].concat()).await.unwrap();
        // The one place is free again, although the first client keeps its connection open.
        let answer = time::timeout(Duration::from_secs(20), send(address, b"GET / HTTP/1.0\r\n\r\n")).await.unwrap();
        assert!(answer.starts_with("HTTP/1.0 405"), "{answer}");
        drop(stuck);
    }

    #[tokio::test]
    async fn what_was_accepted_when_the_server_stops_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", post(|body: Bytes| async move { body }));
        let (sender, phase) = watch::channel(ServerPhase::Serving);
        tokio::spawn(serve(listener, router, ConnectionLimits::new(100), phase));
        let mut kept = TcpStream::connect(address).await.unwrap();
        sender.send_replace(ServerPhase::Draining);
        kept.write_all(&[HEAD, b"1234"].concat()).await.unwrap();
        let mut answer = String::new();
        kept.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("connection: close"), "{answer}");
        let mut silent = Vec::new();
        for _ in 0..50 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        // The test has one thread, so the server has not accepted all of them by now, and has read from none.
        sender.send_replace(ServerPhase::Stopping);
        for stream in &mut silent {
            stream.write_all(&[HEAD, b"1234"].concat()).await.unwrap();
        }
        for mut stream in silent {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        }
        assert!(TcpStream::connect(address).await.is_err());
    }
}
