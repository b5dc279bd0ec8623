//! Waiting times after failed sign-ins.

use time::Duration;

use crate::timestamp::Timestamp;

const FREE_FAILURES: i64 = 4;
const FIRST_WAIT: Duration = Duration::seconds(30);
const LONGEST_WAIT: Duration = Duration::minutes(15);
/// Failures per hour and account from sources that never signed in to it (NIST SP 800-63B section 3.2.2).
const ACCOUNT_CAP: i64 = 100;
/// The window of the cap per account.
pub const CAP_WINDOW: Duration = Duration::HOUR;
pub const MEMORY: Duration = Duration::DAY;

/// The failed sign-ins of one source or account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureCount {
    pub count: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

/// How long a source must still wait before its next attempt for an account: 30 seconds after the fifth failure, and
/// twice as long after each further one, up to 15 minutes.
pub fn wait_of_source(failures: FailureCount, now: Timestamp) -> Option<Duration> {
    if failures.count <= FREE_FAILURES || now - failures.last_at >= MEMORY {
        return None;
    }
    let doublings = (failures.count - FREE_FAILURES - 1).min(10) as i32;
    let wait = (FIRST_WAIT * 2_i32.pow(doublings.unsigned_abs())).min(LONGEST_WAIT);
    remaining(failures.last_at + wait, now)
}

/// How long sources that never signed in to an account are still shut out.
pub fn wait_of_account(failures: FailureCount, now: Timestamp) -> Option<Duration> {
    if failures.count < ACCOUNT_CAP { None } else { remaining(failures.first_at + CAP_WINDOW, now) }
}

fn remaining(until: Timestamp, now: Timestamp) -> Option<Duration> {
    (until > now).then(|| until - now)
}
