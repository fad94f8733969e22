//! A design, section by section: what is asked, the sums, the simulation, how far it goes, what could be done.

use crate::report::Verdict;
use crate::report::rows::plain;
use crate::report::terminal::figures::{percent, spaced_time};
use crate::report::terminal::layout::{paint, wrap};
use crate::report::terminal::{Look, STRONG, advise, by_hand, capacity, finish, mark};
use crate::report::walkthrough::{Asked, Walkthrough};
use crate::units::{human_count, human_money, human_rate};

/// A section's heading and its text.
pub type Section = (&'static str, String);

/// All sections.
pub fn render(walk: &Walkthrough, look: Look) -> String {
    sections(walk, look).iter().map(|section| one(section, look)).collect()
}

/// One section with its heading.
pub fn one((heading, text): &Section, look: Look) -> String {
    let heading = if heading.is_empty() { String::new() } else { format!("{}\n\n", paint(heading, STRONG)) };
    finish(&[heading + text.trim_end(), String::new()], look)
}

/// The sections in their order; the first says what is asked.
pub fn sections(walk: &Walkthrough, look: Look) -> Vec<Section> {
    let mut sections = vec![
        ("", requirements(walk, look)),
        ("By hand", by_hand::render(&walk.by_hand, look)),
        ("Simulated", simulated(walk, look)),
        ("Until it breaks", capacity::render(&walk.capacity, look)),
    ];
    sections.extend(walk.trade_offs.iter().map(|advice| ("Trade-offs", advise::render(advice, look))));
    if !walk.follow_ups.is_empty() {
        sections.push(("What would be asked next", follow_ups(walk, look)));
    }
    sections
}

/// The whole as a page.
pub fn markdown(walk: &Walkthrough) -> String {
    let look = Look { width: 100, unicode: true, verbose: 0, trace: 0 };
    let mut parts = vec![format!("# {}", plain(&walk.title))];
    for (heading, text) in sections(walk, look) {
        let heading = if heading.is_empty() { "What is asked" } else { heading };
        let text = anstream::adapter::strip_str(&text).to_string();
        parts.push(format!("## {heading}\n\n```text\n{}\n```", text.trim_end()));
    }
    parts.join("\n\n") + "\n"
}

/// How it ends, in a line.
pub fn verdict_line(walk: &Walkthrough, look: Look) -> String {
    capacity::verdict_line(&walk.capacity, look)
}

fn requirements(walk: &Walkthrough, look: Look) -> String {
    let mut lines = vec![paint(&walk.title.replace('·', look.marks().dot), STRONG)];
    lines.extend(walk.description.iter().map(|text| wrap(text, look.width, 0)));
    lines.push(String::new());
    for load in &walk.requirements.loads {
        lines.push(format!("  {:<14}{}", load.name, wrap(&asked(load), look.width, 16)));
    }
    for (at, objective) in walk.requirements.objectives.iter().enumerate() {
        lines.push(format!("  {:<14}{objective}", if at == 0 { "must hold" } else { "" }));
    }
    finish(&lines, look)
}

fn asked(load: &Asked) -> String {
    let much = match (load.per_s, load.clients) {
        (Some(rate), _) => human_rate(rate),
        (_, Some(clients)) => format!("{} clients", human_count(clients)),
        _ => "at its times".to_owned(),
    };
    let one = |(name, share): &(String, f64)| {
        if load.requests.len() == 1 { name.clone() } else { format!("{name} {}", percent(*share)) }
    };
    format!("{much}: {}", load.requests.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn judged(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Meets => "meets its objectives",
        Verdict::Misses => "misses its objectives",
        Verdict::Undecided => "its objectives are undecided",
        Verdict::None => "no objectives are stated",
    }
}

fn simulated(walk: &Walkthrough, look: Look) -> String {
    let found = &walk.simulated;
    let (sign, style) = mark(found.verdict, look);
    let time = |value: Option<f64>| value.map_or_else(|| "no steady state".to_owned(), spaced_time);
    let failed = found.failed.map(percent).unwrap_or_default();
    let served = found.served_per_s.map(human_rate).unwrap_or_default();
    let mut lines = vec![format!("  {}", paint(&format!("{sign} {}", judged(found.verdict)), style))];
    let mut say = |label: &str, text: String| lines.push(format!("  {label:<14}{}", wrap(&text, look.width, 16)));
    if !found.missed.is_empty() {
        say("misses", found.missed.join(", "));
    }
    say("answers in", format!("p50 {}, p99 {}", time(found.p50_s), time(found.p99_s)));
    say("served", format!("{served}, {failed} fail"));
    if let Some(limit) = &found.bottleneck {
        say("limited by", limit.why.clone());
    }
    if let Some(usd) = found.usd_per_month {
        say("costs", format!("{}/month", human_money(usd)));
    }
    finish(&lines, look)
}

fn follow_ups(walk: &Walkthrough, look: Look) -> String {
    let told = walk.follow_ups.iter().flat_map(|asked| {
        [format!("  {}", asked.question), format!("    {}", wrap(&asked.answer, look.width, 4)), String::new()]
    });
    finish(&told.collect::<Vec<_>>(), look)
}
