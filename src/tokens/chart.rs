//! The bar chart of a token's last 90 days, measured for the template that draws it.

use dockpass_core::timestamp::Timestamp;
use dockpass_core::usage::{CHART_DAYS, DayCounts};

use crate::web::i18n::Words;

/// In units of the SVG, like all lengths here.
const HEIGHT: f64 = 120.0;
const PITCH: usize = 8;
/// Small counts stay visible beside days with a thousand times as many.
const MIN_HEIGHT: f64 = 2.0;

/// The part of a bar for one kind of request.
pub struct BarSegment {
    pub class: &'static str,
    pub y: String,
    pub height: String,
}

/// A day with requests.
pub struct Bar {
    pub x: usize,
    pub parts: Vec<BarSegment>,
    /// "23 November 2026: 3 pulls, 1 refusal".
    pub sentence: String,
}

pub struct Chart {
    pub bars: Vec<Bar>,
    pub width: usize,
    /// The legend: the class and the total of each kind.
    pub totals: Vec<(&'static str, String)>,
    /// "Busiest day: 5000 requests. Days are in UTC."
    pub most: String,
    pub first_day: String,
    pub last_day: String,
}

impl Chart {
    /// The chart of `days`; the last one is the day of `now`.
    pub fn new(days: &[DayCounts], now: Timestamp, words: Words) -> Self {
        let most = days.iter().map(|day| day.sum()).max().unwrap_or_default();
        let first = now.day() - CHART_DAYS + 1;
        let date = |day: i64| words.date(Timestamp::from_seconds(day * 86_400).date());
        let bar = |(at, day): (usize, &DayCounts)| {
            let texts: Vec<String> =
                kinds(day).into_iter().filter(|kind| kind.1 > 0).map(|kind| count_text(kind, words)).collect();
            let joint = words.t("chart.joint");
            let sentence =
                words.t1("chart.day", "date", date(first + at as i64)).replace("%{what}", &texts.join(&joint));
            Bar { x: at * PITCH, parts: parts(day, most), sentence }
        };
        let mut all = DayCounts::default();
        days.iter().for_each(|day| all.and(*day));
        Self {
            bars: days.iter().enumerate().filter(|(_, day)| day.sum() > 0).map(bar).collect(),
            width: days.len() * PITCH,
            totals: kinds(&all).into_iter().map(|kind| (kind.0, count_text(kind, words))).collect(),
            first_day: date(first),
            last_day: date(now.day()),
            most: words.count("chart.most", most),
        }
    }
}

/// From the bottom of a bar to the top.
const fn kinds(day: &DayCounts) -> [(&'static str, i64); 4] {
    [("pulls", day.pulls), ("pushes", day.pushes), ("deletes", day.deletes), ("refusals", day.refusals)]
}

fn count_text((kind, count): (&'static str, i64), words: Words) -> String {
    words.count(&format!("chart.{kind}"), count)
}

fn parts(day: &DayCounts, most: i64) -> Vec<BarSegment> {
    let kinds: Vec<_> = kinds(day).into_iter().filter(|(_, count)| *count > 0).collect();
    // Each segment gets the minimum; the counts share the rest of the height.
    let left = HEIGHT - 4.0 * MIN_HEIGHT;
    let mut top = HEIGHT;
    let part = |(class, count): (&'static str, i64)| {
        let height = MIN_HEIGHT + left * count as f64 / most.max(1) as f64;
        top -= height;
        BarSegment { class, y: format!("{top:.1}"), height: format!("{height:.1}") }
    };
    kinds.into_iter().map(part).collect()
}
