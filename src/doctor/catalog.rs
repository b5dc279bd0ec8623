//! The comparison of the registry's catalog with the accounts.

use std::collections::{BTreeMap, BTreeSet};

use dockpass_core::repository::RepositoryName;
use url::Url;

use super::{Expected, Report};
use crate::accounts::actions as accounts;
use crate::registry::catalog::{self, CatalogAccess};

const CHECK: &str = "catalog";
/// The pages that are read, of 1000 names where the registry allows that.
const PAGES: usize = 20;
/// The names in the sentence.
const SHOWN: usize = 5;

/// Names the repositories that belong to no account. `url` ends with `/v2/`, and `token` opens the catalog.
pub async fn check(url: &Url, token: &str, expected: &Expected<'_>, report: &mut Report) {
    let access = CatalogAccess::Token(&|| token.to_owned());
    let names = match catalog::read(url, &access, PAGES).await {
        Ok(names) => names,
        Err(error) => return report.skipped(CHECK, error),
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

/// The names whose first component is no account's.
async fn of_nobody(names: &BTreeSet<String>, expected: &Expected<'_>) -> Result<Vec<String>, String> {
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
