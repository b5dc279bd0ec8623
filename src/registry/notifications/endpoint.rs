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
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::actions::{self, Event};
use crate::app::App;
use crate::error::Error;
use crate::registry::request::bearer;
use crate::setup_steps::actions as setup_steps;
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

/// A registry repeats a notification until the answer is a success, and nothing overtakes it. So an event that is not
/// understood is skipped. A body that is not JSON is refused: it was cut off and comes again.
async fn receive(_: FromRegistry, State(app): State<App>, Now(now): Now, body: Bytes) -> Result<StatusCode, Error> {
    let envelope: Value = serde_json::from_slice(&body).map_err(|_| Error::Invalid)?;
    let mut events: Vec<Event> = events_in(&envelope).iter().filter_map(|event| manifest_event(event, now)).collect();
    if !events.is_empty() {
        // Transfers get the addresses of their requests.
        usage::actions::flush(&app.db, &app.token_uses, app.rng).await?;
        // Always in the same order, so that two servers cannot deadlock.
        events.sort_by(|a, b| a.id.cmp(&b.id));
        actions::process(&app.db, &events, |action| app.metrics.notified_event(action), now, app.rng).await?;
        setup_steps::note_notification(&app.db, now).await?;
    }
    Ok(StatusCode::OK)
}

/// Distribution's envelope (media type `application/vnd.docker.distribution.events.v1+json`, or v2): `{"events":[…]}`.
fn events_in(envelope: &Value) -> &[Value] {
    let events = envelope["events"].as_array();
    if events.is_none() {
        tracing::warn!("skipped a notification without a list of events");
    }
    events.map_or(&[], Vec::as_slice)
}

/// A text in an event. A registry leaves out what is empty, or sends it as `null`.
fn text<'e>(event: &'e Value, path: &str) -> &'e str {
    event.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// An event of a manifest; layers come with one and are skipped. A HEAD transfers nothing, but names a tag. An event that
/// cannot be read is skipped with a line in the log: what it tells is on no page.
fn manifest_event(event: &Value, now: Timestamp) -> Option<Event> {
    let (is_manifest, tag) = (is_manifest(text(event, "/target/mediaType")), text(event, "/target/tag"));
    let (action, is_head) = match (text(event, "/action"), text(event, "/request/method")) {
        ("push", _) if is_manifest => (UseAction::Push, false),
        ("pull", "GET") if is_manifest => (UseAction::Pull, false),
        ("pull", "HEAD") if is_manifest && !tag.is_empty() => (UseAction::Pull, true),
        ("delete", _) => (UseAction::Delete, false),
        ("", _) => return unreadable(),
        _ => return None,
    };
    let Some(repository) = RepositoryName::parse(text(event, "/target/repository")) else { return unreadable() };
    let (actor, references) = (text(event, "/actor/name"), &event["target"]["references"]);
    let printable = |text: &str| text.chars().filter(char::is_ascii_graphic).take(LONGEST_TEXT).collect::<String>();
    let event = Event {
        id: printable(text(event, "/id")),
        action,
        is_head,
        at: OffsetDateTime::parse(text(event, "/timestamp"), &Rfc3339).map_or(now, Timestamp::from).min(now),
        repository: repository.to_string(),
        tag: printable(tag),
        digest: printable(text(event, "/target/digest")),
        children: if action == UseAction::Push { children(references) } else { HashSet::new() },
        actor: RegistryActor::parse(actor),
        client: user_agent::shorten(text(event, "/request/useragent")),
    };
    let has_reference = !event.tag.is_empty() || !event.digest.is_empty();
    let is_readable = !event.id.is_empty() && has_reference && !actor.contains('\0');
    if is_readable { Some(event) } else { unreadable() }
}

fn unreadable() -> Option<Event> {
    tracing::warn!("skipped an event of a notification that cannot be read");
    None
}

fn is_manifest(media_type: &str) -> bool {
    media_type.contains("manifest") || media_type.contains("image.index")
}

/// The digests of the manifests among a manifest's references; its layers are none.
fn children(references: &Value) -> HashSet<String> {
    let manifests = references.as_array().into_iter().flatten().filter(|one| is_manifest(text(one, "/mediaType")));
    manifests.map(|manifest| text(manifest, "/digest").to_owned()).collect()
}
