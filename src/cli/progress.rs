//! What is told while a simulation runs, and what may stop it: a time limit, and the user.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::analysis::Progress;
use crate::cli::Stop;
use crate::units::human_count;

/// Nobody wants to see progress of what is over at once.
const PATIENCE: Duration = Duration::from_millis(300);
/// Between two looks at time limit and interrupt.
const LOOK: Duration = Duration::from_millis(20);
/// Between two lines where nothing can be redrawn.
const LINE: Duration = Duration::from_secs(10);

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

/// What a run is watched for.
pub(crate) struct Watch {
    /// Longest real time.
    pub(crate) timeout: Option<Duration>,
    /// Whether a bar can be drawn.
    pub(crate) live: bool,
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
        let told = state(progress, elapsed);
        if watch.live {
            bar.set_message(told);
            bar.tick();
        } else if next_line <= elapsed {
            next_line += LINE;
            bar.suspend(|| tell(&told));
        }
    }
    bar.finish_and_clear();
    timed_out
}

fn bar(watch: &Watch) -> ProgressBar {
    let target = if watch.live && !watch.silent { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("  {spinner} {msg}").expect("the template is well formed");
    ProgressBar::with_draw_target(None, target).with_style(style)
}

/// What is done, how fast, and since when.
fn state(progress: &Progress, elapsed: Duration) -> String {
    let events = progress.signals.events.load(Ordering::Relaxed);
    let rate = events as f64 / elapsed.as_secs_f64();
    let done = progress.done.load(Ordering::Relaxed);
    format!(
        "{done} replications done, {} events, {} a second, {:.0} s",
        human_count(events as f64),
        human_count(rate.round()),
        elapsed.as_secs_f64()
    )
}

/// One plain line, for logs of machines.
fn tell(told: &str) {
    use std::io::Write;
    // Progress that nobody can read is no reason to stop.
    let _ = writeln!(anstream::stderr().lock(), "  {told}");
}
