//! What a token request leaves behind: notes in memory, which the next flush writes.

use dockpass_core::access_level::RepositoryAction;
use dockpass_core::activity::{ActivityKind, ClientInfo};
use dockpass_core::grants::GrantedScope;
use dockpass_core::refusal::RefusalKey;
use dockpass_core::scope::Scope;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::usage::{self, ImageDirection, LastUse, Occurrences, TokenUse, UsedWith};

use super::actions::{Caller, RefusedRequest, Subject};
use super::request::TokenRequest;
use crate::activity::actions as activity;
use crate::app::App;

/// The code of a request that was granted nothing.
const NOTHING: &str = "PAT-REPOSITORY";

/// Notes a sign-in with the password.
pub fn signed_in(app: &App, caller: &Caller, origin: &ClientInfo, now: Timestamp) {
    if caller.token.is_none() {
        let kind = ActivityKind::PasswordUsed;
        activity::note_failure(&app.failures, &caller.account_id, kind, "", origin, now);
    }
}

/// Notes what was granted: a use of the token, and the last push or pull of each repository.
pub fn granted(
    app: &App,
    caller: Option<&Caller>,
    asked: &[Scope],
    granted: &[GrantedScope],
    origin: &ClientInfo,
    now: Timestamp,
) {
    let token = caller.and_then(|caller| caller.token.as_ref());
    tracing::info!(
        account = caller.map_or("", |caller| caller.principal.username.as_str()),
        account_id = caller.map_or("", |caller| caller.account_id.as_str()),
        token = token.map_or("", |token| token.description.as_str()),
        token_id = token.map_or("", |token| token.token_id.as_str()),
        address = origin.address,
        scope = scope_text(granted),
        "a token request was granted"
    );
    let by = match (caller, token) {
        (Some(_), Some(token)) => {
            UsedWith::Token { id: token.token_id.clone(), description: token.description.to_string() }
        }
        (Some(_), None) => UsedWith::Password,
        (None, _) => UsedWith::Unknown,
    };
    for (action, repository) in usage::of_request(asked, granted) {
        if let Some(direction) = ImageDirection::of(action) {
            let account_id = caller.map(|caller| caller.account_id.clone());
            let last_use = LastUse { at: now, account_id, by: by.clone() };
            app.repository_uses.note((repository.clone(), direction), last_use);
        }
        if let Some(token) = token {
            let what = TokenUse {
                action,
                repository,
                reference: String::new(),
                digest: String::new(),
                origin: origin.clone(),
            };
            app.token_uses.note((token.token_id.clone(), what), Occurrences::once(now));
        }
    }
}

/// Notes a refusal in the log and the counter, and for the account that it concerns.
pub fn refused(app: &App, refused: &RefusedRequest, request: &TokenRequest, origin: &ClientInfo, now: Timestamp) {
    let about = refused.refusal.refused_action().unwrap_or_else(|| strongest(request));
    note_refusal(app, refused.refusal.code(), &refused.concerns, about, origin, now);
}

/// Notes a request that was granted none of the repositories that it asked for. That is no error (distribution's token
/// specification), and the client shows the registry's own message: only here the token's owner sees why.
pub fn granted_nothing(app: &App, caller: &Caller, request: &TokenRequest, origin: &ClientInfo, now: Timestamp) {
    if let Some(token) = &caller.token {
        note_refusal(app, NOTHING, &Subject::Token(token.clone()), strongest(request), origin, now);
    }
}

fn note_refusal(
    app: &App,
    code: &'static str,
    concerns: &Subject,
    (action, repository): (RepositoryAction, &str),
    origin: &ClientInfo,
    now: Timestamp,
) {
    app.metrics.refused(code);
    // Neither the name nor the secret as sent: people paste one into the place of the other.
    let (account, account_id, token, token_id) = match concerns {
        Subject::Nobody => ("", "", "", ""),
        Subject::Account { id, username } => (username.as_str(), id.as_str(), "", ""),
        Subject::Token(token) => {
            (token.username.as_str(), token.account_id.as_str(), token.description.as_str(), token.token_id.as_str())
        }
    };
    let address = &origin.address;
    tracing::info!(code, account, account_id, token, token_id, address, repository, "a token request was refused");
    match concerns {
        Subject::Nobody => {}
        Subject::Account { id, .. } => {
            activity::note_failure(&app.failures, id, ActivityKind::SignInFailed, "", origin, now);
        }
        Subject::Token(token) => {
            let detail = format!("{} ({code})", token.description);
            activity::note_failure(&app.failures, &token.account_id, ActivityKind::TokenRefused, &detail, origin, now);
            let key = RefusalKey {
                account_id: token.account_id.clone(),
                token_id: token.token_id.clone(),
                code,
                repository: repository.chars().filter(char::is_ascii_graphic).take(255).collect(),
                action,
                address: origin.address.clone(),
                client: origin.client.clone(),
                description: token.description.to_string(),
            };
            app.refusals.note(key, Occurrences::once(now));
        }
    }
}

/// "repository:alice/app:pull,push", as requests have it.
fn scope_text(granted: &[GrantedScope]) -> String {
    let scope = |grant: &GrantedScope| format!("{}:{}:{}", grant.kind, grant.name, grant.actions.join(","));
    granted.iter().map(scope).collect::<Vec<_>>().join(" ")
}

/// What stands for the request: the first repository that it asks by name to delete from, else to push to, else the first.
fn strongest(request: &TokenRequest) -> (RepositoryAction, &str) {
    let repositories = || request.scopes.iter().filter(|scope| scope.kind == "repository");
    for action in [RepositoryAction::Delete, RepositoryAction::Push] {
        if let Some(scope) = repositories().find(|scope| scope.names(action)) {
            return (action, &scope.name);
        }
    }
    (RepositoryAction::Pull, repositories().next().map_or("", |scope| &scope.name))
}
