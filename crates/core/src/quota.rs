//! Fair use: how many tokens an account may have, and how many it may make in an hour.

use time::Duration;

use crate::timestamp::Timestamp;

/// What the operator allows an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenQuota {
    /// Unexpired tokens made by hand.
    pub tokens: i64,
    /// New ones within an hour.
    pub creations_an_hour: i64,
}

/// What an account has used of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUsage {
    /// Unexpired tokens made by hand.
    pub tokens: i64,
    /// When the first of them ends; `None` where none ever does.
    pub first_end: Option<Timestamp>,
    /// Made within the last hour.
    pub creations: i64,
    /// The oldest of these.
    pub first_creation: Option<Timestamp>,
}

/// Why no more may be made, and when that changes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaExceeded {
    /// As many tokens as allowed; the time until the first of them expires, if one does.
    Tokens(Option<Duration>),
    /// As many within an hour as allowed; the time until one more may be made.
    Hour(Duration),
}

/// The window of [`TokenQuota::creations_an_hour`].
pub const HOUR: Duration = Duration::HOUR;

impl TokenQuota {
    /// What is in the way of one more token now.
    pub fn full(self, used: QuotaUsage, now: Timestamp) -> Option<QuotaExceeded> {
        if used.tokens >= self.tokens {
            return Some(QuotaExceeded::Tokens(used.first_end.map(|end| end - now)));
        }
        if used.creations >= self.creations_an_hour {
            let wait = used.first_creation.map_or(HOUR, |first| first + HOUR - now);
            return Some(QuotaExceeded::Hour(wait.max(Duration::SECOND)));
        }
        None
    }

    /// How many more may be made this hour.
    pub fn left_this_hour(self, used: QuotaUsage) -> i64 {
        (self.creations_an_hour - used.creations).min(self.tokens - used.tokens).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
    const LIMITS: TokenQuota = TokenQuota { tokens: 3, creations_an_hour: 2 };

    #[test]
    fn each_limit_says_how_long_it_lasts() {
        let free = QuotaUsage { tokens: 0, first_end: None, creations: 0, first_creation: None };
        assert_eq!(LIMITS.full(free, NOW), None);
        let hour = QuotaUsage { tokens: 2, creations: 2, first_creation: Some(NOW - Duration::minutes(50)), ..free };
        assert_eq!(LIMITS.full(hour, NOW), Some(QuotaExceeded::Hour(Duration::minutes(10))));
        let many = QuotaUsage { tokens: 3, first_end: Some(NOW + Duration::days(2)), ..free };
        assert_eq!(LIMITS.full(many, NOW), Some(QuotaExceeded::Tokens(Some(Duration::days(2)))));
        assert_eq!(LIMITS.full(QuotaUsage { tokens: 4, ..free }, NOW), Some(QuotaExceeded::Tokens(None)));
        assert_eq!(LIMITS.left_this_hour(free), 2);
        assert_eq!(LIMITS.left_this_hour(many), 0);
    }
}
