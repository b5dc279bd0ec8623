//! Who asks for a registry token, and what the token says.

use std::net::IpAddr;

use crate::{
    accounts::{
        self,
        actions::{Purpose, Verified},
        throttle::{Attempt, Source, Verdict},
    },
    core::{
        device_session::Rules,
        level::Level,
        moment::Moment,
        password::Password,
        permission::{self, Facts, Grant, Holder},
        refusal::Refusal,
        repository::{Reach, RepositoryName},
        scope::Scope,
        secret::{self, SecretHash},
        username::as_typed,
    },
    error::Error,
    platform::{
        db::Db,
        hasher::Hasher,
        limits::Limits,
        signer::{Access, Claims},
    },
    repositories::actions::facts,
    tokens::present::actions::{Known, present},
};

/// A registry token lives this long, in seconds.
pub const TOKEN_LIFE_SECONDS: i64 = 300;
/// Registries whose clocks are behind must accept a fresh token.
const BACKDATED_SECONDS: i64 = 60;

/// Someone who may ask.
#[derive(Debug)]
pub struct Caller {
    /// The account.
    pub account_id: String,
    /// The account's name.
    pub username: String,
    /// Whether it is an administrator.
    pub is_admin: bool,
    /// What the token allows; a password allows everything.
    pub level: Level,
    /// The repositories that the token is limited to.
    pub reach: Reach,
    /// The token that was used; `None` for a password.
    pub token: Option<Known>,
    /// What is known of the repositories that were asked for.
    pub facts: Vec<Facts>,
}

impl Caller {
    /// As the rules see it.
    pub fn holder(&self) -> Holder<'_> {
        Holder { username: &self.username, is_admin: self.is_admin, level: self.level, reach: &self.reach }
    }
}

/// Why there is no caller, and whose log says so.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// Who is concerned.
    pub concerns: Concern,
}

/// Whose log a refusal stands in.
#[derive(Debug)]
pub enum Concern {
    /// Nobody's: a secret that is no token, a name that is no account.
    Nobody,
    /// This account's, whose password was wrong.
    Account(String),
    /// The owner's of this token.
    Token(Known),
}

/// What is needed to tell whose name and secret these are.
#[derive(Debug)]
pub struct Gate<'a> {
    /// The database.
    pub db: &'a Db,
    /// The slow hash.
    pub hasher: &'a Hasher,
    /// What is kept in memory of failures.
    pub limits: &'a Limits,
    /// Whether the operator requires two-factor authentication.
    pub requires_second_factor: bool,
    /// What the operator allows devices.
    pub devices: Rules,
    /// From where.
    pub address: IpAddr,
    /// When.
    pub now: Moment,
}

impl Gate<'_> {
    /// Whose name and secret these are. What begins like a token is looked up by its hash: it never reaches argon2 and
    /// is never throttled, whatever its address did. Everything else is compared as a password, at the same cost
    /// whatever the answer.
    ///
    /// # Errors
    /// [`Error::TooMany`] for a source that failed too often; the database's; too many passwords at once. A refusal is
    /// no error.
    pub async fn authenticate(
        &self,
        username: &str,
        secret: &str,
        asked: &[RepositoryName],
    ) -> Result<Result<Caller, Refused>, Error> {
        if secret::has_token_prefix(secret) {
            let presented = present(self.db, &as_typed(username), secret, asked, self.devices, self.now).await?;
            return Ok(match presented {
                Ok(token) => Ok(Caller {
                    token: Some(Known {
                        token_id: Some(token.token_id),
                        account_id: token.account_id.clone(),
                        description: token.description,
                    }),
                    account_id: token.account_id,
                    username: token.username,
                    is_admin: token.is_admin,
                    level: token.level,
                    reach: token.reach,
                    facts: token.facts,
                }),
                Err(refused) => Err(Refused {
                    refusal: refused.refusal,
                    concerns: refused.token.map_or(Concern::Nobody, Concern::Token),
                }),
            });
        }
        let attempt = Attempt::new(username, None, &Source { address: self.address, browser: None });
        attempt.allowed(self.db, self.limits, self.now).await?;
        let id = accounts::actions::id_of(&mut self.db.read().await?, username).await?;
        let purpose = Purpose::Registry { requires_second_factor: self.requires_second_factor };
        let password = Password::typed(secret);
        let account = accounts::actions::check_password(self.db, self.hasher, username, password, purpose).await?;
        match account {
            Some(Verified { account, .. }) => {
                attempt.settle(self.db, self.limits, Verdict::Right, self.now).await?;
                Ok(Ok(Caller {
                    facts: facts(&mut self.db.read().await?, Some(&account.id), asked).await?,
                    account_id: account.id,
                    username: account.username.to_string(),
                    is_admin: account.is_admin,
                    level: Level::Admin,
                    reach: Reach::All,
                    token: None,
                }))
            }
            None => {
                let same = SecretHash::of(&format!("{username}\n{secret}\n{}", self.address));
                if self.limits.is_new_failure(same, self.now) {
                    attempt.settle(self.db, self.limits, Verdict::Wrong, self.now).await?;
                }
                Ok(Err(Refused { refusal: Refusal::Failed, concerns: id.map_or(Concern::Nobody, Concern::Account) }))
            }
        }
    }
}

/// What a token says, beside what it opens.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// The `iss`.
    pub issuer: &'a str,
    /// The `aud`.
    pub service: &'a str,
    /// The `jti`.
    pub id: String,
    /// When it is made.
    pub now: Moment,
}

/// The claims of a token for `caller` that opens what was granted.
pub fn claims(caller: Option<&Caller>, granted: Vec<Grant>, envelope: Envelope<'_>) -> Claims {
    let now = envelope.now.seconds();
    Claims {
        iss: envelope.issuer.to_owned(),
        sub: caller.map_or_else(String::new, |caller| caller.username.clone()),
        aud: envelope.service.to_owned(),
        exp: now + TOKEN_LIFE_SECONDS,
        nbf: now - BACKDATED_SECONDS,
        iat: now,
        jti: envelope.id,
        access: granted.into_iter().map(access).collect(),
    }
}

/// The refusal of a request that asks to push and may push nowhere, with whom it concerns.
pub fn refused_push(caller: &Caller, asked: &[Scope]) -> Option<Refused> {
    let refused = permission::refused_push(asked, &caller.holder(), &caller.facts)?;
    Some(Refused {
        refusal: Refusal::of_push(refused, &caller.username),
        concerns: caller.token.clone().map_or(Concern::Nobody, Concern::Token),
    })
}

fn access(grant: Grant) -> Access {
    let actions = grant.actions.into_iter().map(str::to_owned).collect();
    Access { kind: grant.kind, name: grant.name, actions }
}
