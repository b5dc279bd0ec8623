//! What can be done with access tokens.

use time::Duration;

use super::store;
use crate::{
    core::{
        account::Account,
        level::Level,
        moment::Moment,
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

/// Makes a token; `None` where the form's key was spent before. The secret leaves this function once and is kept
/// nowhere.
///
/// # Errors
/// The database's.
pub async fn generate(
    tx: &mut Tx,
    account: &Account,
    new: NewToken,
    form_key: &str,
    now: Moment,
    entropy: Entropy,
) -> Result<Option<(AccessToken, Secret)>, Error> {
    if !store::spend_form_key(tx, &SecretHash::of(form_key), now).await? {
        return Ok(None);
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
    Ok(Some((token, secret)))
}

/// All tokens of an account, newest first.
///
/// # Errors
/// The database's.
pub async fn list(connection: &mut impl Connection, account: &Account) -> Result<Vec<AccessToken>, Error> {
    Ok(store::list(connection, account).await?)
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

/// Changes description and level. The expiry never changes.
///
/// # Errors
/// [`Error::NotFound`], also for a token of another account.
pub async fn edit(
    tx: &mut Tx,
    account: &Account,
    id: &str,
    description: &Description,
    level: Level,
    now: Moment,
) -> Result<Outcome, Error> {
    let rows = store::update(tx, account, id, description, level, now).await?;
    outcome(tx, account, id, rows).await
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
pub async fn present(db: &Db, username: &str, secret: &str, now: Moment) -> Result<Result<Accepted, Refusal>, Error> {
    let hash = match Secret::parse(secret) {
        // A device's refresh token renews that device's own token and opens nothing by itself.
        Ok(secret) if secret.kind() != Kind::Refresh => secret.hash(),
        _ => return Ok(Err(Refusal::Failed)),
    };
    let mut reader = db.read().await?;
    let Some(token) = store::find_presented(&mut reader, &hash).await? else {
        let deleted = store::find_deleted(&mut reader, &hash).await?;
        return Ok(Err(match deleted.filter(|(_, _, at)| *at >= now - TOMBSTONE_LIFE) {
            Some((owner, description, _)) if owner.as_str() != username => Refusal::WrongUser(description),
            Some((_, description, at)) => Refusal::Deleted(description, at),
            None => Refusal::Failed,
        }));
    };
    if token.username.as_str() != username {
        return Ok(Err(Refusal::WrongUser(token.description)));
    }
    if token.account_is_disabled {
        return Ok(Err(Refusal::AccountDisabled));
    }
    Ok(match (Status::at(now, token.is_active, token.expires_at), token.expires_at) {
        (Status::Active, _) => {
            Ok(Accepted { token_id: token.id, username: token.username.as_str().to_owned(), level: token.level })
        }
        (Status::Expired, Some(end)) => Err(Refusal::Expired(token.description, end)),
        (Status::Expired | Status::Inactive, _) => Err(Refusal::Inactive(token.description)),
    })
}

/// Forgets tombstones and form keys whose time is over.
///
/// # Errors
/// The database's.
pub async fn forget_old(tx: &mut Tx, now: Moment) -> Result<(), Error> {
    store::forget_deleted_before(tx, now - TOMBSTONE_LIFE).await?;
    store::forget_form_keys_before(tx, now - FORM_KEY_LIFE).await?;
    Ok(())
}
