//! What can be done with access tokens.

use dockpass_core::account::Account;
use dockpass_core::device_session::{self, DeviceRules, EndReason};
use dockpass_core::quota::{self, QuotaExceeded, TokenQuota};
use dockpass_core::secret::{Secret, SecretHash, SecretKind};
use dockpass_core::timestamp::Timestamp;
use dockpass_core::token::{AccessToken, Description, TokenFields, TokenSource, TokenStatus, TokenTemplate};
use time::Duration;

pub use super::store::{
    auto_generated, delete as remove, delete_all as delete_of, find as look_up, insert, lock_account, used,
};
use super::{refusals, store, usage};
use crate::accounts::actions as accounts;
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
    pub fields: TokenFields,
    pub expires_at: Option<Timestamp>,
}

#[derive(Debug)]
pub enum GenerateOutcome {
    /// The token, and its secret, which is stored nowhere.
    Generated(Box<AccessToken>, Secret),
    /// The form was posted before.
    AlreadyGenerated,
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
    accounts::lock_unchanged(tx, account).await?;
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

/// One token of an account; [`Error::NotFound`] for a token of another account, here and below.
pub async fn find(connection: &mut impl Connection, account: &Account, id: &str) -> Result<AccessToken, Error> {
    store::find(connection, account, id).await?.ok_or(Error::NotFound)
}

/// The description of a token that the account deleted, as long as it is remembered.
pub async fn find_deleted(
    connection: &mut impl Connection,
    account: &Account,
    id: &str,
) -> Result<Option<Description>, Error> {
    Ok(store::find_like(connection, account, id).await?.map(|deleted| deleted.fields.description))
}

/// What a new token takes over from this one, which may be deleted.
pub async fn find_like(connection: &mut impl Connection, account: &Account, id: &str) -> Result<TokenTemplate, Error> {
    if let Some(token) = store::find(connection, account, id).await? {
        let AccessToken { description, level, repository_filter, created_at, expires_at, .. } = token;
        let fields = TokenFields { description, level, repository_filter };
        return Ok(TokenTemplate { fields, created_at, expires_at });
    }
    store::find_like(connection, account, id).await?.ok_or(Error::NotFound)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// It counts from the next token request on.
    Done,
    /// The token expired: it can only be deleted.
    Expired,
}

/// Changes the fields of a token. `before` is the token on which the caller decided whether the change widens access.
/// [`Error::Invalid`] if its level or repositories changed meanwhile, because the caller decided on the old ones.
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
pub async fn switch(
    tx: &mut Tx,
    account: &Account,
    id: &str,
    is_active: bool,
    now: Timestamp,
) -> Result<ChangeOutcome, Error> {
    if store::switch(tx, account, id, is_active, now).await? == 1 {
        return Ok(ChangeOutcome::Done);
    }
    // The token is expired or does not exist.
    find(tx, account, id).await.map(|_| ChangeOutcome::Expired)
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

/// The days in which active tokens expire, for the metrics: each after its first number and until its second.
const EXPIRY_DAYS: [(&str, i64, i64); 5] =
    [("0-1", 0, 1), ("1-7", 1, 7), ("7-30", 7, 30), ("30-90", 30, 90), ("90+", 90, i64::MAX)];

/// The number of all tokens, by their source.
#[derive(Debug, Default)]
pub struct TokenCounts {
    pub by_status: Vec<(TokenSource, TokenStatus, i64)>,
    /// Active tokens, by the days until they expire.
    pub active: Vec<(TokenSource, &'static str, i64)>,
}

/// Counts all tokens in short reads of one index, so that nothing waits for it, however many there are.
pub async fn count_all(db: &Db, now: Timestamp) -> Result<TokenCounts, Error> {
    let mut reader = db.read().await?;
    let mut counts = TokenCounts::default();
    let (always, never) = (Timestamp::from_millis(i64::MIN), Timestamp::NEVER);
    for source in TokenSource::ALL {
        let mut active = 0;
        for (days, first, last) in EXPIRY_DAYS {
            let until = if last == i64::MAX { never } else { now + Duration::days(last) };
            let count = store::count_expiring(&mut reader, source, true, now + Duration::days(first), until).await?;
            counts.active.push((source, days, count));
            active += count;
        }
        let never_expiring = store::count_never_expiring(&mut reader, source, true).await?;
        counts.active.push((source, "never", never_expiring));
        let inactive = store::count_never_expiring(&mut reader, source, false).await?
            + store::count_expiring(&mut reader, source, false, now, never).await?;
        let expired = store::count_expiring(&mut reader, source, true, always, now).await?
            + store::count_expiring(&mut reader, source, false, always, now).await?;
        counts.by_status.extend([
            (source, TokenStatus::Active, active + never_expiring),
            (source, TokenStatus::Inactive, inactive),
            (source, TokenStatus::Expired, expired),
        ]);
    }
    Ok(counts)
}
