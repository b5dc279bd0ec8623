//! The check of the registry's configuration file.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Expected, Report};
use crate::platform::certificates;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigVerdict {
    Right,
    Wrong,
    /// It is right, but the certificate bundle cannot be read here.
    Unread,
}

pub fn check(path: &Path, expected: &Expected<'_>, report: &mut Report) -> ConfigVerdict {
    let before = report.wrong;
    let mut verdict = ConfigVerdict::Right;
    match token_section(path) {
        Ok(section) => {
            check_texts(&section, expected, report);
            if !check_bundle(&section, path, expected, report) {
                verdict = ConfigVerdict::Unread;
            }
            let overrides = "REGISTRY_AUTH_TOKEN_… variables override the file, but cannot be read from here";
            report.skipped("registry's environment", overrides);
        }
        Err(sentence) => report.wrong("registry's file", format_args!("{} {sentence}", path.display())),
    }
    if report.wrong > before { ConfigVerdict::Wrong } else { verdict }
}

/// The mapping below `auth.token`, or the part of a sentence after the file's name.
fn token_section(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let document: Value = serde_saphyr::from_str(&text)
        .map_err(|error| format!("is not valid YAML: {}", first_line(&error.to_string())))?;
    let write = "add what `dockpass registry-config` prints";
    let Some(auth) = document.get("auth").and_then(Value::as_object) else {
        return Err(format!("has no auth section, so the registry lets everyone in: {write}"));
    };
    match auth.get("token") {
        Some(section) if section.is_object() => Ok(section.clone()),
        Some(_) => Err(format!("has nothing below auth.token: {write}")),
        None => {
            let other: Vec<&str> = auth.keys().map(String::as_str).collect();
            Err(format!("has {:?} below auth instead of token: {write}", other.join(", ")))
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A scalar. The registry reads numbers and booleans as text too.
fn text(section: &Value, key: &str) -> Option<String> {
    match section.get(key)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn check_texts(section: &Value, expected: &Expected<'_>, report: &mut Report) {
    let realm = expected.realm();
    let service = Some(expected.config.registry_service.clone());
    let issuer = Some(expected.config.issuer.clone());
    let all =
        [("realm", realm, "--public-url"), ("service", service, "--registry-service"), ("issuer", issuer, "--issuer")];
    for (key, right, flag) in all {
        let check = format!("file's {key}");
        let Some(right) = right else {
            report.skipped(&check, format_args!("give the server's {flag}"));
            continue;
        };
        match text(section, key) {
            Some(found) => {
                let advice = format!("write `{key}: {right:?}` below auth.token, or give the server's {flag}");
                report.same(&check, &found, &right, advice);
            }
            None => report.wrong(&check, format_args!("it is missing: write `{key}: {right:?}` below auth.token")),
        }
    }
    if text(section, "autoredirect").as_deref() == Some("true") {
        let said = "it is on, so clients are sent to the registry's own host and not to the realm: remove the line";
        report.wrong("file's autoredirect", said);
    }
    let algorithms = section.get("signingalgorithms").and_then(Value::as_array);
    if algorithms.is_some_and(|all| !all.iter().any(|name| name == "ES256")) {
        let said = "ES256 is missing, but tokens are signed with it: write `signingalgorithms: [ES256]`";
        report.wrong("file's signingalgorithms", said);
    }
}

/// Returns false if the bundle cannot be read here, because a registry in a container sees other files.
fn check_bundle(section: &Value, config: &Path, expected: &Expected<'_>, report: &mut Report) -> bool {
    const CHECK: &str = "file's rootcertbundle";
    let write = "write it with `dockpass registry-config` and restart the registry";
    let Some(named) = text(section, "rootcertbundle") else {
        let said = match section.get("jwks") {
            Some(_) => "it is missing: with only jwks, a registry refuses tokens that contain their certificate; ",
            None => "it is missing: ",
        };
        report.wrong(CHECK, format_args!("{said}{write}"));
        return true;
    };
    let Some((path, text)) = read_beside(Path::new(&named), config) else {
        let said = "cannot be read here; if the registry runs in a container, check the file inside it";
        report.skipped(CHECK, format_args!("{named} {said}"));
        return false;
    };
    let path = path.display();
    let Some(keys) = expected.keys else {
        report.skipped(CHECK, "there are no keys to compare with");
        return false;
    };
    let (certificates, root) = (certificates::from_pem(&text), certificates::from_pem(&keys.root_pem));
    if certificates.is_empty() {
        report.wrong(CHECK, format_args!("{path} contains no certificate: {write}"));
    } else if certificates.iter().any(|certificate| root.contains(certificate)) {
        report.ok(CHECK, format_args!("{path} contains this server's root certificate"));
    } else {
        let said = "does not contain this server's root certificate; perhaps it is from another database";
        report.wrong(CHECK, format_args!("{path} {said}: {write}"));
    }
    true
}

/// The registry resolves relative paths from the folder in which it was started. That may be the current folder or that
/// of the configuration file.
fn read_beside(named: &Path, config: &Path) -> Option<(PathBuf, String)> {
    let beside = config.parent().map(|folder| folder.join(named));
    [Some(named.to_owned()), beside].into_iter().flatten().find_map(|path| {
        let bytes = fs::read(&path).ok()?;
        Some((path, String::from_utf8_lossy(&bytes).into_owned()))
    })
}
