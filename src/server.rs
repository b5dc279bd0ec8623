//! Starting, serving, stopping.

use std::fs::File;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time;

use crate::app::{App, AppState};
use crate::config::Config;
use crate::error::Error;
use crate::platform::clock::{self, Clock};
use crate::platform::data_folder;
use crate::platform::database::Db;
use crate::platform::http_server::{self, ConnectionLimits, ServerPhase};
use crate::platform::metrics::{Journals, Metrics};
use crate::platform::open_database::open_error;
use crate::platform::password_hasher::PasswordHasher;
use crate::platform::rate_limits::RateLimits;
use crate::platform::rng::SystemRng;
use crate::platform::write_health::WriteHealth;
use crate::{accounts, activity, auth, devices, registry, repositories, router, tokens, web};

/// Load balancers get this long to notice that the server stops.
const DRAIN_TIME: Duration = Duration::from_secs(5);
/// Requests must end within this after the signal.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(7);
/// Then the journals are written and the database is closed. Together less than 10 s, after which `docker stop` kills.
const LAST_FLUSH: Duration = Duration::from_millis(2500);
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// New keys of other servers are looked for this often; `core::key_rotation` counts on less than five seconds.
const LOOK_FOR_KEYS_EVERY: Duration = Duration::from_secs(2);
const METRICS_CONNECTIONS: usize = 64;
/// Tokens are counted this often for the metrics, and with very many of them less often.
const COUNT_TOKENS_EVERY: Duration = Duration::from_secs(60);
const TIDY_EVERY: Duration = Duration::from_secs(3600);
/// Idle devices are signed out this often. Their tokens are refused at once, but until then pages show them as active.
const END_IDLE_DEVICES_EVERY: Duration = Duration::from_secs(60);

/// How a server is asked to stop. A second request ends it at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopRequest {
    /// By a supervisor, which may have other servers: connections are accepted for `DRAIN_TIME` more.
    Drain,
    /// By a person at a terminal, who waits for the end.
    Stop,
}

/// A server that has its address and is about to serve.
#[derive(Debug)]
pub struct Server {
    app: App,
    listener: TcpListener,
    address: SocketAddr,
    metrics: Option<(TcpListener, SocketAddr)>,
    setup_link: Option<String>,
    phase: watch::Sender<ServerPhase>,
    _data_folder: File,
}

impl Server {
    /// Opens database and keys and binds the address. Errors are sentences for the operator.
    pub async fn bind(config: Config, clock: Clock) -> Result<Self, String> {
        let data_folder = data_folder::occupy(&config)?;
        let now = clock.now();
        config.warnings().into_iter().chain(clock::complaint(now)).for_each(|warning| tracing::warn!("{warning}"));
        let db = open_database(&config).await?;
        let keys = registry::keys::actions::load_or_create(&db, &config.secret_key_file, now, SystemRng)
            .await
            .map_err(|error| error.to_string())?;
        // A server that was off for more than a year must not sign with an expired key.
        registry::keys::actions::refresh(&db, &keys.encryptor, &keys.signing_keys, now, SystemRng)
            .await
            .map_err(|error| error.to_string())?;
        let (listener, address) = listen(config.listen).await?;
        let metrics = match config.metrics_listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let (phase, _) = watch::channel(ServerPhase::Serving);
        let write_health = WriteHealth::default();
        // The start itself wrote: tables, keys or the set-up code.
        write_health.note(true, now);
        let token_uses = tokens::usage::actions::token_uses();
        let rotated_secret_uses = tokens::authenticate::actions::rotated_secret_uses();
        let repository_uses = repositories::actions::repository_uses();
        let refusals = tokens::refusals::actions::refusals();
        let failures = activity::actions::failures();
        let journals: Journals = vec![
            ("token_uses", Arc::new(token_uses.clone())),
            ("rotated_secret_uses", Arc::new(rotated_secret_uses.clone())),
            ("repository_uses", Arc::new(repository_uses.clone())),
            ("refusals", Arc::new(refusals.clone())),
            ("security_log", Arc::new(failures.clone())),
        ];
        let app = App::from(AppState {
            urls: Arc::new(config.urls(address)),
            config: Arc::new(config),
            signing_keys: keys.signing_keys,
            hasher: PasswordHasher::default(),
            rate_limits: RateLimits::default(),
            metrics: Metrics::new(now, write_health.clone(), journals),
            write_health,
            encryptor: keys.encryptor,
            token_uses,
            rotated_secret_uses,
            repository_uses,
            refusals,
            failures,
            rng: SystemRng,
            clock,
            phase: phase.subscribe(),
            db,
        });
        let setup_link = setup_link(&app).await.map_err(|error| error.to_string())?;
        Ok(Self { app, listener, address, metrics, setup_link, phase, _data_folder: data_folder })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, address)| *address)
    }

    pub fn setup_link(&self) -> Option<&str> {
        self.setup_link.as_deref()
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    /// Serves until it is asked to stop, or nobody can ask any more; then lets running requests end, writes what they left
    /// behind and closes the database.
    pub async fn run(self, mut requests: mpsc::UnboundedReceiver<StopRequest>) {
        let phase = self.phase;
        let flushing = tokio::spawn(flush_at_intervals(self.app.clone(), phase.subscribe()));
        let tidying = tokio::spawn(tidy_at_intervals(self.app.clone()));
        let looking = tokio::spawn(look_for_keys(self.app.clone()));
        let counting = self.metrics.is_some().then(|| tokio::spawn(count_tokens_at_intervals(self.app.clone())));
        let metrics = self.metrics.map(|(listener, _)| {
            let service = web::metrics::router(self.app.metrics.clone());
            let limits = ConnectionLimits::new(METRICS_CONNECTIONS);
            tokio::spawn(http_server::serve(listener, service, limits, phase.subscribe()))
        });
        let router = router::router(self.app.clone());
        let limits = ConnectionLimits::new(http_server::raise_file_limit());
        let serving = http_server::serve(self.listener, router, limits, phase.subscribe());
        let stopping = async {
            let first = requests.recv().await;
            tokio::select! {
                () = stop_in_order(first, &phase) => tracing::warn!("some requests did not end in time"),
                Some(_) = requests.recv() => tracing::warn!("a second signal: requests that run are cut off"),
            }
        };
        tokio::select! {
            () = serving => {}
            () = stopping => {}
        }
        phase.send_replace(ServerPhase::Stopping);
        tidying.abort();
        looking.abort();
        counting.inspect(JoinHandle::abort);
        metrics.inspect(JoinHandle::abort);
        let last_flush = async {
            // It ends by itself. Aborted in the middle of a commit, it would write the same again.
            let _ = flushing.await;
            let flushed = flush(&self.app).await;
            self.app.db.close().await;
            flushed
        };
        match time::timeout(LAST_FLUSH, last_flush).await {
            Ok(Ok(())) => {}
            // Another process may hold SQLite's write lock for longer than a supervisor waits.
            _ => tracing::error!("the database does not take the last uses and refusals in time: they are lost"),
        }
    }
}

/// Opens the database of these settings. Errors are sentences for the operator.
pub async fn open_database(config: &Config) -> Result<Db, String> {
    Db::open(&config.database).await.map_err(|error| open_error(&config.database, &error))
}

/// Opens the database of these settings to look at, and leaves it as it is. Errors are sentences for the operator.
pub async fn look_at_database(config: &Config) -> Result<Db, String> {
    Db::open_as_it_is(&config.database).await.map_err(|error| open_error(&config.database, &error.into()))
}

async fn listen(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let failed = |error: io::Error| {
        let advice = match error.kind() {
            ErrorKind::AddrInUse => "; a server that is stopping needs its address for a few seconds more",
            _ => "",
        };
        format!("cannot listen on {wanted}: {error}{advice}")
    };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

async fn setup_link(app: &App) -> Result<Option<String>, Error> {
    if accounts::actions::is_set_up(&mut app.db.read().await?).await? {
        return Ok(None);
    }
    let mut tx = app.db.write().await?;
    let code = auth::one_time_links::actions::create_setup_code(&mut tx, app.clock.now(), app.rng).await?;
    tx.commit().await?;
    Ok(Some(format!("{}/setup?code={}", app.urls.public, *code)))
}

/// A feature's work in the background, with the words that name it in the log.
type Job<'a> = (&'static str, Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>);

/// Does all of the jobs, whether others fail or not; the first error.
async fn run(jobs: impl IntoIterator<Item = Job<'_>>, is_logged: bool) -> Result<(), Error> {
    let mut result = Ok(());
    for (name, job) in jobs {
        if let Err(error) = job.await {
            if is_logged {
                tracing::error!(%error, "{name} failed and will be tried again");
            }
            result = result.and(Err(error));
        }
    }
    result
}

/// Writes what requests noted. How that ends shows whether writes commit.
pub async fn flush(app: &App) -> Result<(), Error> {
    let has_entries = !app.token_uses.is_empty()
        || !app.rotated_secret_uses.is_empty()
        || !app.repository_uses.is_empty()
        || !app.refusals.is_empty()
        || !app.failures.is_empty();
    let jobs: [Job<'_>; 5] = [
        ("writing uses of tokens", Box::pin(tokens::usage::actions::flush(&app.db, &app.token_uses, app.rng))),
        (
            "writing uses of new secrets",
            Box::pin(tokens::authenticate::actions::flush(&app.db, &app.rotated_secret_uses)),
        ),
        ("writing pushes and pulls", Box::pin(repositories::actions::flush(&app.db, &app.repository_uses, app.rng))),
        ("writing refusals of tokens", Box::pin(tokens::refusals::actions::flush(&app.db, &app.refusals, app.rng))),
        ("writing the security log", Box::pin(activity::actions::flush(&app.db, &app.failures))),
    ];
    // While writes fail, each second would be a line for each job: the first one is enough.
    let flushed = run(jobs, app.write_health.is_committing()).await;
    if has_entries {
        app.write_health.note(flushed.is_ok(), app.clock.now());
    } else {
        app.write_health.check(&app.db, app.clock.now()).await;
    }
    flushed
}

/// Signs out idle devices and deletes what was kept long enough.
pub async fn tidy(app: &App) -> Result<(), Error> {
    let (rules, now) = (app.config.devices, app.clock.now());
    let devices = devices::actions::tidy(&app.db, &app.token_uses, rules, now, app.rng);
    let jobs: [Job<'_>; 6] = [
        ("signing out idle devices", Box::pin(devices)),
        ("deleting old sessions and links", Box::pin(auth::tidy(&app.db, now))),
        ("deleting old traces of tokens", Box::pin(tokens::actions::tidy(&app.db, now))),
        ("deleting old notifications", Box::pin(registry::notifications::tidy(&app.db, now))),
        ("deleting old history of repositories", Box::pin(repositories::history::actions::tidy(&app.db, now))),
        ("deleting old activity", Box::pin(activity::actions::tidy(&app.db, now))),
    ];
    run(jobs, true).await
}

async fn end_idle_devices(app: &App) -> Result<(), Error> {
    let (rules, now) = (app.config.devices, app.clock.now());
    let ending = devices::tokens::actions::end_all_unused(&app.db, &app.token_uses, rules, now, app.rng);
    let job: Job<'_> = ("signing out idle devices", Box::pin(ending));
    run([job], true).await
}

/// Counts the tokens in the database for the metrics.
pub async fn count_tokens(app: &App) -> Result<(), Error> {
    let counting = async {
        let counts = tokens::actions::count_all(&app.db, app.clock.now()).await?;
        for (source, status, count) in counts.by_status {
            app.metrics.set_tokens(source.as_str(), status.as_str(), count);
        }
        for (source, days, count) in counts.active {
            app.metrics.set_active_tokens(source.as_str(), days, count);
        }
        Ok(())
    };
    let job: Job<'_> = ("counting tokens", Box::pin(counting));
    run([job], true).await
}

/// Goes through the phases, and ends when all requests should have ended.
async fn stop_in_order(request: Option<StopRequest>, phase: &watch::Sender<ServerPhase>) {
    let deadline = time::Instant::now() + SHUTDOWN_TIMEOUT;
    if request == Some(StopRequest::Drain) {
        let seconds = DRAIN_TIME.as_secs();
        tracing::info!("stopping: /readyz answers 503, and connections are accepted for {seconds} s more");
        phase.send_replace(ServerPhase::Draining);
        time::sleep(DRAIN_TIME).await;
    }
    tracing::info!("stopping");
    phase.send_replace(ServerPhase::Stopping);
    time::sleep_until(deadline).await;
}

async fn flush_at_intervals(app: App, mut phase: watch::Receiver<ServerPhase>) {
    loop {
        tokio::select! {
            () = time::sleep(FLUSH_EVERY) => {}
            _ = phase.wait_for(|phase| *phase == ServerPhase::Stopping) => return,
        }
        // Errors are in the log.
        let _ = flush(&app).await;
        app.hasher.release_idle_memory();
    }
}

async fn tidy_at_intervals(app: App) {
    let mut hours = time::interval(TIDY_EVERY);
    let mut minutes = time::interval_at(time::Instant::now() + END_IDLE_DEVICES_EVERY, END_IDLE_DEVICES_EVERY);
    loop {
        // Errors are in the log.
        let _ = tokio::select! {
            _ = hours.tick() => tidy(&app).await,
            _ = minutes.tick() => end_idle_devices(&app).await,
        };
    }
}

async fn count_tokens_at_intervals(app: App) {
    loop {
        let began = time::Instant::now();
        // Errors are in the log.
        let _ = count_tokens(&app).await;
        // At most a hundredth of a core.
        time::sleep(COUNT_TOKENS_EVERY.max(began.elapsed() * 100)).await;
    }
}

/// Apart from requests, which sign with the keys of a moment ago.
async fn look_for_keys(app: App) {
    let mut looks = time::interval(LOOK_FOR_KEYS_EVERY);
    looks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut is_failing = false;
    loop {
        looks.tick().await;
        let found =
            registry::keys::actions::refresh(&app.db, &app.encryptor, &app.signing_keys, app.clock.now(), app.rng)
                .await;
        match &found {
            Ok(true) => tracing::info!("registry tokens are signed with a new key from now on"),
            // Logged once, although it goes on: every other user of the database logs errors too.
            Err(error) if !is_failing => tracing::error!(%error, "cannot look for new signing keys"),
            _ => {}
        }
        is_failing = found.is_err();
    }
}
