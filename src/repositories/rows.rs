//! How repositories look on pages.

use dockpass_core::account::Account;
use dockpass_core::permission_check::ShareLevel;
use dockpass_core::usage::{UseAction, UsedWith};

use super::actions;
use super::history::actions::ListedChange;
use super::store::{ListedRepository, NamedLastUse};
use crate::web::page::Page;
use crate::web::time::TimeView;

#[derive(Debug)]
pub struct RepositoryView {
    pub id: String,
    pub name: String,
    pub is_public: bool,
    pub is_managed: bool,
    pub is_closable: bool,
    pub owner_is_away: bool,
    /// The owner, where it is not the reader.
    pub whose: Option<String>,
    pub share: Option<&'static str>,
    pub pushed: Option<UseView>,
    pub pulled: Option<UseView>,
    /// "2 accounts"; `None` where it is shared with nobody.
    pub shared_with: Option<String>,
}

impl RepositoryView {
    pub fn new(repository: &ListedRepository, reader: &Account, page: &Page) -> Self {
        // Accounts that push were given that right, and the owner sees their tokens. Anyone may pull.
        let last = |last: &Option<NamedLastUse>, names_token| {
            last.as_ref().map(|last| UseView::new(last, reader, page, names_token))
        };
        let whose = match &repository.owner {
            Some(owner) if repository.name.is_of(reader.username.as_str()) && owner == reader.username.as_str() => None,
            Some(owner) => Some(page.t1("repositories.whose", "name", owner)),
            None => Some(page.t("repositories.administrators").into_owned()),
        };
        let is_managed = actions::manages(reader, repository);
        Self {
            id: repository.id.clone(),
            name: repository.name.to_string(),
            is_public: repository.is_public,
            is_managed,
            is_closable: actions::closes(reader, repository),
            owner_is_away: repository.owner_is_away,
            whose,
            share: repository.share.filter(|_| !is_managed).map(|share| match share {
                ShareLevel::Pull => "repositories.shared_pull",
                ShareLevel::Push => "repositories.shared_push",
            }),
            pushed: last(&repository.pushed, is_managed),
            pulled: last(&repository.pulled, false),
            shared_with: (repository.shares > 0).then(|| page.words.count("repositories.accounts", repository.shares)),
        }
    }
}

/// A row of a repository's history.
#[derive(Debug)]
pub struct ChangeView {
    /// The key of its word, below `usage`.
    pub action: &'static str,
    pub tag: String,
    pub digest: String,
    pub by: UseView,
    /// The program; empty where it sent no name.
    pub client: String,
}

impl ChangeView {
    pub fn new(change: ListedChange, reader: &Account, page: &Page, names_token: bool) -> Self {
        Self {
            action: if change.action == UseAction::Delete { "deleted" } else { "pushed" },
            by: UseView::new(&change.by, reader, page, names_token),
            client: page.words.program(&change.client),
            tag: change.tag,
            digest: change.digest,
        }
    }
}

#[derive(Debug)]
pub struct UseView {
    pub at: TimeView,
    pub by: String,
    /// The token's id, where it belongs to the reader and still exists.
    pub token: Option<String>,
}

impl UseView {
    fn new(last: &NamedLastUse, reader: &Account, page: &Page, names_token: bool) -> Self {
        let last_use = &last.last_use;
        let is_readers = last_use.account_id.as_deref() == Some(&*reader.id);
        let by = match (&last_use.account_id, &last_use.by, &last.username) {
            (None, _, _) => page.t("repositories.by_nobody").into_owned(),
            (Some(_), UsedWith::Token { description, .. }, _) if is_readers => description.clone(),
            (Some(_), UsedWith::Password, _) if is_readers => page.t("repositories.by_password").into_owned(),
            (Some(_), UsedWith::Unknown, _) if is_readers => page.t("repositories.by_unknown").into_owned(),
            (Some(_), UsedWith::Token { description, .. }, Some(username)) if names_token => {
                format!("{username} · {description}")
            }
            (Some(_), _, Some(username)) => username.clone(),
            (Some(_), _, None) => page.t("repositories.by_someone").into_owned(),
        };
        let token = match &last_use.by {
            UsedWith::Token { id, .. } if last.is_readers_token => Some(id.clone()),
            _ => None,
        };
        Self { at: page.time(&last_use.at), by, token }
    }
}
