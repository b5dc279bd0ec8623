//! When a token was last used: noted in memory, written together.

use std::collections::BTreeMap;

use crate::{
    core::moment::Moment,
    error::Error,
    platform::{collector::TokenUses, db::Db},
};

use super::store;

/// Writes all uses that were noted since the last time, in one transaction. What could not be written is noted again.
///
/// # Errors
/// The database's.
pub async fn write(db: &Db, uses: &TokenUses) -> Result<(), Error> {
    // In one order everywhere: of two servers that write the same rows neither waits for the other in a circle.
    let taken: BTreeMap<String, Moment> = uses.take().into_iter().collect();
    if taken.is_empty() {
        return Ok(());
    }
    let written = async {
        let mut tx = db.write().await?;
        for (token_id, at) in &taken {
            store::record_use(&mut tx, token_id, *at).await?;
        }
        tx.commit().await
    };
    written.await.map_err(|error: sqlx::Error| {
        for (token_id, at) in taken {
            uses.note(token_id, at, |known, at| *known = at.max(*known));
        }
        Error::from(error)
    })
}
