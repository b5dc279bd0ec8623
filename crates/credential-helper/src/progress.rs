//! What a person sees during the wait: a moving line on a terminal, else a line a minute.

use std::fmt::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::terminal::print_line;

const FRAME: Duration = Duration::from_millis(200);
const LINE_INTERVAL: Duration = Duration::from_secs(60);

pub struct WaitDisplay {
    bar: ProgressBar,
    deadline: Instant,
    message: &'static str,
    next_line_at: Instant,
}

impl WaitDisplay {
    pub fn until(deadline: Instant, message: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
        let left = move |_: &ProgressState, out: &mut dyn Write| {
            let _ = out.write_str(&time_left(deadline));
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {left} left") {
            bar.set_style(style.tick_chars("|/-\\ ").with_key("left", left));
        }
        bar.enable_steady_tick(FRAME);
        let mut display = Self { bar, deadline, message: "", next_line_at: Instant::now() };
        display.show(message);
        display
    }

    /// Shows a message from now on. Without a terminal it prints a new message at once and the same one once a minute,
    /// so call it after each poll.
    pub fn show(&mut self, message: &'static str) {
        let is_new = self.message != message;
        self.message = message;
        if !self.bar.is_hidden() {
            self.bar.set_message(message);
        } else if is_new || Instant::now() >= self.next_line_at {
            self.next_line_at = Instant::now() + LINE_INTERVAL;
            // The wait goes on where nobody reads it.
            let _ = print_line(&format!("{message}, {} left", time_left(self.deadline)));
        }
    }

    /// Removes the line from the terminal.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

fn time_left(deadline: Instant) -> String {
    let left = deadline.saturating_duration_since(Instant::now());
    let seconds = (left.as_millis() + 500) / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
