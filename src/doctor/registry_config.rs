//! The registry's configuration file: what its token section says, against what this server needs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Expected, Report};
use crate::platform::certificates;

/// What the file came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigVerdict {
    /// All that it says is right.
    Right,
    /// Something must be mended.
    Wrong,
    /// What it names could not be read here.
    Unread,
}

/// Compares the file at `path`.
pub fn check(path: &Path, expected: &Expected<'_>, report: &mut Report) -> ConfigVerdict {
    let before = report.wrong;
    let mut verdict = ConfigVerdict::Right;
    match token_section(path) {
        Ok(section) => {
            check_texts(&section, expected, report);
            if !check_bundle(&section, path, expected, report) {
                verdict = ConfigVerdict::Unread;
            }
            let overrides = "variables REGISTRY_AUTH_TOKEN_… override the file and cannot be seen from here";
            report.skipped("registry's environment", overrides);
        }
        Err(sentence) => report.wrong("registry's file", format_args!("{} {sentence}", path.display())),
    }
    if report.wrong > before { ConfigVerdict::Wrong } else { verdict }
}

/// The mapping below `auth`, `token`; otherwise what follows the file's name in a sentence.
fn token_section(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let document: Value =
        serde_saphyr::from_str(&text).map_err(|error| format!("is no YAML: {}", first_line(&error.to_string())))?;
    let write = "put there what `dockpass registry-config` prints";
    let Some(auth) = document.get("auth").and_then(Value::as_object) else {
        return Err(format!("has no auth section, so the registry lets everyone in: {write}"));
    };
    match auth.get("token") {
        Some(section) if section.is_object() => Ok(section.clone()),
        Some(_) => Err(format!("has nothing below auth, token: {write}")),
        None => {
            let other: Vec<&str> = auth.keys().map(String::as_str).collect();
            Err(format!("has {:?} below auth and not token: {write}", other.join(", ")))
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A scalar as the registry takes it: it reads a number or a truth value as the text that stands there.
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
                let advice = format!("write `{key}: {right:?}` below auth, token, or give the server's {flag}");
                report.same(&check, &found, &right, advice);
            }
            None => report.wrong(&check, format_args!("it is missing: write `{key}: {right:?}` below auth, token")),
        }
    }
    if text(section, "autoredirect").as_deref() == Some("true") {
        let said = "it is on, so clients are sent to the registry's own host and not to the realm: take the line out";
        report.wrong("file's autoredirect", said);
    }
    let algorithms = section.get("signingalgorithms").and_then(Value::as_array);
    if algorithms.is_some_and(|all| !all.iter().any(|name| name == "ES256")) {
        let said = "ES256 is missing, with which tokens are signed: write `signingalgorithms: [ES256]`";
        report.wrong("file's signingalgorithms", said);
    }
}

/// `false` where the bundle cannot be read from here: in a container the registry sees other files.
fn check_bundle(section: &Value, config: &Path, expected: &Expected<'_>, report: &mut Report) -> bool {
    const CHECK: &str = "file's rootcertbundle";
    let write = "write it with `dockpass registry-config` and restart the registry";
    let Some(named) = text(section, "rootcertbundle") else {
        let said = match section.get("jwks") {
            Some(_) => "it is missing: with jwks alone a registry refuses tokens that bring their certificate; ",
            None => "it is missing: ",
        };
        report.wrong(CHECK, format_args!("{said}{write}"));
        return true;
    };
    let Some((path, text)) = read_beside(Path::new(&named), config) else {
        let where_ = "cannot be read here; if the registry runs in a container, look at the file that it has there";
        report.skipped(CHECK, format_args!("{named} {where_}"));
        return false;
    };
    let path = path.display();
    let Some(keys) = expected.keys else {
        report.skipped(CHECK, "there are no keys to compare with");
        return false;
    };
    let (certificates, root) = (certificates::from_pem(&text), certificates::from_pem(&keys.root_pem));
    if certificates.is_empty() {
        report.wrong(CHECK, format_args!("{path} holds no certificate: {write}"));
    } else if certificates.iter().any(|certificate| root.contains(certificate)) {
        report.ok(CHECK, format_args!("{path} holds this server's root certificate"));
    } else {
        let said = "holds another certificate than this server's root, of another database perhaps";
        report.wrong(CHECK, format_args!("{path} {said}: {write}"));
    }
    true
}

/// A relative path is one from the folder in which the registry was started: this one perhaps, or the file's own.
fn read_beside(named: &Path, config: &Path) -> Option<(PathBuf, String)> {
    let beside = config.parent().map(|folder| folder.join(named));
    [Some(named.to_owned()), beside].into_iter().flatten().find_map(|path| {
        let bytes = fs::read(&path).ok()?;
        Some((path, String::from_utf8_lossy(&bytes).into_owned()))
    })
}
