//! A ladder told stage by stage, every figure out of this very simulation.

use crate::report::Verdict;
use crate::report::capacity::Outcome;
use crate::report::compare::Word;
use crate::report::journey::{Journey, Stage, Step, rows};
use crate::report::rows::plain;
use crate::report::terminal::figures::{busy, percent, spaced_time};
use crate::report::terminal::layout::{Cell, Column, Table, paint, wrap};
use crate::report::terminal::{FAINT, Look, STRONG, finish, mark};
use crate::units::{human_count, human_money, human_rate, human_share};

/// The story and a table of all stages.
pub fn render(journey: &Journey, look: Look) -> String {
    let mut text = title(journey, look);
    for at in 0..journey.stages.len() {
        text += &stage(journey, at, look);
        text.push('\n');
    }
    text + &table(journey, look)
}

/// What the whole is called.
pub fn title(journey: &Journey, look: Look) -> String {
    let dot = look.marks().dot;
    let mut lines = vec![format!(
        "{} {dot} {} stages {dot} seed {}",
        paint(&journey.title, STRONG),
        journey.stages.len(),
        journey.seed
    )];
    lines.extend(journey.description.iter().map(|text| wrap(text, look.width, 0)));
    lines.push(String::new());
    finish(&lines, look)
}

/// What is asked before a stage is shown: its story and its load.
pub fn question(journey: &Journey, at: usize, look: Look) -> String {
    let stage = &journey.stages[at];
    let mut lines = vec![heading(stage, look)];
    lines.extend(stage.story.iter().map(|story| format!("  {}", wrap(story.trim(), look.width, 2))));
    lines.push(format!("  load          {}", load(stage)));
    finish(&lines, look)
}

/// One stage: load, figures, limits, and what the step to it bought.
pub fn stage(journey: &Journey, at: usize, look: Look) -> String {
    finish(&[question(journey, at, look).trim_end().to_owned(), answer(journey, at, look)], look)
}

/// A line for each stage.
pub fn table(journey: &Journey, look: Look) -> String {
    let columns = [vec![Column::TEXT], vec![Column::NUMBER; 6], vec![Column::TEXT, Column::NOTE]].concat();
    let mut table = Table::new(&columns, 2);
    table.row(
        ["stage", "users", "load", "p99", "carries", "cost", "$/user", "", "limited by"]
            .map(|head| Cell::styled(head, STRONG)),
    );
    for stage in &journey.stages {
        let (sign, style) = mark(stage.verdict, look);
        let dash = || look.marks().dash.to_owned();
        let each = stage.usd_per_month.zip(stage.users).map(|(usd, users)| human_money(usd / users));
        let limit = stage.bottleneck.as_ref().map(|limit| format!("{} {}", limit.component, limit.resource));
        table.row([
            Cell::new(&stage.name),
            Cell::new(stage.users.map_or_else(dash, human_count)),
            Cell::new(stage.offered_per_s.map_or_else(dash, human_rate)),
            Cell::new(stage.p99_s.map_or_else(dash, spaced_time)),
            Cell::new(stage.capacity.per_s.map_or_else(dash, human_rate)),
            Cell::new(stage.usd_per_month.map_or_else(dash, human_money)),
            Cell::new(each.unwrap_or_default()),
            Cell::styled(sign, style),
            Cell::styled(limit.unwrap_or_default(), FAINT),
        ]);
    }
    let mut lines = table.lines(look.width);
    lines.push(String::new());
    finish(&lines, look)
}

/// The table and the stories, for a page.
pub fn markdown(journey: &Journey) -> String {
    let look = Look { width: 100, unicode: true, verbose: 0, trace: 0 };
    let mut parts = vec![format!("# {}", plain(&journey.title))];
    for (at, stage) in journey.stages.iter().enumerate() {
        let story = stage.story.as_ref().map(|story| format!("{}\n\n", plain(story.trim()))).unwrap_or_default();
        let told = anstream::adapter::strip_str(&answer(journey, at, look)).to_string();
        parts.push(format!("## {}\n\n{story}```text\n{}\n```", plain(&stage.title), told.trim_end()));
    }
    parts.push(rows(journey).markdown());
    parts.join("\n\n")
}

fn heading(stage: &Stage, look: Look) -> String {
    let (sign, style) = mark(stage.verdict, look);
    format!("{} {}", paint(sign, style), paint(&stage.title.replace('·', look.marks().dot), STRONG))
}

fn load(stage: &Stage) -> String {
    let users = stage.users.map(|users| format!("{} users, ", human_count(users))).unwrap_or_default();
    format!("{users}{}", stage.offered_per_s.map_or_else(|| "unknown".to_owned(), human_rate))
}

fn answer(journey: &Journey, at: usize, look: Look) -> String {
    let stage = &journey.stages[at];
    let mut lines = Vec::new();
    let mut say = |label: &str, text: String| lines.push(format!("  {label:<14}{}", wrap(&text, look.width, 16)));
    let time = |value: Option<f64>| value.map_or_else(|| "no steady state".to_owned(), spaced_time);
    let failed = stage.failed.filter(|share| 0.0 < *share).map(|share| format!(", {} fail", percent(share)));
    say("answers in", format!("p50 {}, p99 {}{}", time(stage.p50_s), time(stage.p99_s), failed.unwrap_or_default()));
    if stage.verdict == Verdict::Misses {
        say("misses", if stage.missed.is_empty() { "it does not keep up".to_owned() } else { stage.missed.join(", ") });
    }
    say("carries", carried(stage));
    if let Some(limit) = &stage.bottleneck {
        say("limited by", format!("{} of {}, {} busy now", limit.resource, limit.component, busy(limit.utilisation)));
    }
    if let Some(usd) = stage.usd_per_month {
        say("costs", format!("{}/month", human_money(usd)));
    }
    if let Some(step) = &stage.step {
        say("the step", bought(step));
    }
    if let Some(sign) = &stage.evolve {
        say("time to move", format!("{}, seen from {} on", sign.text, human_rate(sign.at_per_s)));
    }
    if let Some(next) = journey.stages.get(at + 1) {
        say("next", format!("{}, for {}", next.title, load(next)));
    }
    lines.push(String::new());
    finish(&lines, look).trim_end_matches('\n').to_owned() + "\n"
}

fn carried(stage: &Stage) -> String {
    let capacity = &stage.capacity;
    let rate = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), human_rate);
    let users = capacity.users.map(|users| format!(" = {} users", human_count(users.round()))).unwrap_or_default();
    let breaks = capacity.breaks.as_ref().map(|text| format!("; then {text} breaks")).unwrap_or_default();
    match capacity.outcome {
        Outcome::Found => {
            let interval = format!("({} to {})", rate(capacity.low), rate(capacity.high));
            format!("{}{users} within its objectives {interval}{breaks}", rate(capacity.per_s))
        }
        Outcome::None => format!("nothing within its objectives{breaks}"),
        Outcome::Unbounded => format!("everything that was tried, up to {}", rate(capacity.low)),
        Outcome::Undecided => "undecided: too noisy to tell".to_owned(),
    }
}

/// What was changed, and what that bought.
fn bought(step: &Step) -> String {
    let mut parts = vec![format!("{} settings changed, {} new", step.changed, step.added)];
    parts.extend(step.capacity_times.map(|times| format!("{times:.1} times the capacity")));
    parts.extend(step.p99.as_ref().and_then(|found| {
        let (was, is) = (found.before?, found.after?);
        let word = found.word.map_or("", Word::text);
        Some(format!("p99 for the users of before {} to {} ({word})", spaced_time(was), spaced_time(is)))
    }));
    parts.extend(step.usd_more_per_month.map(|usd| match usd {
        usd if usd < 0.0 => format!("{} a month less", human_money(-usd)),
        usd => format!("{} a month more", human_money(usd)),
    }));
    parts.join("; ")
}

/// How good a guess was, as a share of the truth.
pub fn verdict_on_guess(guess: f64, truth: f64) -> String {
    let ratio = guess / truth;
    match ratio {
        r if (0.8..=1.25).contains(&r) => "  right: within a quarter of it".to_owned(),
        r if (0.5..=2.0).contains(&r) => format!("  near: you said {} of it", human_share(r)),
        r if r < 1.0 => format!("  too low: {:.1} times as much", 1.0 / r),
        r => format!("  too high: it is {} of that", human_share(1.0 / r)),
    }
}
