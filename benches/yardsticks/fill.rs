//! Rows that stand for the tokens of many people.

use dockpass::platform::database::Db;

/// The SQL below says 100 too.
const TOKENS_PER_ACCOUNT: i64 = 100;

async fn run(db: &Db, sqlite: &'static str, postgres: &'static str, first: i64, last: i64, text: &str) {
    match db {
        Db::Sqlite { writer, .. } => {
            sqlx::query(sqlite).bind(first).bind(last).bind(text).execute(writer).await.unwrap();
        }
        Db::Postgres(pool) => {
            sqlx::query(postgres).bind(first).bind(last).bind(text).execute(pool).await.unwrap();
        }
    }
}

async fn open(url: &str) -> Db {
    Db::open(&url.parse().unwrap()).await.unwrap()
}

/// The ids grow in time order, as Dockpass's do. Nobody knows the secrets.
macro_rules! tokens {
    ($account:literal, $series:literal, $id:literal, $hash:literal) => {
        concat!(
            "INSERT INTO token (id, account_id, secret_hash, description, description_folded, hint, level, is_active,
                                source, created_at, last_used_at)
             SELECT ",
            $id,
            ", ",
            $account,
            ", ",
            $hash,
            ", 'deploy job ' || i, 'deploy job ' || i, 'dp_pat_abc…xyz',
                    'repo:write', TRUE, 'manual', 1760000000000 + i, 1770000000000 + i
             FROM ",
            $series
        )
    };
}

macro_rules! sqlite_tokens {
    ($account:literal) => {
        tokens!(
            $account,
            "(WITH RECURSIVE n(i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i < $2) SELECT i FROM n) AS series",
            "printf('01999999-%04x-7%03x-8000-%012x', i / 65536 % 65536, i % 4096, i)",
            "randomblob(32)"
        )
    };
}

macro_rules! postgres_tokens {
    ($account:literal) => {
        tokens!(
            $account,
            "generate_series($1::bigint, $2::bigint) AS i",
            "'01999999-' || lpad(to_hex(i / 65536 % 65536), 4, '0') || '-7' || lpad(to_hex(i % 4096), 3, '0') || '-8000-'
             || lpad(to_hex(i), 12, '0')",
            "sha256(convert_to(i || 'x' || random(), 'UTF8'))"
        )
    };
}

/// Gives an account the tokens with these numbers.
pub async fn account(url: &str, username: &str, first: i64, last: i64) {
    let sqlite = sqlite_tokens!("(SELECT account.id FROM account WHERE username = $3)");
    let postgres = postgres_tokens!("(SELECT account.id FROM account WHERE username = $3)");
    // Apart from those of others, which begin at 1.
    let apart = 1 << 40;
    let db = open(url).await;
    run(&db, sqlite, postgres, apart + first, apart + last, username).await;
    db.close().await;
}

/// Inserts this many tokens of other accounts.
pub async fn other_accounts(url: &str, tokens: i64) {
    let db = open(url).await;
    run(
        &db,
        "INSERT INTO account (id, username, password_hash, is_admin, created_at)
         SELECT printf('01999999-0000-7000-9000-%012x', i), 'filler' || i, $3, FALSE, 1760000000000 FROM
         (WITH RECURSIVE n(i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i < $2) SELECT i FROM n) AS series",
        "INSERT INTO account (id, username, password_hash, is_admin, created_at)
         SELECT '01999999-0000-7000-9000-' || lpad(to_hex(i), 12, '0'), 'filler' || i, $3, FALSE, 1760000000000
         FROM generate_series($1::bigint, $2::bigint) AS i",
        0,
        tokens / TOKENS_PER_ACCOUNT,
        "",
    )
    .await;
    let sqlite = sqlite_tokens!("printf('01999999-0000-7000-9000-%012x', i / 100) || $3");
    let postgres = postgres_tokens!("'01999999-0000-7000-9000-' || lpad(to_hex(i / 100), 12, '0') || $3");
    // In parts, so that no transaction holds millions of rows.
    let mut first = 1;
    while first <= tokens {
        let last = tokens.min(first + 499_999);
        run(&db, sqlite, postgres, first, last, "").await;
        first = last + 1;
    }
    db.close().await;
}
