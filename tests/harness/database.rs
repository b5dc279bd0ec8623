//! Direct access to the database of a test server, on both engines.

use dockpass::platform::database::{Db, Tx};
use sqlx::{AssertSqlSafe, Row as _};

use super::TestServer;

/// The URL of a new PostgreSQL schema. `None` if the suite runs on SQLite.
pub async fn url() -> Option<String> {
    let url = super::postgres_schema()?;
    super::make_schema(&url).await;
    Some(url)
}

/// The number of tables in the PostgreSQL schema of such a URL.
pub async fn tables(url: &str) -> i64 {
    use sqlx::Connection as _;
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    let query = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema()";
    let count = sqlx::query(query).fetch_one(&mut connection).await.unwrap().get(0);
    connection.close().await.unwrap();
    count
}

/// Runs a statement and returns the number of affected rows.
pub async fn execute(db: &Db, statement: &str) -> u64 {
    let statement = AssertSqlSafe(statement.to_owned());
    match db {
        Db::Sqlite { writer, .. } => sqlx::query(statement).execute(writer).await.unwrap().rows_affected(),
        Db::Postgres(pool) => sqlx::query(statement).execute(pool).await.unwrap().rows_affected(),
    }
}

/// The only number in a query's result. `None` if it is null.
pub async fn number(db: &Db, query: &str) -> Option<i64> {
    let query = AssertSqlSafe(query.to_owned());
    match db {
        Db::Sqlite { writer, .. } => sqlx::query(query).fetch_one(writer).await.unwrap().get(0),
        Db::Postgres(pool) => sqlx::query(query).fetch_one(pool).await.unwrap().get(0),
    }
}

/// The first column of every row, as text.
pub async fn texts(db: &Db, query: &str) -> Vec<String> {
    let query = AssertSqlSafe(query.to_owned());
    match db {
        Db::Sqlite { writer, .. } => {
            sqlx::query(query).fetch_all(writer).await.unwrap().iter().map(|row| row.get(0)).collect()
        }
        Db::Postgres(pool) => sqlx::query(query).fetch_all(pool).await.unwrap().iter().map(|row| row.get(0)).collect(),
    }
}

/// Every row of a table as text, with bytes in hexadecimal.
pub async fn rows(db: &Db, table: &str) -> Vec<String> {
    let query = match db {
        Db::Sqlite { .. } => {
            let columns = texts(db, &format!("SELECT name FROM pragma_table_info('{table}')")).await;
            let text = |name: &String| {
                format!("CASE typeof({name}) WHEN 'blob' THEN hex({name}) ELSE COALESCE({name}, '') END")
            };
            let columns: Vec<String> = columns.iter().map(text).collect();
            format!("SELECT '' || {} AS line FROM {table} ORDER BY line", columns.join(" || '|' || "))
        }
        Db::Postgres(_) => format!("SELECT t::text AS line FROM {table} t ORDER BY line"),
    };
    texts(db, &query).await
}

/// Every column of every row of every table.
pub async fn dump(db: &Db) -> String {
    let tables = match db {
        Db::Sqlite { .. } => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
        Db::Postgres(_) => "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1",
    };
    let mut dump = String::new();
    for table in texts(db, tables).await {
        for row in rows(db, &table).await {
            dump += &format!("{table}: {row}\n");
        }
    }
    dump
}

/// Whether a dump contains a secret, as text or as bytes.
pub fn holds(dump: &str, secret: &str) -> bool {
    dump.contains(secret) || dump.to_lowercase().contains(&data_encoding::HEXLOWER.encode(secret.as_bytes()))
}

impl TestServer {
    /// Runs a statement and returns the number of affected rows.
    pub async fn sql(&self, statement: &str) -> u64 {
        execute(&self.app.db, statement).await
    }

    /// The number of rows in a table.
    pub async fn count(&self, table: &str) -> i64 {
        number(&self.app.db, &format!("SELECT COUNT(*) FROM {table}")).await.unwrap()
    }

    /// The only number in a query's result.
    pub async fn number(&self, query: &str) -> Option<i64> {
        number(&self.app.db, query).await
    }

    /// Writes what requests noted; then a query gives this number.
    pub async fn flushed(&self, query: &str, expected: i64) {
        self.flush().await;
        let found = self.number(query).await;
        assert_eq!(found, Some(expected), "{query}");
    }

    /// The only text in a query's result.
    pub async fn text(&self, query: &str) -> String {
        texts(&self.app.db, query).await.pop().unwrap()
    }

    /// Runs a statement.
    pub async fn execute(&self, statement: &str) {
        let statement = AssertSqlSafe(statement.to_owned());
        match &self.app.db {
            Db::Sqlite { writer, .. } => drop(sqlx::query(statement).execute(writer).await.unwrap()),
            Db::Postgres(pool) => drop(sqlx::query(statement).execute(pool).await.unwrap()),
        }
    }

    /// An SQL literal for bytes, from hexadecimal.
    pub fn bytes(&self, hexadecimal: &str) -> String {
        match &self.app.db {
            Db::Sqlite { .. } => format!("x'{hexadecimal}'"),
            Db::Postgres(_) => format!("'\\x{hexadecimal}'::bytea"),
        }
    }

    /// An open write transaction. It holds SQLite's only write lock, or on PostgreSQL locks the rows that the statement
    /// changes.
    pub async fn writing(&self, statement: &str) -> Tx {
        let statement = AssertSqlSafe(statement.to_owned());
        let mut tx = self.app.db.write().await.unwrap();
        match &mut tx {
            Tx::Sqlite(tx) => drop(sqlx::query(statement).execute(&mut **tx).await.unwrap()),
            Tx::Postgres(tx) => drop(sqlx::query(statement).execute(&mut **tx).await.unwrap()),
        }
        tx
    }

    /// Dismisses every step of the set-up, as on a server that has been running for a while.
    pub async fn dismiss_setup_steps(&self) {
        for step in dockpass::setup_steps::actions::SetupStep::ALL {
            let name = step.as_str();
            self.sql(&format!("INSERT INTO setup_step (name, dismissed_at) VALUES ('{name}', 1)")).await;
        }
    }

    /// Every row of a table as text.
    pub async fn rows(&self, table: &str) -> Vec<String> {
        rows(&self.app.db, table).await
    }

    /// Every column of every row of every table.
    pub async fn dump(&self) -> String {
        dump(&self.app.db).await
    }
}
