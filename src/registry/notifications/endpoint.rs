//! `/registry/events`: where the registry sends its notifications.

use std::collections::HashSet;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use dockpass_core::attribution::RegistryActor;
use dockpass_core::repository::RepositoryName;
use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::usage::UseAction;
use dockpass_core::user_agent;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::actions::{self, Event};
use crate::app::App;
use crate::error::Error;
use crate::registry::request::bearer;
use crate::tokens::usage;
use crate::web::errors::registry_error;
use crate::web::extract::Now;

/// The largest body, in bytes. A registry accepts manifests of 4 MiB and sends all their references, indented. A body that
/// is refused comes again and again, and blocks the registry's queue.
const LARGEST: usize = 8 * 1024 * 1024;
/// The longest text that is kept of an id, a tag or a digest.
const LONGEST_TEXT: usize = 200;

pub fn routes() -> Router<App> {
    Router::new().route("/registry/events", post(receive).layer(DefaultBodyLimit::max(LARGEST)))
}

/// A request with the shared secret. Without `--events-secret-file` there is no such route.
#[derive(Debug)]
struct FromRegistry;

impl FromRequestParts<App> for FromRegistry {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Some(secret) = app.config.events_secret.as_ref() else { return Err(Error::NotFound.into_response()) };
        // Hashes are compared: how long that takes tells nothing about the secret.
        let shown = bearer(&parts.headers).map(SecretHash::of);
        if shown.as_ref() == Some(secret) {
            return Ok(Self);
        }
        tracing::warn!("refused a notification that does not have the secret of --events-secret-file");
        let sentence = "send the secret of --events-secret-file: Authorization: Bearer …";
        Err(registry_error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", sentence))
    }
}

/// An event of a notification. A registry leaves out what is empty, or sends it as `null`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EventBody {
    #[serde(deserialize_with = "or_absent")]
    id: String,
    #[serde(deserialize_with = "or_absent")]
    timestamp: String,
    #[serde(deserialize_with = "or_absent")]
    action: String,
    #[serde(deserialize_with = "or_absent")]
    target: TargetBody,
    #[serde(deserialize_with = "or_absent")]
    request: RequestBody,
    #[serde(deserialize_with = "or_absent")]
    actor: ActorBody,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TargetBody {
    #[serde(deserialize_with = "or_absent")]
    media_type: String,
    #[serde(deserialize_with = "or_absent")]
    repository: String,
    #[serde(deserialize_with = "or_absent")]
    tag: String,
    #[serde(deserialize_with = "or_absent")]
    digest: String,
    /// Only with `events: includereferences: true`.
    references: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RequestBody {
    #[serde(deserialize_with = "or_absent")]
    method: String,
    #[serde(deserialize_with = "or_absent")]
    useragent: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ActorBody {
    #[serde(deserialize_with = "or_absent")]
    name: String,
}

fn or_absent<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A registry repeats a notification until the answer is a success, and nothing overtakes it. So an event that is not
/// understood is skipped with a line in the log. A body that is not JSON is refused: it was cut off and comes again.
async fn receive(_: FromRegistry, State(app): State<App>, Now(now): Now, body: Bytes) -> Result<StatusCode, Error> {
    let envelope: Value = serde_json::from_slice(&body).map_err(|_| Error::Invalid)?;
    let mut events: Vec<Event> = bodies(envelope).into_iter().filter_map(|body| manifest_event(body, now)).collect();
    if !events.is_empty() {
        // Transfers get the addresses of their requests.
        usage::actions::flush(&app.db, &app.token_uses, app.rng).await?;
        // Always in the same order, so that two servers cannot deadlock.
        events.sort_by(|a, b| a.id.cmp(&b.id));
        actions::process(&app.db, &events, now, app.rng).await?;
    }
    Ok(StatusCode::OK)
}

/// Distribution's envelope (media type `application/vnd.docker.distribution.events.v1+json`, or v2): `{"events":[…]}`.
fn bodies(mut envelope: Value) -> Vec<EventBody> {
    let Some(Value::Array(events)) = envelope.get_mut("events").map(Value::take) else {
        tracing::warn!("skipped a notification without a list of events");
        return Vec::new();
    };
    let read = |event| match serde_json::from_value(event) {
        Ok(body) => Some(body),
        Err(error) => {
            tracing::warn!(%error, "skipped an event of a notification that cannot be read");
            None
        }
    };
    events.into_iter().filter_map(read).collect()
}

/// An event of a manifest; layers come with one and are skipped. A HEAD transfers nothing, but names a tag.
fn manifest_event(body: EventBody, now: Timestamp) -> Option<Event> {
    let is_manifest = is_manifest(&body.target.media_type);
    let (action, is_head) = match (body.action.as_str(), body.request.method.as_str()) {
        ("push", _) if is_manifest => (UseAction::Push, false),
        ("pull", "GET") if is_manifest => (UseAction::Pull, false),
        ("pull", "HEAD") if is_manifest && !body.target.tag.is_empty() => (UseAction::Pull, true),
        ("delete", _) => (UseAction::Delete, false),
        _ => return None,
    };
    let printable = |text: &str| text.chars().filter(char::is_ascii_graphic).take(LONGEST_TEXT).collect::<String>();
    let event = Event {
        id: printable(&body.id),
        action,
        is_head,
        at: OffsetDateTime::parse(&body.timestamp, &Rfc3339).map_or(now, Timestamp::from).min(now),
        repository: RepositoryName::parse(&body.target.repository)?.to_string(),
        tag: printable(&body.target.tag),
        digest: printable(&body.target.digest),
        children: if action == UseAction::Push { children(&body.target.references) } else { HashSet::new() },
        actor: RegistryActor::parse(&body.actor.name),
        client: user_agent::shorten(&body.request.useragent),
    };
    let has_reference = !event.tag.is_empty() || !event.digest.is_empty();
    (!event.id.is_empty() && has_reference && !body.actor.name.contains('\0')).then_some(event)
}

fn is_manifest(media_type: &str) -> bool {
    media_type.contains("manifest") || media_type.contains("image.index")
}

/// The digests of the manifests among a manifest's references; its layers are none.
fn children(references: &Value) -> HashSet<String> {
    let text = |reference: &Value, name: &str| reference[name].as_str().unwrap_or_default().to_owned();
    let manifests = references.as_array().into_iter().flatten().filter(|one| is_manifest(&text(one, "mediaType")));
    manifests.map(|manifest| text(manifest, "digest")).collect()
}
