//! What can be done with sign-ins that devices began.

use std::net::IpAddr;

use dockpass_core::{
    account::Account,
    activity::{ActivityKind, ClientInfo},
    device_code::{
        self, CODE_LIFE, ClientName, DeviceCode, DeviceCodeState, INTERVAL, PollAnswer, PollState, UserCode,
    },
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

/// Codes of one network that may wait at a time; an office shares an address.
const WAITING_OF_NETWORK: i64 = 20;
/// And of all together: each that waits makes a guess a little more likely to hit.
const WAITING: i64 = 5000;
/// Codes that are over are remembered this long, to tell the program that still polls.
const REMEMBERED: Duration = Duration::DAY;
/// Two user codes that are the same are one chance in a million even when as many wait as may.
const TRIES: usize = 5;

/// What became of a request for codes.
#[derive(Debug)]
pub enum Begun {
    /// The codes leave here once and are kept as hashes.
    Codes(DeviceCode, UserCode),
    /// As many wait as may; the time until the first of them ends.
    Full(Duration),
}

/// How long a network must wait before it may begin a sign-in, if it must.
///
/// # Errors
/// The database's.
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

/// Begins a sign-in, within what may wait at a time however many ask at once.
///
/// # Errors
/// The database's.
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

/// What a code that a person typed leads to.
#[derive(Debug)]
pub enum Found {
    /// A sign-in that waits for a decision.
    Waiting(Box<SignIn>),
    /// One that this account decided on already.
    Decided(Box<SignIn>),
    /// One whose time is over, or that another account decided on.
    Over,
    /// None.
    Unknown,
}

/// Looks a user code up for someone who is signed in. Codes that lead nowhere count, by account and address as failed
/// sign-ins do, and then the next one has to wait; a code that leads somewhere forgives none of them.
///
/// # Errors
/// [`Error::TooMany`] with the wait; the database's.
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

/// Approves or denies a sign-in that was found waiting. What stands then: this decision, or that of someone who was
/// quicker.
///
/// # Errors
/// The database's.
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
        let description = device_code::description(&sign_in.program, sign_in.device.as_ref());
        activity::record(tx, account, kind, description.as_str(), origin, now).await?;
        tracing::info!(
            account = account.username.as_str(),
            decision = state.as_str(),
            "a device's sign-in was decided"
        );
    }
    Ok(sort(sign_in, account, now))
}

/// Why a poll gives no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoToken {
    /// Not now, or never.
    PollAnswer(PollAnswer),
    /// No such code was ever given out, or long ago.
    Unknown,
    /// It was given to another program.
    OtherProgram,
    /// The account that approved is disabled meanwhile.
    AccountDisabled,
}

/// What is known of the code that a program polls. It is read first: whatever the answer, strangers with made-up codes
/// take no lock, and neither do they with one that was denied, is over, or is polled as slowly as can be.
///
/// # Errors
/// The database's. That there is no such code is no error.
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

/// Marks a poll, so that the next one that comes too early is known. Polls of one code stand in line: what is answered
/// is decided behind the lock.
///
/// # Errors
/// The database's.
pub async fn mark(tx: &mut Tx, code: &SecretHash, now: Timestamp) -> Result<PollAnswer, Error> {
    let Some(sign_in) = store::lock(tx, code).await? else { return Ok(PollAnswer::Expired) };
    let (answer, interval) = sign_in.polled.answer(now);
    if let Some(interval) = interval {
        store::note_poll(tx, code, interval.whole_milliseconds() as i64, now).await?;
    }
    Ok(answer)
}

/// Hands the token of an approved code over, to one caller.
///
/// # Errors
/// The database's.
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

/// Forgets codes that are over.
///
/// # Errors
/// The database's.
pub async fn forget_old(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    store::forget_before(tx, now - REMEMBERED).await?;
    Ok(())
}
