//! The SQL of sign-ins that devices started.

use dockpass_core::account::Account;
use dockpass_core::client_name::{ClientName, DeviceClient};
use dockpass_core::device_code::{CODE_LIFE, DeviceCode, DeviceCodeState, INTERVAL, PendingLimit, PollState, UserCode};
use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;

use crate::platform::database::{Connection, Tx, execute, fetch, row, unreadable};

/// Makes other new sign-ins wait for this transaction, so that its count of pending codes stays right.
pub async fn lock_codes(tx: &mut Tx) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE device_code_lock SET id = id WHERE id = 1")
}

/// The number of pending codes, and when the first of them expires: of the networks of a limit, or of all where it names
/// none.
pub async fn pending(
    connection: &mut impl Connection,
    limit: &PendingLimit,
    now: Timestamp,
) -> sqlx::Result<(i64, Option<Timestamp>)> {
    let (count, first_end) = fetch!(
        fetch_one,
        connection,
        (i64, Option<i64>),
        "SELECT COUNT(*), MIN(expires_at) FROM device_code
         WHERE state = 'pending' AND expires_at > $1 AND ($2 = '' OR network BETWEEN $2 AND $3)",
        now.millis(),
        &limit.first,
        &limit.last,
    )?;
    Ok((count, first_end.map(Timestamp::from_millis)))
}

/// Whether it was inserted: `false` where another one has this user code.
pub async fn insert(
    tx: &mut Tx,
    (device_code, user_code): (&DeviceCode, &UserCode),
    client: &DeviceClient,
    (address, network): (&str, &str),
    now: Timestamp,
) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "INSERT INTO device_code (device_hash, user_hash, program, device, address, network, state, interval_ms,
                                  created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $8, $9) ON CONFLICT (user_hash) DO NOTHING",
        device_code.hash().as_bytes(),
        user_code.hash().as_bytes(),
        client.program.as_str(),
        client.device.as_ref().map(ClientName::as_str),
        address,
        network,
        INTERVAL.whole_milliseconds() as i64,
        now.millis(),
        (now + CODE_LIFE).millis(),
    )?;
    Ok(rows == 1)
}

row! {
    struct SignInRow {
        program: String,
        device: Option<String>,
        address: String,
        state: String,
        account_id: Option<String>,
        interval_ms: i64,
        polled_at: Option<i64>,
        created_at: i64,
        expires_at: i64,
    }
}

/// A sign-in that a device started.
#[derive(Debug)]
pub struct SignIn {
    pub client: DeviceClient,
    pub address: String,
    /// The account that decided.
    pub account_id: Option<String>,
    pub created_at: Timestamp,
    pub polled: PollState,
}

impl SignInRow {
    fn into_sign_in(self) -> sqlx::Result<SignIn> {
        let polled = PollState {
            state: DeviceCodeState::parse(&self.state).ok_or_else(|| unreadable("device_code.state", &self.state))?,
            expires_at: Timestamp::from_millis(self.expires_at),
            interval: time::Duration::milliseconds(self.interval_ms),
            last_at: self.polled_at.map(Timestamp::from_millis),
        };
        Ok(SignIn {
            client: DeviceClient {
                program: ClientName::from_stored(self.program),
                device: self.device.map(ClientName::from_stored),
            },
            address: self.address,
            account_id: self.account_id,
            created_at: Timestamp::from_millis(self.created_at),
            polled,
        })
    }
}

/// Reads a sign-in: the columns come between the two parts of the statement.
macro_rules! sign_in {
    ($connection:expr, $before:literal, $after:literal, $($value:expr),*) => {
        fetch!(
            fetch_optional,
            $connection,
            SignInRow,
            concat!(
                $before,
                " program, device, address, state, account_id, interval_ms, polled_at, created_at, expires_at ",
                $after
            ),
            $($value),*
        )?
        .map(SignInRow::into_sign_in)
        .transpose()
    };
}

pub async fn find(connection: &mut impl Connection, code: &UserCode) -> sqlx::Result<Option<SignIn>> {
    sign_in!(connection, "SELECT", "FROM device_code WHERE user_hash = $1", code.hash().as_bytes())
}

/// Finds it by the code with which the program polls.
pub async fn find_polled(connection: &mut impl Connection, code: &SecretHash) -> sqlx::Result<Option<SignIn>> {
    sign_in!(connection, "SELECT", "FROM device_code WHERE device_hash = $1", code.as_bytes())
}

/// Whether this call decided: one of many at once does, and none after the code expired.
pub async fn decide(
    tx: &mut Tx,
    code: &UserCode,
    decision: DeviceCodeState,
    account: &Account,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "UPDATE device_code SET state = $2, account_id = $3, credentials_version = $4
         WHERE user_hash = $1 AND state = 'pending' AND expires_at > $5",
        code.hash().as_bytes(),
        decision.as_str(),
        &account.id,
        account.credentials_version,
        now.millis(),
    )?;
    Ok(rows == 1)
}

/// Locks the sign-in of a device code: polls of one code wait for each other.
pub async fn lock(tx: &mut Tx, code: &SecretHash) -> sqlx::Result<Option<SignIn>> {
    sign_in!(
        tx,
        "UPDATE device_code SET interval_ms = interval_ms WHERE device_hash = $1 RETURNING",
        "",
        code.as_bytes()
    )
}

pub async fn note_poll(tx: &mut Tx, code: &SecretHash, interval_ms: i64, now: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE device_code SET polled_at = $2, interval_ms = $3 WHERE device_hash = $1",
        code.as_bytes(),
        now.millis(),
        interval_ms,
    )
}

/// The sign-in, for the one caller that spends its code. After an approval the code lasts for one more poll, and ends with
/// a change of the account's credentials.
pub async fn spend(tx: &mut Tx, code: &SecretHash, now: Timestamp) -> sqlx::Result<Option<SignIn>> {
    sign_in!(
        tx,
        "UPDATE device_code SET state = 'spent'
         WHERE device_hash = $1 AND state = 'approved' AND expires_at + interval_ms > $2
           AND credentials_version = (SELECT account.credentials_version FROM account
                                      WHERE account.id = device_code.account_id) RETURNING",
        "",
        code.as_bytes(),
        now.millis()
    )
}

pub async fn forget_before(tx: &mut Tx, before: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM device_code WHERE expires_at < $1", before.millis())
}
