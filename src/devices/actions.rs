//! Sign-ins that devices started.

use std::net::IpAddr;

use dockpass_core::account::Account;
use dockpass_core::activity::{ActivityKind, ClientInfo};
use dockpass_core::client_name::{ClientName, DeviceClient};
use dockpass_core::device_code::{
    self, CODE_LIFE, DeviceCode, DeviceCodeState, PendingLimit, PollAnswer, PollState, UserCode,
};
use dockpass_core::device_session::DeviceRules;
use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use time::Duration;

use super::store;
use super::tokens::actions::{self as generated, IssuedTokens};
use crate::activity::actions as activity;
use crate::auth::throttle::{SignInAttempt, SignInVerdict};
use crate::error::Error;
use crate::platform::database::{Connection, Db, Tx};
use crate::platform::rate_limits::RateLimits;
use crate::platform::rng::SystemRng;
use crate::tokens::usage::actions::TokenUses;

pub use super::store::SignIn;

/// All codes that may be pending: each makes a guess a little more likely to hit.
const PENDING: i64 = 5000;
/// How long expired codes are remembered, to tell the programs that still poll.
const REMEMBERED: Duration = Duration::DAY;
/// With all pending codes, one new user code in a million is taken.
const ATTEMPTS: usize = 5;

/// How long a network must wait before it may start a sign-in, if it must.
pub async fn wait(
    connection: &mut impl Connection,
    address: IpAddr,
    now: Timestamp,
) -> Result<Option<Duration>, Error> {
    let all = PendingLimit { first: String::new(), last: String::new(), most: PENDING };
    for limit in device_code::pending_limits(address).iter().chain([&all]) {
        let (count, first_end) = store::pending(connection, limit, now).await?;
        if count >= limit.most {
            return Ok(Some(first_end.map_or(CODE_LIFE, |end| end - now)));
        }
    }
    Ok(None)
}

/// Starts a sign-in, within the limits however many ask at once; or says how long to wait.
pub async fn begin(
    tx: &mut Tx,
    client: &DeviceClient,
    address: IpAddr,
    now: Timestamp,
    rng: SystemRng,
) -> Result<Result<(DeviceCode, UserCode), Duration>, Error> {
    store::lock_codes(tx).await?;
    if let Some(wait) = wait(tx, address, now).await? {
        return Ok(Err(wait));
    }
    let (address, network) = (address.to_string(), device_code::network(address));
    let device_code = DeviceCode::generate(&mut rng.generator());
    for _ in 0..ATTEMPTS {
        let user_code = UserCode::generate(&mut rng.generator());
        if store::insert(tx, (&device_code, &user_code), client, (&address, &network), now).await? {
            return Ok(Ok((device_code, user_code)));
        }
    }
    Err(Error::internal("no user code was free"))
}

/// What a typed code leads to.
#[derive(Debug)]
pub enum UserCodeStatus {
    Waiting(SignIn),
    /// One that this account decided already.
    Decided(SignIn),
    /// One that expired, or that another account decided.
    NoLongerValid,
    Unknown,
}

/// Looks up a user code for a signed-in account. Unknown codes count by account and address, as failed sign-ins do, and a
/// known code does not reset the count. Too many get [`Error::TooMany`].
pub async fn look_up(
    db: &Db,
    limits: &RateLimits,
    account: &Account,
    address: IpAddr,
    code: &UserCode,
    now: Timestamp,
) -> Result<UserCodeStatus, Error> {
    let attempt = SignInAttempt::at_device_code(account, address);
    attempt.allowed(db, limits, now).await?;
    let found = store::find(&mut db.read().await?, code).await?;
    let verdict = if found.is_some() { SignInVerdict::RightSoFar } else { SignInVerdict::Wrong };
    attempt.settle(db, limits, verdict, now).await?;
    Ok(found.map_or(UserCodeStatus::Unknown, |sign_in| status_of(sign_in, account, now)))
}

fn status_of(sign_in: SignIn, account: &Account, now: Timestamp) -> UserCodeStatus {
    let is_mine = sign_in.account_id.as_ref() == Some(&account.id);
    match sign_in.polled.state {
        DeviceCodeState::Pending if sign_in.polled.expires_at > now => UserCodeStatus::Waiting(sign_in),
        DeviceCodeState::Pending => UserCodeStatus::NoLongerValid,
        _ if is_mine => UserCodeStatus::Decided(sign_in),
        _ => UserCodeStatus::NoLongerValid,
    }
}

/// Approves or denies a pending sign-in. The result is this decision, or an earlier one.
pub async fn decide(
    tx: &mut Tx,
    account: &Account,
    code: &UserCode,
    is_approved: bool,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<UserCodeStatus, Error> {
    let (state, kind) = if is_approved {
        (DeviceCodeState::Approved, ActivityKind::DeviceApproved)
    } else {
        (DeviceCodeState::Denied, ActivityKind::DeviceDenied)
    };
    let is_decided = store::decide(tx, code, state, account, now).await?;
    let Some(sign_in) = store::find(tx, code).await? else { return Ok(UserCodeStatus::Unknown) };
    if is_decided {
        let description = sign_in.client.token_description();
        activity::record(tx, account, kind, description.as_str(), origin, now).await?;
    }
    Ok(status_of(sign_in, account, now))
}

/// Why a poll gets no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoToken {
    PollAnswer(PollAnswer),
    Unknown,
    OtherProgram,
    AccountDisabled,
    /// The account's password or its second factor changed after the approval.
    Outdated,
}

/// What is known of the code that a program polls. It is read without a lock: polls with made-up codes, and with codes that
/// were denied, expired or are at the longest interval, must not make others wait.
pub async fn read_poll_state(
    connection: &mut impl Connection,
    code: &SecretHash,
    program: &ClientName,
) -> Result<Result<PollState, NoToken>, Error> {
    Ok(match store::find_polled(connection, code).await? {
        None => Err(NoToken::Unknown),
        Some(sign_in) if sign_in.client.program != *program => Err(NoToken::OtherProgram),
        Some(sign_in) => Ok(sign_in.polled),
    })
}

/// Notes the time of a poll, so that a next one that comes too early is noticed. Polls of one code wait for each other.
pub async fn record_poll(tx: &mut Tx, code: &SecretHash, now: Timestamp) -> Result<PollAnswer, Error> {
    let Some(sign_in) = store::lock(tx, code).await? else { return Ok(PollAnswer::Expired) };
    let (answer, interval) = sign_in.polled.answer(now);
    if let Some(interval) = interval {
        store::note_poll(tx, code, interval.whole_milliseconds() as i64, now).await?;
    }
    Ok(answer)
}

/// Issues the token of an approved code, to one caller.
pub async fn issue_token(
    tx: &mut Tx,
    code: &SecretHash,
    rules: DeviceRules,
    origin: &ClientInfo,
    now: Timestamp,
    rng: SystemRng,
) -> Result<Result<IssuedTokens, NoToken>, Error> {
    let Some(sign_in) = store::find_polled(tx, code).await? else { return Ok(Err(NoToken::Unknown)) };
    let Some(account) = generated::lock_account(tx, &sign_in.account_id.unwrap_or_default()).await? else {
        return Ok(Err(NoToken::AccountDisabled));
    };
    // Under the account's lock: its credentials change before this transaction or after it.
    if let Some(sign_in) = store::spend(tx, code, now).await? {
        return Ok(Ok(generated::generate(tx, &account, &sign_in.client, rules, origin, now, rng).await?));
    }
    let state = store::find_polled(tx, code).await?.map(|sign_in| sign_in.polled.answer(now).0);
    Ok(Err(match state {
        Some(PollAnswer::Approved) => NoToken::Outdated,
        _ => NoToken::PollAnswer(PollAnswer::Spent),
    }))
}

/// Signs out idle devices, and deletes what is remembered of sign-ins and sessions for a while.
pub async fn tidy(db: &Db, uses: &TokenUses, rules: DeviceRules, now: Timestamp, rng: SystemRng) -> Result<(), Error> {
    generated::end_all_unused(db, uses, rules, now, rng).await?;
    generated::forget_old(db, now).await?;
    let mut tx = db.write().await?;
    store::forget_before(&mut tx, now - REMEMBERED).await?;
    Ok(tx.commit().await?)
}
