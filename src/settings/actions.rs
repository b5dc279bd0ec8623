//! What can be done with one's own account as a whole.

use dockpass_core::account::Account;
use dockpass_core::timestamp::Timestamp;

use crate::accounts::actions::{self as accounts, DisableOutcome};
use crate::error::Error;
use crate::platform::database::Tx;
use crate::repositories::actions as repositories;
use crate::tokens::actions as tokens;

/// Closes an account for good: its tokens are deleted, its sessions end, its repositories are no longer shared, and its
/// name stays taken.
pub async fn close(tx: &mut Tx, account: &Account, now: Timestamp) -> Result<DisableOutcome, Error> {
    let outcome = accounts::close(tx, account, now).await?;
    if outcome == DisableOutcome::Done {
        tokens::delete_of(tx, account, now).await?;
        repositories::close_of(tx, account).await?;
    }
    Ok(outcome)
}
