//! How long whoever fails to sign in must wait.

use time::Duration;

use crate::timestamp::Timestamp;

/// FailureCount that cost nothing.
const FREE_FAILURES: i64 = 4;
const FIRST_WAIT: Duration = Duration::seconds(30);
const LONGEST_WAIT: Duration = Duration::minutes(15);
/// FailureCount within an hour for one account from sources that never signed in to it (NIST SP 800-63B section 3.2.2).
const ACCOUNT_CAP: i64 = 100;
/// The window of the cap.
pub const CAP_WINDOW: Duration = Duration::HOUR;
/// FailureCount are forgotten after this long without another.
pub const MEMORY: Duration = Duration::DAY;

/// FailureCount under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureCount {
    /// How many.
    pub count: i64,
    /// The first of them.
    pub first_at: Timestamp,
    /// The last of them.
    pub last_at: Timestamp,
}

/// How long one source must still wait for one account: 30 seconds after the fifth failure, twice as long after each
/// further one, 15 minutes at most.
pub fn wait_of_source(failures: FailureCount, now: Timestamp) -> Option<Duration> {
    if failures.count <= FREE_FAILURES || now - failures.last_at >= MEMORY {
        return None;
    }
    let doublings = (failures.count - FREE_FAILURES - 1).min(10) as i32;
    let wait = (FIRST_WAIT * 2_i32.pow(doublings.unsigned_abs())).min(LONGEST_WAIT);
    remaining(failures.last_at + wait, now)
}

/// How long an account is closed to unknown sources.
pub fn wait_of_account(failures: FailureCount, now: Timestamp) -> Option<Duration> {
    if failures.count < ACCOUNT_CAP { None } else { remaining(failures.first_at + CAP_WINDOW, now) }
}

fn remaining(until: Timestamp, now: Timestamp) -> Option<Duration> {
    (until > now).then(|| until - now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    #[test]
    fn waits_grow_from_the_fifth_failure_to_a_quarter_of_an_hour() {
        let wait = |count| {
            wait_of_source(FailureCount { count, first_at: NOW, last_at: NOW }, NOW).map(Duration::whole_seconds)
        };
        assert_eq!(
            [4, 5, 6, 7, 9, 10, 1000].map(wait),
            [None, Some(30), Some(60), Some(120), Some(480), Some(900), Some(900)]
        );
        let failures = FailureCount { count: 5, first_at: NOW, last_at: NOW };
        assert_eq!(wait_of_source(failures, NOW + Duration::seconds(29)), Some(Duration::SECOND));
        assert_eq!(wait_of_source(failures, NOW + Duration::seconds(30)), None);
    }

    #[test]
    fn an_account_closes_to_strangers_after_a_hundred_failures_in_an_hour() {
        let failures = FailureCount { count: 100, first_at: NOW, last_at: NOW };
        assert_eq!(wait_of_account(FailureCount { count: 99, ..failures }, NOW), None);
        assert_eq!(wait_of_account(failures, NOW + Duration::minutes(59)), Some(Duration::MINUTE));
        assert_eq!(wait_of_account(failures, NOW + Duration::HOUR), None);
    }
}
