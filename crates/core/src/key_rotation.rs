//! When a signing key begins to sign, how long it counts, and when the next one is due.
//!
//! Every server on one database looks for new keys every few seconds. So a new key is known to all of them before the
//! first one signs with it, and a key that signs no more is known for longer than its last token lives.

use time::Duration;

use crate::timestamp::Timestamp;

/// The certificate of a signing key ends this long after it was made. A yearly rotation that fails for months does no
/// harm.
pub const LEAF_LIFE: Duration = Duration::days(2 * 365);

/// Longer than servers take to look for new keys.
const KNOWN_BEFORE_IT_SIGNS: Duration = Duration::seconds(5);
/// A token lives 300 seconds and registries allow it 60 more; the rest is for servers whose clocks differ.
const COUNTS_AFTER_THE_NEXT: Duration = Duration::minutes(10);
const DUE_AFTER: Duration = Duration::days(365);
/// Certificates are backdated by so much, and servers on one database whose clocks differ by less make no new keys
/// against each other.
const AHEAD_AT_MOST: Duration = Duration::days(1);

/// Which key signs, of keys made at these moments, newest first: the newest that others know by now; where all are too
/// new for that, the oldest. One whose certificate is over, or has not begun, signs only where there is no other.
pub fn signing(made: &[Timestamp], now: Timestamp) -> usize {
    let is_valid = |made: &Timestamp| now < *made + LEAF_LIFE && !is_from_the_future(*made, now);
    let is_known = |made: &Timestamp| is_valid(made) && *made + KNOWN_BEFORE_IT_SIGNS <= now;
    made.iter().position(is_known).or_else(|| made.iter().rposition(is_valid)).unwrap_or(0)
}

/// How many of the keys made at these moments, newest first, may have signed a token that still lives.
pub fn counting(made: &[Timestamp], now: Timestamp) -> usize {
    let retired = made.iter().position(|next| *next <= retired_before(now));
    retired.map_or(made.len(), |next| next + 1)
}

/// A key made before this moment ends the time of those before it.
pub fn retired_before(now: Timestamp) -> Timestamp {
    now - COUNTS_AFTER_THE_NEXT
}

/// Whether the newest key, made at this moment, has signed for long enough. One from the future is due too: made by a
/// machine whose clock was wrong, it would not sign until then, and no other would be made for a year more.
pub fn is_due(made: Timestamp, now: Timestamp) -> bool {
    made + DUE_AFTER < now || is_from_the_future(made, now)
}

fn is_from_the_future(made: Timestamp, now: Timestamp) -> bool {
    made > now + AHEAD_AT_MOST
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
        assert_eq!(signing(&ago(&[4, 900]), NOW), 1);
        assert_eq!(signing(&ago(&[5, 900]), NOW), 0);
        assert_eq!(signing(&ago(&[1, 3, 900]), NOW), 2);
        assert_eq!(signing(&ago(&[0]), NOW), 0, "the only one signs at once");
        assert_eq!(signing(&ago(&[0, 2]), NOW), 1, "an installation of this moment");
        assert_eq!(signing(&ago(&[-100, 900]), NOW), 1, "made by a machine whose clock is ahead");
    }

    #[test]
    fn a_key_whose_certificate_is_over_signs_no_more() {
        let years = |years: i64| years * 365 * 24 * 3600;
        assert_eq!(signing(&ago(&[0, years(2)]), NOW), 0);
        assert_eq!(signing(&ago(&[0, years(2) - 1]), NOW), 1);
        assert_eq!(signing(&ago(&[years(3)]), NOW), 0, "a late signature is better than none");
    }

    #[test]
    fn a_key_counts_until_ten_minutes_after_the_next_was_made() {
        assert_eq!(counting(&ago(&[0]), NOW), 1);
        assert_eq!(counting(&ago(&[900]), NOW), 1);
        assert_eq!(counting(&ago(&[599, 9000, 90_000]), NOW), 2);
        assert_eq!(counting(&ago(&[600, 9000]), NOW), 1);
        assert_eq!(counting(&ago(&[10, 20, 30]), NOW), 3);
    }

    #[test]
    fn the_next_key_is_due_after_a_year() {
        let year = 365 * 24 * 3600;
        assert!(!is_due(ago(&[year])[0], NOW));
        assert!(is_due(ago(&[year + 1])[0], NOW));
    }

    #[test]
    fn a_key_from_more_than_a_day_ahead_is_due_and_the_next_one_takes_its_place() {
        let day = 24 * 3600;
        assert!(!is_due(ago(&[-day])[0], NOW));
        assert!(is_due(ago(&[-day - 1])[0], NOW));
        let years = 20 * 365 * day;
        let made = ago(&[10, -years, 900]);
        assert_eq!(signing(&made, NOW), 0);
        assert_eq!(signing(&ago(&[1, -years]), NOW), 0, "at once, for the other's certificate has not begun");
        assert_eq!(signing(&ago(&[-years]), NOW), 0, "the only one");
        assert!(!is_due(made[0], NOW), "one is enough");
        assert_eq!(counting(&ago(&[600, -years, 9000]), NOW), 1, "and the one from the future is forgotten");
    }
}
