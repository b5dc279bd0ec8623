//! The comparison of the registry's catalog with the accounts.

use std::collections::BTreeMap;

use dockpass_core::repository::RepositoryName;
use serde_json::Value;
use url::Url;

use super::{Expected, Report};
use crate::accounts::actions as accounts;
use crate::platform::http_client;

const CHECK: &str = "catalog";
/// The names of one answer, and the answers that are read.
const NAMES: usize = 1000;
const ANSWERS: usize = 20;
/// The names in the sentence.
const SHOWN: usize = 5;

/// Names the repositories that belong to no account. `url` ends with `/v2/`, and `token` opens the catalog.
pub async fn check(url: &Url, token: &str, expected: &Expected<'_>, report: &mut Report) {
    let names = match read(url, token).await {
        Ok(names) => names,
        Err(sentence) => return report.skipped(CHECK, sentence),
    };
    let nobodys = match of_nobody(&names, expected).await {
        Ok(nobodys) => nobodys,
        Err(sentence) => return report.wrong(CHECK, sentence),
    };
    let number = match names.len() {
        0 => return report.ok(CHECK, "the registry has no repositories"),
        1 => "1 repository".to_owned(),
        many => format!("{many} repositories"),
    };
    if nobodys.is_empty() {
        return report.ok(CHECK, format_args!("{number}, and each belongs to an account"));
    }
    let mut list = nobodys[..nobodys.len().min(SHOWN)].join(", ");
    if nobodys.len() > SHOWN {
        list += &format!(" and {} more", nobodys.len() - SHOWN);
    }
    let belong = if nobodys.len() == 1 { "1 belongs" } else { &format!("{} belong", nobodys.len()) };
    let said = format!("{number}, of which {belong} to no account ({list})");
    report.warning(CHECK, format_args!("{said}: only administrators can use those"));
}

async fn read(url: &Url, token: &str) -> Result<Vec<String>, String> {
    let mut names: Vec<String> = Vec::new();
    for _ in 0..ANSWERS {
        let mut page = url.join("_catalog").map_err(|error| error.to_string())?;
        page.query_pairs_mut().append_pair("n", &NAMES.to_string());
        if let Some(last) = names.last() {
            page.query_pairs_mut().append_pair("last", last);
        }
        let answer = http_client::get(page.as_str(), Some(token)).await?;
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let Some(found) = body["repositories"].as_array().filter(|_| answer.status == 200) else {
            return Err(format!("the registry does not list its repositories: it answers {}", answer.kind()));
        };
        names.extend(found.iter().filter_map(Value::as_str).map(str::to_owned));
        if found.len() < NAMES {
            break;
        }
    }
    Ok(names)
}

/// The names whose first component is no account's.
async fn of_nobody(names: &[String], expected: &Expected<'_>) -> Result<Vec<String>, String> {
    let Some(db) = expected.db else { return Ok(Vec::new()) };
    let failed = |error: crate::error::Error| error.to_string();
    let mut reader = db.read().await.map_err(|error| error.to_string())?;
    let mut known: BTreeMap<String, bool> = BTreeMap::new();
    let mut nobodys = Vec::new();
    for name in names {
        let Some(parsed) = RepositoryName::parse(name) else { continue };
        let namespace = parsed.namespace();
        let has_owner = match known.get(namespace) {
            Some(has_owner) => *has_owner,
            None => {
                let found = accounts::find_by_username(&mut reader, namespace).await.map_err(failed)?.is_some();
                known.insert(namespace.to_owned(), found);
                found
            }
        };
        if !has_owner || !parsed.is_of(namespace) {
            nobodys.push(name.clone());
        }
    }
    Ok(nobodys)
}
