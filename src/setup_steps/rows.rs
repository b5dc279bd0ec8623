//! How the steps that are left look on the page of tokens and in the output of `dockpass doctor`.

use super::actions::{self, SetupStep};
use super::commands::commands;
use crate::app::App;
use crate::config::Config;
use crate::error::Error;
use crate::platform::database::Connection;
use crate::web::i18n::Words;
use crate::web::page::Page;

/// A step that is left.
#[derive(Debug)]
pub struct StepView {
    pub name: &'static str,
    pub title: String,
    /// Why, and what the commands do not do.
    pub text: String,
    pub commands: String,
    /// The text of the button that removes it: that it is done, where nothing else can know.
    pub button: String,
    /// The button's accessible name.
    pub label: String,
}

impl StepView {
    pub fn new(step: SetupStep, config: &Config, public_url: &str, words: Words) -> Self {
        let (name, is_confirmed_by_hand) = (step.as_str(), step.is_confirmed_by_hand(config));
        let text = match step {
            SetupStep::Backup if is_confirmed_by_hand => words.t("setup_steps.backup.of_postgres"),
            _ => words.t(&format!("setup_steps.{name}.text")),
        };
        let verb = if is_confirmed_by_hand { "setup_steps.mark_done" } else { "setup_steps.dismiss" };
        let key_file = config.secret_key_file.display().to_string();
        Self {
            name,
            title: title(step, words),
            text: text.replace("%{url}", public_url).replace("%{file}", &key_file),
            commands: commands(step, config, public_url),
            button: words.t(verb).into_owned(),
            label: words.t1(&format!("{verb}_named"), "name", title(step, words)),
        }
    }
}

pub fn title(step: SetupStep, words: Words) -> String {
    words.t(&format!("setup_steps.{}.title", step.as_str())).into_owned()
}

/// What is left, above the tokens of administrators.
#[derive(Debug)]
pub struct StepsView {
    /// "3 setup steps left".
    pub summary: String,
    pub steps: Vec<StepView>,
}

impl StepsView {
    /// `None` if nothing is left, or for an account that is no administrator.
    pub async fn read(connection: &mut impl Connection, app: &App, page: &Page) -> Result<Option<Self>, Error> {
        if !page.is_admin() {
            return Ok(None);
        }
        let left = actions::steps_left(connection, &app.config, &app.urls.public, page.now).await?;
        let view = |step: &SetupStep| StepView::new(*step, &app.config, &app.urls.public, page.words);
        let steps: Vec<StepView> = left.iter().map(view).collect();
        let summary = page.words.count("setup_steps.left", i64::try_from(steps.len()).unwrap_or(i64::MAX));
        Ok((!steps.is_empty()).then_some(Self { summary, steps }))
    }
}
