//! What one transaction writes is there together or not at all.

use dockpass::platform::database::{DatabaseLocation, Db};

use crate::harness::database::{number, texts};

/// Queries that find half of a change; each must count nothing.
const HALVES: [(&str, &str); 9] = [
    (
        "tokens without the line in the security log",
        "SELECT COUNT(*) FROM token WHERE NOT EXISTS (
             SELECT 1 FROM activity WHERE kind = 'token_created' AND detail = token.description
                                      AND activity.account_id = token.account_id)",
    ),
    (
        "lines in the security log without a token",
        "SELECT (SELECT COUNT(*) FROM activity WHERE kind = 'token_created') - (SELECT COUNT(*) FROM token)
              - (SELECT COUNT(DISTINCT token_id) FROM deleted_token)",
    ),
    (
        "deleted tokens without the line in the security log",
        "SELECT (SELECT COUNT(DISTINCT token_id) FROM deleted_token)
              - (SELECT COUNT(*) FROM activity WHERE kind = 'token_deleted')",
    ),
    ("tokens that are deleted and there", "SELECT COUNT(*) FROM token JOIN deleted_token ON token_id = token.id"),
    (
        "spent forms without a token",
        "SELECT (SELECT COUNT(*) FROM spent_form_key) + (SELECT COUNT(*) FROM device_session)
              - (SELECT COUNT(*) FROM activity WHERE kind = 'token_created')",
    ),
    (
        "devices' tokens without a session",
        "SELECT COUNT(*) FROM token WHERE source = 'auto-generated' AND NOT EXISTS (
             SELECT 1 FROM device_session WHERE token_id = token.id AND ended IS NULL)",
    ),
    (
        "devices' sessions without a token",
        "SELECT COUNT(*) FROM device_session WHERE ended IS NULL AND NOT EXISTS (
             SELECT 1 FROM token WHERE token.id = token_id)",
    ),
    (
        "uses of tokens that were never used",
        "SELECT COUNT(*) FROM token_use JOIN token ON token.id = token_id WHERE last_used_at IS NULL",
    ),
    (
        "uses that the chart does not count",
        "SELECT COUNT(*) FROM token_use WHERE repository <> '' AND NOT EXISTS (
             SELECT 1 FROM token_day WHERE token_day.token_id = token_use.token_id)",
    ),
];

/// Checks a database that only the clients of these tests have written.
pub async fn check(location: &DatabaseLocation) {
    let db = Db::open_as_it_is(location).await.unwrap();
    if let Db::Sqlite { .. } = db {
        assert_eq!(texts(&db, "PRAGMA integrity_check").await, ["ok"]);
        assert_eq!(texts(&db, "SELECT \"table\" FROM pragma_foreign_key_check").await, Vec::<String>::new());
    }
    for (what, query) in HALVES {
        assert_eq!(number(&db, query).await, Some(0), "{what}");
    }
    db.close().await;
}
