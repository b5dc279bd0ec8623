//! The browser session: who is signed in, and what it remembers between requests.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use dockpass_core::account::Account;
use dockpass_core::activity::ClientInfo;
use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use time::Duration;
use tokio::time::timeout;
use tower_sessions::Session;

use crate::accounts::actions;
use crate::app::App;
use crate::error::Error;
use crate::platform::database::Tx;
use crate::platform::session_store::{
    ACCOUNT_KEY, ADDRESS_KEY, CLIENT_KEY, EXPIRES_KEY, SIGNED_IN_KEY, SessionLifetime, VERSION_KEY,
};
use crate::web::page::{Page, Visitor};

/// The time of the last request that was noted, in milliseconds since 1970.
const SEEN_KEY: &str = "seen_at";
/// The time of the last recent sign-in, in milliseconds since 1970.
const RECENT_SIGN_IN_KEY: &str = "recent_sign_in_at";
const NOTICE_KEY: &str = "notice";
const PASSWORD_CODE_KEY: &str = "password_code";
/// The name of the account whose password this browser has just set.
const PASSWORD_SET_KEY: &str = "password_set";
/// Whether this browser opened the link with the set-up code.
const SETUP_KEY: &str = "setup";
/// The account whose second factor is still missing, since when, where it leads, and the account's version.
const AWAITING_KEY: &str = "awaiting_second_factor";

/// How long after the password the second factor must come.
const SECOND_FACTOR_TIMEOUT: Duration = Duration::minutes(5);
/// How long a sign-in is recent, however much it is used.
const RECENT: Duration = Duration::minutes(30);
/// The pages that stay open to an account without the second factor that the operator requires.
const SECOND_FACTOR_PAGES: &str = "/settings/security";
/// Extending a session costs a write, so it does not happen on every request.
const TOUCH_EVERY: Duration = Duration::minutes(5);
/// How long a page waits until its visit is noted: one that only reads must not wait for a locked database.
const LONGEST_NOTE: std::time::Duration = std::time::Duration::from_millis(500);

/// The account that is signed in. Only the session cookie counts: tokens are never accepted here.
#[derive(Debug)]
pub struct SignedIn {
    pub account: Account,
    pub page: Page,
    pub session: Session,
    /// Address and program, for the security log.
    pub origin: ClientInfo,
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let PollingSession(mut me) = PollingSession::from_request_parts(parts, app).await?;
        let end = touch(&me.session, app, &me.account, me.page.now).await?;
        me.page.session_seconds = Some((end.at - me.page.now).whole_seconds());
        Ok(me)
    }
}

/// The account that is signed in, for requests that a page repeats by itself. They do not extend the session.
#[derive(Debug)]
pub struct PollingSession(pub SignedIn);

impl FromRequestParts<App> for PollingSession {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let now = app.clock.now();
        let session = session(parts)?;
        let account = require_account(&session, app).await?;
        if let Some(visitor) = parts.extensions.get::<Visitor>() {
            visitor.is(&account);
        }
        let is_factor_missing = app.config.requires_second_factor && !account.has_second_factor;
        if is_factor_missing && !parts.uri.path().starts_with(SECOND_FACTOR_PAGES) {
            return Err(Error::SecondFactorRequired);
        }
        let page = Page::of(app, parts, now).signed_in(&account);
        let Ok(origin) = ClientInfo::from_request_parts(parts, app).await;
        Ok(Self(SignedIn { account, page, session, origin }))
    }
}

/// When a session ends.
#[derive(Debug, Clone, Copy)]
pub struct SessionEnd {
    /// If it is not used until then.
    pub at: Timestamp,
    /// However much it is used.
    longest: Timestamp,
}

impl SessionEnd {
    async fn read(session: &Session, lifetime: SessionLifetime, now: Timestamp) -> Result<Self, Error> {
        let signed_in_at = session.get::<i64>(SIGNED_IN_KEY).await?.map_or(now, Timestamp::from_millis);
        let longest = signed_in_at + lifetime.longest;
        let at = session.get::<i64>(EXPIRES_KEY).await?.map_or(now + lifetime.idle, Timestamp::from_millis);
        Ok(Self { at: at.min(longest), longest })
    }

    /// After a use of the session, which extends it.
    fn extended(self, lifetime: SessionLifetime, now: Timestamp) -> Self {
        Self { at: (now + lifetime.idle).min(self.longest), ..self }
    }

    /// Whether using the session moves its end.
    pub fn can_extend(&self) -> bool {
        self.at < self.longest
    }
}

/// An administrator who is signed in. For everyone else the page is not found.
#[derive(Debug)]
pub struct Administrator(pub SignedIn);

impl FromRequestParts<App> for Administrator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let me = SignedIn::from_request_parts(parts, app).await?;
        if me.account.is_admin { Ok(Self(me)) } else { Err(Error::NotFound) }
    }
}

/// An account whose password was right and whose second factor is still missing. It opens nothing else.
#[derive(Debug)]
pub struct AwaitingSecondFactor {
    pub account: Account,
    pub next: String,
    /// The page in the browser's language.
    pub page: Page,
    pub session: AnySession,
}

impl FromRequestParts<App> for AwaitingSecondFactor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let now = app.clock.now();
        let session = session(parts)?;
        let awaiting = session.get::<(String, i64, String, i64)>(AWAITING_KEY).await?;
        let (id, since, next, version) = awaiting.ok_or(Error::SignedOut)?;
        if now - Timestamp::from_millis(since) >= SECOND_FACTOR_TIMEOUT {
            return Err(Error::SessionEnded);
        }
        let account = actions::find_unchanged(&mut app.db.read().await?, &id, version).await?;
        let account = account.ok_or(Error::SignedOut)?;
        let page = Page::of(app, parts, now);
        Ok(Self { account, next, page, session: AnySession(session) })
    }
}

/// The session of a request, whether anyone is signed in or not.
#[derive(Debug)]
pub struct AnySession(pub Session);

impl FromRequestParts<App> for AnySession {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        session(parts).map(AnySession)
    }
}

impl AnySession {
    pub async fn account(&self, app: &App) -> Result<Option<Account>, Error> {
        account_of(&self.0, app).await
    }

    /// When the session ends. Asking does not extend it.
    pub async fn end(&self, app: &App) -> Result<SessionEnd, Error> {
        SessionEnd::read(&self.0, app.config.session_lifetime, app.clock.now()).await
    }

    /// Remembers the account whose password was right; the session gets a new id.
    pub async fn await_second_factor(&self, account: &Account, next: &str, now: Timestamp) -> Result<(), Error> {
        self.0.clear().await;
        self.0.cycle_id().await?;
        self.0.insert(AWAITING_KEY, (&account.id, now.millis(), next, account.credentials_version)).await?;
        self.save().await
    }

    /// Signs in: the session gets a new id, so that nobody can use one that they planted (ASVS 5.0, 7.2.4).
    pub async fn sign_in(&self, account: &Account, origin: &ClientInfo, now: Timestamp) -> Result<(), Error> {
        self.0.clear().await;
        self.0.cycle_id().await?;
        self.0.insert(SIGNED_IN_KEY, now.millis()).await?;
        self.0.insert(ACCOUNT_KEY, &account.id).await?;
        self.0.insert(VERSION_KEY, account.credentials_version).await?;
        self.0.insert(ADDRESS_KEY, &origin.address).await?;
        self.0.insert(CLIENT_KEY, &origin.client).await?;
        self.0.insert(RECENT_SIGN_IN_KEY, now.millis()).await?;
        Ok(())
    }

    /// Leaves a sentence for the next page.
    pub async fn leave_notice(&self, sentence: &str) -> Result<(), Error> {
        Ok(self.0.insert(NOTICE_KEY, sentence).await?)
    }

    /// Remembers for the sign-in page whose password this browser has just set.
    pub async fn note_password_set(&self, username: &str) -> Result<(), Error> {
        self.0.insert(PASSWORD_SET_KEY, username).await?;
        self.save().await
    }

    /// Whose password this browser has just set. It is said once.
    pub async fn take_password_set(&self) -> Result<Option<String>, Error> {
        Ok(self.0.remove(PASSWORD_SET_KEY).await?)
    }

    /// Saves the session now and not with the response, where a database that cannot write is an error without words.
    pub async fn save(&self) -> Result<(), Error> {
        Ok(self.0.save().await?)
    }

    /// Ends the session in the browser and in the database.
    pub async fn sign_out(&self) -> Result<(), Error> {
        Ok(self.0.flush().await?)
    }

    /// Remembers that this browser has the set-up code, so that the code can leave the address bar.
    pub async fn allow_setup(&self) -> Result<(), Error> {
        self.0.cycle_id().await?;
        self.0.insert(SETUP_KEY, true).await?;
        self.save().await
    }

    /// Whether this browser has the set-up code.
    pub async fn can_set_up(&self) -> Result<bool, Error> {
        Ok(self.0.get(SETUP_KEY).await?.unwrap_or(false))
    }

    /// Remembers the hash of the code of a link that sets a password, so that the code can leave the address bar.
    pub async fn set_password_code(&self, code: &SecretHash) -> Result<(), Error> {
        self.0.cycle_id().await?;
        self.0.insert(PASSWORD_CODE_KEY, code.to_text()).await?;
        self.save().await
    }

    pub async fn password_code(&self) -> Result<Option<SecretHash>, Error> {
        let text = self.0.get::<String>(PASSWORD_CODE_KEY).await?;
        Ok(text.as_deref().and_then(SecretHash::from_text))
    }
}

/// A transaction for a change that `account` asked for. What was asked for before a change of its credentials is refused,
/// however late the rest of the request arrives.
pub async fn begin_change(app: &App, account: &Account) -> Result<Tx, Error> {
    let mut tx = app.db.write().await?;
    let unchanged = actions::find_unchanged(&mut tx, &account.id, account.credentials_version).await?;
    unchanged.ok_or(Error::SessionEnded)?;
    Ok(tx)
}

impl SignedIn {
    /// Extends the session as any use of it does.
    pub async fn stay(&self, app: &App) -> Result<SessionEnd, Error> {
        let (lifetime, now) = (app.config.session_lifetime, self.page.now);
        self.session.insert(SEEN_KEY, now.millis()).await?;
        Ok(SessionEnd::read(&self.session, lifetime, now).await?.extended(lifetime, now))
    }

    pub async fn has_recent_sign_in(&self) -> Result<bool, Error> {
        let at = self.session.get::<i64>(RECENT_SIGN_IN_KEY).await?.map(Timestamp::from_millis);
        Ok(at.is_some_and(|at| self.page.now - at < RECENT))
    }

    pub async fn note_recent_sign_in(&self) -> Result<(), Error> {
        Ok(self.session.insert(RECENT_SIGN_IN_KEY, self.page.now.millis()).await?)
    }

    pub async fn leave_notice(&self, sentence: &str) -> Result<(), Error> {
        Ok(self.session.insert(NOTICE_KEY, sentence).await?)
    }

    pub async fn take_notice(&self) -> Result<Option<String>, Error> {
        // The session store counts a removal as a change and writes it, even where there was nothing.
        match self.session.get::<String>(NOTICE_KEY).await? {
            Some(_) => Ok(self.session.remove(NOTICE_KEY).await?),
            None => Ok(None),
        }
    }

    pub fn id_hash(&self) -> SecretHash {
        SecretHash::of(&self.session.id().map(|id| id.to_string()).unwrap_or_default())
    }
}

fn session(parts: &Parts) -> Result<Session, Error> {
    parts.extensions.get::<Session>().cloned().ok_or_else(|| Error::internal("the session layer is missing"))
}

async fn account_of(session: &Session, app: &App) -> Result<Option<Account>, Error> {
    let Some(id) = session.get::<String>(ACCOUNT_KEY).await? else { return Ok(None) };
    let version = session.get::<i64>(VERSION_KEY).await?.unwrap_or_default();
    actions::find_unchanged(&mut app.db.read().await?, &id, version).await
}

/// Who is signed in; or an error that says whether anyone was.
async fn require_account(session: &Session, app: &App) -> Result<Account, Error> {
    let has_id = session.id().is_some();
    if let Some(account) = account_of(session, app).await? {
        return Ok(account);
    }
    // The id is gone if the database has no such session any more.
    let has_ended = session.id().is_none() || session.get::<String>(ACCOUNT_KEY).await?.is_some();
    Err(if has_id && has_ended { Error::SessionEnded } else { Error::SignedOut })
}

/// Extends the session now and then.
async fn touch(session: &Session, app: &App, account: &Account, now: Timestamp) -> Result<SessionEnd, Error> {
    let lifetime = app.config.session_lifetime;
    let end = SessionEnd::read(session, lifetime, now).await?;
    let seen_at = session.get::<i64>(SEEN_KEY).await?.map_or(Timestamp::from_millis(0), Timestamp::from_millis);
    // Where nothing can be written, pages that only read still answer.
    if now - seen_at < TOUCH_EVERY || !app.write_health.is_committing() {
        return Ok(end);
    }
    let noted = timeout(LONGEST_NOTE, note_seen(app, account, now)).await.unwrap_or(Err(Error::Busy));
    if let Err(error) = noted {
        tracing::warn!(%error, "the last use of an account could not be noted");
        return Ok(end);
    }
    session.insert(SEEN_KEY, now.millis()).await?;
    Ok(end.extended(lifetime, now))
}

/// Tells error pages who is signed in. Handlers that take [`SignedIn`] have already said it, also if they then panic.
pub async fn introduce(State(app): State<App>, request: Request, next: Next) -> Response {
    let visitor = request.extensions().get::<Visitor>().cloned();
    let session = request.extensions().get::<Session>().cloned();
    let response = next.run(request).await;
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if let (true, Some(visitor), Some(session)) = (is_error, visitor, session)
        && let Ok(Some(account)) = account_of(&session, &app).await
    {
        visitor.is(&account);
    }
    response
}

async fn note_seen(app: &App, account: &Account, now: Timestamp) -> Result<(), Error> {
    let mut tx = app.db.write().await?;
    actions::note_seen(&mut tx, account, now).await?;
    Ok(tx.commit().await?)
}
