//! Whether a presented token works: the hot path.

use super::store::{self, ASKED_AT_ONCE, Presented};
use crate::{
    core::{
        level::Level,
        moment::Moment,
        permission::Facts,
        refusal::Refusal,
        repository::{Reach, RepositoryName},
        secret::{Kind, Secret},
        token::{Description, Status},
    },
    error::Error,
    platform::db::Db,
    repositories,
    tokens::{actions::TOMBSTONE_LIFE, generated},
};

/// A token that is known, whether it works or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its id. Of tokens that were deleted long ago none was kept.
    pub token_id: Option<String>,
    /// Its owner's account.
    pub account_id: String,
    /// What it is for.
    pub description: Description,
}

/// A presented token that does not work, and which it is, if it is anyone's.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// Which.
    pub token: Option<Known>,
}

/// A token that was presented and works.
#[derive(Debug)]
pub struct Accepted {
    /// Which.
    pub token_id: String,
    /// Its owner's account.
    pub account_id: String,
    /// What it is for.
    pub description: Description,
    /// Its owner's name.
    pub username: String,
    /// Whether its owner is an administrator.
    pub is_admin: bool,
    /// What it may do.
    pub level: Level,
    /// With which repositories.
    pub reach: Reach,
    /// What is known of those that were asked for.
    pub facts: Vec<Facts>,
}

/// Whether a presented secret works under the name it came with, and if not, why. One joined read where it is a
/// token's and asks for no more repositories than clients do; only a secret that is none is looked for among the
/// deleted.
///
/// # Errors
/// The database's.
pub async fn present(
    db: &Db,
    username: &str,
    secret: &str,
    asked: &[RepositoryName],
    now: Moment,
) -> Result<Result<Accepted, Refused>, Error> {
    let (hash, is_device) = match Secret::parse(secret) {
        // A device's refresh token renews that device's own token and opens nothing by itself.
        Ok(secret) if secret.kind() != Kind::Refresh => (secret.hash(), secret.kind() == Kind::Device),
        _ => return Ok(Err(Refused { refusal: Refusal::Failed, token: None })),
    };
    let mut reader = db.read().await?;
    let mut found = store::find_presented(&mut reader, &hash, asked).await?;
    if found.is_none() && is_device {
        // A refresh replaced it a moment ago: whoever holds the old secret finishes what it began.
        if let Some(successor) = generated::store::successor_of(&mut reader, &hash, now).await? {
            found = store::find_presented(&mut reader, &successor, asked).await?;
        }
    }
    let Some(token) = found else {
        let deleted = store::find_deleted(&mut reader, &hash).await?;
        let Some(deleted) = deleted.filter(|deleted| deleted.deleted_at >= now - TOMBSTONE_LIFE) else {
            return Ok(Err(Refused { refusal: Refusal::Failed, token: None }));
        };
        let description = deleted.description;
        let refusal = if deleted.username.as_str() == username {
            Refusal::Deleted(description.clone(), deleted.deleted_at)
        } else {
            Refusal::WrongUser(description.clone())
        };
        let token = Some(Known { token_id: deleted.token_id, account_id: deleted.account_id, description });
        return Ok(Err(Refused { refusal, token }));
    };
    match judge(token, username, now) {
        Err(refused) => Ok(Err(refused)),
        Ok(mut accepted) => {
            if let Some(more) = asked.get(ASKED_AT_ONCE..) {
                let account_id = Some(accepted.account_id.as_str());
                accepted.facts.extend(repositories::actions::facts(&mut reader, account_id, more).await?);
            }
            Ok(Ok(accepted))
        }
    }
}

fn judge(token: Presented, username: &str, now: Moment) -> Result<Accepted, Refused> {
    let description = token.description.clone();
    let refusal = if token.username.as_str() != username {
        Refusal::WrongUser(description)
    } else if token.account_is_disabled {
        Refusal::AccountDisabled
    } else {
        match (Status::at(now, token.is_active, token.expires_at), token.expires_at) {
            (Status::Active, _) => {
                return Ok(Accepted {
                    token_id: token.id,
                    account_id: token.account_id,
                    description,
                    username: token.username.as_str().to_owned(),
                    is_admin: token.is_admin,
                    level: token.level,
                    reach: token.reach,
                    facts: token.facts,
                });
            }
            (Status::Expired, Some(end)) => Refusal::Expired(description, end),
            (Status::Expired | Status::Inactive, _) => Refusal::Inactive(description),
        }
    };
    let known = Known { token_id: Some(token.id), account_id: token.account_id, description: token.description };
    Err(Refused { refusal, token: Some(known) })
}
