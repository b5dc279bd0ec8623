//! `/registry/events`: where the registry sends its notifications.

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequestParts, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::actions::{self, Event};
use crate::{
    core::{moment::Moment, repository::RepositoryName, secret::SecretHash, usage::UseAction},
    error::Error,
    registry::request::bearer,
    state::App,
    tokens::uses,
    web::{errors::registry_error, extract::Now},
};

/// With references, a notification of a large image index is long.
const LARGEST: usize = 1024 * 1024;

/// The one route.
pub fn routes() -> Router<App> {
    Router::new().route("/registry/events", post(receive).layer(DefaultBodyLimit::max(LARGEST)))
}

/// Whoever knows the shared secret. Where none is set the route is closed.
#[derive(Debug)]
struct FromRegistry;

impl FromRequestParts<App> for FromRegistry {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Some(secret) = app.config.events_secret.as_ref() else { return Err(Error::NotFound.into_response()) };
        // Hashes are compared: how many of their letters are right tells nothing of the secret.
        let shown = bearer(&parts.headers).map(SecretHash::of);
        if shown.as_ref() == Some(secret) {
            return Ok(Self);
        }
        let sentence = "notifications bear the secret of --events-secret-file: Authorization: Bearer …";
        Err(registry_error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", sentence))
    }
}

/// Distribution's envelope (media type `application/vnd.docker.distribution.events.v1+json`, or v2).
#[derive(Debug, Deserialize)]
struct Envelope {
    events: Vec<Notification>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Notification {
    id: String,
    timestamp: String,
    action: String,
    target: Target,
    request: Asked,
    actor: Actor,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Target {
    media_type: String,
    repository: String,
    tag: String,
    digest: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    method: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Actor {
    name: String,
}

/// All of it in one transaction: a registry whose notification was not answered with success sends it again.
async fn receive(_: FromRegistry, State(app): State<App>, Now(now): Now, body: Bytes) -> Result<StatusCode, Error> {
    let envelope: Envelope = serde_json::from_slice(&body).map_err(|_| Error::Invalid)?;
    let mut events: Vec<Event> = envelope.events.into_iter().filter_map(|event| manifest(event, now)).collect();
    // In the order in which all who write take rows.
    events.sort_by(|a, b| (&a.repository, a.at).cmp(&(&b.repository, b.at)));
    if !events.is_empty() {
        // The uses to which these belong may still be waiting to be written.
        uses::actions::write(&app.db, &app.token_uses, app.entropy).await?;
        let mut tx = app.db.write().await?;
        for event in &events {
            actions::take_in(&mut tx, event, now, app.entropy).await?;
        }
        tx.commit().await?;
    }
    Ok(StatusCode::OK)
}

/// A notification that tells of a manifest. Layers come along with one, and a HEAD is a question and no pull: a push
/// makes some of them too.
fn manifest(event: Notification, now: Moment) -> Option<Event> {
    let is_manifest = event.target.media_type.contains("manifest") || event.target.media_type.contains("image.index");
    let action = match (event.action.as_str(), event.request.method.as_str()) {
        ("push", _) if is_manifest => UseAction::Push,
        ("pull", "GET") if is_manifest => UseAction::Pull,
        ("delete", _) => UseAction::Delete,
        _ => return None,
    };
    let what = if event.target.tag.is_empty() { event.target.digest } else { event.target.tag };
    let printable = |text: String| text.chars().filter(char::is_ascii_graphic).take(200).collect::<String>();
    let at = OffsetDateTime::parse(&event.timestamp, &Rfc3339).map_or(now, Moment::from);
    let event = Event {
        id: printable(event.id),
        at: at.min(now),
        action,
        repository: RepositoryName::parse(&event.target.repository)?.to_string(),
        what: printable(what),
        actor: event.actor.name,
    };
    (!event.id.is_empty() && !event.what.is_empty() && !event.actor.contains('\0')).then_some(event)
}
