//! When tokens expire: the choices of the form, and the one comparison with the current time.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, Duration};

use crate::timestamp::Timestamp;

/// The format of the form's date input: `2026-11-23`.
const ISO_DATE: &[BorrowedFormatItem<'static>] = format_description!("[year]-[month]-[day]");
/// The lifetimes in days that the form offers.
const OFFERED_DAYS: [u16; 5] = [7, 30, 60, 90, 365];
const PRESELECTED_DAYS: u16 = 90;
/// How many days ahead a custom date may be.
const LONGEST_CUSTOM_DAYS: u16 = 365;

/// Where days begin and end: a time zone.
pub trait Calendar {
    fn day_of(&self, at: Timestamp) -> Date;
    /// The last millisecond of a day.
    fn end_of(&self, day: Date) -> Timestamp;
}

/// A choice of the expiration date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryChoice {
    Days(u16),
    /// The end of this day.
    Custom(Date),
    Never,
}

/// Why a choice is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryProblem {
    NotOffered,
    NoDate,
    Past,
    /// The date is after this last allowed day.
    TooLate(Date),
}

/// The operator's limit for the lifetime of tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lifetimes {
    /// The longest lifetime of a new token in days. `None` allows tokens that never expire.
    pub longest_days: Option<u16>,
}

impl Lifetimes {
    /// The lifetimes to offer, in days, shortest first. The longest allowed one is always offered.
    pub fn days(self) -> Vec<u16> {
        let mut days: Vec<u16> = OFFERED_DAYS.into_iter().filter(|days| self.allows_days(*days)).collect();
        if let Some(longest) = self.longest_days
            && longest < LONGEST_CUSTOM_DAYS
            && !days.contains(&longest)
        {
            days.push(longest);
        }
        days
    }

    /// 90 days, or less if the operator allows less.
    pub fn preselected(self) -> ExpiryChoice {
        ExpiryChoice::Days(self.longest_days.map_or(PRESELECTED_DAYS, |longest| longest.min(PRESELECTED_DAYS)))
    }

    pub fn offers_never(self) -> bool {
        self.longest_days.is_none()
    }

    /// The last day that is allowed as a custom date.
    pub fn last_custom_day(self, now: Timestamp, calendar: &impl Calendar) -> Date {
        let days = self.longest_days.unwrap_or(LONGEST_CUSTOM_DAYS).min(LONGEST_CUSTOM_DAYS);
        calendar.day_of(now + Duration::days(days.into()))
    }

    /// When a token that is generated now with this choice expires. `None` is never.
    pub fn end(
        self,
        choice: ExpiryChoice,
        now: Timestamp,
        calendar: &impl Calendar,
    ) -> Result<Option<Timestamp>, ExpiryProblem> {
        let last = self.last_custom_day(now, calendar);
        match choice {
            ExpiryChoice::Never if self.offers_never() => Ok(None),
            ExpiryChoice::Days(days) if self.days().contains(&days) => Ok(Some(now + Duration::days(days.into()))),
            ExpiryChoice::Custom(date) if date < calendar.day_of(now) => Err(ExpiryProblem::Past),
            ExpiryChoice::Custom(date) if date > last => Err(ExpiryProblem::TooLate(last)),
            ExpiryChoice::Custom(date) => Ok(Some(calendar.end_of(date))),
            ExpiryChoice::Never | ExpiryChoice::Days(_) => Err(ExpiryProblem::NotOffered),
        }
    }

    /// The choice that gives a new token the lifetime of an earlier one: an offered lifetime, or else a custom date, at
    /// most the last allowed day.
    pub fn same_length(
        self,
        created_at: Timestamp,
        expires_at: Option<Timestamp>,
        now: Timestamp,
        calendar: &impl Calendar,
    ) -> ExpiryChoice {
        let Some(end) = expires_at else {
            return if self.offers_never() { ExpiryChoice::Never } else { self.preselected() };
        };
        let lifetime = end - created_at;
        let offered = self.days().into_iter().find(|days| Duration::days((*days).into()) == lifetime);
        match offered {
            Some(days) => ExpiryChoice::Days(days),
            None => {
                let day = calendar.day_of(now + Duration::days(lifetime.whole_days()));
                ExpiryChoice::Custom(day.min(self.last_custom_day(now, calendar)))
            }
        }
    }

    fn allows_days(self, days: u16) -> bool {
        self.longest_days.is_none_or(|longest| days <= longest)
    }
}

impl ExpiryChoice {
    /// Reads the form's two fields: a number of days, `custom` with a date, or `never`.
    pub fn parse(choice: &str, date: &str) -> Result<Self, ExpiryProblem> {
        match choice {
            "never" => Ok(ExpiryChoice::Never),
            "custom" => Date::parse(date.trim(), ISO_DATE).map(ExpiryChoice::Custom).map_err(|_| ExpiryProblem::NoDate),
            days => days.parse().map(ExpiryChoice::Days).map_err(|_| ExpiryProblem::NotOffered),
        }
    }

    pub fn value(self) -> String {
        match self {
            ExpiryChoice::Days(days) => days.to_string(),
            ExpiryChoice::Custom(_) => "custom".to_owned(),
            ExpiryChoice::Never => "never".to_owned(),
        }
    }
}

/// Whether a token is expired. Every comparison of an expiry with the current time goes through here.
pub fn is_expired(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|end| end <= now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    /// So many hours ahead of UTC.
    struct Ahead(i64);

    impl Calendar for Ahead {
        fn day_of(&self, at: Timestamp) -> Date {
            (at + Duration::hours(self.0)).date()
        }

        fn end_of(&self, day: Date) -> Timestamp {
            let midnight = day.midnight().assume_utc() + Duration::DAY - Duration::hours(self.0);
            Timestamp::from(midnight) - Duration::MILLISECOND
        }
    }

    const UTC: Ahead = Ahead(0);
    const NOON: Timestamp = Timestamp::from_seconds(1_795_435_200); // 2026-11-23T12:00:00Z

    #[test]
    fn a_custom_date_means_the_end_of_that_day() {
        let end = Lifetimes::default().end(ExpiryChoice::Custom(date!(2026 - 12 - 24)), NOON, &UTC).unwrap().unwrap();
        assert_eq!(end.rfc3339(), "2026-12-24T23:59:59Z");
        let today = Lifetimes::default().end(ExpiryChoice::Custom(date!(2026 - 11 - 23)), NOON, &UTC).unwrap().unwrap();
        assert!(!is_expired(Some(today), NOON));
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let (all, los_angeles) = (Lifetimes::default(), Ahead(-8));
        let evening = Timestamp::from_seconds(1_798_682_400); // 2026-12-31T02:00:00Z
        let end = |date| all.end(ExpiryChoice::Custom(date), evening, &los_angeles).map(|end| end.unwrap().rfc3339());
        assert_eq!(end(date!(2026 - 12 - 30)).unwrap(), "2026-12-31T07:59:59Z");
        assert_eq!(end(date!(2026 - 12 - 29)), Err(ExpiryProblem::Past));
        assert_eq!(end(date!(2027 - 12 - 31)), Err(ExpiryProblem::TooLate(date!(2027 - 12 - 30))));
        let like = all.same_length(evening, Some(evening + Duration::days(45)), evening, &los_angeles);
        assert_eq!(like, ExpiryChoice::Custom(date!(2027 - 02 - 13)));
    }

    #[test]
    fn a_custom_date_is_between_today_and_a_year_ahead() {
        let all = Lifetimes::default();
        assert_eq!(all.end(ExpiryChoice::Custom(date!(2026 - 11 - 22)), NOON, &UTC), Err(ExpiryProblem::Past));
        assert!(all.end(ExpiryChoice::Custom(date!(2027 - 11 - 23)), NOON, &UTC).is_ok());
        let last = date!(2027 - 11 - 23);
        assert_eq!(all.end(ExpiryChoice::Custom(date!(2027 - 11 - 24)), NOON, &UTC), Err(ExpiryProblem::TooLate(last)));
    }

    #[test]
    fn the_operators_limit_narrows_every_choice() {
        let month = Lifetimes { longest_days: Some(45) };
        assert_eq!(month.days(), [7, 30, 45]);
        assert_eq!(month.preselected(), ExpiryChoice::Days(45));
        assert_eq!(month.end(ExpiryChoice::Never, NOON, &UTC), Err(ExpiryProblem::NotOffered));
        assert_eq!(month.end(ExpiryChoice::Days(60), NOON, &UTC), Err(ExpiryProblem::NotOffered));
        assert!(month.end(ExpiryChoice::Custom(date!(2027 - 01 - 07)), NOON, &UTC).is_ok());
        assert!(month.end(ExpiryChoice::Custom(date!(2027 - 01 - 08)), NOON, &UTC).is_err());
        assert_eq!(Lifetimes::default().days(), [7, 30, 60, 90, 365]);
        assert_eq!(Lifetimes::default().preselected(), ExpiryChoice::Days(90));
    }

    #[test]
    fn a_new_token_can_get_the_lifetime_of_an_earlier_one() {
        let all = Lifetimes::default();
        let same = |days: i64| {
            all.same_length(NOON - Duration::days(200), Some(NOON - Duration::days(200 - days)), NOON, &UTC)
        };
        assert_eq!(same(30), ExpiryChoice::Days(30));
        assert_eq!(same(45), ExpiryChoice::Custom(date!(2027 - 01 - 07)));
        assert_eq!(all.same_length(NOON, None, NOON, &UTC), ExpiryChoice::Never);
        let month = Lifetimes { longest_days: Some(30) };
        assert_eq!(month.same_length(NOON, None, NOON, &UTC), ExpiryChoice::Days(30));
        let longer = month.same_length(NOON, Some(NOON + Duration::days(90)), NOON, &UTC);
        assert_eq!(longer, ExpiryChoice::Custom(date!(2026 - 12 - 23)));
    }

    #[test]
    fn a_token_is_expired_at_the_exact_millisecond() {
        assert!(is_expired(Some(NOON), NOON));
        assert!(!is_expired(Some(NOON + Duration::MILLISECOND), NOON));
        assert!(!is_expired(None, NOON));
    }
}
