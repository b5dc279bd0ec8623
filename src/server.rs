//! Starting, serving, stopping.

use std::{fs::File, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, time};

use crate::{
    accounts, activity, backup,
    config::Config,
    device,
    error::Error,
    platform::{
        clock::Clock, collector::Collector, db::Db, entropy::Entropy, hasher::Hasher, limits::Limits, sessions,
    },
    registry, router,
    state::App,
    tokens,
};

/// Requests that still run get this long; then the server stops all the same.
const FAREWELL: Duration = Duration::from_secs(7);
/// The writer of what requests left behind gets this long to end.
const LAST_WRITE: Duration = Duration::from_millis(1500);
/// What requests leave behind is written this often.
const WRITE_EVERY: Duration = Duration::from_secs(1);
const TIDY_EVERY: Duration = Duration::from_secs(3600);

/// A server that has its address and is about to serve.
#[derive(Debug)]
pub struct Server {
    app: App,
    listener: TcpListener,
    address: SocketAddr,
    setup_link: Option<String>,
    _data_folder: File,
}

impl Server {
    /// Opens database and keys and takes the address.
    ///
    /// # Errors
    /// A sentence that says what is in the way.
    pub async fn bind(config: Config, clock: Clock) -> Result<Self, String> {
        let data_folder = backup::occupy(&config)?;
        let now = clock.now();
        let db = open_database(&config).await?;
        let keys = registry::keys::load_or_make(&db, &config.secret_key_file, now, Entropy)
            .await
            .map_err(|error| error.to_string())?;
        let busy = |error| format!("cannot listen on {}: {error}", config.listen);
        let listener = TcpListener::bind(config.listen).await.map_err(busy)?;
        let address = listener.local_addr().map_err(busy)?;
        let app = App {
            urls: Arc::new(config.urls(address)),
            config: Arc::new(config),
            signer: Arc::new(keys.signer),
            hasher: Hasher::default(),
            limits: Limits::default(),
            vault: keys.vault,
            token_uses: Collector::default(),
            failures: Collector::default(),
            entropy: Entropy,
            clock,
            db,
        };
        let setup_link = setup_link(&app).await.map_err(|error| error.to_string())?;
        Ok(Self { app, listener, address, setup_link, _data_folder: data_folder })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
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
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let (stopping, stopped) = watch::channel(false);
        let writing = tokio::spawn(write_notes(self.app.clone(), stopped.clone()));
        let tidying = tokio::spawn(tidy(self.app.clone()));
        let service = router::router(self.app.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let mut signal = stopped;
        let serving = axum::serve(self.listener, service).with_graceful_shutdown(async move {
            stop.await;
            tracing::info!("stopping");
            let _ = stopping.send(true);
        });
        let deadline = async {
            let _ = signal.wait_for(|stopping| *stopping).await;
            time::sleep(FAREWELL).await;
        };
        let served = tokio::select! {
            served = serving => served,
            () = deadline => {
                tracing::warn!("some requests did not end in time");
                Ok(())
            }
        };
        tidying.abort();
        // Not aborted: it may hold notes that it took and has not written yet. It ends by itself.
        let _ = time::timeout(LAST_WRITE, writing).await;
        write_now(&self.app).await;
        self.app.db.close().await;
        served
    }
}

/// Opens the database of these settings.
///
/// # Errors
/// A sentence that says what is in the way.
pub async fn open_database(config: &Config) -> Result<Db, String> {
    Db::open(&config.database).await.map_err(|error| format!("the database cannot be opened: {error}"))
}

async fn setup_link(app: &App) -> Result<Option<String>, Error> {
    if accounts::actions::is_set_up(&mut app.db.read().await?).await? {
        return Ok(None);
    }
    let mut tx = app.db.write().await?;
    let code = accounts::links::actions::make_setup_code(&mut tx, app.clock.now(), app.entropy).await?;
    tx.commit().await?;
    Ok(Some(format!("{}/setup?code={}", app.urls.public, *code)))
}

async fn write_notes(app: App, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = app.token_uses.arrived() => {}
            () = app.failures.arrived() => {}
            _ = stopped.changed() => return,
        }
        time::sleep(WRITE_EVERY).await;
        write_now(&app).await;
    }
}

async fn write_now(app: &App) {
    if let Err(error) = tokens::usage::write(&app.db, &app.token_uses).await {
        tracing::error!(%error, "uses of tokens could not be written yet");
    }
    if let Err(error) = activity::actions::write(&app.db, &app.failures).await {
        tracing::error!(%error, "refusals could not be written yet");
    }
}

async fn tidy(app: App) {
    let mut hours = time::interval(TIDY_EVERY);
    loop {
        hours.tick().await;
        if let Err(error) = tidy_once(&app).await {
            tracing::error!(%error, "what is over could not be cleared away");
        }
    }
}

async fn tidy_once(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    sessions::forget_ended(&mut tx, now).await?;
    tokens::actions::forget_old(&mut tx, now).await?;
    tokens::generated::actions::end_unused(&mut tx, app.config.devices, now).await?;
    device::actions::forget_old(&mut tx, now).await?;
    accounts::actions::forget_old(&mut tx, now).await?;
    accounts::links::actions::forget_old(&mut tx, now).await?;
    activity::actions::forget_old(&mut tx, now).await?;
    Ok(tx.commit().await?)
}
