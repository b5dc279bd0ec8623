//! Who asks for a registry token, and what the token says.

use crate::{
    accounts,
    core::{
        level::Level,
        moment::Moment,
        password::Password,
        refusal::Refusal,
        scope::{self, Grant, Holder, Scope},
        secret,
        username::as_typed,
    },
    error::Error,
    platform::{
        db::Db,
        hasher::Hasher,
        signer::{Access, Claims},
    },
    tokens,
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

/// Whose name and secret these are. What begins like a token is looked up by its hash and never reaches argon2;
/// everything else is compared as a password, at the same cost whatever the answer.
///
/// # Errors
/// The database's, or too many passwords at once. A refusal is no error.
pub async fn authenticate(
    db: &Db,
    hasher: &Hasher,
    username: &str,
    secret: &str,
    now: Moment,
) -> Result<Result<Caller, Refusal>, Error> {
    if secret::has_token_prefix(secret) {
        let presented = tokens::actions::present(db, &as_typed(username), secret, now).await?;
        return Ok(presented.map(|token| Caller {
            username: token.username,
            level: token.level,
            token_id: Some(token.token_id),
        }));
    }
    let account = accounts::actions::check_password(db, hasher, username, Password::typed(secret)).await?;
    let caller =
        account.map(|account| Caller { username: account.username.to_string(), level: Level::Admin, token_id: None });
    Ok(caller.ok_or(Refusal::Failed))
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
