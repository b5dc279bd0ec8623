//! What can be done with access tokens.

use dockpass_core::account::Account;
use dockpass_core::device_session::{self, DeviceRules, EndReason, SlotToken};
use dockpass_core::quota::{self, QuotaExceeded, QuotaUsage, TokenQuota};
use dockpass_core::secret::{Secret, SecretHash, SecretKind};
use dockpass_core::timestamp::Timestamp;
use dockpass_core::token::{AccessToken, Description, TokenFields, TokenSource, TokenStatus, TokenTemplate};
use time::Duration;

use super::{refusals, store, usage};
use crate::error::Error;
use crate::platform::database::{Connection, Db, Tx};
use crate::platform::rng::SystemRng;

/// How long before its expiry a token stands out in the list.
pub(super) const EXPIRES_SOON: Duration = Duration::days(7);
/// How long a deleted token is remembered, to tell clients that still use it.
pub(super) const TOMBSTONE_LIFE: Duration = Duration::days(90);
/// Longer than any form can be open, because sessions end before.
const FORM_KEY_LIFE: Duration = Duration::days(366);

/// A token to generate.
#[derive(Debug)]
pub struct NewToken {
    /// Description, level and repositories.
    pub fields: TokenFields,
    /// When it expires; `None` is never.
    pub expires_at: Option<Timestamp>,
}

/// The outcome of generating a token.
#[derive(Debug)]
pub enum GenerateOutcome {
    /// The token, and its secret, which is stored nowhere.
    Generated(Box<AccessToken>, Secret),
    /// The form was posted before.
    AlreadyGenerated,
    /// The account has reached a limit.
    QuotaExceeded(QuotaExceeded),
}

/// Generates a token within the account's quota, even if there are many requests at once.
pub async fn generate(
    tx: &mut Tx,
    account: &Account,
    new: NewToken,
    form_key: &str,
    quota: TokenQuota,
    now: Timestamp,
    rng: SystemRng,
) -> Result<GenerateOutcome, Error> {
    store::lock_account(tx, account).await?;
    if !store::spend_form_key(tx, &SecretHash::of(form_key), now).await? {
        return Ok(GenerateOutcome::AlreadyGenerated);
    }
    if let Some(exceeded) = quota.full(store::used(tx, account, now).await?, now) {
        return Ok(GenerateOutcome::QuotaExceeded(exceeded));
    }
    let secret = Secret::generate(SecretKind::PersonalAccess, &mut rng.generator());
    let token = AccessToken {
        id: rng.id(now),
        account_id: account.id.clone(),
        description: new.fields.description,
        hint: secret.hint(),
        level: new.fields.level,
        repository_filter: new.fields.repository_filter,
        is_active: true,
        source: TokenSource::Manual,
        created_at: now,
        expires_at: new.expires_at,
        last_used_at: None,
        last_use: None,
    };
    store::insert(tx, &token, &secret.hash()).await?;
    store::note_creation(tx, account, &token.id, now).await?;
    Ok(GenerateOutcome::Generated(Box::new(token), secret))
}

/// One token of an account.
///
/// # Errors
/// [`Error::NotFound`], even for a token of another account.
pub async fn find(connection: &mut impl Connection, account: &Account, id: &str) -> Result<AccessToken, Error> {
    store::find(connection, account, id).await?.ok_or(Error::NotFound)
}

/// What a new token takes over from this one, which may be deleted.
///
/// # Errors
/// [`Error::NotFound`], even for a token of another account.
pub async fn find_like(connection: &mut impl Connection, account: &Account, id: &str) -> Result<TokenTemplate, Error> {
    if let Some(token) = store::find(connection, account, id).await? {
        let AccessToken { description, level, repository_filter, created_at, expires_at, .. } = token;
        return Ok(TokenTemplate {
            fields: TokenFields { description, level, repository_filter },
            created_at,
            expires_at,
        });
    }
    store::find_like(connection, account, id).await?.ok_or(Error::NotFound)
}

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// It counts from the next token request on.
    Done,
    /// The token expired: it can only be deleted.
    Expired,
}

/// Changes the fields of a token. `before` is the token on which the caller decided whether the change widens access.
///
/// # Errors
/// [`Error::NotFound`], even for a token of another account; [`Error::Invalid`] if its level or repositories
/// changed meanwhile, because the caller decided on the old ones.
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

/// Activates or deactivates a token.
///
/// # Errors
/// [`Error::NotFound`], even for a token of another account.
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

/// If the guarded UPDATE changed nothing, the token is expired or does not exist.
async fn outcome(tx: &mut Tx, account: &Account, id: &str, rows: u64) -> Result<ChangeOutcome, Error> {
    if rows == 1 {
        return Ok(ChangeOutcome::Done);
    }
    find(tx, account, id).await.map(|_| ChangeOutcome::Expired)
}

/// Deletes a token for good; returns its description.
///
/// # Errors
/// [`Error::NotFound`], even for a token of another account.
pub async fn delete(tx: &mut Tx, account: &Account, id: &str, now: Timestamp) -> Result<Description, Error> {
    remove(tx, account, id, now).await?.ok_or(Error::NotFound)
}

/// The same; `None` if there is no such token.
pub async fn remove(tx: &mut Tx, account: &Account, id: &str, now: Timestamp) -> Result<Option<Description>, Error> {
    Ok(store::delete(tx, account, id, now).await?)
}

/// Makes other transactions that create a token for this account wait for this one.
pub async fn lock_account(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    store::lock_account(tx, account).await?;
    Ok(())
}

/// Stores a token that another feature generated.
pub async fn insert(tx: &mut Tx, token: &AccessToken, secret: &SecretHash) -> Result<(), Error> {
    store::insert(tx, token, secret).await?;
    Ok(())
}

/// The auto-generated tokens of an account.
pub async fn auto_generated(connection: &mut impl Connection, account: &Account) -> Result<Vec<SlotToken>, Error> {
    Ok(store::auto_generated(connection, account).await?)
}

/// The ids and descriptions of the tokens that the next sign-in on a device replaces, the least recently used first.
/// None if there is a free slot, several if the operator lowered the number of slots.
pub async fn next_replaced(
    connection: &mut impl Connection,
    account: &Account,
    rules: DeviceRules,
    now: Timestamp,
) -> Result<Vec<(String, Description)>, Error> {
    let leaving = device_session::tokens_to_end(store::auto_generated(connection, account).await?, rules, now);
    let replaced = leaving.into_iter().filter(|(_, over)| *over == EndReason::Replaced);
    Ok(replaced.map(|(token, _)| (token.token_id, token.description)).collect())
}

/// How much of its quota an account uses.
pub async fn used(connection: &mut impl Connection, account: &Account, now: Timestamp) -> Result<QuotaUsage, Error> {
    Ok(store::used(connection, account, now).await?)
}

/// Several tokens of one account: all or none.
///
/// # Errors
/// [`Error::NotFound`] if one of them does not exist or is another account's.
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

/// Deactivates several tokens; returns how many. Expired ones do not change.
///
/// # Errors
/// [`Error::NotFound`] if one of them does not exist or is another account's; then none is changed.
pub async fn deactivate_all(tx: &mut Tx, account: &Account, ids: &[String], now: Timestamp) -> Result<i64, Error> {
    let mut done = 0;
    for id in ids {
        if switch(tx, account, id, false, now).await? == ChangeOutcome::Done {
            done += 1;
        }
    }
    Ok(done)
}

/// Deletes several tokens for good; returns how many.
///
/// # Errors
/// [`Error::NotFound`] if one of them does not exist or is another account's; then none is deleted.
pub async fn delete_all(tx: &mut Tx, account: &Account, ids: &[String], now: Timestamp) -> Result<i64, Error> {
    for id in ids {
        delete(tx, account, id, now).await?;
    }
    Ok(ids.len() as i64)
}

/// Deletes all tokens of an account that is closed; returns how many.
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
