//! What is told while a simulation runs, and what may stop it: a time limit, and the user.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::analysis::Progress;
use crate::cli::Stop;
use crate::units::{human_count, human_share};

/// Nobody wants to see progress of what is over at once.
const PATIENCE: Duration = Duration::from_millis(300);
/// Between two looks at time limit and interrupt.
const LOOK: Duration = Duration::from_millis(20);
/// Between two lines where nothing can be redrawn.
const LINE: Duration = Duration::from_secs(10);

/// Steps of the bar.
const STEPS: u64 = 1000;

/// How often the user has asked to stop.
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

/// From here on, the first Ctrl-C asks for a stop and the second one ends the program.
pub(crate) fn catch_interrupts() -> Result<(), Stop> {
    let handler = || {
        if 0 < INTERRUPTS.fetch_add(1, Ordering::Relaxed) {
            die();
        }
    };
    ctrlc::set_handler(handler).map_err(|error| Stop::usage(format!("cannot listen for Ctrl-C: {error}")))
}

/// Whether the user has asked to stop.
pub(crate) fn is_interrupted() -> bool {
    0 < INTERRUPTS.load(Ordering::Relaxed)
}

#[expect(
    clippy::exit,
    reason = "the second Ctrl-C means now; nothing half-written is left, files are renamed into place"
)]
fn die() {
    std::process::exit(i32::from(crate::cli::Exit::Interrupted.code()));
}

/// How far there is to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Goal {
    /// Replications, at most where there is a `precision`.
    pub(crate) replications: u32,
    /// Half-width over mean that is enough.
    pub(crate) precision: Option<f64>,
    /// Simulated seconds of a replication, where that is known beforehand.
    pub(crate) seconds: Option<f64>,
}

/// What a run is watched for.
pub(crate) struct Watch {
    pub(crate) goal: Goal,

    /// Longest real time.
    pub(crate) timeout: Option<Duration>,
    /// Whether a bar can be drawn, and whether in more than ASCII.
    pub(crate) live: bool,
    pub(crate) unicode: bool,
    /// Whether anything is to be told at all.
    pub(crate) silent: bool,
}

/// A thread beside the simulation.
pub(crate) struct Watcher {
    thread: JoinHandle<bool>,
    over: Arc<AtomicBool>,
    started: Instant,
}

impl Watcher {
    /// Starts to look.
    #[expect(clippy::disallowed_methods, reason = "progress and time limits are about real time")]
    pub(crate) fn start(watch: Watch, progress: Arc<Progress>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let started = Instant::now();
        let seen = Arc::clone(&over);
        let thread = std::thread::spawn(move || look_on(&watch, &progress, &seen, started));
        Watcher { thread, over, started }
    }

    /// Stops looking: real seconds, and whether the time limit had to stop the run.
    pub(crate) fn finish(self) -> (f64, bool) {
        self.over.store(true, Ordering::Relaxed);
        let wall = self.started.elapsed().as_secs_f64();
        (wall, self.thread.join().expect("the watcher only reads atomics and draws"))
    }
}

/// Looks until the run is over; whether the time limit has stopped it.
fn look_on(watch: &Watch, progress: &Progress, over: &AtomicBool, started: Instant) -> bool {
    let bar = bar(watch);
    let mut timed_out = false;
    let mut next_line = LINE;
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK);
        let elapsed = started.elapsed();
        if !timed_out && watch.timeout.is_some_and(|limit| limit <= elapsed) {
            timed_out = true;
            progress.signals.stop.store(true, Ordering::Relaxed);
        }
        if is_interrupted() {
            progress.signals.stop.store(true, Ordering::Relaxed);
        }
        if watch.silent || elapsed < PATIENCE {
            continue;
        }
        let (told, share) = state(&watch.goal, progress, elapsed);
        if watch.live {
            bar.set_position((share.unwrap_or(0.0) * STEPS as f64) as u64);
            bar.set_message(told);
            bar.tick();
        } else if next_line <= elapsed {
            next_line += LINE;
            bar.suspend(|| tell(&format!("{}: {told}", since(elapsed.as_secs()))));
        }
    }
    bar.finish_and_clear();
    timed_out
}

fn bar(watch: &Watch) -> ProgressBar {
    let target = if watch.live && !watch.silent { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("  {bar:16} {wide_msg}").expect("the template is well formed");
    let style = style.progress_chars(if watch.unicode { "█▉▊▋▌▍▎▏ " } else { "#>-" });
    ProgressBar::with_draw_target(Some(STEPS), target).with_style(style)
}

/// What is done, how fast, how exact and how long still; and the share of the work that is done, where it is known.
fn state(goal: &Goal, progress: &Progress, elapsed: Duration) -> (String, Option<f64>) {
    let events = progress.signals.events.load(Ordering::Relaxed);
    let done = progress.done.load(Ordering::Relaxed);
    let simulated = progress.signals.simulated.load(Ordering::Relaxed) as f64 * 1e-9;
    let reached = f64::from_bits(progress.reached.load(Ordering::Relaxed));
    let wanted = goal.wanted(done, reached);
    // A study that decides as it goes may take more than was thought: then nobody knows how many.
    let is_beyond = goal.precision.is_none() && goal.replications < done;
    let share = wanted.filter(|_| !is_beyond).and_then(|wanted| {
        // Of a run by requests no length is known, so that only whole replications can be counted.
        let through = goal.seconds.map_or(f64::from(done), |seconds| simulated / seconds);
        (0.0 < through).then(|| (through / wanted).min(1.0))
    });
    let seconds = elapsed.as_secs_f64();
    let done = match goal.precision {
        None if is_beyond => format!("{done} replications"),
        None => format!("{done} of {} replications", goal.replications),
        Some(_) if reached == 0.0 => format!("{done} replications"),
        Some(within) => {
            format!("{done} replications, ±{}, goal ±{}", human_share(reached), human_share(within))
        }
    };
    let left = share.filter(|share| 0.02 < *share).map(|share| whole(seconds * (1.0 - share) / share));
    let left = left.map(|left| format!(", about {left} left")).unwrap_or_default();
    let speed = human_count((events as f64 / seconds).round());
    let told = format!("{done}{left}, {} events, {speed}/s", human_count(events as f64));
    (told, share)
}

/// A time that nobody wants to know to the second once it is long: `9 s`, `4 min`, `3 h`.
fn whole(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{:.0} s", s.max(1.0)),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3600.0),
    }
}

/// How long it has been, so that no two lines are alike: `20 s`, `2 min 10 s`, `1 h 4 min`.
pub(crate) fn since(seconds: u64) -> String {
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

impl Goal {
    /// Replications that it will probably take: an interval shrinks with the root of their number.
    fn wanted(&self, done: u32, reached: f64) -> Option<f64> {
        let Some(within) = self.precision else { return Some(f64::from(self.replications)) };
        let more = reached / within;
        (0.0 < reached).then(|| (f64::from(done) * more * more).clamp(f64::from(done), f64::from(self.replications)))
    }
}

/// One plain line, for logs of machines.
fn tell(told: &str) {
    use std::io::Write;
    // Progress that nobody can read is no reason to stop.
    let _ = writeln!(anstream::stderr().lock(), "  {told}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_what_is_simulated() {
        let goal = Goal { replications: 4, precision: None, seconds: Some(100.0) };
        let progress = Progress::default();
        progress.signals.simulated.store(100_000_000_000, Ordering::Relaxed);
        progress.signals.events.store(3_000_000, Ordering::Relaxed);
        progress.done.store(1, Ordering::Relaxed);
        let (told, share) = state(&goal, &progress, Duration::from_secs(3));
        assert_eq!(share, Some(0.25));
        assert_eq!(told, "1 of 4 replications, about 9 s left, 3.0M events, 1.0M/s");
    }

    #[test]
    fn lines_of_one_run_differ() {
        assert_eq!([20, 110, 120, 5400].map(since), ["20 s", "1 min 50 s", "2 min 0 s", "1 h 30 min"]);
    }

    #[test]
    fn what_is_reached_stands_beside_the_goal() {
        let goal = Goal { replications: 100, precision: Some(0.05), seconds: Some(100.0) };
        let progress = Progress::default();
        progress.signals.simulated.store(500_000_000_000, Ordering::Relaxed);
        progress.reached.store(0.1f64.to_bits(), Ordering::Relaxed);
        progress.done.store(5, Ordering::Relaxed);
        let (told, share) = state(&goal, &progress, Duration::from_secs(300));
        let share = share.expect("there is a goal");
        assert!((share - 0.25).abs() < 1e-9, "half the width takes four times the work");
        assert!(told.starts_with("5 replications, ±10%, goal ±5%, about 15 min left"), "{told}");
    }

    #[test]
    fn twice_the_width_takes_four_times_the_replications() {
        let goal = Goal { replications: 100, precision: Some(0.05), seconds: Some(100.0) };
        assert_eq!(goal.wanted(5, 0.10), Some(20.0));
        assert_eq!(goal.wanted(5, 0.0), None);
        assert_eq!(goal.wanted(50, 0.10), Some(100.0), "never more than the most");
        assert_eq!(goal.wanted(8, 0.04), Some(8.0));
    }
}
