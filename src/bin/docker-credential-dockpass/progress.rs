//! What a person sees while nothing happens: on a terminal a line that moves, elsewhere a line a minute.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

const FRAMES: [char; 4] = ['|', '/', '-', '\\'];
const FRAME: Duration = Duration::from_millis(200);
const LINE: Duration = Duration::from_secs(60);

/// Waits until a deadline, and shows it.
pub struct Progress {
    is_moving: bool,
    deadline: Instant,
    frame: usize,
    next: Instant,
}

impl Progress {
    /// From now on.
    pub fn until(deadline: Instant) -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let is_moving = io::stdout().is_terminal() && !is_dumb;
        Self { is_moving, deadline, frame: 0, next: Instant::now() }
    }

    /// Lets this time pass.
    pub async fn wait(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while self.next < end {
            sleep_until(self.next).await;
            self.show();
            self.next += if self.is_moving { FRAME } else { LINE };
        }
        sleep_until(end).await;
    }

    /// Leaves a clean line.
    pub fn end(&self) {
        if self.is_moving {
            write("\r\x1b[K");
        }
    }

    fn show(&mut self) {
        let left = left(self.deadline.saturating_duration_since(Instant::now()));
        if self.is_moving {
            self.frame += 1;
            write(&format!("\r\x1b[K{} waiting for your approval, {left} left", FRAMES[self.frame % FRAMES.len()]));
        } else {
            write(&format!("waiting for your approval, {left} left\n"));
        }
    }
}

/// Minutes and seconds, so that a person sees it count.
fn left(time: Duration) -> String {
    let seconds = (time.as_millis() + 500) / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// A sign of life that nobody can see is no reason to stop.
fn write(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_in_minutes_and_seconds() {
        for (millis, said) in [(600_000, "10:00"), (599_600, "10:00"), (59_499, "0:59"), (0, "0:00")] {
            assert_eq!(left(Duration::from_millis(millis)), said);
        }
    }
}
