//! The checks of the registry's notifications.

use serde_json::Value;

use super::registry_config::{RegistryFile, text};
use super::{Expected, Report};
use crate::platform::http_client;
use crate::registry::cli::events_secret;

const CHECK: &str = "notifications";
const PATH: &str = "/registry/events";
/// An envelope without events: the server checks the secret and stores nothing.
const PROBE: &str = r#"{"events":[]}"#;

/// Checks that the registry's file sends notifications to this server with the right secret, and that the server takes
/// them. `file` is `None` if it is not known.
pub async fn check(expected: &Expected<'_>, file: Option<&RegistryFile>, report: &mut Report) {
    let before = report.number_wrong();
    let document = file.and_then(|file| file.document.as_ref().ok());
    let endpoint = document.and_then(endpoint);
    let secret = match (events_secret(expected.config), endpoint) {
        (Ok(Some(secret)), _) => secret,
        (Ok(None), Some(_)) => {
            let said =
                "the registry's file has an endpoint for them, but the server's --events-secret-file is not given";
            return report.wrong(CHECK, said);
        }
        (Ok(None), None) => {
            return report.skipped(CHECK, "without --events-secret-file, pages show only what tokens were granted");
        }
        (Err(sentence), _) => return report.wrong(CHECK, sentence),
    };
    let own = expected.public_url.as_ref().ok().map(|url| format!("{url}{PATH}"));
    match (document, endpoint) {
        (Some(document), Some(endpoint)) => check_section(document, endpoint, &secret, report),
        (Some(_), None) => {
            let section = "the registry's file has no endpoint for them: add the notifications section that `dockpass \
                           registry-config` prints";
            report.wrong(CHECK, section);
        }
        (None, _) => report.skipped("file's notifications", "give --registry-config to check the section"),
    }
    if report.number_wrong() > before {
        return;
    }
    let named = endpoint.and_then(|endpoint| text(endpoint, "url"));
    let Some(url) = named.or(own.clone()) else {
        return report.skipped(CHECK, "the server's address is not known: give its --public-url");
    };
    match http_client::post(&url, Some(&secret), PROBE).await {
        Ok(answer) => match answer.status {
            200 => {
                let said =
                    "accepts the secret; whether the registry's machine reaches that address cannot be seen from here";
                report.ok(CHECK, format_args!("{url} {said}"));
            }
            401 => report.wrong(
                CHECK,
                format_args!("{url} has another secret: restart the server, which reads it at its start"),
            ),
            404 => report.wrong(CHECK, format_args!("{url} is closed: start the server with --events-secret-file")),
            _ => report.wrong(CHECK, format_args!("{url} answers {}", answer.kind())),
        },
        Err(sentence) if own.as_ref() == Some(&url) => report.wrong(CHECK, sentence),
        // Perhaps a name that only the registry's network knows.
        Err(sentence) => report.skipped(CHECK, format_args!("{sentence}; the registry may reach it all the same")),
    }
}

fn endpoint(document: &Value) -> Option<&Value> {
    let endpoints = document.get("notifications")?.get("endpoints")?.as_array()?;
    endpoints.iter().find(|endpoint| text(endpoint, "url").is_some_and(|url| url.ends_with(PATH)))
}

fn check_section(document: &Value, endpoint: &Value, secret: &str, report: &mut Report) {
    const CHECK: &str = "file's notifications";
    let header = endpoint.get("headers").and_then(|headers| headers.get("Authorization"));
    let bearer = Value::from(format!("Bearer {secret}"));
    if header != Some(&bearer) && !header.and_then(Value::as_array).is_some_and(|values| values.contains(&bearer)) {
        let advice = "write the headers that `dockpass registry-config` prints, and restart the registry";
        return report
            .wrong(CHECK, format_args!("the endpoint does not send the secret of --events-secret-file: {advice}"));
    }
    if text(endpoint, "disabled").as_deref() == Some("true") {
        return report.wrong(CHECK, "the endpoint is disabled: remove that line");
    }
    let events = document.get("notifications").and_then(|section| section.get("events"));
    if events.and_then(|events| text(events, "includereferences")).as_deref() != Some("true") {
        let said = "a pushed index is not told apart from its images: write `events: {includereferences: true}`";
        return report.warning(CHECK, said);
    }
    report.ok(CHECK, "the registry sends them with the secret of --events-secret-file");
}
