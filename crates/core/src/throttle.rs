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
/// How far the clocks of two servers may differ. A failure that is further in the future was counted before a clock was set
/// back, and would shut people out until that time comes again.
pub const CLOCK_DIFFERENCE: Duration = Duration::MINUTE;

/// The failed sign-ins of one source or account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureCount {
    pub count: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

/// How long a source must still wait before its next attempt for an account: 30 seconds after the fifth failure, and
/// twice as long after each further one, up to 15 minutes. A larger network has `factor` times as many free failures.
pub fn wait_of_source(failures: FailureCount, factor: u32, now: Timestamp) -> Option<Duration> {
    let free = FREE_FAILURES * i64::from(factor);
    if failures.count <= free || now - failures.last_at >= MEMORY {
        return None;
    }
    let doublings = (failures.count - free - 1).min(10) as i32;
    let wait = (FIRST_WAIT * 2_i32.pow(doublings.unsigned_abs())).min(LONGEST_WAIT);
    remaining(failures.last_at, wait, now)
}

/// How long sources that never signed in to an account are still shut out.
pub fn wait_of_account(failures: FailureCount, now: Timestamp) -> Option<Duration> {
    if failures.count < ACCOUNT_CAP { None } else { remaining(failures.first_at, CAP_WINDOW, now) }
}

fn remaining(since: Timestamp, wait: Duration, now: Timestamp) -> Option<Duration> {
    let is_counted = since <= now + CLOCK_DIFFERENCE && since + wait > now;
    is_counted.then(|| since + wait - now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    #[test]
    fn waits_grow_from_the_fifth_failure_up_to_15_minutes() {
        let wait = |count| {
            wait_of_source(FailureCount { count, first_at: NOW, last_at: NOW }, 1, NOW).map(Duration::whole_seconds)
        };
        assert_eq!(
            [4, 5, 6, 7, 9, 10, 1000].map(wait),
            [None, Some(30), Some(60), Some(120), Some(480), Some(900), Some(900)]
        );
        let failures = FailureCount { count: 5, first_at: NOW, last_at: NOW };
        assert_eq!(wait_of_source(failures, 1, NOW + Duration::seconds(29)), Some(Duration::SECOND));
        assert_eq!(wait_of_source(failures, 1, NOW + Duration::seconds(30)), None);
        assert_eq!(wait_of_source(failures, 2, NOW), None);
    }

    #[test]
    fn a_clock_that_was_set_back_shuts_nobody_out() {
        let failures = FailureCount { count: 1000, first_at: NOW, last_at: NOW };
        let (other_server, day_before) = (NOW - Duration::seconds(10), NOW - Duration::DAY);
        assert!(
            wait_of_source(failures, 1, other_server).is_some() && wait_of_account(failures, other_server).is_some()
        );
        assert_eq!((wait_of_source(failures, 1, day_before), wait_of_account(failures, day_before)), (None, None));
    }

    #[test]
    fn an_account_shuts_out_unknown_sources_after_100_failures_in_an_hour() {
        let failures = FailureCount { count: 100, first_at: NOW, last_at: NOW };
        assert_eq!(wait_of_account(FailureCount { count: 99, ..failures }, NOW), None);
        assert_eq!(wait_of_account(failures, NOW + Duration::minutes(59)), Some(Duration::MINUTE));
        assert_eq!(wait_of_account(failures, NOW + Duration::HOUR), None);
    }
}
