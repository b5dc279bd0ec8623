//! How refusals look on pages.

use dockpass_core::access_level::RepositoryAction;
use dockpass_core::permission_check::DenyReason;
use dockpass_core::refusal::{Refusal, SuggestedFix};

use super::actions::RecentRefusal;
use crate::tokens::rows::program;
use crate::web::page::Page;
use crate::web::time::TimeView;

#[derive(Debug)]
pub struct RefusalView {
    pub token_id: String,
    pub description: String,
    pub reason: &'static str,
    pub code: String,
    pub repository: String,
    pub is_about_repository: bool,
    /// "docker 28.2 on linux · 203.0.113.7".
    pub origin: String,
    pub at: TimeView,
    /// "14 times since 23 November 2026 12:00 UTC", where it was more than once.
    pub times: Option<String>,
    pub remedy: SuggestedFix,
    pub is_copied: bool,
}

impl RefusalView {
    pub fn new(RecentRefusal { line, obstacle, remedy }: RecentRefusal, page: &Page) -> Self {
        let since = || page.time(&line.span.first_at).exact();
        let times = || page.words.count("refusals.times", line.span.times).replace("%{since}", &since());
        Self {
            reason: reason_key(&line.code, line.action, obstacle),
            origin: format!("{} · {}", program(&line.client, page.words), line.address),
            at: page.time(&line.span.last_at),
            times: (line.span.times > 1).then(times),
            remedy,
            is_copied: line.is_copied,
            token_id: line.token_id,
            description: line.description,
            is_about_repository: Refusal::is_about_repository(&line.code),
            code: line.code,
            repository: line.repository,
        }
    }
}

/// The key of the sentence that says why. Below `usage` the same key says it for a row of the token's own page.
pub(in crate::tokens) fn reason_key(
    code: &str,
    action: RepositoryAction,
    obstacle: Option<DenyReason>,
) -> &'static str {
    use RepositoryAction::{Delete, Pull, Push};
    match (code, obstacle, action) {
        ("PAT-REPOSITORY", Some(DenyReason::OutsideFilter), _) => "refusals.limited",
        ("PAT-REPOSITORY", Some(DenyReason::Level(_)), Pull) => "refusals.level_pull",
        // Fixed since, or the token is gone.
        ("PAT-REPOSITORY", None | Some(DenyReason::Level(_) | DenyReason::Anonymous), action) => match action {
            Pull => "refusals.repository_pull",
            Push => "refusals.repository_push",
            Delete => "refusals.repository_delete",
        },
        ("PAT-REPOSITORY", Some(_), Pull) => "refusals.account_pull",
        ("PAT-REPOSITORY", Some(_), Push) => "refusals.account_push",
        ("PAT-REPOSITORY", Some(_), Delete) => "refusals.account_delete",
        ("PAT-INACTIVE", ..) => "refusals.inactive",
        ("PAT-EXPIRED", ..) => "refusals.expired",
        ("PAT-DELETED", ..) => "refusals.deleted",
        ("PAT-WRONG-USER", ..) => "refusals.wrong_user",
        ("PAT-READ-ONLY", ..) => "refusals.read_only",
        ("PAT-NO-DELETE", ..) => "refusals.no_delete",
        ("ACCOUNT-DISABLED", ..) => "refusals.account_disabled",
        _ => "refusals.unnamed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_sentence() {
        // A failed sign-in belongs to no token, so no page lists it.
        for code in Refusal::CODES.into_iter().filter(|code| *code != "AUTH-FAILED") {
            for action in [RepositoryAction::Pull, RepositoryAction::Push, RepositoryAction::Delete] {
                assert_ne!(reason_key(code, action, None), "refusals.unnamed", "{code}");
            }
        }
    }
}
