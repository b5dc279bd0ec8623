//! The results of `dockpass doctor`, as lines and as JSON.

use std::fmt;

use serde::Serialize;

use crate::setup_steps::rows::StepView;

/// The results, one per check, and the setup steps that are left.
#[derive(Debug, Default)]
pub struct Report {
    checks: Vec<Check>,
    /// `None` if they are not known.
    steps_left: Option<Vec<StepView>>,
}

#[derive(Debug, Serialize)]
struct Check {
    name: String,
    status: CheckStatus,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum CheckStatus {
    Ok,
    /// Something that works, but not with every client or not as it should. It is no mistake.
    Warning,
    #[serde(rename = "error")]
    Wrong,
    Skipped,
}

impl CheckStatus {
    /// Its word in the lines for people, as wide as the others.
    fn label(self) -> &'static str {
        match self {
            Self::Ok => "OK     ",
            Self::Warning => "WARNING",
            Self::Wrong => "WRONG  ",
            Self::Skipped => "SKIPPED",
        }
    }
}

impl Report {
    fn add(&mut self, status: CheckStatus, check: &str, said: impl fmt::Display) {
        self.checks.push(Check { name: check.to_owned(), status, message: said.to_string() });
    }

    pub(super) fn ok(&mut self, check: &str, said: impl fmt::Display) {
        self.add(CheckStatus::Ok, check, said);
    }

    pub(super) fn warning(&mut self, check: &str, said: impl fmt::Display) {
        self.add(CheckStatus::Warning, check, said);
    }

    pub(super) fn wrong(&mut self, check: &str, said: impl fmt::Display) {
        self.add(CheckStatus::Wrong, check, said);
    }

    pub(super) fn skipped(&mut self, check: &str, said: impl fmt::Display) {
        self.add(CheckStatus::Skipped, check, said);
    }

    /// Reports whether a value is as expected. `advice` says what to do if it is not.
    pub(super) fn same(&mut self, check: &str, found: &str, expected: &str, advice: impl fmt::Display) {
        if found == expected {
            self.ok(check, format_args!("{found:?}"));
        } else {
            self.wrong(check, format_args!("it is {found:?} and must be {expected:?}: {advice}"));
        }
    }

    pub(super) fn set_steps_left(&mut self, steps: Vec<StepView>) {
        self.steps_left = Some(steps);
    }

    /// How many checks found something wrong.
    pub(super) fn number_wrong(&self) -> usize {
        self.checks.iter().filter(|check| check.status == CheckStatus::Wrong).count()
    }

    /// Whether everything is right. Steps that are left are no mistake.
    pub fn verdict(&self) -> Result<(), String> {
        match self.number_wrong() {
            0 => Ok(()),
            1 => Err("one check found something wrong".to_owned()),
            many => Err(format!("{many} checks found something wrong")),
        }
    }

    /// One line of JSON. `docs/operating.md` promises its fields to monitoring.
    pub fn json(&self) -> String {
        let has = |status| self.checks.iter().any(|check| check.status == status);
        let worst = [CheckStatus::Wrong, CheckStatus::Warning].into_iter().find(|status| has(*status));
        let step = |step: &StepView| serde_json::json!({"name": step.name, "title": step.title, "message": step.text, "commands": step.commands});
        let steps = self.steps_left.as_ref().map(|steps| steps.iter().map(step).collect::<Vec<_>>());
        let status = worst.unwrap_or(CheckStatus::Ok);
        format!("{}\n", serde_json::json!({"status": status, "checks": self.checks, "steps": steps}))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Check { name, status, message } in &self.checks {
            writeln!(f, "{}  {name}: {message}", status.label())?;
        }
        let steps = self.steps_left.as_deref().unwrap_or_default();
        if steps.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nLeft to set up (administrators can dismiss a step above their tokens):")?;
        for (number, step) in steps.iter().enumerate() {
            // Not indented: what is pasted into a shell may hold a here-document, whose end must begin its line.
            writeln!(f, "\n{}. {}. {}\n\n{}", number + 1, step.title, step.text, step.commands)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_check_is_the_status_and_a_skipped_one_is_fine() {
        let mut report = Report::default();
        let status = |report: &Report| {
            let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
            json["status"].as_str().unwrap().to_owned()
        };
        report.skipped("registry", "not given");
        assert_eq!(status(&report), "ok");
        let unknown: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert!(unknown["steps"].is_null(), "steps that were not read are not all done");
        report.warning("plain http", "said");
        assert_eq!((status(&report), report.verdict().is_ok()), ("warning".to_owned(), true));
        report.wrong("database", "away");
        report.ok("settings", "fine");
        assert_eq!((status(&report), report.verdict().is_err()), ("error".to_owned(), true));
        assert_eq!(report.to_string().lines().nth(1), Some("WARNING  plain http: said"));
    }
}
