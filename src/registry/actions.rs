//! Who asks for a registry token, what is granted, and what the token says.

use std::net::IpAddr;

use dockpass_core::access_level::AccessLevel;
use dockpass_core::attribution::RegistryActor;
use dockpass_core::device_session::DeviceRules;
use dockpass_core::grants::{self, GrantedScope};
use dockpass_core::permission_check::{Principal, RepositoryFacts};
use dockpass_core::refusal::Refusal;
use dockpass_core::repository::{RepositoryFilter, RepositoryName};
use dockpass_core::scope::Scope;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::username::as_typed;
use dockpass_core::{repository_facts, secret};

use crate::accounts::actions::{CheckedPassword, PasswordPurpose, check_password};
use crate::auth::throttle::{AttemptSource, SignInAttempt, SignInVerdict};
use crate::config::Config;
use crate::error::Error;
use crate::platform::database::Db;
use crate::platform::jwt::{Access, Claims};
use crate::platform::password_hasher::PasswordHasher;
use crate::platform::rate_limits::RateLimits;
use crate::repositories;
use crate::tokens::authenticate::actions::{KnownToken, RotatedSecretUses, authenticate};

/// A registry token lives this long, in seconds.
pub const TOKEN_LIFE_SECONDS: i64 = 300;
/// Registries whose clocks lag must accept a new token.
const BACKDATED_SECONDS: i64 = 60;
/// The repositories that are looked up for an anonymous client, which pulls one at a time.
const MOST_OF_ANONYMOUS: usize = 8;

/// An authenticated client.
#[derive(Debug)]
pub struct Caller {
    pub account_id: String,
    pub principal: Principal,
    /// The token; `None` for a password.
    pub token: Option<KnownToken>,
}

impl Caller {
    /// The `sub` of its registry tokens, which registries repeat in their logs and notifications.
    fn subject(&self) -> String {
        let token_id = self.token.as_ref().map(|token| token.token_id.clone());
        RegistryActor { username: self.principal.username.clone(), token_id }.to_string()
    }
}

/// A refused request, and whose log shows it.
#[derive(Debug)]
pub struct RefusedRequest {
    pub refusal: Refusal,
    pub concerns: Subject,
}

/// Whose log shows a refusal.
#[derive(Debug)]
pub enum Subject {
    /// Nobody's: a secret that is no token, a name that is no account.
    Nobody,
    /// The log of this account, whose password was wrong.
    Account { id: String, username: String },
    /// The log of this token's owner.
    Token(KnownToken),
}

/// Checks names and secrets.
#[derive(Debug)]
pub struct Authenticator<'a> {
    pub db: &'a Db,
    pub hasher: &'a PasswordHasher,
    pub limits: &'a RateLimits,
    pub secret_uses: &'a RotatedSecretUses,
    pub requires_second_factor: bool,
    pub devices: DeviceRules,
    pub address: IpAddr,
    pub now: Timestamp,
}

impl Authenticator<'_> {
    /// The account whose name and secret these are. A secret with a token's prefix is looked up by its hash: it never reaches
    /// argon2 and is never throttled, whatever its address did. Any other secret is compared as a password, at the same cost
    /// whatever the result. A source that failed too often gets [`Error::TooMany`].
    pub async fn authenticate(&self, username: &str, secret: &str) -> Result<Result<Caller, RefusedRequest>, Error> {
        if secret::has_token_prefix(secret) {
            let name = as_typed(username);
            let found = authenticate(self.db, self.secret_uses, &name, secret, self.devices, self.now).await?;
            return Ok(match found {
                Ok((token, principal)) => {
                    Ok(Caller { account_id: token.account_id.clone(), principal, token: Some(token) })
                }
                Err(refused) => Err(RefusedRequest {
                    refusal: refused.refusal,
                    concerns: refused.token.map_or(Subject::Nobody, Subject::Token),
                }),
            });
        }
        let attempt = SignInAttempt::new(username, None, &AttemptSource { address: self.address, browser: None });
        attempt.allowed(self.db, self.limits, self.now).await?;
        let purpose = PasswordPurpose::Registry { requires_second_factor: self.requires_second_factor };
        let requester = &attempt.requester;
        let checked = check_password(self.db, self.hasher, requester, secret, purpose, self.now).await?;
        let (verdict, account) = match checked {
            CheckedPassword::Right(account) => {
                attempt.settle(self.db, self.limits, SignInVerdict::Right, self.now).await?;
                let principal = Principal {
                    username: account.username.to_string(),
                    is_admin: account.is_admin,
                    level: AccessLevel::Admin,
                    repository_filter: RepositoryFilter::All,
                };
                return Ok(Ok(Caller { account_id: account.id, principal, token: None }));
            }
            // Only the sign-in page says so: here every password that is refused gets one answer.
            CheckedPassword::Disabled(account) => (None, Some(account)),
            // Repeated by the client, or by a forgotten job: it does not count again.
            CheckedPassword::Wrong { account, is_repeated: true } => (None, account),
            CheckedPassword::Wrong { account, is_repeated: false } => (Some(SignInVerdict::Wrong), account),
        };
        if let Some(verdict) = verdict {
            attempt.settle(self.db, self.limits, verdict, self.now).await?;
        }
        let concerns = account.map_or(Subject::Nobody, |account| Subject::Account {
            username: account.username.to_string(),
            id: account.id,
        });
        Ok(Err(RefusedRequest { refusal: Refusal::Failed, concerns }))
    }
}

/// The facts of the repositories that the decision needs. An owner's request for its own repositories reads nothing.
pub async fn facts(
    db: &Db,
    caller: Option<&Caller>,
    mut asked: Vec<RepositoryName>,
) -> Result<Vec<RepositoryFacts>, Error> {
    let mut facts = Vec::with_capacity(asked.len());
    match caller {
        None => asked.truncate(MOST_OF_ANONYMOUS),
        Some(caller) => asked.retain(|name| match repository_facts::without_reading(&caller.principal, name) {
            Some(enough) => {
                facts.push(enough);
                false
            }
            None => true,
        }),
    }
    if !asked.is_empty() {
        let account_id = caller.map(|caller| caller.account_id.as_str());
        facts.extend(repositories::facts::actions::facts(&mut db.read().await?, account_id, &asked).await?);
    }
    Ok(facts)
}

/// The claims of a token for `caller` with what was granted.
pub fn claims(
    caller: Option<&Caller>,
    granted: Vec<GrantedScope>,
    config: &Config,
    id: String,
    now: Timestamp,
) -> Claims {
    let now = now.seconds();
    Claims {
        iss: config.issuer.clone(),
        sub: caller.map_or_else(String::new, Caller::subject),
        aud: config.registry_service.clone(),
        exp: now + TOKEN_LIFE_SECONDS,
        nbf: now - BACKDATED_SECONDS,
        iat: now,
        jti: id,
        access: granted.into_iter().map(access).collect(),
    }
}

/// The refusal of a request that asks by name to delete or to push, and may do so nowhere.
pub fn refused_action(caller: &Caller, asked: &[Scope], facts: &[RepositoryFacts]) -> Option<RefusedRequest> {
    let refused = grants::refused_action(asked, &caller.principal, facts)?;
    Some(RefusedRequest {
        refusal: Refusal::of_action(refused, &caller.principal),
        concerns: caller.token.clone().map_or(Subject::Nobody, Subject::Token),
    })
}

fn access(grant: GrantedScope) -> Access {
    let actions = grant.actions.into_iter().map(str::to_owned).collect();
    Access { kind: grant.kind, name: grant.name, actions }
}
