//! Scales, ticks and the frame they surround.

use crate::report::chart::ink::Ink;
use crate::report::chart::{Anchor, Chart, SMALL, text_width};
use crate::report::terminal::figures::span;
use crate::units::{human_bytes, human_count, human_money, human_time};

/// From a figure to its place between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    Linear {
        from: f64,
        to: f64,
    },
    Log {
        from: f64,
        to: f64,
    },
    /// Percentiles by their nines: 0, 90 %, 99 %, 99.9 % are equally far from each other.
    Nines {
        most: f64,
    },
}

/// How figures of an axis are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    /// Simulated time, which is longer.
    Clock,
    PerSecond,
    Bytes,
    Count,
    Share,
    Money,
    Percentile,
}

/// The part of a chart in which figures are places, and its axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    pub x: Scale,
    pub y: Scale,
}

impl Scale {
    /// A linear one from zero to a round figure at or above `most`.
    pub fn up_to(most: f64) -> Scale {
        let most = if most.is_finite() && 0.0 < most { most } else { 1.0 };
        let step = round_step(most / 4.0);
        Scale::Linear { from: 0.0, to: (most / step - 1e-9).ceil() * step }
    }

    /// A linear one around what is there: from zero, unless all of it is far from zero.
    pub fn around(least: f64, most: f64) -> Scale {
        let from = if 2.0 * least < most { least.min(0.0) } else { least };
        let step = round_step((most - from).max(most.abs() * 1e-3).max(1e-12) / 6.0);
        let (from, to) = ((from / step + 1e-9).floor() * step, (most / step - 1e-9).ceil() * step);
        Scale::Linear { from, to: if from < to { to } else { from + step } }
    }

    /// A logarithmic one that keeps close to figures of about one size.
    pub fn close(least: f64, most: f64) -> Scale {
        let (least, most) = (least.max(1e-12), most.max(1e-12));
        if 4.0 * least < most {
            return Scale::log(least, most);
        }
        let power = |value: f64| libm::exp10(libm::floor(libm::log10(value)));
        let below = FINE.into_iter().rev().map(|step| step * power(least)).find(|from| *from <= least * 1.0001);
        let above = FINE.into_iter().map(|step| step * power(most)).find(|to| most * 0.9999 <= *to);
        let (from, to) = (below.unwrap_or(least), above.unwrap_or(10.0 * power(most)));
        Scale::Log { from, to: if from * 1.1 < to { to } else { from * 1.5 } }
    }

    /// A logarithmic one around what is there; both ends are 1, 2 or 5 times a power of ten.
    pub fn log(least: f64, most: f64) -> Scale {
        let (least, most) = (least.max(1e-12), most.max(1e-12));
        let down = libm::exp10(libm::floor(libm::log10(least)));
        let from = [5.0, 2.0, 1.0].map(|step| step * down).into_iter().find(|from| *from <= least * 1.0001);
        let up = libm::exp10(libm::floor(libm::log10(most)));
        let to = [1.0, 2.0, 5.0, 10.0].map(|step| step * up).into_iter().find(|to| most * 0.9999 <= *to);
        let (from, to) = (from.unwrap_or(down), to.unwrap_or(up * 10.0));
        Scale::Log { from, to: if from * 1.5 < to { to } else { from * 10.0 } }
    }

    /// Where a figure stands; what lies outside stands at the end.
    pub fn at(self, value: f64) -> f64 {
        let share = match self {
            Scale::Linear { from, to } => (value - from) / (to - from),
            Scale::Log { from, to } => libm::log(value.max(1e-300) / from) / libm::log(to / from),
            Scale::Nines { most } => libm::log10(1.0 - value.min(most)) / libm::log10(1.0 - most),
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// Figures worth a tick: about so many on a linear scale.
    pub fn ticks(self, about: usize, unit: Unit) -> Vec<f64> {
        match self {
            Scale::Linear { from, to } => {
                let wide = (to - from) / about as f64;
                let step = if unit == Unit::Clock { clock_step(wide) } else { round_step(wide) };
                let first = (from / step - 1e-9).ceil() as i64;
                let last = (to / step + 1e-9).floor() as i64;
                (first..=last).map(|n| n as f64 * step).collect()
            }
            Scale::Log { from, to } => {
                let decades = libm::log10(to / from);
                let steps: &[f64] = match decades {
                    d if d < 0.65 => &FINE,
                    d if d < 2.5 => &[1.0, 2.0, 5.0],
                    _ => &[1.0],
                };
                let powers = libm::floor(libm::log10(from)) as i32..=libm::ceil(libm::log10(to)) as i32;
                let all = powers.flat_map(|power| steps.iter().map(move |step| step * libm::exp10(f64::from(power))));
                all.filter(|tick| from * 0.999 <= *tick && *tick <= to * 1.001).collect()
            }
            Scale::Nines { most } => {
                let nines = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];
                nines.into_iter().filter(|tick| *tick <= most + 1e-9).collect()
            }
        }
    }
}

/// Steps within a power of ten where one is nearly all that is shown.
const FINE: [f64; 15] = [1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];

/// 1, 2 or 5 times a power of ten, at or above.
fn round_step(wide: f64) -> f64 {
    let power = libm::exp10(libm::floor(libm::log10(wide.max(1e-300))));
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| wide <= step * power * 1.0001);
    step.unwrap_or(10.0) * power
}

/// Steps of simulated time that people count in.
fn clock_step(wide: f64) -> f64 {
    const STEPS: [f64; 18] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 21600.0,
        43200.0, 86400.0,
    ];
    let known = STEPS.into_iter().find(|step| wide <= *step);
    if wide < 1.0 { round_step(wide) } else { known.unwrap_or_else(|| 86400.0 * round_step(wide / 86400.0)) }
}

impl Unit {
    /// A figure as a tick says it.
    pub fn tick(self, value: f64) -> String {
        match self {
            Unit::Seconds => without_zero(&human_time(value)),
            Unit::Clock => span(value).replace(' ', ""),
            Unit::PerSecond => format!("{}/s", without_zero(&human_count(value))),
            Unit::Bytes => without_zero(&human_bytes(value)),
            Unit::Count => without_zero(&human_count(value)),
            Unit::Share => format!("{}%", trimmed(value * 100.0)),
            Unit::Money => human_money(value),
            Unit::Percentile => format!("p{}", trimmed(value * 100.0)),
        }
    }
}

/// `3.0ms` is `3ms` where the next one is `4.0ms`.
fn without_zero(text: &str) -> String {
    match text.find(".0") {
        Some(at) if !text[at + 2..].starts_with(|c: char| c.is_ascii_digit()) => text.replacen(".0", "", 1),
        _ => text.to_owned(),
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Frame {
    pub fn px(&self, x: f64) -> f64 {
        self.left + self.x.at(x) * self.width
    }

    pub fn py(&self, y: f64) -> f64 {
        self.top + (1.0 - self.y.at(y)) * self.height
    }

    /// Left, top, width and height.
    pub fn plane(&self) -> [f64; 4] {
        [self.left, self.top, self.width, self.height]
    }

    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Grid, axes and their figures; ticks too close to the one before go without a word.
    pub fn draw(&self, chart: &mut Chart, units: (Unit, Unit)) {
        self.rise(chart, units.1);
        self.along(chart, units.0);
    }

    /// The grid and the figures of the vertical axis.
    pub fn rise(&self, chart: &mut Chart, unit: Unit) {
        let mut above = f64::INFINITY;
        for tick in self.y.ticks(4, unit) {
            let y = self.py(tick);
            chart.line(vec![(self.left, y), (self.right(), y)], 1.0, Ink::Grid, None);
            if SMALL * 1.2 <= above - y {
                chart.say((self.left - 8.0, y), &unit.tick(tick), Anchor::End, Ink::Faint);
                above = y;
            }
        }
        chart.line(vec![(self.left, self.bottom()), (self.right(), self.bottom())], 1.0, Ink::Faint, None);
    }

    /// Ticks and figures of the horizontal axis.
    pub fn along(&self, chart: &mut Chart, unit: Unit) {
        let ticks = self.x.ticks((self.width / 90.0) as usize, unit);
        let named: Vec<(f64, String)> = ticks.into_iter().map(|tick| (tick, unit.tick(tick))).collect();
        self.named(chart, &named);
    }

    /// The same with names in place of figures.
    pub fn named(&self, chart: &mut Chart, ticks: &[(f64, String)]) {
        let mut before = f64::NEG_INFINITY;
        for (tick, text) in ticks {
            let (x, half) = (self.px(*tick), text_width(text, SMALL) / 2.0);
            chart.line(vec![(x, self.bottom()), (x, self.bottom() + 4.0)], 1.0, Ink::Faint, None);
            if matches!(self.x, Scale::Nines { .. } | Scale::Log { .. }) {
                chart.line(vec![(x, self.top), (x, self.bottom())], 1.0, Ink::Grid, None);
            }
            let middle = x.min(chart.width - half);
            if before + 8.0 <= middle - half {
                chart.say((middle, self.bottom() + 14.0), text, Anchor::Middle, Ink::Faint);
                before = middle + half;
            }
        }
    }

    /// Points of a line, broken where nothing is known.
    pub fn pieces(&self, points: impl Iterator<Item = (f64, Option<f64>)>) -> Vec<Vec<(f64, f64)>> {
        let mut pieces = vec![Vec::new()];
        for (x, y) in points {
            match y {
                Some(y) => pieces.last_mut().expect("there is always one").push((self.px(x), self.py(y))),
                None => pieces.push(Vec::new()),
            }
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(Scale::up_to(4201.0), Scale::Linear { from: 0.0, to: 6000.0 });
        assert_eq!(Scale::up_to(0.0), Scale::Linear { from: 0.0, to: 1.0 });
        assert_eq!(Scale::up_to(4201.0).ticks(4, Unit::PerSecond), [0.0, 2000.0, 4000.0, 6000.0]);
        let minutes = Scale::Linear { from: 0.0, to: 600.0 };
        assert_eq!(minutes.ticks(6, Unit::Clock), [0.0, 120.0, 240.0, 360.0, 480.0, 600.0]);
        assert_eq!(Scale::log(0.0031, 0.09), Scale::Log { from: 0.002, to: 0.1 });
        let shown: Vec<String> =
            Scale::log(0.0031, 0.09).ticks(4, Unit::Seconds).into_iter().map(|tick| Unit::Seconds.tick(tick)).collect();
        assert_eq!(shown, ["2ms", "5ms", "10ms", "20ms", "50ms", "100ms"]);
    }

    #[test]
    fn a_scale_keeps_close_to_what_is_there() {
        let ends = |scale: Scale| match scale {
            Scale::Linear { from, to } | Scale::Log { from, to } => [from, to].map(|end| (end * 1e6).round() / 1e6),
            Scale::Nines { most } => [0.0, most],
        };
        assert_eq!(ends(Scale::around(297.0, 1040.0)), [0.0, 1200.0]);
        assert_eq!(ends(Scale::around(1846.0, 2591.0)), [1800.0, 2600.0]);
        assert_eq!(ends(Scale::around(5.0, 5.0)), [5.0, 5.001]);
        assert_eq!(ends(Scale::close(0.165, 0.187)), [0.16, 0.2]);
        assert_eq!(Scale::close(0.0031, 0.09), Scale::log(0.0031, 0.09));
        assert_eq!(Scale::Log { from: 0.16, to: 0.2 }.ticks(4, Unit::Seconds).len(), 3);
    }

    #[test]
    fn nines_are_equally_far_apart_and_nothing_leaves_the_frame() {
        let nines = Scale::Nines { most: 0.999 };
        assert!((nines.at(0.9) - 1.0 / 3.0).abs() < 1e-12 && (nines.at(0.99) - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!((nines.at(0.9999), nines.at(0.0)), (1.0, 0.0));
        assert_eq!((Scale::up_to(1.0).at(7.0), Scale::up_to(1.0).at(f64::NAN)), (1.0, 0.0));
        assert_eq!([0.5, 0.99, 0.9999].map(|q| Unit::Percentile.tick(q)), ["p50", "p99", "p99.99"].map(String::from));
    }
}
