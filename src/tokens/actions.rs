//! What can be done with access tokens.

use dockpass_core::{
    account::Account,
    device_session::{self, DeviceRules, EndReason, SlotToken},
    quota::{self, QuotaExceeded, QuotaUsage, TokenQuota},
    secret::{Secret, SecretHash, SecretKind},
    timestamp::Timestamp,
    token::{AccessToken, Description, TokenFields, TokenSource, TokenStatus, TokenTemplate},
};
use time::Duration;

use super::{refusals, store, usage};
use crate::{
    error::Error,
    platform::{
        database::{Connection, Db, Tx},
        rng::SystemRng,
    },
};

/// A deleted token is remembered this long, to tell whoever still uses it.
pub(super) const TOMBSTONE_LIFE: Duration = Duration::days(90);
/// No form lives longer: browser sessions end before.
const FORM_KEY_LIFE: Duration = Duration::days(366);

/// What a person asks for in the form.
#[derive(Debug)]
pub struct NewToken {
    /// What it is for, what it may do, and where.
    pub fields: TokenFields,
    /// When it ends; `None` is never.
    pub expires_at: Option<Timestamp>,
}

/// What became of a request for a new token.
#[derive(Debug)]
pub enum GenerateOutcome {
    /// It exists. The secret leaves here once and is kept nowhere.
    Made(Box<AccessToken>, Secret),
    /// The form's key was spent before.
    AlreadyCreated,
    /// Fair use.
    QuotaExceeded(QuotaExceeded),
}

/// Makes a token, within the limits of fair use however many ask at once.
///
/// # Errors
/// The database's.
pub async fn generate(
    tx: &mut Tx,
    account: &Account,
    new: NewToken,
    form_key: &str,
    limits: TokenQuota,
    now: Timestamp,
    rng: SystemRng,
) -> Result<GenerateOutcome, Error> {
    store::lock_account(tx, account).await?;
    if !store::spend_form_key(tx, &SecretHash::of(form_key), now).await? {
        return Ok(GenerateOutcome::AlreadyCreated);
    }
    if let Some(full) = limits.full(store::used(tx, account, now).await?, now) {
        return Ok(GenerateOutcome::QuotaExceeded(full));
    }
    let secret = Secret::generate(SecretKind::PersonalAccess, &mut rng.generator());
    let token = AccessToken {
        id: rng.id(now),
        account_id: account.id.clone(),
        description: new.fields.description,
        hint: secret.hint(),
        level: new.fields.level,
        reach: new.fields.reach,
        is_active: true,
        source: TokenSource::Manual,
        created_at: now,
        expires_at: new.expires_at,
        last_used_at: None,
        last_use: None,
    };
    store::insert(tx, &token, &secret.hash()).await?;
    store::note_creation(tx, account, &token.id, now).await?;
    Ok(GenerateOutcome::Made(Box::new(token), secret))
}

/// One token of an account.
///
/// # Errors
/// [`Error::NotFound`], also for a token of another account.
pub async fn find(connection: &mut impl Connection, account: &Account, id: &str) -> Result<AccessToken, Error> {
    store::find(connection, account, id).await?.ok_or(Error::NotFound)
}

/// What is taken over for a token like this one, which may be deleted.
///
/// # Errors
/// [`Error::NotFound`], also for a token of another account.
pub async fn find_like(connection: &mut impl Connection, account: &Account, id: &str) -> Result<TokenTemplate, Error> {
    if let Some(token) = store::find(connection, account, id).await? {
        let AccessToken { description, level, reach, created_at, expires_at, .. } = token;
        return Ok(TokenTemplate { fields: TokenFields { description, level, reach }, created_at, expires_at });
    }
    store::find_like(connection, account, id).await?.ok_or(Error::NotFound)
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// It holds from the next token request on.
    Done,
    /// The token has expired: it can only be deleted.
    Expired,
}

/// Changes what can be changed of the token that was seen as `before`. The expiry never changes.
///
/// # Errors
/// [`Error::NotFound`], also for a token of another account; [`Error::Invalid`] where its level or its repositories
/// were changed meanwhile: whether this change widens was decided by what they were before.
pub async fn edit(
    tx: &mut Tx,
    account: &Account,
    before: &AccessToken,
    after: &TokenFields,
    now: Timestamp,
) -> Result<ChangeOutcome, Error> {
    if store::update(tx, account, before, after, now).await? == 1 {
        return Ok(ChangeOutcome::Done);
    }
    match find(tx, account, &before.id).await?.status(now) {
        TokenStatus::Expired => Ok(ChangeOutcome::Expired),
        _ => Err(Error::Invalid),
    }
}

/// Switches a token on or off.
///
/// # Errors
/// [`Error::NotFound`], also for a token of another account.
pub async fn switch(
    tx: &mut Tx,
    account: &Account,
    id: &str,
    is_active: bool,
    now: Timestamp,
) -> Result<ChangeOutcome, Error> {
    let rows = store::switch(tx, account, id, is_active, now).await?;
    outcome(tx, account, id, rows).await
}

/// The guarded UPDATE touched nothing where the token is expired or not there; this tells which.
async fn outcome(tx: &mut Tx, account: &Account, id: &str, rows: u64) -> Result<ChangeOutcome, Error> {
    if rows == 1 {
        return Ok(ChangeOutcome::Done);
    }
    find(tx, account, id).await.map(|_| ChangeOutcome::Expired)
}

/// Deletes a token for good and says which it was.
///
/// # Errors
/// [`Error::NotFound`], also for a token of another account.
pub async fn delete(tx: &mut Tx, account: &Account, id: &str, now: Timestamp) -> Result<Description, Error> {
    remove(tx, account, id, now).await?.ok_or(Error::NotFound)
}

/// The same; `None` where there is no such token.
///
/// # Errors
/// The database's.
pub async fn remove(tx: &mut Tx, account: &Account, id: &str, now: Timestamp) -> Result<Option<Description>, Error> {
    Ok(store::delete(tx, account, id, now).await?)
}

/// Makes everyone else who would generate a token for this account wait for this transaction.
///
/// # Errors
/// The database's.
pub async fn lock_account(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    store::lock_account(tx, account).await?;
    Ok(())
}

/// Stores a token that was generated elsewhere.
///
/// # Errors
/// The database's.
pub async fn insert(tx: &mut Tx, token: &AccessToken, secret: &SecretHash) -> Result<(), Error> {
    store::insert(tx, token, secret).await?;
    Ok(())
}

/// The auto-generated tokens of an account.
///
/// # Errors
/// The database's.
pub async fn auto_generated(connection: &mut impl Connection, account: &Account) -> Result<Vec<SlotToken>, Error> {
    Ok(store::auto_generated(connection, account).await?)
}

/// The tokens that the next sign-in on a device replaces, the one least recently used first: their ids and
/// descriptions. None while there is a free slot, and several where the operator lowered the slots.
///
/// # Errors
/// The database's.
pub async fn next_replaced(
    connection: &mut impl Connection,
    account: &Account,
    rules: DeviceRules,
    now: Timestamp,
) -> Result<Vec<(String, Description)>, Error> {
    let leaving = device_session::ending(store::auto_generated(connection, account).await?, rules, now);
    let replaced = leaving.into_iter().filter(|(_, over)| *over == EndReason::Replaced);
    Ok(replaced.map(|(held, _)| (held.token_id, held.description)).collect())
}

/// What fair use leaves an account.
///
/// # Errors
/// The database's.
pub async fn used(connection: &mut impl Connection, account: &Account, now: Timestamp) -> Result<QuotaUsage, Error> {
    Ok(store::used(connection, account, now).await?)
}

/// Several tokens of one account, found or not at all.
///
/// # Errors
/// [`Error::NotFound`] where one of them is not there or is another account's.
pub async fn find_all(
    connection: &mut impl Connection,
    account: &Account,
    ids: &[String],
) -> Result<Vec<AccessToken>, Error> {
    let mut tokens = Vec::with_capacity(ids.len());
    for id in ids {
        tokens.push(find(connection, account, id).await?);
    }
    Ok(tokens)
}

/// Deactivates several tokens; how many that changed. Expired ones stay as they are.
///
/// # Errors
/// [`Error::NotFound`] where one of them is not there or is another account's; then none is changed.
pub async fn deactivate_all(tx: &mut Tx, account: &Account, ids: &[String], now: Timestamp) -> Result<i64, Error> {
    let mut done = 0;
    for id in ids {
        if switch(tx, account, id, false, now).await? == ChangeOutcome::Done {
            done += 1;
        }
    }
    Ok(done)
}

/// Deletes several tokens for good; how many.
///
/// # Errors
/// [`Error::NotFound`] where one of them is not there or is another account's; then none is deleted.
pub async fn delete_all(tx: &mut Tx, account: &Account, ids: &[String], now: Timestamp) -> Result<i64, Error> {
    for id in ids {
        delete(tx, account, id, now).await?;
    }
    Ok(ids.len() as i64)
}

/// Deletes every token of an account that is being closed; how many.
///
/// # Errors
/// The database's.
pub async fn delete_of(tx: &mut Tx, account: &Account, now: Timestamp) -> Result<u64, Error> {
    Ok(store::delete_all(tx, account, now).await?)
}

/// Deletes what is kept of tokens for a while: tombstones, form keys, days of the chart, refusals.
pub async fn tidy(db: &Db, now: Timestamp) -> Result<(), Error> {
    let mut tx = db.write().await?;
    store::forget_deleted_before(&mut tx, now - TOMBSTONE_LIFE).await?;
    store::forget_form_keys_before(&mut tx, now - FORM_KEY_LIFE).await?;
    store::forget_creations_before(&mut tx, now - quota::HOUR).await?;
    usage::actions::tidy(&mut tx, now).await?;
    refusals::actions::tidy(&mut tx, now).await?;
    Ok(tx.commit().await?)
}
