//! The setup steps that are left: the same list as above the tokens of administrators.

use super::{Expected, Report};
use crate::setup_steps::actions;
use crate::setup_steps::rows::StepView;
use crate::web::i18n::Words;

const CHECK: &str = "setup steps";

/// Lists the steps that are left, if the database and the public URL are known.
pub async fn list(expected: &Expected<'_>, report: &mut Report) {
    let (Some(db), Ok(url)) = (expected.db, &expected.public_url) else {
        return report.skipped(CHECK, "they cannot be read without the database and the public URL");
    };
    let left = async { actions::steps_left(&mut db.read().await?, expected.config, url, expected.now).await };
    match left.await {
        Ok(left) => {
            let view = |step| StepView::new(step, expected.config, url, Words::default());
            report.set_steps_left(left.into_iter().map(view).collect());
        }
        Err(error) => report.skipped(CHECK, format_args!("they cannot be read: {error}")),
    }
}
