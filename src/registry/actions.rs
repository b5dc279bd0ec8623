//! Who asks for a registry token, and what the token says.

use std::net::IpAddr;

use crate::{
    accounts::{
        self,
        actions::{Purpose, Verified},
        throttle::{Attempt, Source, Verdict},
    },
    core::{
        level::Level,
        moment::Moment,
        password::Password,
        refusal::Refusal,
        scope::{self, Grant, Holder, Scope},
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
    tokens::{self, actions::Refused},
};

/// A registry token lives this long, in seconds.
pub const TOKEN_LIFE_SECONDS: i64 = 300;
/// Registries whose clocks are behind must accept a fresh token.
const BACKDATED_SECONDS: i64 = 60;

/// Someone who may ask.
#[derive(Debug)]
pub struct Caller {
    /// The account's name.
    pub username: String,
    /// What the token allows; a password allows everything.
    pub level: Level,
    /// The token that was used; `None` for a password.
    pub token_id: Option<String>,
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
    pub async fn authenticate(&self, username: &str, secret: &str) -> Result<Result<Caller, Refused>, Error> {
        if secret::has_token_prefix(secret) {
            let presented = tokens::actions::present(self.db, &as_typed(username), secret, self.now).await?;
            return Ok(presented.map(|token| Caller {
                username: token.username,
                level: token.level,
                token_id: Some(token.token_id),
            }));
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
                Ok(Ok(Caller { username: account.username.to_string(), level: Level::Admin, token_id: None }))
            }
            None => {
                let same = SecretHash::of(&format!("{username}\n{secret}\n{}", self.address));
                if self.limits.is_new_failure(same, self.now) {
                    attempt.settle(self.db, self.limits, Verdict::Wrong, self.now).await?;
                }
                Ok(Err(Refused { refusal: Refusal::Failed, owner: id.map(|id| (id, String::new())) }))
            }
        }
    }
}

/// The claims of a token that grants `caller` what it may have of `asked`.
pub fn claims(
    caller: Option<&Caller>,
    asked: &[Scope],
    issuer: &str,
    service: &str,
    id: String,
    now: Moment,
) -> Claims {
    let holder = caller.map(|caller| Holder { username: &caller.username, level: caller.level });
    Claims {
        iss: issuer.to_owned(),
        sub: caller.map_or_else(String::new, |caller| caller.username.clone()),
        aud: service.to_owned(),
        exp: now.seconds() + TOKEN_LIFE_SECONDS,
        nbf: now.seconds() - BACKDATED_SECONDS,
        iat: now.seconds(),
        jti: id,
        access: scope::grant(asked, holder).into_iter().map(access).collect(),
    }
}

fn access(grant: Grant) -> Access {
    let actions = grant.actions.into_iter().map(|action| action.as_str().to_owned()).collect();
    Access { kind: grant.kind, name: grant.name, actions }
}
