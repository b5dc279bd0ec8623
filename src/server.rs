//! Starting, serving, stopping.

use std::{fs::File, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time};

use crate::{
    accounts, activity,
    app::App,
    auth,
    config::Config,
    devices,
    error::Error,
    platform::{
        clock::Clock,
        data_folder,
        database::{Db, open_error},
        http_server::{self, ConnectionLimits},
        journal::Journal,
        metrics::Metrics,
        password_hasher::PasswordHasher,
        rate_limits::RateLimits,
        rng::SystemRng,
        session_store,
        write_health::WriteHealth,
    },
    registry, repositories, router, tokens, web,
};

/// Requests that still run get this long; then the server stops all the same.
const FAREWELL: Duration = Duration::from_secs(7);
/// The writer of what requests left behind gets this long to end.
const LAST_WRITE: Duration = Duration::from_millis(1500);
/// What requests leave behind is written this often.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Notifications that were taken in are looked for this often; `registry::notifications` says when they are due.
const LOOK_FOR_EVENTS_EVERY: Duration = Duration::from_secs(1);
/// Keys that another process made are looked for this often; `core::rotation` counts on less than five seconds.
const LOOK_FOR_KEYS_EVERY: Duration = Duration::from_secs(2);
const METRICS_CONNECTIONS: usize = 64;
const TIDY_EVERY: Duration = Duration::from_secs(3600);
/// A device's token that nobody used for too long is refused at once; so long its page may still call it active.
const END_DEVICES_EVERY: Duration = Duration::from_secs(60);

/// A server that has its address and is about to serve.
#[derive(Debug)]
pub struct Server {
    app: App,
    listener: TcpListener,
    address: SocketAddr,
    metrics: Option<(TcpListener, SocketAddr)>,
    setup_link: Option<String>,
    _data_folder: File,
}

impl Server {
    /// Opens database and keys and takes the address.
    ///
    /// # Errors
    /// A sentence that says what is in the way.
    pub async fn bind(config: Config, clock: Clock) -> Result<Self, String> {
        let data_folder = data_folder::occupy(&config)?;
        let now = clock.now();
        let db = open_database(&config).await?;
        let keys = registry::keys::actions::load_or_make(&db, &config.secret_key_file, now, SystemRng)
            .await
            .map_err(|error| error.to_string())?;
        // A server that was off for more than a year must not begin with a key that is over.
        registry::keys::actions::look(&db, &keys.encryptor, &keys.signing_keys, now, SystemRng)
            .await
            .map_err(|error| error.to_string())?;
        let (listener, address) = listen(config.listen).await?;
        let metrics = match config.metrics_listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let write_health = WriteHealth::default();
        let app = App {
            urls: Arc::new(config.urls(address)),
            config: Arc::new(config),
            signing_keys: keys.signing_keys,
            hasher: PasswordHasher::default(),
            rate_limits: RateLimits::default(),
            metrics: Metrics::new(now, write_health.clone()),
            write_health,
            encryptor: keys.encryptor,
            token_uses: Journal::default(),
            repository_uses: Journal::default(),
            password_grants: Journal::default(),
            refusals: Journal::default(),
            failures: Journal::default(),
            rng: SystemRng,
            clock,
            db,
        };
        let setup_link = setup_link(&app).await.map_err(|error| error.to_string())?;
        Ok(Self { app, listener, address, metrics, setup_link, _data_folder: data_folder })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it serves metrics, if it does.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, address)| *address)
    }

    /// The link to the first account, while there is none.
    pub fn setup_link(&self) -> Option<&str> {
        self.setup_link.as_deref()
    }

    /// What its handlers share.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Serves until `stop` is done; then lets running requests end, writes what they left behind and closes the
    /// database.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) {
        let (stopping, stopped) = watch::channel(false);
        let writing = tokio::spawn(write_notes(self.app.clone(), stopped.clone()));
        let tidying = tokio::spawn(tidy_at_times(self.app.clone()));
        let looking = tokio::spawn(look_for_keys(self.app.clone()));
        let metrics = self.metrics.map(|(listener, _)| {
            let service = web::metrics::router(self.app.metrics.clone());
            tokio::spawn(http_server::serve(
                listener,
                service,
                ConnectionLimits::new(METRICS_CONNECTIONS),
                stopped.clone(),
            ))
        });
        let mut signal = stopped.clone();
        let router = router::router(self.app.clone());
        let limits = ConnectionLimits::new(http_server::raise_file_limit());
        let serving = http_server::serve(self.listener, router, limits, stopped);
        tokio::spawn(async move {
            stop.await;
            tracing::info!("stopping");
            let _ = stopping.send(true);
        });
        let deadline = async {
            let _ = signal.wait_for(|stopping| *stopping).await;
            time::sleep(FAREWELL).await;
        };
        tokio::select! {
            () = serving => {}
            () = deadline => tracing::warn!("some requests did not end in time"),
        }
        tidying.abort();
        looking.abort();
        metrics.inspect(JoinHandle::abort);
        // Not aborted: it may hold notes that it took and has not written yet. It ends by itself.
        let _ = time::timeout(LAST_WRITE, writing).await;
        write_now(&self.app).await;
        self.app.db.close().await;
    }
}

/// Opens the database of these settings.
///
/// # Errors
/// A sentence that says what is in the way.
pub async fn open_database(config: &Config) -> Result<Db, String> {
    Db::open(&config.database).await.map_err(|error| open_error(&config.database, &error))
}

/// Opens the database of these settings to look at, and leaves it as it is.
///
/// # Errors
/// A sentence that says what is in the way.
pub async fn look_at_database(config: &Config) -> Result<Db, String> {
    Db::open_as_it_is(&config.database).await.map_err(|error| open_error(&config.database, &error))
}

async fn listen(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let busy = |error| format!("cannot listen on {wanted}: {error}");
    let listener = TcpListener::bind(wanted).await.map_err(busy)?;
    let address = listener.local_addr().map_err(busy)?;
    Ok((listener, address))
}

async fn setup_link(app: &App) -> Result<Option<String>, Error> {
    if accounts::actions::is_set_up(&mut app.db.read().await?).await? {
        return Ok(None);
    }
    let mut tx = app.db.write().await?;
    let code = crate::auth::one_time_links::actions::create_setup_code(&mut tx, app.clock.now(), app.rng).await?;
    tx.commit().await?;
    Ok(Some(format!("{}/setup?code={}", app.urls.public, *code)))
}

async fn write_notes(app: App, mut stopped: watch::Receiver<bool>) {
    let is_told_of_events = app.config.events_secret.is_some();
    loop {
        tokio::select! {
            () = app.token_uses.arrived() => {}
            () = app.repository_uses.arrived() => {}
            () = app.password_grants.arrived() => {}
            () = app.refusals.arrived() => {}
            () = app.failures.arrived() => {}
            () = time::sleep(LOOK_FOR_EVENTS_EVERY), if is_told_of_events => {}
            _ = stopped.changed() => return,
        }
        time::sleep(WRITE_EVERY).await;
        let are_written = write_now(&app).await;
        // Last, and not while the server stops: what was granted tells whose the notifications are, and they are kept.
        if is_told_of_events
            && are_written
            && !*stopped.borrow()
            && let Err(error) = registry::notifications::settle(&app.db, app.clock.now(), app.rng).await
        {
            tracing::error!(%error, "notifications of the registry could not be settled yet");
        }
    }
}

/// Writes what requests left behind; whether all that was granted is written.
async fn write_now(app: &App) -> bool {
    let uses = tokens::usage::actions::write(&app.db, &app.token_uses, app.rng).await;
    if let Err(error) = &uses {
        tracing::error!(%error, "uses of tokens could not be written yet");
    }
    let handlings = repositories::actions::write(&app.db, &app.repository_uses, app.rng).await;
    if let Err(error) = &handlings {
        tracing::error!(%error, "pushes and pulls could not be written yet");
    }
    let passwords = repositories::passwords::actions::write(&app.db, &app.password_grants).await;
    if let Err(error) = &passwords {
        tracing::error!(%error, "what passwords were granted could not be written yet");
    }
    if let Err(error) = tokens::refusals::actions::write(&app.db, &app.refusals, app.rng).await {
        tracing::error!(%error, "refusals could not be written yet");
    }
    if let Err(error) = activity::actions::write(&app.db, &app.failures).await {
        tracing::error!(%error, "the security log could not be written yet");
    }
    uses.is_ok() && handlings.is_ok() && passwords.is_ok()
}

/// Not on the path of any request: they sign with what was there a moment ago.
async fn look_for_keys(app: App) {
    let mut looks = time::interval(LOOK_FOR_KEYS_EVERY);
    looks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut is_failing = false;
    loop {
        looks.tick().await;
        let found =
            registry::keys::actions::look(&app.db, &app.encryptor, &app.signing_keys, app.clock.now(), app.rng).await;
        match &found {
            Ok(true) => tracing::info!("registry tokens are signed with a new key from now on"),
            // Once: it tries on, and what is wrong with the database is said by all who need it.
            Err(error) if !is_failing => tracing::error!(%error, "new signing keys cannot be looked for"),
            _ => {}
        }
        is_failing = found.is_err();
    }
}

async fn tidy_at_times(app: App) {
    let mut hours = time::interval(TIDY_EVERY);
    let mut minutes = time::interval_at(time::Instant::now() + END_DEVICES_EVERY, END_DEVICES_EVERY);
    loop {
        let done = tokio::select! {
            _ = hours.tick() => tidy(&app).await,
            _ = minutes.tick() => end_devices(&app).await,
        };
        if let Err(error) = done {
            tracing::error!(%error, "what is over could not be cleared away");
        }
    }
}

/// Ends what no device used for too long.
async fn end_devices(app: &App) -> Result<(), Error> {
    // A use of a moment ago keeps a session.
    tokens::usage::actions::write(&app.db, &app.token_uses, app.rng).await?;
    // By themselves: they take sessions and tokens in their order, before anything below them is touched.
    let mut after = Some(String::new());
    while let Some(last) = after {
        let mut tx = app.db.write().await?;
        after =
            crate::devices::tokens::actions::end_unused(&mut tx, &last, app.config.devices, app.clock.now()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Ends what nobody used for too long and clears away what is over.
///
/// # Errors
/// The database's.
pub async fn tidy(app: &App) -> Result<(), Error> {
    end_devices(app).await?;
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    crate::devices::tokens::actions::forget_old(&mut tx, now).await?;
    tx.commit().await?;
    // By themselves, for the same reason.
    let mut tx = app.db.write().await?;
    repositories::passwords::actions::forget_old(&mut tx, now).await?;
    tx.commit().await?;
    let mut tx = app.db.write().await?;
    session_store::forget_ended(&mut tx, now).await?;
    tokens::actions::forget_old(&mut tx, now).await?;
    tokens::usage::actions::forget_old(&mut tx, now).await?;
    registry::notifications::forget_old(&mut tx, now).await?;
    tokens::refusals::actions::forget_old(&mut tx, now).await?;
    devices::actions::forget_old(&mut tx, now).await?;
    auth::throttle::forget_old(&mut tx, now).await?;
    crate::auth::one_time_links::actions::forget_old(&mut tx, now).await?;
    activity::actions::forget_old(&mut tx, now).await?;
    Ok(tx.commit().await?)
}
