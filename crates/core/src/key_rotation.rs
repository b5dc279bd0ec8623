//! When a signing key begins to sign, how long it stays published, and when the next one is due.
//!
//! Every server on one database looks for new keys every few seconds. So every server knows a new key before the first
//! server signs with it, and a replaced key stays known for longer than its last token is valid.

use time::Duration;

use crate::timestamp::Timestamp;

/// The lifetime of a signing key's certificate. Keys rotate every year, so the rotation may fail for months without
/// harm.
pub const LEAF_LIFE: Duration = Duration::days(2 * 365);

/// Longer than the time between two looks for new keys.
const KNOWN_BEFORE_SIGNING: Duration = Duration::seconds(5);
/// A token is valid for 300 seconds, and registries accept it for 60 more. The rest allows for different clocks.
const PUBLISHED_AFTER_NEXT: Duration = Duration::minutes(10);
const DUE_AFTER: Duration = Duration::days(365);
/// Certificates are backdated by as much. Servers whose clocks differ by less do not keep replacing each other's keys.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::days(1);

/// The index of the key that signs, by the times at which the keys were created, newest first.
///
/// It is the newest key that all servers know by now, or the oldest if all are newer than that. A key whose certificate
/// is not valid now signs only if there is no other.
pub fn signing_index(created_at: &[Timestamp], now: Timestamp) -> usize {
    let is_valid = |created_at: &Timestamp| now < *created_at + LEAF_LIFE && !is_from_the_future(*created_at, now);
    let is_known = |created_at: &Timestamp| is_valid(created_at) && *created_at + KNOWN_BEFORE_SIGNING <= now;
    created_at.iter().position(is_known).or_else(|| created_at.iter().rposition(is_valid)).unwrap_or(0)
}

/// How many keys, newest first, may have signed a token that is still valid.
pub fn published_count(created_at: &[Timestamp], now: Timestamp) -> usize {
    let retired = created_at.iter().position(|next| *next <= retired_before(now));
    retired.map_or(created_at.len(), |next| next + 1)
}

/// A key that was created before this retires all older keys.
pub fn retired_before(now: Timestamp) -> Timestamp {
    now - PUBLISHED_AFTER_NEXT
}

/// Whether the newest key must be replaced.
///
/// That includes a key from the future, created on a machine with a wrong clock: it would not sign until then, and the
/// next key would come a year later still.
pub fn is_due(created_at: Timestamp, now: Timestamp) -> bool {
    created_at + DUE_AFTER < now || is_from_the_future(created_at, now)
}

fn is_from_the_future(created_at: Timestamp, now: Timestamp) -> bool {
    created_at > now + MAX_CLOCK_DIFFERENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_435_200);

    fn ago(seconds: &[i64]) -> Vec<Timestamp> {
        seconds.iter().map(|seconds| NOW - Duration::seconds(*seconds)).collect()
    }

    #[test]
    fn a_new_key_is_known_for_five_seconds_before_it_signs() {
        assert_eq!(signing_index(&ago(&[4, 900]), NOW), 1);
        assert_eq!(signing_index(&ago(&[5, 900]), NOW), 0);
        assert_eq!(signing_index(&ago(&[1, 3, 900]), NOW), 2);
        assert_eq!(signing_index(&ago(&[0]), NOW), 0, "the only key signs at once");
        assert_eq!(signing_index(&ago(&[0, 2]), NOW), 1, "a new installation");
        assert_eq!(signing_index(&ago(&[-100, 900]), NOW), 1, "created on a machine whose clock is ahead");
    }

    #[test]
    fn a_key_with_an_expired_certificate_does_not_sign() {
        let years = |years: i64| years * 365 * 24 * 3600;
        assert_eq!(signing_index(&ago(&[0, years(2)]), NOW), 0);
        assert_eq!(signing_index(&ago(&[0, years(2) - 1]), NOW), 1);
        assert_eq!(signing_index(&ago(&[years(3)]), NOW), 0, "a late signature is better than none");
    }

    #[test]
    fn a_key_stays_published_until_ten_minutes_after_the_next_was_created() {
        assert_eq!(published_count(&ago(&[0]), NOW), 1);
        assert_eq!(published_count(&ago(&[900]), NOW), 1);
        assert_eq!(published_count(&ago(&[599, 9000, 90_000]), NOW), 2);
        assert_eq!(published_count(&ago(&[600, 9000]), NOW), 1);
        assert_eq!(published_count(&ago(&[10, 20, 30]), NOW), 3);
    }

    #[test]
    fn the_next_key_is_due_after_a_year() {
        let year = 365 * 24 * 3600;
        assert!(!is_due(ago(&[year])[0], NOW));
        assert!(is_due(ago(&[year + 1])[0], NOW));
    }

    #[test]
    fn a_key_from_more_than_a_day_ahead_is_replaced() {
        let day = 24 * 3600;
        assert!(!is_due(ago(&[-day])[0], NOW));
        assert!(is_due(ago(&[-day - 1])[0], NOW));
        let years = 20 * 365 * day;
        let created_at = ago(&[10, -years, 900]);
        assert_eq!(signing_index(&created_at, NOW), 0);
        assert_eq!(
            signing_index(&ago(&[1, -years]), NOW),
            0,
            "at once, because the certificate of the other is not valid yet"
        );
        assert_eq!(signing_index(&ago(&[-years]), NOW), 0, "the only key");
        assert!(!is_due(created_at[0], NOW), "one replacement is enough");
        assert_eq!(published_count(&ago(&[600, -years, 9000]), NOW), 1, "and the key from the future is not published");
    }
}
