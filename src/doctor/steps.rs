//! What is left to set up: the same list as above the tokens of administrators.

use super::{Expected, Report};
use crate::setup_steps::actions;
use crate::setup_steps::rows::StepView;
use crate::web::i18n::Words;

/// Lists the steps that are left, if the database and the public URL are known.
pub async fn list(expected: &Expected<'_>, report: &mut Report) {
    let (Some(db), Ok(url)) = (expected.db, &expected.public_url) else { return };
    let left = async { actions::left(&mut db.read().await?, url, expected.now).await };
    match left.await {
        Ok(left) => {
            let view = |step| StepView::new(step, expected.config, url, Words::default());
            report.left(left.into_iter().map(view).collect());
        }
        Err(error) => report.skipped("set-up", format_args!("what is left cannot be read: {error}")),
    }
}
