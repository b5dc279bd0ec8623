//! What a person sees while nothing happens: on a terminal a line that moves, elsewhere a line a minute.

use std::{
    io::{self, IsTerminal as _, Write},
    pin::pin,
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

const FRAMES: [char; 4] = ['|', '/', '-', '\\'];
const FRAME: Duration = Duration::from_millis(200);
const LINE: Duration = Duration::from_secs(60);

/// Shows what goes on until a deadline.
pub struct Progress {
    out: Box<dyn Write>,
    is_moving: bool,
    what: &'static str,
    deadline: Instant,
    frame: usize,
    next: Instant,
}

impl Progress {
    /// From now on.
    pub fn until(deadline: Instant, what: &'static str) -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let is_moving = io::stdout().is_terminal() && !is_dumb;
        Self { out: Box::new(io::stdout()), is_moving, what, deadline, frame: 0, next: Instant::now() }
    }

    /// Says something else from now on.
    pub fn say(&mut self, what: &'static str) {
        if self.what != what {
            self.what = what;
            self.next = Instant::now();
        }
    }

    /// Goes on while something is done.
    pub async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep_until(self.next) => self.show(),
            }
        }
    }

    /// Lets this time pass.
    pub async fn wait(&mut self, time: Duration) {
        self.beside(tokio::time::sleep(time)).await;
    }

    /// Leaves a clean line.
    pub fn end(mut self) {
        if self.is_moving {
            self.write("\r\x1b[K");
        }
    }

    fn show(&mut self) {
        let (what, left) = (self.what, left(self.deadline.saturating_duration_since(Instant::now())));
        if self.is_moving {
            self.frame += 1;
            self.write(&format!("\r\x1b[K{} {what}, {left} left", FRAMES[self.frame % FRAMES.len()]));
        } else {
            self.write(&format!("{what}, {left} left\n"));
        }
        // From now, not from when it was due: what was missed while the computer slept is not made up for.
        self.next = Instant::now() + if self.is_moving { FRAME } else { LINE };
    }

    /// A sign of life that nobody can see is no reason to stop.
    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// Minutes and seconds, so that a person sees it count.
fn left(time: Duration) -> String {
    let seconds = (time.as_millis() + 500) / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
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

    #[tokio::test]
    async fn frames_that_were_missed_are_not_made_up_for() {
        let missed = Instant::now();
        std::thread::sleep(5 * FRAME);
        let (what, deadline) = ("waiting", missed + LINE);
        let mut progress =
            Progress { out: Box::new(io::sink()), is_moving: true, what, deadline, frame: 0, next: missed };
        progress.wait(FRAME / 2).await;
        assert_eq!(progress.frame, 1);
    }
}
