//! Who asks for a registry token, and what the token says.

use std::net::IpAddr;

use dockpass_core::{
    access_level::AccessLevel,
    device_session::DeviceRules,
    grants::{self, GrantedScope},
    password::Password,
    permission::{Principal, RepositoryFacts},
    refusal::Refusal,
    repository::{RepositoryFilter, RepositoryName},
    scope::Scope,
    secret::{self, SecretHash},
    timestamp::Timestamp,
    username::as_typed,
};

use crate::{
    accounts::{
        self,
        actions::{PasswordPurpose, VerifiedPassword},
    },
    auth::throttle::{AttemptSource, SignInAttempt, SignInVerdict},
    error::Error,
    platform::{
        database::Db,
        jwt::{Access, Claims},
        password_hasher::PasswordHasher,
        rate_limits::RateLimits,
    },
    repositories::actions::facts,
    tokens::authenticate::actions::{KnownToken, authenticate},
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
    pub level: AccessLevel,
    /// The repositories that the token is limited to.
    pub reach: RepositoryFilter,
    /// The token that was used; `None` for a password.
    pub token: Option<KnownToken>,
    /// What is known of the repositories that were asked for.
    pub facts: Vec<RepositoryFacts>,
}

impl Caller {
    /// As the rules see it.
    pub fn holder(&self) -> Principal<'_> {
        Principal {
            username: &self.username,
            is_admin: self.is_admin,
            level: self.level,
            repository_filter: &self.reach,
        }
    }
}

/// Why there is no caller, and whose log says so.
#[derive(Debug)]
pub struct RefusedRequest {
    /// Why.
    pub refusal: Refusal,
    /// Who is concerned.
    pub concerns: Subject,
}

/// Whose log a refusal stands in.
#[derive(Debug)]
pub enum Subject {
    /// Nobody's: a secret that is no token, a name that is no account.
    Nobody,
    /// This account's, whose password was wrong.
    Account(String),
    /// The owner's of this token.
    Token(KnownToken),
}

/// What is needed to tell whose name and secret these are.
#[derive(Debug)]
pub struct Authenticator<'a> {
    /// The database.
    pub db: &'a Db,
    /// The slow hash.
    pub hasher: &'a PasswordHasher,
    /// What is kept in memory of failures.
    pub limits: &'a RateLimits,
    /// Whether the operator requires two-factor authentication.
    pub requires_second_factor: bool,
    /// What the operator allows devices.
    pub devices: DeviceRules,
    /// From where.
    pub address: IpAddr,
    /// When.
    pub now: Timestamp,
}

impl Authenticator<'_> {
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
    ) -> Result<Result<Caller, RefusedRequest>, Error> {
        if secret::has_token_prefix(secret) {
            let presented = authenticate(self.db, &as_typed(username), secret, asked, self.devices, self.now).await?;
            return Ok(match presented {
                Ok(token) => Ok(Caller {
                    token: Some(KnownToken {
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
                Err(refused) => Err(RefusedRequest {
                    refusal: refused.refusal,
                    concerns: refused.token.map_or(Subject::Nobody, Subject::Token),
                }),
            });
        }
        let attempt = SignInAttempt::new(username, None, &AttemptSource { address: self.address, browser: None });
        attempt.allowed(self.db, self.limits, self.now).await?;
        let id = accounts::actions::id_of(&mut self.db.read().await?, username).await?;
        let purpose = PasswordPurpose::Registry { requires_second_factor: self.requires_second_factor };
        let password = Password::typed(secret);
        let account = accounts::actions::check_password(self.db, self.hasher, username, password, purpose).await?;
        match account {
            Some(VerifiedPassword { account, .. }) => {
                attempt.settle(self.db, self.limits, SignInVerdict::Right, self.now).await?;
                Ok(Ok(Caller {
                    facts: facts(&mut self.db.read().await?, Some(&account.id), asked).await?,
                    account_id: account.id,
                    username: account.username.to_string(),
                    is_admin: account.is_admin,
                    level: AccessLevel::Admin,
                    reach: RepositoryFilter::All,
                    token: None,
                }))
            }
            None => {
                let same = SecretHash::of(&format!("{username}\n{secret}\n{}", self.address));
                if self.limits.is_new_failure(same, self.now) {
                    attempt.settle(self.db, self.limits, SignInVerdict::Wrong, self.now).await?;
                }
                Ok(Err(RefusedRequest {
                    refusal: Refusal::Failed,
                    concerns: id.map_or(Subject::Nobody, Subject::Account),
                }))
            }
        }
    }
}

/// What a token says, beside what it opens.
#[derive(Debug)]
pub struct TokenEnvelope<'a> {
    /// The `iss`.
    pub issuer: &'a str,
    /// The `aud`.
    pub service: &'a str,
    /// The `jti`.
    pub id: String,
    /// When it is made.
    pub now: Timestamp,
}

/// The claims of a token for `caller` that opens what was granted.
pub fn claims(caller: Option<&Caller>, granted: Vec<GrantedScope>, envelope: TokenEnvelope<'_>) -> Claims {
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
pub fn refused_push(caller: &Caller, asked: &[Scope]) -> Option<RefusedRequest> {
    let refused = grants::refused_push(asked, &caller.holder(), &caller.facts)?;
    Some(RefusedRequest {
        refusal: Refusal::of_push(refused, &caller.username),
        concerns: caller.token.clone().map_or(Subject::Nobody, Subject::Token),
    })
}

fn access(grant: GrantedScope) -> Access {
    let actions = grant.actions.into_iter().map(str::to_owned).collect();
    Access { kind: grant.kind, name: grant.name, actions }
}
