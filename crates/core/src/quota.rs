//! How many tokens an account may have, and how many it may generate per hour.

use time::Duration;

use crate::timestamp::Timestamp;

/// The operator's limits for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenQuota {
    pub tokens: i64,
    pub creations_per_hour: i64,
}

/// How much of its limits an account uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUsage {
    pub tokens: i64,
    /// When the first of them expires. `None` if none ever does.
    pub first_expires_at: Option<Timestamp>,
    pub creations: i64,
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

    /// How many more tokens the account may have, and how many it may generate this hour.
    pub fn left(self, used: QuotaUsage) -> (i64, i64) {
        ((self.tokens - used.tokens).max(0), (self.creations_per_hour - used.creations).max(0))
    }
}
