//! The reader of conditions and measures: words, not YAML, so every mistake is marked to the byte inside the scalar.
//!
//! A text is split into words and relations, read from left to right, and refused at the first word that does not fit;
//! one scalar yields one mistake. Names of components, loads and faults stay names here, compilation resolves them.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spotted, nearest};
use crate::scenario::condition::{
    Body, Bound, Comparison, Condition, Measure, Per, Period, Quantity, Relation, Resource, Stat,
};
use crate::text::Node;
use crate::units::{self, Dimension, MONTH, UnitError};

/// Distance of the looks at a condition, seconds, unless `every:` changes it.
pub const EVERY_S: f64 = 15.0;
/// What a look sees, seconds, unless `over:` changes it.
pub const OVER_S: f64 = 60.0;

/// One measure of the language.
pub struct Entry {
    pub name: &'static str,
    /// `None`: a later version measures it.
    pub what: Option<Quantity>,
    /// What it can be compared with; the first is its own.
    pub dimensions: &'static [Dimension],
    pub doc: &'static str,
}

const fn now(name: &'static str, what: Quantity, dimensions: &'static [Dimension], doc: &'static str) -> Entry {
    Entry { name, what: Some(what), dimensions, doc }
}

const TIME: &[Dimension] = &[Dimension::Time];
const RATE: &[Dimension] = &[Dimension::Rate];
const SHARE: &[Dimension] = &[Dimension::Share];
const SHARE_OR_COUNT: &[Dimension] = &[Dimension::Share, Dimension::Count];
const RATE_OR_COUNT: &[Dimension] = &[Dimension::Rate, Dimension::Count];
const COUNT: &[Dimension] = &[Dimension::Count];
const BYTES: &[Dimension] = &[Dimension::Bytes];
const COST: &[Dimension] = &[Dimension::MoneyRate, Dimension::Money];

/// Every measure of the language, those of later versions included.
pub const MEASURES: &[Entry] = &[
    now(
        "latency",
        Quantity::Latency,
        TIME,
        "from the intended arrival to the answer; of a component: from entry to answer",
    ),
    now("throughput", Quantity::Throughput, RATE, "finished requests, whatever became of them"),
    now("goodput", Quantity::Goodput, RATE, "requests answered well"),
    now("errors", Quantity::Errors, SHARE_OR_COUNT, "share of requests that failed; bare: their number"),
    now("availability", Quantity::Availability, SHARE, "share of requests answered well"),
    now("utilisation", Quantity::Utilisation, SHARE, "busy share of a resource; without one, of the busiest"),
    now("wait", Quantity::Wait, TIME, "time in the queue"),
    now("service", Quantity::Service, TIME, "time from the start of service to its end"),
    now("queue", Quantity::Queue, COUNT, "requests that wait"),
    now("in_flight", Quantity::InFlight, COUNT, "requests that wait or are served"),
    now("arrivals", Quantity::Arrivals, RATE, "requests that come in"),
    now("hit_ratio", Quantity::HitRatio, SHARE, "share of look-ups that found what they sought"),
    now("replicas", Quantity::Replicas, COUNT, "instances that are up"),
    now("retries", Quantity::Retries, SHARE_OR_COUNT, "repeated attempts per request; bare: their number"),
    now("wasted_work", Quantity::WastedWork, SHARE, "share of work done for nobody"),
    now("removal", Quantity::Removal, TIME, "from the death of an instance to the balancer's last pick of it"),
    now("rto", Quantity::Rto, TIME, "from a fault to the return of the error share to its level before"),
    now("memory", Quantity::Memory, BYTES, "bytes in use"),
    now("bytes", Quantity::Bytes, BYTES, "bytes sent"),
    now("visits_outside", Quantity::VisitsOutside, COUNT, "visits where the data of the request must not be"),
    now("bytes_outside", Quantity::BytesOutside, BYTES, "bytes answered, written or kept where they must not be"),
    now("cost", Quantity::Cost, COST, "dollars a month; per million: dollars for a million requests"),
    now(
        "lag",
        Quantity::Lag,
        TIME,
        "from a write to its application at a replica; from the publication of a message to the end of the work on it",
    ),
    now("backlog", Quantity::Backlog, COUNT, "messages that wait or are worked on"),
    now("depth", Quantity::Depth, COUNT, "messages that wait"),
    now("staleness", Quantity::Staleness, TIME, "how long what a read saw had been overwritten"),
    now(
        "stale_reads",
        Quantity::StaleReads,
        SHARE_OR_COUNT,
        "share of reads that saw what was overwritten; bare: their number",
    ),
    now(
        "violations",
        Quantity::Violations,
        SHARE_OR_COUNT,
        "share of reads that missed an own write or went back in time, or of messages that were done after a later one about the same; bare: their number",
    ),
    now("lost_writes", Quantity::LostWrites, COUNT, "acknowledged writes, and messages, that were lost"),
    now(
        "conflicts",
        Quantity::Conflicts,
        SHARE_OR_COUNT,
        "share of writes that had not seen another of the same row, where there is more than one primary; bare: their number",
    ),
    now("convergence", Quantity::Convergence, TIME, "from a write to its application at the last copy"),
    now("split_brain", Quantity::SplitBrain, TIME, "how long a shard had two primaries that both took writes"),
    now("leader_changes", Quantity::LeaderChanges, COUNT, "primaries that took over, by failover or by election"),
    now(
        "duplicates",
        Quantity::Duplicates,
        SHARE_OR_COUNT,
        "share of the work on messages that had been done before; bare: its number",
    ),
    now(
        "scale_changes",
        Quantity::ScaleChanges,
        RATE_OR_COUNT,
        "changes of the number of instances by an autoscaler in a time; bare: their number",
    ),
    now("reclaims", Quantity::Reclaims, RATE_OR_COUNT, "spot machines taken back in a time; bare: their number"),
    now(
        "cold_starts",
        Quantity::ColdStarts,
        SHARE_OR_COUNT,
        "share of a function's requests that waited for a new environment; bare: their number",
    ),
    now("units", Quantity::Units, COUNT, "capacity units of a serverless database; 0 while it sleeps"),
    now(
        "shard_variance",
        Quantity::ShardVariance,
        SHARE,
        "arrivals of the most loaded shard above their mean, as a share of it",
    ),
    now(
        "partition_skew",
        Quantity::PartitionSkew,
        SHARE,
        "messages of the most loaded partition of a topic above their mean, as a share of it",
    ),
    now(
        "dead_letters",
        Quantity::DeadLetters,
        SHARE_OR_COUNT,
        "share of messages that were tried too often; bare: their number",
    ),
    now("compensations", Quantity::Compensations, COUNT, "steps of sagas that were undone"),
    now(
        "unresolved_sagas",
        Quantity::UnresolvedSagas,
        COUNT,
        "sagas that failed and could not be undone, or whose instance died",
    ),
    now("rpo", Quantity::Rpo, TIME, "age, at a fault, of the oldest acknowledged write that was lost"),
    now(
        "budget_burn",
        Quantity::BudgetBurn,
        COUNT,
        "how many times as fast as it may the error budget of an `availability` objective is used up",
    ),
    Entry {
        name: "capacity",
        what: None,
        dimensions: &[],
        doc: "load that is carried; only as an objective, as in `capacity >= 1000/s within fast`, which `check` judges",
    },
];

/// The resources a utilisation can be of.
pub const RESOURCES: &[(&str, Resource)] = &[
    ("cores", Resource::Cores),
    ("workers", Resource::Workers),
    ("memory", Resource::Memory),
    ("disk", Resource::Disk),
    ("nic", Resource::Nic),
    ("connections", Resource::Connections),
    ("pool", Resource::Pool),
];

/// Reads `measure relation value [for TIME]`; `objectives` are the names that `within` may refer to.
pub fn condition(node: &Node, objectives: &[&str], diags: &mut Diagnostics) -> Option<Condition> {
    let mut parser = Parser::new(node, objectives, diags)?;
    let comparison = parser.comparison()?;
    Some(Condition { text: parser.said(0, parser.words.len()), body: Body::Compare(comparison) })
}

/// Reads a measure that stands alone.
pub fn measure(node: &Node, diags: &mut Diagnostics) -> Option<Spotted<Measure>> {
    let mut parser = Parser::new(node, &[], diags)?;
    let measure = parser.measure()?;
    match parser.peek() {
        None => Some(measure),
        Some(word) => parser.refuse(word, format!("`{}` does not belong to a measure", word.text)),
    }
}

/// A word with its bytes in the scalar.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    start: usize,
    end: usize,
}

struct Parser<'a> {
    node: &'a Node,
    text: &'a str,
    words: Vec<Word<'a>>,
    at: usize,
    objectives: &'a [&'a str],
    diags: &'a mut Diagnostics,
}

impl<'a> Parser<'a> {
    fn new(node: &'a Node, objectives: &'a [&'a str], diags: &'a mut Diagnostics) -> Option<Self> {
        if node.is_broken() {
            return None;
        }
        let Some(text) = node.as_text() else {
            let message = format!("a condition is a text such as `latency p99 <= 300ms`, this is {}", node.shape());
            diags.push(Diagnostic::new(Code::WrongShape, node.spot, message));
            return None;
        };
        Some(Parser { node, text, words: words(text), at: 0, objectives, diags })
    }

    fn peek(&self) -> Option<Word<'a>> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> Option<Word<'a>> {
        let word = self.peek();
        self.at += 1;
        word
    }

    /// Whether the next word is this one; takes it if so.
    fn takes(&mut self, text: &str) -> bool {
        let found = self.peek().is_some_and(|word| word.text == text);
        self.at += usize::from(found);
        found
    }

    /// The words from one to before another, with single blanks.
    fn said(&self, from: usize, to: usize) -> String {
        self.words[from..to.min(self.words.len())].iter().map(|word| word.text).collect::<Vec<_>>().join(" ")
    }

    /// Tells a mistake at a word.
    fn refuse<T>(&mut self, word: Word<'_>, message: String) -> Option<T> {
        let told = Diagnostic::new(Code::Condition, self.node.part(word.start, word.end), message);
        self.diags.push(told);
        None
    }

    /// Tells that the text ends too early.
    fn ends_early<T>(&mut self, wanted: &str) -> Option<T> {
        let (start, end) = self.words.last().map_or((0, self.text.len()), |word| (word.start, word.end));
        let message = format!("{wanted} is missing at the end of the condition");
        let example = "a condition is a measure, a comparison and a value, as in `latency p99 of api.serve <= 300ms`";
        self.diags.push(Diagnostic::new(Code::Condition, self.node.part(start, end), message).help(example));
        None
    }

    fn unit(&mut self, error: UnitError, offset: usize) {
        let error = error.shifted(offset);
        let told = Diagnostic::new(Code::Unit, self.node.part(error.start, error.end), error.message);
        self.diags.push(match error.help {
            Some(help) => told.help(help),
            None => told,
        });
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let mut measure = self.measure()?;
        let relation = self.relation()?;
        let bound = self.bound(&mut measure.value)?;
        let hold_s = if self.takes("for") { Some(self.time("the time after `for`")?) } else { None };
        if let Some(word) = self.peek() {
            return self.refuse(word, format!("`{}` does not belong to a condition", word.text));
        }
        let over_s = match measure.value.period {
            Period::Over(length) => length,
            _ => OVER_S,
        };
        Some(Comparison { measure, relation, bound, hold_s, every_s: EVERY_S, over_s })
    }

    fn relation(&mut self) -> Option<Relation> {
        let Some(word) = self.next() else { return self.ends_early("a comparison with a value") };
        Some(match word.text {
            "<=" => Relation::AtMost,
            "<" => Relation::Below,
            ">=" => Relation::AtLeast,
            ">" => Relation::Above,
            "=" => Relation::Equal,
            _ => {
                let message = format!("`{}` is not a comparison", word.text);
                let told = Diagnostic::new(Code::Condition, self.node.part(word.start, word.end), message);
                self.diags.push(told.label("a measure is followed by <=, <, >=, > or ="));
                return None;
            }
        })
    }

    fn measure(&mut self) -> Option<Spotted<Measure>> {
        let from = self.at;
        let entry = self.name()?;
        let Some(what) = entry.what else { return self.not_measured(entry, from) };
        let mut measure = Measure {
            text: String::new(),
            what,
            stat: None,
            of: None,
            resource: None,
            on: None,
            from: None,
            with: None,
            per: None,
            period: Period::Measured,
        };
        while self.modifier(&mut measure)? {}
        measure.text = self.said(from, self.at);
        let (first, last) = (self.words[from], self.words[self.at - 1]);
        Some(Spotted::new(measure, self.node.part(first.start, last.end)))
    }

    /// The name of a measure, of one word or, with blanks for underscores, of two.
    fn name(&mut self) -> Option<&'static Entry> {
        let Some(first) = self.next() else { return self.ends_early("a measure") };
        let find = |name: &str| MEASURES.iter().find(|entry| entry.name == name);
        if let Some(second) = self.peek()
            && let Some(entry) = find(&format!("{}_{}", first.text, second.text))
        {
            self.at += 1;
            return Some(entry);
        }
        if let Some(entry) = find(first.text) {
            return Some(entry);
        }
        let spot = self.node.part(first.start, first.end);
        let told = Diagnostic::new(Code::Condition, spot, format!("`{}` is not a measure", first.text));
        let is_stat = stat(first.text).is_some();
        let second = self.peek().filter(|second| find(second.text).is_some());
        self.diags.push(match second {
            Some(second) if is_stat => told.help(format!("the measure comes first: `{} {}`", second.text, first.text)),
            Some(second) => told.help(format!("the measure comes first: `{} of {}`", second.text, first.text)),
            None if is_stat => {
                let meant = format!("latency {}", first.text);
                told.help(format!("did you mean `{meant}`?")).patch(spot, meant)
            }
            None => told.nearest(first.text, MEASURES.iter().map(|entry| entry.name)),
        });
        None
    }

    /// A measure of a later version; what `capacity` refers to is looked at all the same.
    fn not_measured<T>(&mut self, entry: &Entry, from: usize) -> Option<T> {
        let within = self.words.iter().position(|word| word.text == "within").and_then(|at| self.words.get(at + 1));
        if let Some(word) = within.copied().filter(|word| !self.objectives.contains(&word.text)) {
            let spot = self.node.part(word.start, word.end);
            let told = Diagnostic::new(Code::UnknownObjective, spot, format!("no objective is called `{}`", word.text));
            self.diags.push(told.nearest(word.text, self.objectives.iter().copied()));
            return None;
        }
        let (first, last) = (self.words[from], self.words[self.at - 1]);
        let spot = self.node.part(first.start, last.end);
        let told = match entry.name {
            "capacity" => "`capacity` stands only in objectives, by itself".to_owned(),
            name => format!("`{name}` is not available yet"),
        };
        self.diags.push(Diagnostic::new(Code::NotAvailable, spot, told));
        None
    }

    /// Reads one more word about the measure, if there is one.
    fn modifier(&mut self, measure: &mut Measure) -> Option<bool> {
        let Some(word) = self.peek() else { return Some(false) };
        if let Some(found) = stat(word.text) {
            if measure.stat.is_some() {
                return self.refuse(word, "only one statistic can be read at a time".to_owned());
            }
            measure.stat = Some(found);
            self.at += 1;
            return Some(true);
        }
        self.at += 1;
        match word.text {
            "of" => self.thing(measure)?,
            "on" => measure.on = Some(self.reference("a part such as `web/2` after `on`")?),
            "from" => measure.from = Some(self.reference("a load or a place after `from`")?),
            "per" => measure.per = Some(self.per()?),
            "over" => measure.period = Period::Over(self.time("the time after `over`")?),
            "before" => measure.period = Period::Before(self.reference("a fault after `before`")?),
            "during" => measure.period = Period::During(self.reference("a fault after `during`")?),
            "after" => measure.period = Period::After(self.reference("a fault after `after`")?),
            "with" => measure.with = Some(self.with()?),
            text if text.starts_with('p') && text[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                return self.refuse(word, format!("`{text}` is not a percentile between 0 and 100"));
            }
            _ => {
                self.at -= 1;
                return Some(false);
            }
        }
        Some(true)
    }

    /// What stands after `of`: a resource, a thing, or `a -> b`.
    fn thing(&mut self, measure: &mut Measure) -> Option<()> {
        let Some(word) = self.peek().filter(|word| is_name(word.text)) else {
            return self.name_missing("a component, load, host or resource after `of`");
        };
        let known = RESOURCES.iter().find(|(name, _)| *name == word.text);
        let takes_resource = matches!(measure.what, Quantity::Utilisation | Quantity::Wait | Quantity::Queue);
        if let Some((_, resource)) = known.filter(|_| takes_resource && measure.resource.is_none()) {
            measure.resource = Some(*resource);
            self.at += 1;
            return Some(());
        }
        if measure.of.is_some() {
            return self.refuse(word, format!("`{}` is one thing too many: a measure is of one thing", word.text));
        }
        let first = self.reference("a name")?;
        measure.of = Some(if self.takes("->") {
            let second = self.reference("a name after `->`")?;
            Spotted::new(format!("{} -> {}", first.value, second.value), first.spot.to(second.spot))
        } else {
            first
        });
        Some(())
    }

    /// `user=17` after `with`.
    fn with(&mut self) -> Option<(Spotted<String>, Spotted<String>)> {
        let key = self.reference("a key and its value such as `user=17` after `with`")?;
        match self.peek() {
            Some(word) if word.text != "=" => {
                return self.refuse(word, "`with` wants a key and its value, as in `with user=17`".to_owned());
            }
            _ => self.at += 1,
        }
        Some((key, self.reference("the value of the key after `=`")?))
    }

    fn reference(&mut self, wanted: &str) -> Option<Spotted<String>> {
        match self.peek().filter(|word| is_name(word.text)) {
            Some(word) => {
                self.at += 1;
                Some(Spotted::new(word.text.to_owned(), self.node.part(word.start, word.end)))
            }
            None => self.name_missing(wanted),
        }
    }

    fn name_missing<T>(&mut self, wanted: &str) -> Option<T> {
        match self.peek() {
            Some(word) => self.refuse(word, format!("{wanted} is missing before `{}`", word.text)),
            None => self.ends_early(wanted),
        }
    }

    fn per(&mut self) -> Option<Per> {
        let Some(word) = self.next() else { return self.ends_early("`instance` or `million` after `per`") };
        match word.text {
            "instance" => Some(Per::Instance),
            "million" => Some(Per::Million),
            _ => self.refuse(word, format!("a measure is per instance or per million, not per `{}`", word.text)),
        }
    }

    fn time(&mut self, wanted: &str) -> Option<f64> {
        let Some(word) = self.next() else { return self.ends_early(wanted) };
        match units::parse_as(word.text, Dimension::Time) {
            Ok(seconds) if 0.0 < seconds => Some(seconds),
            Ok(_) => self.refuse(word, format!("{wanted} must be longer than nothing")),
            Err(error) => {
                self.unit(error, word.start);
                None
            }
        }
    }

    fn bound(&mut self, measure: &mut Measure) -> Option<Spotted<Bound>> {
        let from = self.at;
        let Some(first) = self.next() else { return self.ends_early("a value") };
        if first.text.ends_with('%') && self.peek().is_some_and(|word| word.text == "of") {
            let share = self.quantity(first.start, first.end, &[Dimension::Share])?;
            self.at += 1;
            let bound = self.share_of(share, measure)?;
            let last = self.words[self.at - 1];
            return Some(Spotted::new(bound, self.node.part(first.start, last.end)));
        }
        while self.peek().is_some_and(|word| word.text != "for") {
            self.at += 1;
        }
        let (start, end) = (first.start, self.words[self.at - 1].end);
        if from + 1 < self.at
            && self.words[from..self.at].iter().any(|word| ["<=", "<", ">=", ">", "="].contains(&word.text))
        {
            return self.refuse(self.words[self.at - 1], "a condition compares once; use `all` for two".to_owned());
        }
        let dimensions = dimensions(measure);
        let value = self.quantity(start, end, dimensions)?;
        if dimensions == SHARE_OR_COUNT && !self.text[start..end].ends_with('%') {
            measure.per = Some(Per::Count);
        }
        if dimensions == RATE_OR_COUNT && !self.text[start..end].contains('/') {
            measure.per = Some(Per::Count);
        }
        Some(Spotted::new(Bound::Value(value), self.node.part(start, end)))
    }

    fn share_of(&mut self, share: f64, measure: &Measure) -> Option<Bound> {
        let word = self.peek();
        if !self.takes("before") || self.peek().is_some_and(|word| word.text != "for") {
            self.at -= usize::from(word.is_some_and(|word| word.text == "before"));
            return Some(Bound::ShareOf(share, Box::new(self.measure()?.value)));
        }
        if matches!(measure.period, Period::During(_) | Period::After(_)) {
            return Some(Bound::ShareOfBefore(share));
        }
        let word = word.expect("`before` was there");
        let told = Diagnostic::new(
            Code::Condition,
            self.node.part(word.start, word.end),
            "`before` needs to know which fault: the measure names none",
        );
        self.diags.push(told.help("write `during FAULT` or `after FAULT` behind the measure"));
        None
    }

    /// A value in one of the dimensions; money in dollars a month.
    fn quantity(&mut self, start: usize, end: usize, dimensions: &[Dimension]) -> Option<f64> {
        let text = &self.text[start..end];
        let found = units::parse(text).ok().map(|quantity| quantity.dimension);
        let wanted = dimensions.iter().find(|known| Some(**known) == found);
        let wanted = *wanted.or(dimensions.last().filter(|last| **last == Dimension::Count)).unwrap_or(&dimensions[0]);
        match units::parse_as(text, wanted) {
            Ok(per_second) if wanted == Dimension::MoneyRate => Some(per_second * MONTH),
            Ok(value) => Some(value),
            Err(error) => {
                self.unit(error, start);
                None
            }
        }
    }
}

/// What a measure can be compared with.
/// What a measure can be compared with; the first is its own.
pub fn dimensions(measure: &Measure) -> &'static [Dimension] {
    match (measure.what, measure.per) {
        (Quantity::Cost, Some(Per::Million)) => &[Dimension::Money],
        (Quantity::Cost, _) => &[Dimension::MoneyRate],
        (_, Some(Per::Million)) => COUNT,
        (what, _) => MEASURES.iter().find(|entry| entry.what == Some(what)).map_or(SHARE, |entry| entry.dimensions),
    }
}

/// `mean`, `max`, `min`, `p99.9`.
fn stat(text: &str) -> Option<Stat> {
    match text {
        "mean" => Some(Stat::Mean),
        "max" => Some(Stat::Max),
        "min" => Some(Stat::Min),
        _ => {
            let percent = text.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))?;
            let percent: f64 = percent.parse().ok()?;
            (0.0 < percent && percent < 100.0).then_some(Stat::Quantile(percent / 100.0))
        }
    }
}

fn is_name(text: &str) -> bool {
    !["<=", "<", ">=", ">", "=", "->", "of", "on", "from", "per", "over", "before", "during", "after", "with"]
        .contains(&text)
}

/// Splits at blanks and around relations.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = 0;
    while let Some(skipped) = text[rest..].find(|c: char| !c.is_whitespace()) {
        let start = rest + skipped;
        let tail = &text[start..];
        let sign = ["->", "<=", ">=", "<", ">", "="].iter().find(|sign| tail.starts_with(**sign));
        let length = match sign {
            Some(sign) => sign.len(),
            None => word_length(tail),
        };
        words.push(Word { text: &tail[..length], start, end: start + length });
        rest = start + length;
    }
    words
}

/// Up to a blank, a relation or an arrow.
fn word_length(text: &str) -> usize {
    let ends = |(at, c): &(usize, char)| c.is_whitespace() || "<>=".contains(*c) || text[*at..].starts_with("->");
    text.char_indices().find(ends).map_or(text.len(), |(at, _)| at)
}

/// The measure whose name is nearest, for advice elsewhere.
pub fn nearest_measure(written: &str) -> Option<&'static str> {
    nearest(written, MEASURES.iter().map(|entry| entry.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Sources;
    use crate::text;

    /// Reads a condition; the code and the marked text of the first mistake where there is one.
    fn read(text: &str) -> Result<Condition, (Code, String)> {
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
        let tree =
            text::parse("c.yaml", &format!("c: {text}"), &mut sources, &mut diags).expect("the test writes YAML");
        let read = condition(tree.get("c").expect("it was written"), &["fast"], &mut diags);
        match diags.sorted().first() {
            None => Ok(read.expect("nothing was told, so it was read")),
            Some(told) => Err((told.code, sources.slice(told.spot).to_owned())),
        }
    }

    fn comparison(text: &str) -> Comparison {
        match read(text).map(|condition| condition.body) {
            Ok(Body::Compare(comparison)) => comparison,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_examples_of_the_language_are_read() {
        let read = comparison("latency p99 of edge.asset from ap-south-1 <= 50ms");
        let measure = &read.measure.value;
        assert_eq!((Quantity::Latency, Some(Stat::Quantile(0.99))), (measure.what, measure.stat));
        assert_eq!(Some("edge.asset"), measure.of.as_ref().map(|of| &of.value[..]));
        assert_eq!(Some("ap-south-1"), measure.from.as_ref().map(|from| &from.value[..]));
        assert_eq!((Relation::AtMost, Bound::Value(0.05)), (read.relation, read.bound.value));

        let read = comparison("utilisation of cores of web p95 <= 70%");
        assert_eq!(Some(Resource::Cores), read.measure.value.resource);
        assert_eq!(Some(Stat::Quantile(0.95)), read.measure.value.stat);
        assert_eq!(Bound::Value(0.7), read.bound.value);

        let read = comparison("goodput of gw.browse during payment_down >= 90% of before");
        assert_eq!(Bound::ShareOfBefore(0.9), read.bound.value);
        assert!(matches!(&read.measure.value.period, Period::During(fault) if fault.value == "payment_down"));

        let read = comparison("errors > 5% for 5m");
        assert_eq!((Some(300.0), 15.0, 60.0, None), (read.hold_s, read.every_s, read.over_s, read.measure.value.per));
    }

    #[test]
    fn blanks_stand_for_underscores_and_units_follow_the_measure() {
        assert_eq!(Quantity::InFlight, comparison("in flight max of db.read <= 1").measure.value.what);
        assert_eq!(Quantity::HitRatio, comparison("hit ratio of db >= 85%").measure.value.what);
        assert_eq!(Some(Per::Million), comparison("errors per million <= 100").measure.value.per);
        assert_eq!(Some(Per::Count), comparison("errors <= 10").measure.value.per);
        let Bound::Value(dollars) = comparison("cost <= $6000/month").bound.value else { panic!("a value") };
        assert!((dollars - 6000.0).abs() < 1e-6);
        assert_eq!(Bound::Value(3.0), comparison("cost per million <= $3").bound.value);
        assert_eq!(Period::Over(300.0), comparison("latency p99 over 5m<=300ms").measure.value.period);
        let Bound::ShareOf(share, other) = comparison("goodput >= 90% of throughput of web").bound.value else {
            panic!("a share of another measure")
        };
        assert_eq!((0.9, Quantity::Throughput), (share, other.what));
    }

    #[test]
    fn a_mistake_is_marked_to_the_byte() {
        let told = |text: &str| read(text).expect_err("there is a mistake");
        assert_eq!((Code::Unit, "300".to_owned()), told("latency p99 <= 300"));
        assert_eq!((Code::Unit, "msecs".to_owned()), told("latency p99 <= 300msecs"));
        assert_eq!((Code::Condition, "latncy".to_owned()), told("latncy p99 <= 300ms"));
        assert_eq!((Code::Condition, "p99".to_owned()), told("p99 latency under 300ms"));
        assert_eq!((Code::Condition, "under".to_owned()), told("latency p99 under 300ms"));
        assert_eq!((Code::Condition, "p100".to_owned()), told("latency p100 <= 300ms"));
        assert_eq!((Code::Condition, "<=".to_owned()), told("in_flight of db with user <= 1"));
        assert_eq!((Code::Condition, "user".to_owned()), told("in_flight of db with user"));
        assert_eq!((Code::UnknownObjective, "fats".to_owned()), told("capacity >= 1000/s within fats"));
        assert_eq!((Code::NotAvailable, "capacity".to_owned()), told("capacity >= 1000/s within fast"));
        assert_eq!((Code::Condition, "before".to_owned()), told("goodput >= 90% of before"));
        assert_eq!((Code::Condition, "<=".to_owned()), told("latency p99 <="));
        assert_eq!((Code::Condition, "latency".to_owned()), told("latency"));
        assert_eq!((Code::Unit, "5%".to_owned()), told("latency p99 <= 5%"));
        assert_eq!((Code::Condition, "web".to_owned()), told("latency of web of web <= 5ms"));
    }
}
