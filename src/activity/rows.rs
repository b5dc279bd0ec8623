//! Lines of the log as pages show them.

use dockpass_core::activity::ActivityKind;
use dockpass_core::expiry::Calendar as _;
use dockpass_core::timestamp::Timestamp;

use super::Entry;
use super::actions::SHELL;
use crate::web::page::Page;
use crate::web::time::TimeView;

/// The lines of one day in the reader's time zone.
pub struct ActivityDay {
    /// "Today", "Yesterday", "21 February 2027".
    pub heading: String,
    pub lines: Vec<ActivityView>,
}

impl ActivityDay {
    /// Lines, newest first, by their days.
    pub fn all(lines: Vec<ActivityView>, page: &Page) -> Vec<Self> {
        let (today, mut days) = (page.zone.day_of(page.now), Vec::<(_, Self)>::new());
        for line in lines {
            let day = page.zone.day_of(line.last_at);
            match days.last_mut() {
                Some((last, of_day)) if *last == day => of_day.lines.push(line),
                _ => {
                    let heading = match (today - day).whole_days() {
                        0 => page.t("time.today").into_owned(),
                        1 => page.t("time.yesterday").into_owned(),
                        _ => page.words.date(day),
                    };
                    days.push((day, Self { heading, lines: vec![line] }));
                }
            }
        }
        days.into_iter().map(|(_, day)| day).collect()
    }
}

pub struct ActivityView {
    pub sentence: String,
    /// Whose account it was, in the administrators' log.
    pub account: Option<String>,
    pub detail: String,
    pub times: Option<String>,
    /// "by root-of-all · Firefox 131 on Linux · 203.0.113.7"
    pub origin: String,
    pub at: TimeView,
    /// "13:00", for lines of earlier days: their heading says the date.
    pub clock: Option<String>,
    /// For the order of the days.
    pub last_at: Timestamp,
}

impl ActivityView {
    pub fn new(entry: Entry, page: &Page) -> Self {
        let by = match entry.actor.as_str() {
            "" => String::new(),
            SHELL => page.t("activity.by_shell").into_owned(),
            name => page.t1("activity.by", "name", name),
        };
        let origin = [by, page.words.program(&entry.origin.client), entry.origin.address];
        let origin: Vec<String> = origin.into_iter().filter(|part| !part.is_empty()).collect();
        let detail = match (entry.kind, entry.detail.as_str()) {
            (ActivityKind::SessionsEnded | ActivityKind::SignInFailed, _) => String::new(),
            (ActivityKind::RepositoryVisibility, detail) => visibility(detail, page),
            (ActivityKind::AccountCreated, "administrator") => page.t("settings.role_admin").into_owned(),
            (_, detail) => detail.to_owned(),
        };
        Self {
            sentence: page.t(format!("activity.{}", entry.kind.as_str())).into_owned(),
            account: None,
            detail,
            times: (entry.times > 1).then(|| page.words.count("activity.times", entry.times)),
            origin: origin.join(" · "),
            at: page.time(&entry.last_at),
            clock: (page.zone.day_of(entry.last_at) != page.zone.day_of(page.now))
                .then(|| page.zone.clock(entry.last_at)),
            last_at: entry.last_at,
        }
    }
}

/// "alice/app public" with the second word in the reader's language.
fn visibility(detail: &str, page: &Page) -> String {
    match detail.rsplit_once(' ') {
        Some((name, "public")) => format!("{name} · {}", page.t("repositories.public")),
        Some((name, "private")) => format!("{name} · {}", page.t("repositories.private")),
        _ => detail.to_owned(),
    }
}
