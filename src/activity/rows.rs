//! Lines of the log as pages show them.

use dockpass_core::activity::ActivityKind;

use super::Entry;
use super::actions::SHELL;
use crate::web::page::Page;
use crate::web::time::TimeView;

pub struct ActivityView {
    pub sentence: String,
    /// Whose account it was, in the administrators' log.
    pub account: Option<String>,
    pub detail: String,
    pub times: Option<String>,
    /// "by root-of-all · Firefox 131 on Linux · 203.0.113.7"
    pub origin: String,
    pub at: TimeView,
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
