//! `/registry/events`: where the registry sends its notifications.

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequestParts, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::post,
};
use dockpass_core::{
    moved::{Event, Moved},
    repository::RepositoryName,
    secret::SecretHash,
    timestamp::Timestamp,
    usage::UseAction,
    user_agent,
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::actions;
use crate::{
    app::App,
    error::Error,
    registry::request::bearer,
    web::{errors::registry_error, extract::Now},
};

/// A registry takes manifests of 4 MiB and tells all their references, indented. What is longer is no registry's: a
/// body that is refused is sent again without end, and no other overtakes it.
const LARGEST: usize = 8 * 1024 * 1024;

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
        tracing::warn!("a notification with another secret than --events-secret-file's, or without one, was refused");
        let sentence = "notifications bear the secret of --events-secret-file: Authorization: Bearer …";
        Err(registry_error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", sentence))
    }
}

/// What is told of a manifest. A registry leaves out what is empty, or sends it as `null`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Notification {
    #[serde(deserialize_with = "or_absent")]
    id: String,
    #[serde(deserialize_with = "or_absent")]
    timestamp: String,
    #[serde(deserialize_with = "or_absent")]
    action: String,
    #[serde(deserialize_with = "or_absent")]
    target: Target,
    #[serde(deserialize_with = "or_absent")]
    request: Asked,
    #[serde(deserialize_with = "or_absent")]
    actor: Actor,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Target {
    #[serde(deserialize_with = "or_absent")]
    media_type: String,
    #[serde(deserialize_with = "or_absent")]
    repository: String,
    #[serde(deserialize_with = "or_absent")]
    tag: String,
    #[serde(deserialize_with = "or_absent")]
    digest: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    #[serde(deserialize_with = "or_absent")]
    method: String,
    #[serde(deserialize_with = "or_absent")]
    useragent: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Actor {
    #[serde(deserialize_with = "or_absent")]
    name: String,
}

fn or_absent<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A registry whose notification was not answered with success sends it again. So what it tells in a way that is not
/// understood here is passed over, and the log says so: refused, it would come for ever, and nothing behind it would come
/// at all. What is no JSON is refused: it was cut off on its way and comes again whole, or no registry sent it.
async fn receive(_: FromRegistry, State(app): State<App>, Now(now): Now, body: Bytes) -> Result<StatusCode, Error> {
    let envelope: Value = serde_json::from_slice(&body).map_err(|_| Error::Invalid)?;
    let mut events: Vec<Event> = notifications(envelope).into_iter().filter_map(|told| manifest(told, now)).collect();
    // Two servers that are told the same wait for each other in one order.
    events.sort_by(|a, b| a.id.cmp(&b.id));
    actions::take_in(&app.db, &events, now).await?;
    Ok(StatusCode::OK)
}

/// Distribution's envelope (media type `application/vnd.docker.distribution.events.v1+json`, or v2): `{"events":[…]}`.
fn notifications(mut envelope: Value) -> Vec<Notification> {
    let Some(Value::Array(events)) = envelope.get_mut("events").map(Value::take) else {
        tracing::warn!("a notification without a list of events was passed over");
        return Vec::new();
    };
    let read = |event| match serde_json::from_value(event) {
        Ok(notification) => Some(notification),
        Err(error) => {
            tracing::warn!(%error, "an event of a notification was not understood and was passed over");
            None
        }
    };
    events.into_iter().filter_map(read).collect()
}

/// A notification that tells of a manifest. Layers come along with one, and a HEAD is a question and no pull: a push
/// makes some of them too.
fn manifest(told: Notification, now: Timestamp) -> Option<Event> {
    let is_manifest = told.target.media_type.contains("manifest") || told.target.media_type.contains("image.index");
    let action = match (told.action.as_str(), told.request.method.as_str()) {
        ("push", _) if is_manifest => UseAction::Push,
        ("pull", "GET") if is_manifest => UseAction::Pull,
        ("delete", _) => UseAction::Delete,
        _ => return None,
    };
    let what = if told.target.tag.is_empty() { told.target.digest } else { told.target.tag };
    let printable = |text: String| text.chars().filter(char::is_ascii_graphic).take(200).collect::<String>();
    let at = OffsetDateTime::parse(&told.timestamp, &Rfc3339).map_or(now, Timestamp::from).min(now);
    let event = Event {
        id: printable(told.id),
        moved: Moved { action, at, client: user_agent::shorten(&told.request.useragent) },
        repository: RepositoryName::parse(&told.target.repository)?.to_string(),
        what: printable(what),
        actor: told.actor.name,
    };
    (!event.id.is_empty() && !event.what.is_empty() && !event.actor.contains('\0')).then_some(event)
}
