//! What a token request leaves behind: noted in memory, written together a second later.

use dockpass_core::{
    access_level::RepositoryAction,
    activity::{ActivityKind, ClientInfo},
    grants::GrantedScope,
    scope::Scope,
    timestamp::Timestamp,
    usage::{self, Occurrences, TokenUse, UseAction},
};

use super::{
    actions::{Caller, RefusedRequest, Subject},
    request::TokenRequest,
};
use crate::{
    activity::actions as activity,
    app::App,
    platform::journal::{ImageDirection, LastUse, RefusalKey, UsedWith},
    repositories::actions::later,
};

/// The code of a request that was granted nothing.
const NOTHING: &str = "PAT-REPOSITORY";

/// Notes what was granted: a use of the token, and of each repository that it is pushed or pulled. What a password was
/// granted is noted where a registry tells what it moved: nothing else reads it.
pub fn granted(
    app: &App,
    caller: Option<&Caller>,
    asked: &[Scope],
    granted: &[GrantedScope],
    origin: &ClientInfo,
    now: Timestamp,
) {
    let token = caller.and_then(|caller| caller.token.as_ref());
    let token = token.and_then(|token| Some((token.token_id.clone()?, token.description.to_string())));
    let password_of = caller.filter(|caller| caller.token.is_none() && app.config.events_secret.is_some());
    let by = match (caller, &token) {
        (Some(_), Some((id, description))) => UsedWith::Token { id: id.clone(), description: description.clone() },
        (Some(_), None) => UsedWith::Password,
        (None, _) => UsedWith::Unknown,
    };
    for (action, repository) in usage::of_request(asked, granted) {
        let direction = match action {
            UseAction::Push => Some(ImageDirection::Push),
            UseAction::Pull => Some(ImageDirection::Pull),
            UseAction::Login | UseAction::Delete | UseAction::Catalog => None,
        };
        if let Some(direction) = direction {
            let account_id = caller.map(|caller| caller.account_id.clone());
            let handling = LastUse { at: now, account_id, by: by.clone() };
            app.repository_uses.note((repository.clone(), direction), handling, later);
        }
        if let Some(caller) = password_of.filter(|_| is_of_a_repository(action)) {
            let key = (caller.account_id.clone(), repository.clone(), action);
            app.password_grants.note(key, Occurrences::once(now), Occurrences::and);
        }
        if let Some((token_id, _)) = &token {
            let what = TokenUse { action, repository, moved: String::new(), origin: origin.clone() };
            app.token_uses.note((token_id.clone(), what), Occurrences::once(now), Occurrences::and);
        }
    }
}

const fn is_of_a_repository(action: UseAction) -> bool {
    matches!(action, UseAction::Pull | UseAction::Push | UseAction::Delete)
}

/// Notes a refusal: in the log and the counter, and where someone is concerned for that account. A client that asks by
/// the form first and then by the query was refused once.
pub fn refused(app: &App, refused: &RefusedRequest, request: &TokenRequest, origin: &ClientInfo, now: Timestamp) {
    note_refusal(app, refused.refusal.code(), &refused.concerns, request, origin, now);
}

/// Notes a request that was granted nothing of all the repositories it asked for. It is no error (distribution's token
/// specification), and the client reads the registry's own words: the token's owner reads here why.
pub fn granted_nothing(app: &App, caller: &Caller, request: &TokenRequest, origin: &ClientInfo, now: Timestamp) {
    if let Some(token) = &caller.token {
        note_refusal(app, NOTHING, &Subject::Token(token.clone()), request, origin, now);
    }
}

fn note_refusal(
    app: &App,
    code: &'static str,
    concerns: &Subject,
    request: &TokenRequest,
    origin: &ClientInfo,
    now: Timestamp,
) {
    let (account_id, token) = match concerns {
        Subject::Nobody => ("", None),
        Subject::Account(account_id) => (account_id.as_str(), None),
        Subject::Token(token) => (token.account_id.as_str(), Some(token)),
    };
    let key = RefusalKey {
        account_id: account_id.to_owned(),
        token_id: token.and_then(|token| token.token_id.clone()).unwrap_or_default(),
        code,
        repository: first_repository(request),
        action: if asks_to_push(request) { RepositoryAction::Push } else { RepositoryAction::Pull },
        address: origin.address.clone(),
        client: origin.client.clone(),
        description: token.map(|token| token.description.to_string()).unwrap_or_default(),
    };
    if app.rate_limits.is_repeated_by_query(&key, request.is_form, now) {
        return;
    }
    // Neither the name nor the secret as sent: people paste one into the place of the other.
    let (token_id, address) = (key.token_id.as_str(), origin.address.as_str());
    tracing::info!(code, account_id, token_id, address, "a token request was refused");
    app.metrics.refused(code);
    match token {
        Some(token) => {
            let detail = format!("{} ({code})", token.description);
            activity::note_failure(&app.failures, account_id, ActivityKind::TokenRefused, &detail, origin, now);
            app.refusals.note(key, Occurrences::once(now), Occurrences::and);
        }
        None if !account_id.is_empty() => {
            activity::note_failure(&app.failures, account_id, ActivityKind::SignInFailed, "", origin, now);
        }
        None => {}
    }
}

fn asks_to_push(request: &TokenRequest) -> bool {
    let repositories = request.scopes.iter().filter(|scope| scope.kind == "repository");
    repositories.into_iter().any(|scope| scope.actions.iter().any(|action| action == "push"))
}

/// The repository that stands for the request: the first that is asked for push, else the first.
fn first_repository(request: &TokenRequest) -> String {
    let repositories = || request.scopes.iter().filter(|scope| scope.kind == "repository");
    let pushed = repositories().find(|scope| scope.actions.iter().any(|action| action == "push"));
    let name = pushed.or_else(|| repositories().next()).map_or("", |scope| scope.name.as_str());
    name.chars().filter(char::is_ascii_graphic).take(255).collect()
}
