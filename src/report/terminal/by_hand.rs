//! The sums, step by step, each with its simulated twin.

use crate::report::by_hand::{ByHand, rows};
use crate::report::rows::plain;
use crate::report::terminal::figures::{busy, percent, spaced_time};
use crate::report::terminal::layout::{Cell, Column, Table, paint, wrap};
use crate::report::terminal::{FAINT, Look, STRONG, finish};
use crate::units::{human_bytes, human_count, human_money, human_rate, human_time};

/// Resources shown unless more is asked for.
const FEW: usize = 10;

/// All steps.
pub fn render(hand: &ByHand, look: Look) -> String {
    let dot = look.marks().dot;
    let mut lines = vec![
        format!("{} {dot} by hand and simulated {dot} seed {}", paint(&hand.name, STRONG), hand.seed),
        String::new(),
    ];
    let mut say = |label: &str, text: String| lines.push(format!("  {label:<14}{}", wrap(&text, look.width, 16)));
    let day = human_count(hand.requests_per_day.round());
    say("1 load", format!("{} = {day} requests a day", human_rate(hand.load_per_s)));
    say("2 utilisation", "rate x time held = how many are busy, for each resource".to_owned());
    let table = table(hand, look);
    lines.extend(table);
    let mut say = |label: &str, text: String| lines.push(format!("  {label:<14}{}", wrap(&text, look.width, 16)));
    if let (Some(full), Some(first)) = (hand.full_at_per_s, hand.resources.first()) {
        let what = format!("{} of {}", first.resource, first.component);
        let load = human_rate(hand.load_per_s);
        say(
            "3 capacity",
            format!(
                "{load} / {} = {}, where {what} are full; objectives break before that",
                busy(first.utilisation),
                human_rate(full)
            ),
        );
    }
    say("4 latency", latency(hand));
    if let Some(in_flight) = hand.in_flight {
        let sum = format!("{} x {}", human_rate(hand.load_per_s), spaced_time(hand.mean_s.unwrap_or(0.0)));
        say(
            "5 in flight",
            format!("{sum} = {} requests at a time (Little's law)", human_count((in_flight * 10.0).round() / 10.0)),
        );
    }
    if let Some(bytes) = hand.storage_bytes {
        say("6 storage", human_bytes(bytes));
    }
    if let Some(rate) = hand.network_bytes_per_s {
        say("7 network", format!("{}/s through all network cards", human_bytes(rate)));
    }
    if let Some(usd) = hand.machines_usd_per_month {
        let bill = hand.simulated_usd_per_month.map(|bill| format!("; with all that is metered {}", human_money(bill)));
        say("8 cost", format!("machines {}/month{}", human_money(usd), bill.unwrap_or_default()));
    }
    for reason in &hand.reasons {
        say("they part", reason.clone());
    }
    lines.push(String::new());
    finish(&lines, look)
}

/// The table for a page.
pub fn markdown(hand: &ByHand) -> String {
    format!("### {}: {}\n\n{}", plain(&hand.name), plain(&latency(hand)), rows(hand).markdown())
}

/// The step that the others are for.
pub fn verdict_line(hand: &ByHand, look: Look) -> String {
    finish(&[latency(hand)], look)
}

fn latency(hand: &ByHand) -> String {
    let time = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), spaced_time);
    let by_hand = match (hand.empty_s, hand.mean_s) {
        (Some(empty), Some(mean)) => {
            format!(
                "{} of work + {} of waiting = {} by hand",
                spaced_time(empty),
                spaced_time(mean - empty),
                spaced_time(mean)
            )
        }
        (Some(empty), None) => format!("{} of work, and waiting without end by hand", spaced_time(empty)),
        _ => "none by hand: only open loads have a rate beforehand".to_owned(),
    };
    let apart = hand.apart.map(|apart| {
        let sign = if 0.0 < apart { "+" } else { "-" };
        format!(", {sign}{}", percent(apart.abs()))
    });
    format!(
        "{by_hand}; simulated {}{} (p99 {})",
        time(hand.simulated_mean_s),
        apart.unwrap_or_default(),
        time(hand.simulated_p99_s)
    )
}

fn table(hand: &ByHand, look: Look) -> Vec<String> {
    let columns = [vec![Column::TEXT], vec![Column::NUMBER; 7]].concat();
    let mut table = Table::new(&columns, 4);
    let times = look.marks().times;
    table.row(
        ["resource", "rate", &format!("{times} time"), "= needed", "of", "busy", "simulated", "wait"]
            .map(|head| Cell::styled(head, STRONG)),
    );
    let shown = if 0 < look.verbose { usize::MAX } else { FEW };
    for one in hand.resources.iter().take(shown) {
        table.row([
            Cell::new(format!("{} {}", one.component, one.resource)),
            Cell::new(human_rate(one.rate_per_s)),
            Cell::new(human_time(one.held_s)),
            Cell::new(human_count((one.needed * 100.0).round() / 100.0)),
            Cell::new(human_count(one.there)),
            Cell::new(busy(one.utilisation)),
            Cell::new(one.simulated.map(percent).unwrap_or_default()),
            Cell::styled(one.wait_s.map_or_else(|| "full".to_owned(), human_time), FAINT),
        ]);
    }
    table.lines(look.width)
}
