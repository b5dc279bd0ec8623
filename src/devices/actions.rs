//! The actions on sign-ins of devices.

use std::net::IpAddr;

use dockpass_core::{
    account::Account,
    activity::{ActivityKind, ClientInfo},
    client_name::{self, ClientName},
    device_code::{CODE_LIFE, DeviceCode, DeviceCodeState, INTERVAL, PollAnswer, PollState, UserCode},
    device_session::DeviceRules,
    secret::SecretHash,
    timestamp::Timestamp,
};
use time::Duration;

use super::{
    store::{self, NewSignIn},
    tokens::actions::{self as generated, DeviceClient, IssuedTokens},
};
use crate::{
    activity::actions as activity,
    auth::throttle::{SignInAttempt, SignInVerdict},
    error::Error,
    platform::{
        database::{Connection, Db, Tx},
        rate_limits::{RateLimits, network_of},
        rng::SystemRng,
    },
};

pub use super::store::SignIn;

/// How many codes of one network may wait for a decision. It is more than one, because an office shares an address.
const WAITING_OF_NETWORK: i64 = 20;
/// How many codes of all networks may wait. Every waiting code makes a lucky guess more likely.
const WAITING: i64 = 5000;
/// How long codes are kept after they expire, to answer programs that still poll.
const REMEMBERED: Duration = Duration::DAY;
/// Even with [`WAITING`] codes, a new one is taken with a chance of only one in a million.
const TRIES: usize = 5;

/// The result of a request for codes.
#[derive(Debug)]
pub enum Begun {
    /// The new codes. Only their hashes are stored.
    Codes(DeviceCode, UserCode),
    /// Too many codes are waiting. The time until the first of them expires.
    Full(Duration),
}

/// How long a network must wait before it may begin a sign-in, if at all.
pub async fn wait(
    connection: &mut impl Connection,
    address: IpAddr,
    now: Timestamp,
) -> Result<Option<Duration>, Error> {
    let network = network_of(address).to_string();
    for (whose, most) in [(network.as_str(), WAITING_OF_NETWORK), ("", WAITING)] {
        let (count, first_end) = store::waiting(connection, whose, now).await?;
        if count >= most {
            return Ok(Some(first_end.map_or(CODE_LIFE, |end| end - now)));
        }
    }
    Ok(None)
}

/// Begins a sign-in. The limits hold for concurrent requests too.
pub async fn begin(
    tx: &mut Tx,
    client: &DeviceClient,
    address: IpAddr,
    now: Timestamp,
    rng: SystemRng,
) -> Result<Begun, Error> {
    store::hold_door(tx).await?;
    if let Some(wait) = wait(tx, address, now).await? {
        return Ok(Begun::Full(wait));
    }
    let network = network_of(address).to_string();
    let new = NewSignIn {
        program: &client.program,
        device: client.device.as_ref(),
        address: &address.to_string(),
        network: &network,
        interval_ms: INTERVAL.whole_milliseconds() as i64,
        expires_at: now + CODE_LIFE,
    };
    let device_code = DeviceCode::generate(&mut rng.generator());
    for _ in 0..TRIES {
        let user_code = UserCode::generate(&mut rng.generator());
        if store::insert(tx, &device_code, &user_code, &new, now).await? {
            return Ok(Begun::Codes(device_code, user_code));
        }
    }
    Err(Error::internal("no user code was free"))
}

/// The result of looking up a typed code.
#[derive(Debug)]
pub enum Found {
    /// A sign-in that waits for a decision.
    Waiting(Box<SignIn>),
    /// A sign-in on which this account already decided.
    Decided(Box<SignIn>),
    /// A sign-in that expired, or on which another account decided.
    Over,
    /// There is no such code.
    Unknown,
}

/// Looks up a user code for a signed-in account. Unknown codes count like failed sign-ins, by account and address, and
/// make the next one wait. A known code does not reset the count.
///
/// # Errors
/// [`Error::TooMany`] with the waiting time.
pub async fn look_up(
    db: &Db,
    limits: &RateLimits,
    account: &Account,
    address: IpAddr,
    code: &UserCode,
    now: Timestamp,
) -> Result<Found, Error> {
    let attempt = SignInAttempt::at_device_code(account, address);
    attempt.allowed(db, limits, now).await?;
    let found = store::find(&mut db.read().await?, code).await?;
    let verdict = if found.is_some() { SignInVerdict::RightSoFar } else { SignInVerdict::Wrong };
    attempt.settle(db, limits, verdict, now).await?;
    Ok(found.map_or(Found::Unknown, |sign_in| sort(sign_in, account, now)))
}

fn sort(sign_in: SignIn, account: &Account, now: Timestamp) -> Found {
    let is_mine = sign_in.account_id.as_ref() == Some(&account.id);
    match sign_in.polled.state {
        DeviceCodeState::Pending if sign_in.polled.expires_at > now => Found::Waiting(Box::new(sign_in)),
        DeviceCodeState::Pending => Found::Over,
        _ if is_mine => Found::Decided(Box::new(sign_in)),
        _ => Found::Over,
    }
}

/// Approves or denies a waiting sign-in. Returns its new state, which may be an earlier decision of someone else.
pub async fn decide(
    tx: &mut Tx,
    account: &Account,
    code: &UserCode,
    is_approved: bool,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<Found, Error> {
    let (state, kind) = if is_approved {
        (DeviceCodeState::Approved, ActivityKind::DeviceApproved)
    } else {
        (DeviceCodeState::Denied, ActivityKind::DeviceDenied)
    };
    let is_decided = store::decide(tx, code, state, account, now).await?;
    let Some(sign_in) = store::find(tx, code).await? else { return Ok(Found::Unknown) };
    if is_decided {
        let description = client_name::token_description(&sign_in.program, sign_in.device.as_ref());
        activity::record(tx, account, kind, description.as_str(), origin, now).await?;
        tracing::info!(
            account = account.username.as_str(),
            decision = state.as_str(),
            "a device's sign-in was decided"
        );
    }
    Ok(sort(sign_in, account, now))
}

/// Why a poll gets no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoToken {
    /// The code's state does not allow it.
    PollAnswer(PollAnswer),
    /// The code was never issued, or expired long ago.
    Unknown,
    /// The code was issued to another program.
    OtherProgram,
    /// The account that approved it was disabled since.
    AccountDisabled,
}

/// Reads the state of a polled code, without a lock. So invented codes never take a lock, and neither do denied or
/// expired ones and those whose interval is already at its maximum.
pub async fn look(
    connection: &mut impl Connection,
    code: &SecretHash,
    program: &ClientName,
) -> Result<Result<PollState, NoToken>, Error> {
    Ok(match store::find_polled(connection, code).await? {
        None => Err(NoToken::Unknown),
        Some(sign_in) if sign_in.program != *program => Err(NoToken::OtherProgram),
        Some(sign_in) => Ok(sign_in.polled),
    })
}

/// Records a poll, so that the next one is known to be too early. The lock orders concurrent polls of one code.
pub async fn mark(tx: &mut Tx, code: &SecretHash, now: Timestamp) -> Result<PollAnswer, Error> {
    let Some(sign_in) = store::lock(tx, code).await? else { return Ok(PollAnswer::Expired) };
    let (answer, interval) = sign_in.polled.answer(now);
    if let Some(interval) = interval {
        store::note_poll(tx, code, interval.whole_milliseconds() as i64, now).await?;
    }
    Ok(answer)
}

/// Issues the token for an approved code, to one poll only.
pub async fn collect(
    tx: &mut Tx,
    code: &SecretHash,
    rules: DeviceRules,
    origin: &ClientInfo,
    now: Timestamp,
    rng: SystemRng,
) -> Result<Result<IssuedTokens, NoToken>, Error> {
    let Some(sign_in) = store::spend(tx, code, now).await? else {
        return Ok(Err(NoToken::PollAnswer(PollAnswer::Spent)));
    };
    let client = DeviceClient { program: sign_in.program, device: sign_in.device };
    let account_id = sign_in.account_id.unwrap_or_default();
    let granted = generated::make(tx, &account_id, &client, rules, origin, now, rng).await?;
    Ok(granted.ok_or(NoToken::AccountDisabled))
}

/// Deletes codes that expired long ago.
pub async fn forget_old(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    store::forget_before(tx, now - REMEMBERED).await?;
    Ok(())
}
