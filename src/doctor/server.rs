//! The checks of this server: settings, database, keys, and whether clients reach it.

use dockpass_core::timestamp::Timestamp;

use super::{Expected, Keys, Report, clock};
use crate::config::Config;
use crate::platform::database::{DatabaseLocation, Db};
use crate::platform::http_client;
use crate::platform::migrations::{self, Tables};
use crate::platform::rng::SystemRng;
use crate::registry::keys::actions as keys;

/// Reports what the settings mean. Invalid settings have already stopped the program.
pub fn check_settings(config: &Config, public_url: Option<&str>, report: &mut Report) {
    let (service, issuer) = (&config.registry_service, &config.issuer);
    let realm = public_url.map_or("an unknown address".to_owned(), |url| format!("{url}/token"));
    report.ok("settings", format_args!("clients are sent to {realm}; service {service:?}, issuer {issuer:?}"));
}

/// The keys, if the database and the secret key file are right.
pub async fn check_keys(
    config: &Config,
    db: &Result<Db, String>,
    now: Timestamp,
    rng: SystemRng,
    report: &mut Report,
) -> Option<Keys> {
    let db = match db {
        Ok(db) => db,
        Err(sentence) => {
            report.wrong("database", sentence);
            report.skipped("keys", "they are in the database");
            return None;
        }
    };
    let named = match &config.database {
        DatabaseLocation::Sqlite(path) => path.display().to_string(),
        DatabaseLocation::Postgres(_) => "PostgreSQL answers".to_owned(),
    };
    let compared = async { migrations::compare(&mut db.read().await?).await };
    let tables = compared.await.map_err(|error: sqlx::Error| error.to_string());
    if !check_tables(&named, tables, report) {
        report.skipped("keys", "they are in the database");
        return None;
    }
    match keys::load(db, &config.secret_key_file, now, rng).await {
        Ok(keys) => {
            let (generation, created_at) = keys.signing_keys.newest();
            let file = config.secret_key_file.display();
            let date = created_at.date();
            report.ok("keys", format_args!("{file} decrypts them; signing key {generation} was created on {date}"));
            Some(keys)
        }
        Err(error) => {
            report.wrong("keys", error);
            None
        }
    }
}

/// Whether the tables can be read. It reports missing migrations, but leaves them to the server.
fn check_tables(named: &str, tables: Result<Tables, String>, report: &mut Report) -> bool {
    const CHECK: &str = "database";
    match tables {
        Ok(Tables::Current) => report.ok(CHECK, named),
        Ok(Tables::MissingMigrations(missing)) => {
            let (number, list) = (missing.len(), missing.join(", "));
            let are = if number == 1 { "1 migration is" } else { &format!("{number} migrations are") };
            let advice = "start the server of this version, which applies them";
            report.wrong(CHECK, format_args!("{named}; {are} not applied yet ({list}): {advice}"));
        }
        Ok(Tables::Newer(migrations)) => {
            let (list, advice) = (migrations.join(", "), "to be sure, run the doctor of that version");
            report.warning(
                CHECK,
                format_args!("{named}; a newer version of Dockpass has migrated it ({list}): {advice}"),
            );
        }
        Ok(Tables::Foreign) => {
            let advice = "run the doctor of the version that the server has";
            report.wrong(CHECK, format_args!("{named}; another version of Dockpass has migrated it: {advice}"));
        }
        Ok(Tables::Unreleased) => {
            report.wrong(CHECK, format_args!("{named}; {}", migrations::UNRELEASED));
            return false;
        }
        Ok(Tables::None) => {
            let advice = "the server creates its tables at its first start";
            report.wrong(CHECK, format_args!("{named}; it is empty: {advice}"));
            return false;
        }
        Err(error) => {
            report.wrong(CHECK, format_args!("the database failed: {error}"));
            return false;
        }
    }
    true
}

/// Checks that the server with these keys answers at the public URL.
pub async fn check_public_url(expected: &Expected<'_>, report: &mut Report) {
    const CHECK: &str = "public URL";
    let url = match &expected.public_url {
        Ok(url) => url,
        Err(sentence) if expected.config.listen.port() == 0 => return report.skipped(CHECK, sentence),
        Err(sentence) => return report.wrong(CHECK, sentence),
    };
    let health = match http_client::get(&format!("{url}/healthz"), None).await {
        Ok(health) => health,
        Err(sentence) => return report.wrong(CHECK, sentence),
    };
    if health.status != 200 || health.body != "ok\n" {
        let advice = "give the server's --public-url, or let the proxy there forward to the server";
        return report
            .wrong(CHECK, format_args!("{url}/healthz is not answered by Dockpass ({}): {advice}", health.kind()));
    }
    match http_client::get(&format!("{url}/.well-known/jwks.json"), None).await {
        Err(sentence) => report.wrong(CHECK, sentence),
        Ok(jwks) => match expected.keys.map(|keys| have_one_in_common(&keys.signing_keys.jwks(), &jwks.body)) {
            Some(false) => report.wrong(
                CHECK,
                format_args!(
                    "{url} is a server with other keys: it uses another database, or another --data was given"
                ),
            ),
            Some(true) if url.starts_with("https://") => {
                report.ok(CHECK, format_args!("{url} answers, with a certificate that is trusted here"));
            }
            Some(true) => report.ok(CHECK, format_args!("{url} answers")),
            None => report.ok(CHECK, format_args!("{url} answers, but its keys cannot be compared")),
        },
    }
    clock::check("public URL's clock", &health, expected.now, report);
}

fn have_one_in_common(ours: &str, theirs: &str) -> bool {
    let ids = |text: &str| {
        let set: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let keys = set["keys"].as_array().cloned().unwrap_or_default();
        keys.iter().filter_map(|key| key["kid"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let theirs = ids(theirs);
    ids(ours).iter().any(|id| theirs.contains(id))
}
