//! How many tokens an account may have, and how many it may generate per hour.

use time::Duration;

use crate::timestamp::Timestamp;

/// The operator's limits for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenQuota {
    /// Unexpired manual tokens.
    pub tokens: i64,
    /// Manual tokens generated within an hour.
    pub creations_per_hour: i64,
}

/// How much of its limits an account uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUsage {
    /// Unexpired manual tokens.
    pub tokens: i64,
    /// When the first of them expires. `None` if none ever does.
    pub first_expires_at: Option<Timestamp>,
    /// Manual tokens generated within the last hour.
    pub creations: i64,
    /// When the first of these was generated.
    pub first_created_at: Option<Timestamp>,
}

/// The limit that an account reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaExceeded {
    /// The number of tokens, and the time until the first of them expires, if one does.
    Tokens(Option<Duration>),
    /// The number of tokens per hour, and the time until one more is allowed.
    Hour(Duration),
}

/// The window of [`TokenQuota::creations_per_hour`].
pub const HOUR: Duration = Duration::HOUR;

impl TokenQuota {
    /// The limit that forbids one more token now.
    pub fn full(self, used: QuotaUsage, now: Timestamp) -> Option<QuotaExceeded> {
        if used.tokens >= self.tokens {
            return Some(QuotaExceeded::Tokens(used.first_expires_at.map(|end| end - now)));
        }
        if used.creations >= self.creations_per_hour {
            let wait = used.first_created_at.map_or(HOUR, |first| first + HOUR - now);
            return Some(QuotaExceeded::Hour(wait.max(Duration::SECOND)));
        }
        None
    }

    /// How many more tokens are allowed this hour.
    pub fn left_this_hour(self, used: QuotaUsage) -> i64 {
        (self.creations_per_hour - used.creations).min(self.tokens - used.tokens).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
    const QUOTA: TokenQuota = TokenQuota { tokens: 3, creations_per_hour: 2 };

    #[test]
    fn each_limit_tells_how_long_it_lasts() {
        let free = QuotaUsage { tokens: 0, first_expires_at: None, creations: 0, first_created_at: None };
        assert_eq!(QUOTA.full(free, NOW), None);
        let hour = QuotaUsage { tokens: 2, creations: 2, first_created_at: Some(NOW - Duration::minutes(50)), ..free };
        assert_eq!(QUOTA.full(hour, NOW), Some(QuotaExceeded::Hour(Duration::minutes(10))));
        let many = QuotaUsage { tokens: 3, first_expires_at: Some(NOW + Duration::days(2)), ..free };
        assert_eq!(QUOTA.full(many, NOW), Some(QuotaExceeded::Tokens(Some(Duration::days(2)))));
        assert_eq!(QUOTA.full(QuotaUsage { tokens: 4, ..free }, NOW), Some(QuotaExceeded::Tokens(None)));
        assert_eq!(QUOTA.left_this_hour(free), 2);
        assert_eq!(QUOTA.left_this_hour(many), 0);
    }
}
