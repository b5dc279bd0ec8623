//! The chart of a token's last 90 days, measured for the template that draws it: a lane of bars for each kind of request,
//! so that the kinds are told apart without colours.

use dockpass_core::timestamp::Timestamp;
use dockpass_core::usage::{CHART_DAYS, DayCounts};

use crate::web::i18n::Words;

/// In units of the SVG, like all lengths here.
const HEIGHT: f64 = 40.0;
const PITCH: usize = 8;
/// Small counts stay visible beside days with a thousand times as many.
const MIN_HEIGHT: f64 = 3.0;

/// A day with requests of one kind.
pub struct Bar {
    pub x: usize,
    pub y: String,
    pub height: String,
    /// "23 November 2026: 3 pulls".
    pub sentence: String,
}

/// The bars of one kind of request.
pub struct Lane {
    /// `pulls`, `pushes`, `deletes` or `refusals`, for the stylesheet.
    pub class: &'static str,
    /// "12 pulls".
    pub total: String,
    pub bars: Vec<Bar>,
}

pub struct Chart {
    /// Without the kinds that there were none of.
    pub lanes: Vec<Lane>,
    pub width: usize,
    /// "23 November 2026: 3 pulls, 1 refusal", for each day with requests.
    pub days: Vec<String>,
    /// "Busiest day: 5000 requests. Days are in UTC."
    pub most: String,
    pub first_day: String,
    pub last_day: String,
}

impl Chart {
    /// The chart of `days`; the last one is the day of `now`.
    pub fn new(days: &[DayCounts], now: Timestamp, words: Words) -> Self {
        let first = now.day() - CHART_DAYS + 1;
        let date = |day: i64| words.date(Timestamp::from_seconds(day * 86_400).date());
        let said =
            |at: usize, what: &str| words.t1("chart.day", "date", date(first + at as i64)).replace("%{what}", what);
        let of_day = |(at, day): (usize, &DayCounts)| {
            let kinds = kinds(day).into_iter().filter(|(_, count)| *count > 0);
            let texts: Vec<String> = kinds.map(|kind| count_text(kind, words)).collect();
            (!texts.is_empty()).then(|| said(at, &texts.join(&words.t("chart.joint"))))
        };
        let mut all = DayCounts::default();
        days.iter().for_each(|day| all.and(*day));
        // The lanes have one scale, so that their bars can be compared.
        let tallest = days.iter().flat_map(kinds).map(|(_, count)| count).max().unwrap_or_default();
        let lane = |(place, total): (usize, (&'static str, i64))| {
            let counts = days.iter().map(|day| kinds(day)[place]).enumerate().filter(|(_, (_, count))| *count > 0);
            let bar = |(at, kind): (usize, (&'static str, i64))| {
                let height = bar_height(kind.1, tallest);
                let sentence = said(at, &count_text(kind, words));
                Bar { x: at * PITCH, y: format!("{:.1}", HEIGHT - height), height: format!("{height:.1}"), sentence }
            };
            Lane { class: total.0, total: count_text(total, words), bars: counts.map(bar).collect() }
        };
        Self {
            lanes: kinds(&all).into_iter().enumerate().filter(|(_, (_, total))| *total > 0).map(lane).collect(),
            width: days.len() * PITCH,
            days: days.iter().enumerate().filter_map(of_day).collect(),
            first_day: date(first),
            last_day: date(now.day()),
            most: words.count("chart.most", days.iter().map(|day| day.sum()).max().unwrap_or_default()),
        }
    }
}

const fn kinds(day: &DayCounts) -> [(&'static str, i64); 4] {
    [("pulls", day.pulls), ("pushes", day.pushes), ("deletes", day.deletes), ("refusals", day.refusals)]
}

fn count_text((kind, count): (&'static str, i64), words: Words) -> String {
    words.count(&format!("chart.{kind}"), count)
}

fn bar_height(count: i64, tallest: i64) -> f64 {
    MIN_HEIGHT + (HEIGHT - MIN_HEIGHT) * count as f64 / tallest.max(1) as f64
}
