//! Who is signed in, as the browser's session says.

use axum::{extract::FromRequestParts, http::request::Parts};
use dockpass_core::{account::Account, activity::ClientInfo, secret::SecretHash, timestamp::Timestamp};
use time::Duration;
use tower_sessions::Session;

use super::recent_sign_in::FRESH_KEY;
use crate::{
    accounts::actions,
    app::App,
    error::Error,
    platform::session_store::{ACCOUNT_KEY, ADDRESS_KEY, CLIENT_KEY, SIGNED_IN_KEY},
    web::page::Page,
};

/// When the session was last noted as used, in milliseconds since 1970.
const SEEN_KEY: &str = "seen_at";
/// What was just done, to be said on the next page.
const NOTICE_KEY: &str = "notice";
/// The hash of the code of a link that sets a password.
const PASSWORD_CODE_KEY: &str = "password_code";
/// Whether this browser followed the link with the set-up code.
const SETUP_KEY: &str = "setup";
/// Who showed the password and not yet the second factor, when, where they were going, and the password's mark.
const HALF_KEY: &str = "half_signed_in";
const HALF_LIFE: Duration = Duration::minutes(5);
/// What stays open to an account that lacks the second factor which the operator requires.
const SECOND_FACTOR_PAGES: &str = "/settings/security";
/// A session is prolonged by being written, and that costs a write: once in a while is enough.
const TOUCH_EVERY: Duration = Duration::minutes(5);

/// The account that is signed in, and the page's frame in its language. Handlers that ask for it are closed to
/// everyone else.
///
/// Nothing but the session cookie opens it: a token, however presented, is not looked at.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub account: Account,
    /// The frame of the page.
    pub page: Page,
    /// The session itself.
    pub session: Session,
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let now = app.clock.now();
        let session = session(parts)?;
        let account = account_of(&session, app).await?.ok_or(Error::SignedOut)?;
        let lacks_factor = app.config.requires_second_factor && !account.has_second_factor;
        if lacks_factor && !parts.uri.path().starts_with(SECOND_FACTOR_PAGES) {
            return Err(Error::SecondFactorRequired);
        }
        touch(&session, app, &account, now).await?;
        let page = Page::of(&parts.method, &parts.uri, &parts.headers, now).signed_in(&account);
        Ok(Self { account, page, session })
    }
}

/// An administrator who is signed in. To everyone else what is behind it does not exist.
#[derive(Debug)]
pub struct Administrator(pub SignedIn);

impl FromRequestParts<App> for Administrator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let me = SignedIn::from_request_parts(parts, app).await?;
        if me.account.is_admin { Ok(Self(me)) } else { Err(Error::NotFound) }
    }
}

/// Someone who showed the password and must show the second factor. It opens nothing else.
#[derive(Debug)]
pub struct AwaitingSecondFactor {
    /// Who.
    pub account: Account,
    /// Where they were going.
    pub next: String,
    /// The frame of the page.
    pub page: Page,
    /// The session itself.
    pub session: Session,
}

impl FromRequestParts<App> for AwaitingSecondFactor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let now = app.clock.now();
        let session = session(parts)?;
        let half = session.get::<(String, i64, String, String)>(HALF_KEY).await?;
        let (id, since, next, password) = half.ok_or(Error::SignedOut)?;
        if now - Timestamp::from_millis(since) >= HALF_LIFE {
            return Err(Error::SignedOut);
        }
        let account = actions::find(&mut app.db.read().await?, &id).await?.filter(Account::is_enabled);
        let account = account.ok_or(Error::SignedOut)?;
        // A password that was changed meanwhile ends what the old one began.
        let mark = actions::password_mark(&mut app.db.read().await?, &account).await?;
        if mark.is_none_or(|mark| mark.to_text() != password) {
            return Err(Error::SignedOut);
        }
        let page = Page::of(&parts.method, &parts.uri, &parts.headers, now);
        Ok(Self { account, next, page, session })
    }
}

/// The session of a request.
#[derive(Debug)]
pub struct AnySession(pub Session);

impl FromRequestParts<App> for AnySession {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        session(parts).map(AnySession)
    }
}

impl AnySession {
    /// Who is signed in, if anyone.
    ///
    /// # Errors
    /// The database's.
    pub async fn account(&self, app: &App) -> Result<Option<Account>, Error> {
        account_of(&self.0, app).await
    }

    /// Remembers who showed the password; the session gets a new id.
    ///
    /// # Errors
    /// The session store's.
    pub async fn half_sign_in(
        &self,
        account: &Account,
        password: &SecretHash,
        next: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.0.clear().await;
        self.0.cycle_id().await?;
        Ok(self.0.insert(HALF_KEY, (&account.id, now.millis(), next, password.to_text())).await?)
    }

    /// Signs in: the session gets a new id, so that one that was planted before is worth nothing (ASVS 5.0, 7.2.4).
    ///
    /// # Errors
    /// The session store's.
    pub async fn sign_in(&self, account: &Account, origin: &ClientInfo, now: Timestamp) -> Result<(), Error> {
        self.0.clear().await;
        self.0.cycle_id().await?;
        self.0.insert(SIGNED_IN_KEY, now.millis()).await?;
        self.0.insert(ACCOUNT_KEY, &account.id).await?;
        self.0.insert(ADDRESS_KEY, &origin.address).await?;
        self.0.insert(CLIENT_KEY, &origin.client).await?;
        self.0.insert(FRESH_KEY, now.millis()).await?;
        Ok(())
    }

    /// Ends the session here and in the database.
    ///
    /// # Errors
    /// The session store's.
    pub async fn sign_out(&self) -> Result<(), Error> {
        Ok(self.0.flush().await?)
    }

    /// Remembers that this browser showed the set-up code, so that the code leaves the address bar.
    ///
    /// # Errors
    /// The session store's.
    pub async fn allow_setup(&self) -> Result<(), Error> {
        self.0.cycle_id().await?;
        Ok(self.0.insert(SETUP_KEY, true).await?)
    }

    /// Keeps the hash of the code of a link that sets a password, so that the code leaves the address bar.
    ///
    /// # Errors
    /// The session store's.
    pub async fn keep_password_code(&self, code: &SecretHash) -> Result<(), Error> {
        self.0.cycle_id().await?;
        Ok(self.0.insert(PASSWORD_CODE_KEY, code.to_text()).await?)
    }

    /// The hash that was kept.
    ///
    /// # Errors
    /// The session store's.
    pub async fn password_code(&self) -> Result<Option<SecretHash>, Error> {
        let kept = self.0.get::<String>(PASSWORD_CODE_KEY).await?;
        Ok(kept.as_deref().and_then(SecretHash::from_text))
    }

    /// Whether this browser showed the set-up code.
    ///
    /// # Errors
    /// The session store's.
    pub async fn may_set_up(&self) -> Result<bool, Error> {
        Ok(self.0.get(SETUP_KEY).await?.unwrap_or(false))
    }
}

impl SignedIn {
    /// Leaves a sentence for the next page.
    ///
    /// # Errors
    /// The session store's.
    pub async fn leave_notice(&self, sentence: &str) -> Result<(), Error> {
        Ok(self.session.insert(NOTICE_KEY, sentence).await?)
    }

    /// Takes the sentence that the last request left.
    ///
    /// # Errors
    /// The session store's.
    pub async fn take_notice(&self) -> Result<Option<String>, Error> {
        // A removal counts as a change and costs a write, also where there was nothing.
        match self.session.get::<String>(NOTICE_KEY).await? {
            Some(_) => Ok(self.session.remove(NOTICE_KEY).await?),
            None => Ok(None),
        }
    }

    /// What the database keeps of this session's id.
    pub fn id_hash(&self) -> SecretHash {
        SecretHash::of(&self.session.id().map(|id| id.to_string()).unwrap_or_default())
    }
}

fn session(parts: &Parts) -> Result<Session, Error> {
    parts.extensions.get::<Session>().cloned().ok_or_else(|| Error::internal("the session layer is missing"))
}

async fn account_of(session: &Session, app: &App) -> Result<Option<Account>, Error> {
    let Some(id) = session.get::<String>(ACCOUNT_KEY).await? else { return Ok(None) };
    let account = actions::find(&mut app.db.read().await?, &id).await?;
    Ok(account.filter(Account::is_enabled))
}

async fn touch(session: &Session, app: &App, account: &Account, now: Timestamp) -> Result<(), Error> {
    let seen = session.get::<i64>(SEEN_KEY).await?.map_or(Timestamp::from_millis(0), Timestamp::from_millis);
    if now - seen >= TOUCH_EVERY {
        session.insert(SEEN_KEY, now.millis()).await?;
        // Where nothing can be written, pages that only read still answer.
        if let Err(error) = note_seen(app, account, now).await {
            tracing::error!(%error, "the last use of an account could not be noted");
        }
    }
    Ok(())
}

async fn note_seen(app: &App, account: &Account, now: Timestamp) -> Result<(), Error> {
    let mut tx = app.db.write().await?;
    actions::note_seen(&mut tx, account, now).await?;
    Ok(tx.commit().await?)
}
