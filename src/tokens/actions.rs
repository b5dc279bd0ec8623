//! What can be done with access tokens.

use time::Duration;

use super::{
    generated,
    store::{self, Presented},
};
use crate::{
    core::{
        account::Account,
        level::Level,
        moment::Moment,
        quota::{self, Full, Limits, Used},
        refusal::Refusal,
        secret::{Kind, Secret, SecretHash},
        token::{AccessToken, Description, Source, Status},
    },
    error::Error,
    platform::{
        db::{Connection, Db, Tx},
        entropy::Entropy,
    },
};

/// A deleted token is remembered this long, to tell whoever still uses it.
const TOMBSTONE_LIFE: Duration = Duration::days(90);
/// No form lives longer: browser sessions end before.
const FORM_KEY_LIFE: Duration = Duration::days(366);

/// What a person asks for in the form.
#[derive(Debug)]
pub struct NewToken {
    /// What it is for.
    pub description: Description,
    /// What it may do.
    pub level: Level,
    /// When it ends; `None` is never.
    pub expires_at: Option<Moment>,
}

/// What became of a request for a new token.
#[derive(Debug)]
pub enum Generated {
    /// It exists. The secret leaves here once and is kept nowhere.
    Made(Box<AccessToken>, Secret),
    /// The form's key was spent before.
    AlreadyCreated,
    /// Fair use.
    Full(Full),
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
    limits: Limits,
    now: Moment,
    entropy: Entropy,
) -> Result<Generated, Error> {
    store::lock_account(tx, account).await?;
    if !store::spend_form_key(tx, &SecretHash::of(form_key), now).await? {
        return Ok(Generated::AlreadyCreated);
    }
    if let Some(full) = limits.full(store::used(tx, account, now).await?, now) {
        return Ok(Generated::Full(full));
    }
    let secret = Secret::generate(Kind::PersonalAccess, &mut entropy.rng());
    let token = AccessToken {
        id: entropy.id(now),
        account_id: account.id.clone(),
        description: new.description,
        hint: secret.hint(),
        level: new.level,
        is_active: true,
        source: Source::Manual,
        created_at: now,
        expires_at: new.expires_at,
        last_used_at: None,
    };
    store::insert(tx, &token, &secret.hash()).await?;
    store::note_creation(tx, account, &token.id, now).await?;
    Ok(Generated::Made(Box::new(token), secret))
}

/// One token of an account.
///
/// # Errors
/// [`Error::NotFound`], also for a token of another account.
pub async fn find(connection: &mut impl Connection, account: &Account, id: &str) -> Result<AccessToken, Error> {
    store::find(connection, account, id).await?.ok_or(Error::NotFound)
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It holds from the next token request on.
    Done,
    /// The token has expired: it can only be deleted.
    Expired,
}

/// Changes description and level of the token that was seen as `before`. The expiry never changes.
///
/// # Errors
/// [`Error::NotFound`], also for a token of another account; [`Error::Invalid`] where its level was changed meanwhile:
/// whether this change widens was decided by the level before.
pub async fn edit(
    tx: &mut Tx,
    account: &Account,
    before: &AccessToken,
    description: &Description,
    level: Level,
    now: Moment,
) -> Result<Outcome, Error> {
    if store::update(tx, account, before, description, level, now).await? == 1 {
        return Ok(Outcome::Done);
    }
    match find(tx, account, &before.id).await?.status(now) {
        Status::Expired => Ok(Outcome::Expired),
        _ => Err(Error::Invalid),
    }
}

/// Switches a token on or off.
///
/// # Errors
/// [`Error::NotFound`], also for a token of another account.
pub async fn switch(tx: &mut Tx, account: &Account, id: &str, is_active: bool, now: Moment) -> Result<Outcome, Error> {
    let rows = store::switch(tx, account, id, is_active, now).await?;
    outcome(tx, account, id, rows).await
}

/// The guarded UPDATE touched nothing where the token is expired or not there; this tells which.
async fn outcome(tx: &mut Tx, account: &Account, id: &str, rows: u64) -> Result<Outcome, Error> {
    if rows == 1 {
        return Ok(Outcome::Done);
    }
    find(tx, account, id).await.map(|_| Outcome::Expired)
}

/// Deletes a token for good and says which it was.
///
/// # Errors
/// [`Error::NotFound`], also for a token of another account.
pub async fn delete(tx: &mut Tx, account: &Account, id: &str, now: Moment) -> Result<Description, Error> {
    store::delete(tx, account, id, now).await?.ok_or(Error::NotFound)
}

/// What fair use leaves an account.
///
/// # Errors
/// The database's.
pub async fn used(connection: &mut impl Connection, account: &Account, now: Moment) -> Result<Used, Error> {
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
pub async fn deactivate_all(tx: &mut Tx, account: &Account, ids: &[String], now: Moment) -> Result<i64, Error> {
    let mut done = 0;
    for id in ids {
        if switch(tx, account, id, false, now).await? == Outcome::Done {
            done += 1;
        }
    }
    Ok(done)
}

/// Deletes several tokens for good; how many.
///
/// # Errors
/// [`Error::NotFound`] where one of them is not there or is another account's; then none is deleted.
pub async fn delete_all(tx: &mut Tx, account: &Account, ids: &[String], now: Moment) -> Result<i64, Error> {
    for id in ids {
        delete(tx, account, id, now).await?;
    }
    Ok(ids.len() as i64)
}

/// Deletes every token of an account that is being closed; how many.
///
/// # Errors
/// The database's.
pub async fn delete_of(tx: &mut Tx, account: &Account, now: Moment) -> Result<u64, Error> {
    Ok(store::delete_all(tx, account, now).await?)
}

/// A presented token that does not work, and whose it is, if it is anyone's.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// The owner's account, and the token's description.
    pub owner: Option<(String, String)>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, owner: None }
    }
}

/// A token that was presented and works.
#[derive(Debug)]
pub struct Accepted {
    /// The token.
    pub token_id: String,
    /// Its owner's name.
    pub username: String,
    /// What it may do.
    pub level: Level,
}

/// Whether a presented secret works under the name it came with, and if not, why. One joined read where it is a
/// token's; only a secret that is none is looked for among the deleted.
///
/// # Errors
/// The database's.
pub async fn present(db: &Db, username: &str, secret: &str, now: Moment) -> Result<Result<Accepted, Refused>, Error> {
    let (hash, is_device) = match Secret::parse(secret) {
        // A device's refresh token renews that device's own token and opens nothing by itself.
        Ok(secret) if secret.kind() != Kind::Refresh => (secret.hash(), secret.kind() == Kind::Device),
        _ => return Ok(Err(Refusal::Failed.into())),
    };
    let mut reader = db.read().await?;
    let mut found = store::find_presented(&mut reader, &hash).await?;
    if found.is_none() && is_device {
        // A refresh replaced it a moment ago: whoever holds the old secret finishes what it began.
        if let Some(successor) = generated::store::successor_of(&mut reader, &hash, now).await? {
            found = store::find_presented(&mut reader, &successor).await?;
        }
    }
    let Some(token) = found else {
        let deleted = store::find_deleted(&mut reader, &hash).await?;
        let Some(deleted) = deleted.filter(|deleted| deleted.deleted_at >= now - TOMBSTONE_LIFE) else {
            return Ok(Err(Refusal::Failed.into()));
        };
        let description = deleted.description;
        let owner = Some((deleted.account_id, description.to_string()));
        let refusal = if deleted.username.as_str() == username {
            Refusal::Deleted(description, deleted.deleted_at)
        } else {
            Refusal::WrongUser(description)
        };
        return Ok(Err(Refused { refusal, owner }));
    };
    let owner = Some((token.account_id.clone(), token.description.to_string()));
    Ok(judge(token, username, now).map_err(|refusal| Refused { refusal, owner }))
}

fn judge(token: Presented, username: &str, now: Moment) -> Result<Accepted, Refusal> {
    if token.username.as_str() != username {
        return Err(Refusal::WrongUser(token.description));
    }
    if token.account_is_disabled {
        return Err(Refusal::AccountDisabled);
    }
    match (Status::at(now, token.is_active, token.expires_at), token.expires_at) {
        (Status::Active, _) => {
            Ok(Accepted { token_id: token.id, username: token.username.as_str().to_owned(), level: token.level })
        }
        (Status::Expired, Some(end)) => Err(Refusal::Expired(token.description, end)),
        (Status::Expired | Status::Inactive, _) => Err(Refusal::Inactive(token.description)),
    }
}

/// Forgets tombstones and form keys whose time is over.
///
/// # Errors
/// The database's.
pub async fn forget_old(tx: &mut Tx, now: Moment) -> Result<(), Error> {
    store::forget_deleted_before(tx, now - TOMBSTONE_LIFE).await?;
    store::forget_form_keys_before(tx, now - FORM_KEY_LIFE).await?;
    store::forget_creations_before(tx, now - quota::HOUR).await?;
    Ok(())
}
