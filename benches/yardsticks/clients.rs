//! Clients that measure what wrk does not: the time to the first answer, and probes at a steady rate beside an attack.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use tokio::time;

/// Clients of the attack, each in a network of its own.
const ATTACKERS: u64 = 32;
const TOKEN_PROBES_EVERY: Duration = Duration::from_millis(20);
/// A person signs in once at a time. A sign-in costs 20 ms of CPU on purpose, and each network gets one turn a round, so
/// overlapping probes from one network would wait for each other.
const SIGN_IN_PAUSE: Duration = Duration::from_millis(100);

/// What is probed: a token of `user`, and the sign-in of `person`.
#[derive(Debug, Clone)]
pub struct Probes<'a> {
    pub url: &'a str,
    pub user: &'a str,
    pub secret: &'a str,
    pub person: &'a str,
    pub password: &'a str,
}

/// Starts a program until it answers, eleven times; prints the median in milliseconds.
pub fn first_answer(url: &str, program: &str, arguments: &[&str]) {
    let address = url.trim_start_matches("http://");
    let mut times: Vec<Duration> = (0..11)
        .map(|_| {
            let mut command = Command::new(program);
            let began = Instant::now();
            let mut process = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            while !is_answered(address) {
                assert!(process.try_wait().unwrap().is_none(), "the program ended");
                std::thread::sleep(Duration::from_micros(200));
            }
            let took = began.elapsed();
            process.kill().unwrap();
            process.wait().unwrap();
            took
        })
        .collect();
    times.sort();
    println!("{:.0}", times[times.len() / 2].as_secs_f64() * 1e3);
}

fn is_answered(address: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let mut answer = String::new();
    let asked = stream.write_all(b"GET /login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

/// How often the secrets of an attack were answered.
#[derive(Debug, Default)]
struct Answers {
    all: AtomicU64,
    /// Those that a limit did not refuse at once.
    compared: AtomicU64,
}

/// The probes without an attack, then with attacks at each endpoint: on `victim`, whom a limit soon protects, and on a new name
/// for each secret, so that only the limit of a network ends the comparing. Prints for each: the 99th percentiles in milliseconds
/// of token requests and of sign-ins, and how many wrong secrets were answered and compared a second.
pub async fn attack(probes: &Probes<'_>, victim: &str, seconds: u64) {
    let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    let attacks =
        [("nothing", None), ("/login", Some(victim)), ("/token", Some(victim)), ("/login", None), ("/token", None)];
    for (attack, (endpoint, name)) in attacks.into_iter().enumerate() {
        let (stop, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(Answers::default()));
        let mut attackers = Vec::new();
        for number in 0..if endpoint == "nothing" { 0 } else { ATTACKERS } {
            let (client, stop, answers) = (client.clone(), Arc::clone(&stop), Arc::clone(&answers));
            let (url, name) = (format!("{}{endpoint}", probes.url), name.map(str::to_owned));
            attackers.push(tokio::spawn(async move {
                for round in 0_u64.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let name = name.clone().unwrap_or_else(|| format!("nobody{number}n{round}"));
                    let secret = format!("a wrong secret {number} {round}");
                    let request = if url.ends_with("/login") {
                        client.post(&url).form(&[("username", &name), ("password", &secret)])
                    } else {
                        client.get(&url).basic_auth(&name, Some(secret))
                    };
                    // Each attack comes from new networks.
                    let address = format!("10.{}.{number}.1", 100 + attack);
                    let response = request.header("x-forwarded-for", address).send().await.unwrap();
                    answers.all.fetch_add(1, Ordering::Relaxed);
                    if response.status() != StatusCode::TOO_MANY_REQUESTS {
                        answers.compared.fetch_add(1, Ordering::Relaxed);
                    }
                    let _ = response.bytes().await;
                }
            }));
        }
        // Until the attack is as heavy as it becomes.
        time::sleep(Duration::from_secs(1)).await;
        let length = Duration::from_secs(seconds);
        let token = || {
            let request = client.get(format!("{}/token?service=dockpass&scope=repository:app/x:pull", probes.url));
            request.basic_auth(probes.user, Some(probes.secret)).header("x-forwarded-for", "192.0.2.1")
        };
        let sign_in = || {
            let request = client.post(format!("{}/login", probes.url)).header("x-forwarded-for", "192.0.2.2");
            request.form(&[("username", probes.person), ("password", probes.password)])
        };
        let count = || (answers.all.load(Ordering::Relaxed), answers.compared.load(Ordering::Relaxed));
        let before = count();
        let (tokens, sign_ins) = tokio::join!(
            probe(token, StatusCode::OK, TOKEN_PROBES_EVERY, length),
            probe_in_turn(sign_in, StatusCode::SEE_OTHER, SIGN_IN_PAUSE, length),
        );
        let (after, rate) = (count(), |count: u64| (count as f64 / seconds as f64).round());
        stop.store(true, Ordering::Relaxed);
        for attacker in attackers {
            attacker.await.unwrap();
        }
        let whom = if name.is_some() { "one" } else { "each" };
        let (all, compared) = (rate(after.0 - before.0), rate(after.1 - before.1));
        println!("{endpoint} {whom} {tokens:.1} {sign_ins:.1} {all} {compared}");
        time::sleep(Duration::from_secs(2)).await;
    }
}

/// Sends a request at each tick, whether the one before was answered or not. The 99th percentile in milliseconds.
async fn probe(request: impl Fn() -> RequestBuilder, expected: StatusCode, every: Duration, length: Duration) -> f64 {
    let began = Instant::now();
    let mut ticks = time::interval(every);
    let mut probes = Vec::new();
    while began.elapsed() < length {
        let due = ticks.tick().await;
        let request = request();
        probes.push(tokio::spawn(async move {
            answered(request, expected).await;
            due.elapsed()
        }));
    }
    let mut times = Vec::with_capacity(probes.len());
    for probe in probes {
        times.push(probe.await.unwrap());
    }
    p99(times)
}

/// The same, but the next request is sent only after the answer to the one before.
async fn probe_in_turn(
    request: impl Fn() -> RequestBuilder,
    expected: StatusCode,
    pause: Duration,
    length: Duration,
) -> f64 {
    let began = Instant::now();
    let mut times = Vec::new();
    while began.elapsed() < length {
        let sent = Instant::now();
        answered(request(), expected).await;
        times.push(sent.elapsed());
        time::sleep(pause).await;
    }
    p99(times)
}

async fn answered(request: RequestBuilder, expected: StatusCode) {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), expected, "a probe was refused");
    response.bytes().await.unwrap();
}

fn p99(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[(times.len() * 99).div_ceil(100) - 1].as_secs_f64() * 1e3
}
