//! Cases and the judgement of what was measured.

use std::collections::BTreeMap;

use plimsoll::report::Estimate;
use serde_json::Value;

/// A case as it stands in the file.
pub(crate) struct Case(Value);

/// What was measured, by the path of the expected figure (`rows[2].X`).
#[derive(Default)]
pub(crate) struct Got(BTreeMap<String, Figure>);

pub(crate) enum Figure {
    Number { value: f64, half_width: f64 },
    Text(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    Fails,
    /// The simulator has no such thing, or says it elsewhere; the table says why.
    NotMeasured,
}

/// One expected figure, judged.
pub(crate) struct Judged {
    pub(crate) quantity: String,
    pub(crate) expected: String,
    pub(crate) got: String,
    pub(crate) tolerance: String,
    pub(crate) verdict: Verdict,
}

/// How far off is allowed, relative and absolute; either suffices.
#[derive(Clone, Copy, Default)]
struct Tolerance {
    relative: Option<f64>,
    absolute: Option<f64>,
}

/// What a row of expected figures is given by.
const GIVEN: [&str; 43] = [
    "test",
    "what",
    "R",
    "W",
    "k",
    "N",
    "topics",
    "subscriptions",
    "rho",
    "d",
    "servers",
    "block",
    "df",
    "p",
    "dist",
    "p_slow",
    "fanout",
    "p_fail",
    "max_attempts",
    "layers",
    "attempts_per_layer",
    "timeout_ms",
    "clients",
    "algorithm",
    "calls_se",
    "time_se",
    "probes",
    "slow_probes_s",
    "t",
    "test",
    "config",
    "t_s",
    "stable",
    "panic",
    "ready",
    "lag",
    "partitions",
    "threshold",
    "capacity",
    "metric",
    "target",
    "scale_out_alarm",
    "scale_in_alarm",
];

/// Lists of steps of a script, and what is given there.
const SCRIPTS: [&str; 6] = ["steps[", "burst_1[", "burst_3[", "wait[", "second_wait[", "time_window_5s["];
const SAID: [&str; 7] = ["do", "n", "t_ms", "tokens_before", "t", "t_s", "take"];

pub(crate) fn all() -> Vec<Case> {
    let cases: Vec<Value> = serde_json::from_str(include_str!("cases.json")).expect("the cases are JSON");
    cases.into_iter().map(Case).collect()
}

impl Case {
    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().expect("a text")
    }

    pub(crate) fn id(&self) -> &str {
        self.text("id")
    }

    pub(crate) fn description(&self) -> &str {
        self.text("description")
    }

    pub(crate) fn source(&self) -> &str {
        self.text("source")
    }

    pub(crate) fn parameters(&self) -> &Value {
        &self.0["parameters"]
    }

    pub(crate) fn expected(&self) -> &Value {
        &self.0["expected"]
    }

    /// A parameter that is a number.
    pub(crate) fn number(&self, parameter: &str) -> f64 {
        self.maybe(parameter).unwrap_or_else(|| panic!("{}: no parameter {parameter}", self.id()))
    }

    pub(crate) fn maybe(&self, parameter: &str) -> Option<f64> {
        self.parameters()[parameter].as_f64()
    }

    /// Every expected figure beside what was measured. `noise` times the half-width of the 95 % interval is allowed on top
    /// of the tolerance.
    pub(crate) fn judge(&self, got: &Got, noise: f64) -> Vec<Judged> {
        let mut rows = Vec::new();
        walk(String::new(), self.expected(), &mut |path, expected| {
            let row = self.row(&path, expected, got, noise);
            rows.push(row);
        });
        rows
    }

    fn row(&self, quantity: &str, expected: &Value, got: &Got, noise: f64) -> Judged {
        let tolerance = self.tolerance(quantity);
        let shown = expected.as_f64().map_or_else(|| text(expected), digits);
        let row = |got: String, verdict, tolerance| Judged {
            quantity: quantity.to_owned(),
            expected: shown,
            got,
            tolerance,
            verdict,
        };
        let verdict = |holds| if holds { Verdict::Holds } else { Verdict::Fails };
        match (got.0.get(quantity), expected.as_f64()) {
            (None, _) => row("—".to_owned(), Verdict::NotMeasured, "—".to_owned()),
            (Some(Figure::Number { value, half_width }), Some(expected)) => {
                let scale = if expected == 0.0 { got.scale(quantity) } else { expected.abs() };
                let allowed =
                    tolerance.relative.map_or(0.0, |relative| relative * scale).max(tolerance.absolute.unwrap_or(0.0));
                let slack = if half_width.is_finite() { noise * half_width } else { 0.0 };
                let is_bound = quantity.starts_with("max_rel_gap");
                let off = if is_bound { value - expected } else { (value - expected).abs() };
                let holds = off <= allowed + slack + 1e-12 * scale;
                let spread = if *half_width == 0.0 { String::new() } else { format!(" ± {}", rough(*half_width)) };
                let words = if is_bound { "at most".to_owned() } else { tolerance.words() };
                row(format!("{}{spread}", digits(*value)), verdict(holds), words)
            }
            (Some(Figure::Text(got)), None) => row(got.clone(), verdict(*got == text(expected)), "exact".to_owned()),
            _ => row("another kind of value".to_owned(), Verdict::Fails, String::new()),
        }
    }

    /// The most exact rule counts: of the quantity itself, of percentiles, of everything.
    fn tolerance(&self, path: &str) -> Tolerance {
        let rules = &self.0["tolerance"];
        let rule = |key: &str| rules[key].as_f64();
        let own = path.rsplit('.').next().unwrap_or(path);
        let own = own.split('[').next().unwrap_or(own);
        // `cv` is also the rule of `cv_exact`, `Wq` that of `allen_cunneen_Wq`.
        let names = [Some(own), own.split('_').next(), own.rsplit('_').next()];
        for name in names.into_iter().flatten() {
            let of_name = Tolerance { relative: rule(&format!("{name}_rel")), absolute: rule(&format!("{name}_abs")) };
            if of_name.relative.is_some() || of_name.absolute.is_some() {
                return of_name;
            }
        }
        // What is measured here is simulated.
        if let Some(simulated) = rule("simulated_abs") {
            return Tolerance { relative: None, absolute: Some(simulated) };
        }
        if rules["exact"] == true {
            return Tolerance { relative: None, absolute: Some(0.0) };
        }
        let percentile = own.rsplit('_').find(|part| !part.contains("simulated")).is_some_and(|part| {
            part.strip_prefix('p').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        });
        let wide = if percentile { rule("percentiles_rel") } else { None };
        let relative = wide.or_else(|| rule("default_rel")).or_else(|| rule("rel")).or_else(|| rule("mean_rel"));
        Tolerance { relative, absolute: rule("abs").or_else(|| rule("max_rel_gap")) }
    }
}

impl Got {
    pub(crate) fn put(&mut self, path: impl Into<String>, value: f64) {
        self.0.insert(path.into(), Figure::Number { value, half_width: 0.0 });
    }

    pub(crate) fn put_text(&mut self, path: impl Into<String>, value: impl Into<String>) {
        self.0.insert(path.into(), Figure::Text(value.into()));
    }

    /// An estimate in the unit of the case.
    pub(crate) fn estimate(&mut self, path: impl Into<String>, estimate: Option<Estimate>, unit: f64) {
        if let Some(estimate) = estimate {
            let half_width = estimate.half_width.unwrap_or(0.0) / unit;
            self.0.insert(path.into(), Figure::Number { value: estimate.mean / unit, half_width });
        }
    }

    /// The same figure under a second name.
    pub(crate) fn copy(&mut self, from: &str, to: &str) {
        if let Some(Figure::Number { value, half_width }) = self.0.get(from) {
            let figure = Figure::Number { value: *value, half_width: *half_width };
            self.0.insert(to.to_owned(), figure);
        }
    }

    /// A deviation relative to nothing means nothing: where 0 is expected of a percentile, it is judged by the mean of the
    /// same distribution.
    fn scale(&self, path: &str) -> f64 {
        let mean = if path.starts_with("wait_") { "Wq" } else { "W" };
        match self.0.get(mean) {
            Some(Figure::Number { value, .. }) => *value,
            _ => 0.0,
        }
    }
}

impl Tolerance {
    fn words(self) -> String {
        let relative = self.relative.map(|relative| format!("{} %", rough(100.0 * relative)));
        let absolute = self.absolute.map(|absolute| if absolute == 0.0 { "exact".to_owned() } else { rough(absolute) });
        relative.into_iter().chain(absolute).collect::<Vec<_>>().join(" or ")
    }
}

impl Judged {
    pub(crate) fn line(&self, id: &str) -> String {
        let verdict = match self.verdict {
            Verdict::Holds => "holds",
            Verdict::Fails => "**fails**",
            Verdict::NotMeasured => "not measured",
        };
        let Judged { quantity, expected, got, tolerance, .. } = self;
        format!("| {id} | {quantity} | {expected} | {got} | {tolerance} | {verdict} |")
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Six digits that count.
fn digits(value: f64) -> String {
    significant(value, 6)
}

fn rough(value: f64) -> String {
    significant(value, 2)
}

fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let size = libm::log10(value.abs()).floor() as i32;
    if (-5..12).contains(&size) {
        let text = format!("{value:.*}", (digits - 1 - size).max(0) as usize);
        let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        return trimmed.to_owned();
    }
    format!("{value:.*e}", (digits - 1) as usize)
}

/// Every leaf of what is expected, with its path.
fn walk(path: String, value: &Value, leaf: &mut impl FnMut(String, &Value)) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            let in_row = path.starts_with("rows[");
            let in_script = SCRIPTS.iter().any(|list| path.starts_with(list));
            let is_given = |name: &str| in_row && GIVEN.contains(&name) || in_script && SAID.contains(&name);
            for (name, value) in fields.iter().filter(|(name, _)| !is_given(name)) {
                let dot = if path.is_empty() { "" } else { "." };
                walk(format!("{path}{dot}{name}"), value, leaf);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                walk(format!("{path}[{index}]"), value, leaf);
            }
        }
        other => leaf(path, other),
    }
}
