//! A user's mistake is a value: a code, the exact place, what is wrong, and what to write instead.
//!
//! Every stage that reads text pushes [`Diagnostic`]s into one [`Diagnostics`] and goes on, so that all mistakes of a
//! scenario are told at once. Nothing here decides what a mistake is; it only knows where texts are and how a mistake
//! is shown. What can go wrong: a place that lies outside its text is clamped rather than trusted, because a broken
//! message must never hide the mistake it was to report.

mod render;
mod sources;

use crate::reader;

/// A range of bytes in one text of a [`Sources`]; `start <= end`, both on character boundaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// The number [`Sources::add`] gave.
    pub file: u32,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Spot {
    /// The place of `start..end` in text of `file`.
    pub fn new(file: u32, start: usize, end: usize) -> Self {
        Spot { file, start: start as u32, end: end as u32 }
    }

    /// A part of this place, counted in bytes from its start and cut where it ends.
    #[must_use]
    pub fn part(self, start: usize, end: usize) -> Self {
        let cut = |at: usize| self.end.min(self.start.saturating_add(at as u32));
        Spot { file: self.file, start: cut(start), end: cut(end.max(start)) }
    }

    /// From the start of this place to the end of `last`, which must lie in the same file.
    #[must_use]
    pub fn to(self, last: Spot) -> Self {
        debug_assert!(self.file == last.file, "two files have no place between them");
        Spot { end: last.end.max(self.end), ..self }
    }

    /// Whether the other place lies inside this one.
    pub fn contains(self, other: Spot) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }
}

/// A value and where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spotted<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub spot: Spot,
}

impl<T> Spotted<T> {
    /// Puts the two together.
    pub fn new(value: T, spot: Spot) -> Self {
        Spotted { value, spot }
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spotted<U> {
        Spotted { value: change(self.value), spot: self.spot }
    }
}

/// All texts a scenario was read from: files, standard input, and the values of `--set`.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    texts: Vec<(String, String)>,
}

/// Whether a run can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The scenario has no meaning as it stands; nothing is simulated.
    Error,
    /// Legal, but surely not meant.
    Warning,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of mistake.
    pub code: Code,
    /// Whether the run can go on.
    pub severity: Severity,
    /// The text that is wrong, as exactly as it is known.
    pub spot: Spot,
    /// What is wrong, in lower case without a full stop; names stand in backticks.
    pub message: String,
    /// What stands beside the marked text; may be empty.
    pub label: String,
    /// Second places that matter, and remarks.
    pub notes: Vec<(Option<Spot>, String)>,
    /// What to do.
    pub help: Option<String>,
    /// The text that would mend it, and the place it would replace.
    pub patch: Option<(Spot, String)>,
}

impl Diagnostic {
    /// A mistake of the severity its code has.
    pub fn new(code: Code, spot: Spot, message: impl Into<String>) -> Self {
        let (message, label) = (message.into(), String::new());
        Diagnostic { code, severity: code.severity(), spot, message, label, notes: Vec::new(), help: None, patch: None }
    }

    /// With words beside the marked text.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With the text that would mend it.
    #[must_use]
    pub fn patch(mut self, spot: Spot, text: impl Into<String>) -> Self {
        self.patch = Some((spot, text.into()));
        self
    }

    /// With a remark.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push((None, note.into()));
        self
    }

    /// With a second place and what it has to do with this.
    #[must_use]
    pub fn note_at(mut self, spot: Spot, note: impl Into<String>) -> Self {
        self.notes.push((Some(spot), note.into()));
        self
    }

    /// With "did you mean" and the edit for it, if a known name is near to what was written at the marked place.
    #[must_use]
    pub fn nearest<'a>(self, written: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let Some(name) = nearest(written, known) else { return self };
        let spot = self.spot;
        self.help(format!("did you mean `{name}`?")).patch(spot, name)
    }
}

/// All mistakes found so far.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
}

impl Diagnostics {
    /// An empty collection.
    pub fn new() -> Self {
        Diagnostics::default()
    }

    /// Takes one more; the same mistake told twice (through an alias or a template, say) counts once.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let same = |known: &Diagnostic| {
            known.code == diagnostic.code && known.spot == diagnostic.spot && known.message == diagnostic.message
        };
        if !self.found.iter().any(same) {
            self.found.push(diagnostic);
        }
    }

    /// Whether anything forbids a run.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }

    /// How many errors, and how many warnings.
    pub fn counts(&self) -> (usize, usize) {
        let errors = self.found.iter().filter(|d| d.severity == Severity::Error).count();
        (errors, self.found.len() - errors)
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// In the order they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.found.iter()
    }

    /// In the order of reading: by file, then by place.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.found.iter().collect();
        sorted.sort_by_key(|d| (d.spot, d.severity));
        sorted
    }
}

/// One mistake as plain data, for whoever prints JSON or annotations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// `E0102`.
    pub code: &'static str,
    /// Whether the run can go on.
    pub severity: Severity,
    /// The name of the file, `<stdin>`, or `--set path=value`.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line the marked text ends in.
    pub end_line: usize,
    /// The column after the marked text.
    pub end_column: usize,
    /// What is wrong.
    pub message: String,
    /// What stands beside the marked text; may be empty.
    pub label: String,
    /// Remarks, those with a place as `file:line:column: text`.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
    /// The text that would mend it in place of the marked text of `patch_at`.
    pub patch: Option<String>,
}

/// All mistakes in the order of reading, as plain data.
pub fn plain(found: &Diagnostics, sources: &Sources) -> Vec<Plain> {
    found.sorted().into_iter().map(|d| render::plain_one(d, sources)).collect()
}

/// All mistakes with their source lines, carets and mended lines, and the closing count; empty if there are none.
pub fn render(found: &Diagnostics, sources: &Sources, width: usize, colour: bool, unicode: bool) -> String {
    if found.is_empty() {
        return String::new();
    }
    let renderer = render::renderer(width, colour, unicode);
    let mut text = String::new();
    for diagnostic in found.sorted() {
        text.push_str(&renderer.render(&render::groups(diagnostic, sources)));
        text.push_str("\n\n");
    }
    text + &render::closing(found, sources) + "\n"
}

/// One line for each mistake: `bad.yaml:5:5: E0102 unknown key 'replcas' (did you mean 'replicas'?)`.
pub fn render_concise(found: &Diagnostics, sources: &Sources) -> String {
    plain(found, sources).iter().map(render::concise_line).collect()
}

/// The known name that was probably meant.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    reader::nearest::nearest(written, &known)
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What stands behind a code: the one row in which a kind of mistake is defined.
struct Entry {
    number: &'static str,
    title: &'static str,
    meaning: &'static str,
    broken: &'static str,
    mended: &'static str,
}

/// Writes the enum, its table and `ALL` from rows of `Name: number, title, meaning, broken example, mended example`.
macro_rules! codes {
    ($($name:ident: $number:literal, $title:literal, $meaning:literal, $broken:literal, $mended:literal;)*) => {
        /// The kinds of mistakes. E01xx: the shape of the text. E02xx: a value. E03xx: a name that leads nowhere.
        /// E04xx: no sensible meaning. W04xx: legal, but surely not meant.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code, in the order of their numbers.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            fn entry(self) -> Entry {
                match self {
                    $(Code::$name => Entry {
                        number: $number, title: $title, meaning: $meaning, broken: $broken, mended: $mended,
                    },)*
                }
            }
        }
    };
}

codes! {
    Syntax: "E0101", "not YAML",
        "The text breaks the rules of YAML at the marked place, so nothing after it can be read. Usual causes are a
bracket or quote that is never closed, a `:` without a space after it, and lines that start at a column where no other
line of their group starts.",
        "run: {duration: 10m",
        "run: {duration: 10m}";
    UnknownField: "E0102", "unknown field",
        "The map has no field of that name. Fields that would be ignored are refused, because a misspelt field would
otherwise quietly keep its default. `plimsoll schema` lists every field, and editors complete them from it.",
        "components: {api: {kind: service, replcas: 3}}",
        "components: {api: {kind: service, instances: 3}}";
    Tab: "E0103", "tab in the indentation",
        "YAML indents with spaces only. Tell the editor to write spaces; two for each level is the custom here.",
        "run:\n\tduration: 10m",
        "run:\n  duration: 10m";
    DuplicateKey: "E0104", "key given twice",
        "A map has the same key twice, so one of the two values would be lost without a word. Both places are shown; keep
one of them.",
        "run: {seed: 1, seed: 2}",
        "run: {seed: 2}";
    WrongShape: "E0105", "wrong shape",
        "A map, a list or a single value stands where another of the three is expected.",
        "run: 10m",
        "run: {duration: 10m}";
    MissingField: "E0106", "missing field",
        "A field that has no default is not there.",
        "components: {api: {workers: 8}}",
        "components: {api: {kind: service, workers: 8}}";
    NotAvailable: "E0107", "not available yet",
        "The word belongs to the language, but this version cannot simulate it. It is refused rather than ignored, so
that no result rests on a mechanism that was never there.",
        "components: {resize: {kind: function}}",
        "components: {resize: {kind: service}}";
    Excluded: "E0108", "fields that exclude each other",
        "The two fields answer the same question, so only one may be given in one map. Over several files the last one
wins and removes the other.",
        "run: {duration: 10m, requests: 2M}",
        "run: {duration: 10m}";
    SplitArguments: "E0109", "arguments split by a comma",
        "Inside `{ }` and `[ ]` YAML reads a comma as the end of the value, so a comma between arguments tears them
apart. Separate arguments by spaces; or quote the value.",
        "ads: {wait: lognormal(p50=20ms, p99=80ms)}",
        "ads: {wait: lognormal(p50=20ms p99=80ms)}";
    TooLarge: "E0110", "too large to read",
        "The text nests too deeply, or its aliases unfold to more values than any scenario needs. Such a text is refused
before it fills the memory.",
        "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]  # and so on, twenty times",
        "a: [x, x, x, x]";
    LanguageVersion: "E0111", "unknown language version",
        "`plimsoll:` states the version of the language, which freezes its defaults. This program reads version 1.",
        "plimsoll: 3",
        "plimsoll: 1";
    Empty: "E0112", "nothing in the file",
        "The file holds no fields: it is empty, or everything in it is a comment.",
        "# title: One server",
        "title: One server";
    NotToml: "E0113", "not TOML",
        "A configuration file (`plimsoll.toml`) breaks the rules of TOML at the marked place. Texts stand in quotes, also
quantities such as `\"10m\"`; numbers and `true` stand bare; a key is given once.",
        "duration = \"10m",
        "duration = \"10m\"";
    Unit: "E0201", "unit missing or unknown",
        "A quantity carries its unit: time `ns us ms s m h d w`; rate `/s /min /h /day /month`; bytes `B KB MB GB TB`
(powers of 1000) and `KiB MiB GiB TiB` (powers of 1024); bandwidth `Mbps Gbps` or bytes per time; shares `%`; money
`$` per `/h /month /GB`; counts are bare or take `k`, `M`, `G`.",
        "run: {duration: 10 msecs}",
        "run: {duration: 10ms}";
    OutOfRange: "E0202", "out of range",
        "The value can be read, but nothing of that size makes sense here.",
        "components: {api: {kind: service, instances: 0}}",
        "components: {api: {kind: service, instances: 1}}";
    Distribution: "E0203", "not a distribution",
        "A time, size or count may be a fixed value or a distribution such as `exp(3ms)`,
`lognormal(p50=3ms p99=20ms)`, `uniform(1ms 5ms)` or `mix(90% exp(1ms) | 10% exp(50ms))`. The name is unknown, an
argument is missing, or no distribution has these arguments.",
        "serve: [{cpu: lognormal(p50=20ms p99=3ms)}]",
        "serve: [{cpu: lognormal(p50=3ms p99=20ms)}]";
    Policy: "E0204", "not a policy",
        "A policy is a name, with arguments in brackets where it takes any: `round_robin`, `choices(2)`,
`exponential(50ms x2 max=1s)`. The name is not one this field knows, or its arguments are not what it takes.",
        "edge: {balance: choices(2 3 4)}",
        "edge: {balance: choices(2)}";
    Expression: "E0205", "sum that cannot be worked out",
        "`$(...)` holds quantities, names of `let:`, `+ - * /` and brackets. Quantities of different kinds cannot be
added, and what comes out must be something a scenario can say.",
        "let: {users: 2M}\nload: {all: {rate: $(users + 20/day)}}",
        "let: {users: 2M}\nload: {all: {rate: $(users * 20/day)}}";
    UnknownWord: "E0206", "not one of the words",
        "The field takes one of a few words, and this is none of them.",
        "components: {api: {kind: servcie}}",
        "components: {api: {kind: service}}";
    Condition: "E0207", "condition that cannot be read",
        "A condition is a measure, a comparison and a value, such as `latency p99 of api.serve <= 300ms` or
`utilisation of db > 70% for 5m`.",
        "objectives: {fast: p99 latency under 300ms}",
        "objectives: {fast: latency p99 <= 300ms}";
    UnknownComponent: "E0301", "unknown component",
        "Something refers to a component that is not under `components:`. Templates (`abstract: true`) cannot be asked.",
        "serve: [{call: cahce.get}]",
        "serve: [{call: cache.get}]";
    UnknownOperation: "E0302", "unknown operation",
        "The component is there, but it has no operation of that name.",
        "serve: [{call: db.raed}]",
        "serve: [{call: db.read}]";
    UnknownLoad: "E0303", "unknown load",
        "Something refers to a load that is not under `load:`.",
        "faults: {rush: {at: 5m, for: 1m, surge: membres, factor: 5}}",
        "faults: {rush: {at: 5m, for: 1m, surge: members, factor: 5}}";
    UnknownKey: "E0304", "unknown key",
        "A step, a policy or a shard refers to a key that is not under `keys:`.",
        "serve: [{cached: {in: redis, key: usr, miss: [{call: db.read}]}}]",
        "serve: [{cached: {in: redis, key: user, miss: [{call: db.read}]}}]";
    UnknownHost: "E0305", "unknown host or machine",
        "`on:` names a host under `hosts:`, `machine:` a type of the catalogue or one under `prices:`.",
        "web: {machine: c5.2xlrage}",
        "web: {machine: c5.2xlarge}";
    FileNotFound: "E0306", "file cannot be read",
        "The file is not there or cannot be read as text. A path is relative to the file that names it.",
        "extends: 01-singel-server.yaml",
        "extends: 01-single-server.yaml";
    NameClash: "E0307", "name used twice",
        "Loads, components, hosts, keys and places share their names, so that `web` means one thing everywhere. Both
places are shown; rename one.",
        "load: {web: {rate: 90/s}}\ncomponents: {web: {kind: service}}",
        "load: {visitors: {rate: 90/s}}\ncomponents: {web: {kind: service}}";
    Cycle: "E0308", "goes round in a circle",
        "A file extends itself, a component is like itself, a named value needs itself, or a profile inherits itself,
perhaps over several steps. The chain is shown.",
        "let: {a: $b, b: $a}",
        "let: {a: 5ms, b: $a}";
    CallCycle: "E0309", "calls without an end",
        "Operations call each other in a circle that no `choose` ever leaves, so a request could never end.",
        "a: {operations: {x: [{call: b.y}]}}\nb: {operations: {y: [{call: a.x}]}}",
        "a: {operations: {x: [{call: b.y}]}}\nb: {operations: {y: [{cpu: 1ms}]}}";
    UnknownLet: "E0310", "unknown named value",
        "`$name` stands for a value under `let:`, and there is none of that name. Write `$$` for a dollar sign that
comes before a letter.",
        "let: {daily: 2M}\nkeys: {user: {count: $dialy}}",
        "let: {daily: 2M}\nkeys: {user: {count: $daily}}";
    UnknownPath: "E0311", "path to nothing",
        "`--set`, a patch or `null` names something that is not in the scenario. `components.` may be left out;
list entries are counted from 0, and a step may be named by its verb if that is the only one.",
        "variants: {bare: {components: {redsi: null}}}",
        "variants: {bare: {components: {redis: null}}}";
    UnknownFault: "E0312", "unknown fault",
        "A measure refers to a fault that is not under `faults:`.",
        "objectives: {steady: goodput during pirmary_dies >= 90% of before}",
        "objectives: {steady: goodput during primary_dies >= 90% of before}";
    UnknownPart: "E0313", "unknown part or place",
        "`a/b` names a part of a component (`web/2`, `db/primary`, `db/shard-3`) or a zone of a region. Parts count
from 0.",
        "faults: {dies: {at: 3m, kill: web/5}}",
        "faults: {dies: {at: 3m, kill: web/4}}";
    UnknownTemplate: "E0314", "like nothing there is",
        "`like:` names a component of the same scenario, which is not there.",
        "components: {orders: {kind: service}, orders_v2: {like: ordres}}",
        "components: {orders: {kind: service}, orders_v2: {like: orders}}";
    UnknownVariant: "E0315", "unknown variant",
        "`--variant` names a patch under `variants:`, which is not there.",
        "plimsoll run scenario.yaml --variant no_cahce",
        "plimsoll run scenario.yaml --variant no_cache";
    UnknownObjective: "E0316", "unknown objective",
        "Something refers to an objective that is not under `objectives:`.",
        "objectives: {fast: latency p99 <= 300ms, room: capacity >= 1000/s within fats}",
        "objectives: {fast: latency p99 <= 300ms, room: capacity >= 1000/s within fast}";
    UnknownProfile: "E0317", "unknown profile",
        "`--profile`, `PLIMSOLL_PROFILE` or `inherits` names a profile that no configuration file has under
`[profile.NAME]`. `plimsoll config show` tells which files are read.",
        "plimsoll run scenario.yaml --profile cl",
        "plimsoll run scenario.yaml --profile ci";
    ImpossibleQuorum: "E0420", "impossible quorum",
        "More answers are waited for than there are copies to answer, so no request could ever succeed.",
        "db: {replicas: {count: 2, mode: quorum(r=4 w=2)}}",
        "db: {replicas: {count: 2, mode: quorum(r=2 w=2)}}";
    RespondTwice: "E0421", "answers twice",
        "An operation answers its caller once; on the marked path it would answer a second time.",
        "serve: [{respond: 1KB}, {cpu: 1ms}, {respond: 2KB}]",
        "serve: [{cpu: 1ms}, {respond: 2KB}]";
    RespondInside: "E0422", "answers from inside a branch",
        "Inside `parallel` and `each` several branches run for one caller, so `respond` there would answer more than
once. Answer after them.",
        "serve: [{parallel: [{call: a.x}, {respond: 1KB}]}]",
        "serve: [{parallel: [{call: a.x}, {call: b.y}]}, {respond: 1KB}]";
    NothingToRun: "E0423", "nothing to run",
        "A scenario needs a load that asks and a component that answers.",
        "title: One server\ncomponents: {api: {kind: service, operations: {serve: [{wait: 1ms}]}}}",
        "title: One server\nload: {users: {rate: 9/s, requests: {api.serve: 1}}}
components: {api: {kind: service, operations: {serve: [{wait: 1ms}]}}}";
    ImpossiblePool: "E0424", "pool too small for its users",
        "The pool or quota cannot serve even one of those that need it.",
        "bouncer: {kind: pooler, targets: db, size: 0}",
        "bouncer: {kind: pooler, targets: db, size: 25}";
    Inert: "E0425", "has no effect",
        "The field is known, but beside the other fields of this map nothing would ever look at it.",
        "redis: {kind: cache, eviction: none, memory: 1GiB, replicas: {count: 0, read: nearest}}",
        "redis: {kind: cache, eviction: none, memory: 1GiB}";
    TooManyThings: "E0426", "too large to simulate",
        "Programs are kept small so that a run is fast: indices have 16 bits, so that there are at most 65,535 steps,
calls, distributions and so on, and 255 kinds of failure. Simulate a part of the system, or let several operations that
behave alike be one.",
        "components: {api: {kind: service, operations: {a: [...], b: [...]}}}   # 20,000 operations of five steps",
        "components: {api: {kind: service, operations: {small: [{cpu: 1ms}], large: [{cpu: 9ms}]}}}";
    TwoBalancers: "E0427", "two balancers disagree",
        "Instances are chosen by one balancer state for each component, shared by all who call it, and two balancers in
front of it state different policies or health checks.",
        "a: {kind: balancer, targets: web, balance: random}\nb: {kind: balancer, targets: web, balance: least_work}",
        "a: {kind: balancer, targets: web, balance: random}\nb: {kind: balancer, targets: web, balance: random}";
    CannotScale: "E0431", "cannot be scaled",
        "A run at a scale simulates every n-th user and every n-th instance, and a part of what there are too few of. This
number has no such part, or there is one of it for all, so what came out would be another system.",
        "run: {scale: 1/50}\ncomponents: {db: {kind: database, connections: 120}}",
        "run: {scale: 1/50}\ncomponents: {db: {kind: database, connections: 100}}";
    NoPlace: "E0440", "not clear where it stands",
        "A scenario with several regions says of everything in which of them it is: by `place`, by numbers at each place, or by one
region that is the default. What stands on shared hosts is where they are.",
        "regions: {us-east-1: {}, eu-west-1: {}}\ncomponents: {api: {kind: service, instances: 4}}",
        "regions: {us-east-1: {}, eu-west-1: {}}\ncomponents: {api: {kind: service, instances: {us-east-1: 3, eu-west-1: 1}}}";
    NoLink: "E0441", "unknown link between regions",
        "Latencies are built in between well-known cloud regions only. Calls may cross this pair, so its link has to be stated.",
        "regions: {home: {}, cloud: {}}\nload: {users: {from: home, requests: {api.serve: 1}}}",
        "regions: {home: {}, cloud: {}}\nlinks: {home -> cloud: {latency: 12ms}}\nload: {users: {from: home, requests: {api.serve: 1}}}";
    NoMessages: "E0470", "takes no messages",
        "`publish` and `consumes` name a queue. What is named here is something else, so no message could be left there.",
        "web: {kind: service, operations: {buy: [{publish: {to: db}}]}}",
        "tasks: {kind: queue}\nweb: {kind: service, operations: {buy: [{publish: {to: tasks}}]}}";
    DeadLetterCircle: "E0471", "dead letters come back",
        "A queue gives up a message and sends it to itself, so it never gives up. Dead letters need a place of their own.",
        "tasks: {kind: queue, redelivery: {then: tasks}}", "tasks: {kind: queue, redelivery: {then: failed}}";
    CannotDeploy: "E0480", "cannot be deployed",
        "A deployment replaces instances one after the other by fresh ones. Services, gateways and balancers can be replaced
like that; what holds data (databases, caches) or belongs to somebody else cannot.",
        "faults: {rollout: {at: 5m, deploy: db}}",
        "faults: {rollout: {at: 5m, deploy: web}}";
    CannotWatch: "E0481", "cannot be watched",
        "Telemetry runs as an agent on the machine of what it watches. Beside somebody else's service, a store or another
telemetry there is no such machine; watch whoever calls it.",
        "components: {watch: {kind: telemetry, of: stripe, logs: {lines: 3}}}",
        "components: {watch: {kind: telemetry, of: web, logs: {lines: 3}}}";
    NoBudget: "E0482", "no error budget",
        "`budget_burn` compares the share of failures with the share that an objective allows. There has to be one: of the same
thing, or of everything.",
        "alerts: {fast: budget_burn over 1h > 14.4}",
        "objectives: {up: availability >= 99.9%}\nalerts: {fast: budget_burn over 1h > 14.4}";
    UnknownMetric: "E0490", "metric that is not explained",
        "A Kubernetes autoscaler reads metrics by the names that somebody gave them. Which measure stands behind such a name is
said beside `hpa`, under `means`; names that are measures here (`arrivals`, `in_flight`, `queue`) need no explanation.",
        "web: {autoscale: {hpa: {maxReplicas: 9, metrics: [{type: Pods, pods: {metric: {name: http_requests}, target: {type: AverageValue, averageValue: 100}}}]}}}",
        "web: {autoscale: {means: {http_requests: arrivals}, hpa: {maxReplicas: 9, metrics: [{type: Pods, pods: {metric: {name: http_requests}, target: {type: AverageValue, averageValue: 100}}}]}}}";
    NotMeasurable: "E0491", "nothing to scale by",
        "The autoscaler reads a measure that the component can never have: the use of cores without cores, or of memory without
a limit. It would never see a value, and never do anything.",
        "web: {kind: service, autoscale: {max: 9, target: {utilisation of cores: 70%}}}",
        "web: {kind: service, cores: 4, autoscale: {max: 9, target: {utilisation of cores: 70%}}}";
    DoesNotFit: "E0492", "more promised than there is",
        "Instances on a shared host are promised cores (`request`), and all that may stand on one host together must fit on it. An
autoscaler that orders more finds no place for them.",
        "hosts: {nodes: {cores: 4}}\ncomponents: {web: {kind: service, on: nodes, instances: 5, cores: {request: 1}}}",
        "hosts: {nodes: {cores: 4, count: 2}}\ncomponents: {web: {kind: service, on: nodes, instances: 5, cores: {request: 1}}}";
    NoTimeout: "W0401", "load without a timeout",
        "The callers of this load wait for ever. People and programs give up, and whether they do decides how overload
ends; state it, or write `timeout: none` to say that it is meant.",
        "load: {users: {rate: 90/s, requests: {api.serve: 1}}}",
        "load: {users: {rate: 90/s, requests: {api.serve: 1}, timeout: 5s}}";
    Overload: "W0402", "offered load above capacity",
        "By arithmetic alone, before any simulation, the load asks more of this component than it can do, so its queue
grows for as long as the run lasts. Latency then measures the length of the run and not the design.",
        "users: {rate: 200/s}   # each takes 10ms of one worker\napi: {workers: 1}",
        "users: {rate: 200/s}\napi: {workers: 3}";
    UnusedComponent: "W0403", "component that nothing uses",
        "No load, step, policy or fault leads to this component. It costs money and does nothing.",
        "components: {old: {kind: service, machine: c5.large, operations: {x: [{cpu: 1ms}]}}}",
        "load: {users: {rate: 9/s, requests: {old.x: 1}}}";
    CycleWithExit: "W0404", "calls in a circle",
        "Operations call each other in a circle. A `choose` leaves it, so it ends; look whether its depth is meant.",
        "walk: [{choose: [{weight: 50%, do: [{call: tree.walk}]}, {weight: 50%, do: []}]}]",
        "walk: [{each: {times: geometric(2), do: [{cpu: 1ms}]}}]";
    NeverJudged: "W0405", "condition that is never judged",
        "What the condition measures does not occur in this run, or the run is too short for it, so it neither holds
nor fails.",
        "run: {duration: 2m}\nevolve_when: {slow: latency p95 > 500ms for 5m}",
        "run: {duration: 20m}\nevolve_when: {slow: latency p95 > 500ms for 5m}";
    UnusedLet: "W0406", "named value that nothing uses",
        "The value under `let:` is never used, so changing it changes nothing.",
        "let: {daily: 2M}\nkeys: {user: {count: 2M}}",
        "let: {daily: 2M}\nkeys: {user: {count: $daily}}";
    ShareSum: "W0407", "shares that are not a whole",
        "The shares of a `choose` or of the targets of a call add up to something other than 100 %. They are taken as parts
of their sum, so that one of the entries is always chosen.",
        "serve: [{choose: [{weight: 20%, do: [{cpu: 1ms}]}, {weight: 30%, do: [{cpu: 2ms}]}]}]",
        "serve: [{choose: [{weight: 20%, do: [{cpu: 1ms}]}, {weight: 30%, do: [{cpu: 2ms}]}, {weight: 50%, do: []}]}]";
    NeverHappens: "W0408", "fault after the end",
        "The fault begins after the run has ended, so it changes nothing.",
        "run: {duration: 5m}\nfaults: {dies: {at: 6m, kill: web/2}}",
        "run: {duration: 10m}\nfaults: {dies: {at: 6m, kill: web/2}}";
    NoDisk: "W0409", "disk work without a disk",
        "Steps use the disk (`io`, or `pages` that miss the buffer pool), but the component stands on no machine whose disk
is known, so that they take no time.",
        "db: {kind: database, operations: {read: {io: 2}}}",
        "db: {kind: database, machine: r5.4xlarge, operations: {read: {io: 2}}}";
    SampledScaler: "W0532", "autoscaler that sleeps",
        "Between the samples of quiet time nobody asks anything, so what an autoscaler averages over its window is too low
right after a sleep, and it may take away what is needed.",
        "run: {duration: 365d, sampling: {after: 15m}}\ncomponents: {web: {kind: service, autoscale: {max: 9, target: {utilisation of cores: 70%}}}}",
        "run: {duration: 365d, sampling: {after: 15m}}\ncomponents: {web: {kind: service, instances: 9}}";
    OutsideResidency: "W0530", "data where it must not be",
        "`residency` says where the data of some people may be, and this stands elsewhere: each copy of a database holds
the rows of everybody, unless its shards are by place. What depends on who asks whom is counted in the run as
`visits_outside` and `bytes_outside`.",
        "residency: {home: {eu-west-1: [eu-west-1]}}\ncomponents: {db: {kind: database, primary: us-east-1}}",
        "residency: {home: {eu-west-1: [eu-west-1]}}\ncomponents: {db: {kind: database, shards: {count: 2, by: place(home)}}}";
    PoolTooLarge: "W0410", "pools larger than what they lead to",
        "The pools of all callers together may open more connections than the database accepts. What it does not accept
waits in its queue, where no caller sees it; scaling out the callers makes it worse.",
        "web: {kind: service, instances: 20}\ndb: {kind: database, connections: 200}
policies: {web -> db: {pool: {size: 20}}}",
        "web: {kind: service, instances: 20}\ndb: {kind: database, connections: 200}
policies: {web -> db: {pool: {size: 10}}}";
    NeverEjects: "W0414", "ejection that never happens",
        "`most` is a share of the instances, rounded down, and never all of them. Of so few instances that allows for none.",
        "web: {kind: service, instances: 2}\npolicies: {any -> web: {eject: {errors: 5 in a row, most: 10%}}}",
        "web: {kind: service, instances: 2}\npolicies: {any -> web: {eject: {errors: 5 in a row, most: 50%}}}";
    NoRoom: "W0417", "more messages than places",
        "An instance takes more messages than it has workers and places. The rest fails as `queue_full` and comes again.",
        "mailer: {kind: service, workers: 4, queue: {limit: 10}, consumes: {from: tasks, operation: send, prefetch: 100}}",
        "mailer: {kind: service, workers: 4, queue: {limit: 100}, consumes: {from: tasks, operation: send, prefetch: 100}}";
    LateFence: "W0419", "fence that comes too late",
        "A primary that its watchers miss stops by itself after `fence`, and another takes over when they have missed it for
as long as the checks need and `promote` has passed. Where that can be sooner, both take writes in between, and what the
old one takes is lost.",
        "failover: {health: {interval: 1s, unhealthy: 2, timeout: 1s}, promote: 5s, fence: 30s}",
        "failover: {health: {interval: 1s, unhealthy: 2, timeout: 1s}, promote: 5s, fence: 5s}";
    NoUndo: "W0418", "saga that undoes nothing",
        "None of the steps of this saga says how it is undone, so a failure leaves behind what was done before it.",
        "order: [{saga: {steps: [{do: [{call: stock.take}]}, {do: [{call: pay.charge}]}]}}]",
        "order: [{saga: {steps: [{do: [{call: stock.take}], undo: [{call: stock.put}]}, {do: [{call: pay.charge}]}]}}]";
}

impl Code {
    /// `E0102`.
    pub fn as_str(self) -> &'static str {
        self.entry().number
    }

    /// The mistake in a few words.
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// What the code means, an example that provokes it, and the same example mended.
    pub fn explanation(self) -> String {
        let entry = self.entry();
        let indent = |example: &str| example.lines().flat_map(|line| ["    ", line, "\n"]).collect::<String>();
        let (broken, mended) = (indent(entry.broken), indent(entry.mended));
        let meaning = entry.meaning;
        format!("{meaning}\n\nBroken:\n\n{broken}\nMended:\n\n{mended}")
    }

    /// The mended example of its explanation, as YAML.
    pub fn mended(self) -> &'static str {
        self.entry().mended
    }

    /// The example of its explanation that provokes it.
    pub fn broken(self) -> &'static str {
        self.entry().broken
    }

    /// The code with that number, in either case of letters.
    pub fn find(number: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(number))
    }

    /// Codes that start with W are warnings.
    pub fn severity(self) -> Severity {
        if self.as_str().starts_with('W') { Severity::Warning } else { Severity::Error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml".into(), "é: 1\nüö: zwölf\n".into());
        let at = sources.text(file).find("zwölf").expect("it is there");
        let spot = Spot::new(file, at, at + "zwölf".len());
        assert_eq!((2, 5), sources.line_column(spot));
        assert_eq!("zwölf", sources.slice(spot));
        assert_eq!((3, 1), sources.line_column(Spot::new(file, 999, 1000)), "a place outside is clamped");
    }

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(Some("replicas"), nearest("replcas", ["region", "replicas", "retry"]));
        assert_eq!(Some("cpu"), nearest("cpi", ["io", "cpu"]));
        assert_eq!(Some("web"), nearest("Web", ["db", "web"]));
        assert_eq!(None, nearest("instances", ["cpu", "queue"]));
        assert_eq!(None, nearest("ab", ["xy"]));
    }

    #[test]
    fn one_cause_is_told_once_and_in_order() {
        let mut found = Diagnostics::new();
        let late = Diagnostic::new(Code::UnknownField, Spot::new(0, 9, 12), "late");
        found.push(late.clone());
        found.push(late);
        found.push(Diagnostic::new(Code::Overload, Spot::new(0, 2, 3), "early"));
        assert_eq!((1, 1), found.counts());
        assert_eq!(["early", "late"], [&found.sorted()[0].message[..], &found.sorted()[1].message[..]]);
        assert!(found.has_errors());
    }

    #[test]
    fn every_code_is_explained_and_numbered_once() {
        let mut numbers: Vec<&str> = Code::ALL.iter().map(|code| &code.as_str()[1..]).collect();
        assert!(numbers.iter().all(|number| number.len() == 4));
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), Code::ALL.len(), "two codes share a number");
        for code in Code::ALL {
            let text = code.explanation();
            assert!(text.contains("Broken:") && text.contains("Mended:") && 120 < text.len(), "{text}");
            assert_eq!(Code::find(&code.as_str().to_lowercase()), Some(*code));
            assert_eq!(code.severity() == Severity::Warning, code.as_str().starts_with('W'));
        }
    }

    const BAD: &str = "load: {users: {rate: 9/s}}
components:
  api:
    instances: 2
    replcas: 3
    timeout: 5 msecs
";

    fn bad() -> (Sources, Diagnostics) {
        let mut sources = Sources::default();
        let file = sources.add("bad.yaml".into(), BAD.into());
        let at = |text: &str| {
            let start = BAD.find(text).expect("it is there");
            Spot::new(file, start, start + text.len())
        };
        let mut found = Diagnostics::new();
        let unit = Diagnostic::new(Code::Unit, at("msecs"), "`msecs` is not a time unit");
        found.push(unit.help("write").patch(at("5 msecs"), "5ms"));
        let field = Diagnostic::new(Code::UnknownField, at("replcas"), "unknown field `replcas`");
        let field = field.label("not a field of service").note_at(at("api"), "in this service");
        found.push(field.nearest("replcas", ["replicas"]));
        let slow = Diagnostic::new(Code::Overload, at("instances: 2"), "`api` cannot keep up");
        found.push(slow.note("any run will grow its queue"));
        (sources, found)
    }

    #[test]
    fn mistakes_are_shown_as_the_design_shows_them() {
        let (sources, found) = bad();
        let shown = render(&found, &sources, 100, false, true);
        let want = "\
warning[W0402]: `api` cannot keep up
  ╭▸ bad.yaml:4:5
  │
4 │     instances: 2
  │     ━━━━━━━━━━━━
  │
  ╰ note: any run will grow its queue

error[E0102]: unknown field `replcas`
  ╭▸ bad.yaml:5:5
  │
3 │   api:
  │   ─── in this service
4 │     instances: 2
5 │     replcas: 3
  │     ━━━━━━━ not a field of service
  ╰╴
help: did you mean `replicas`?
  ╭╴
5 │     replicas: 3
  ╰╴        +

error[E0201]: `msecs` is not a time unit
  ╭▸ bad.yaml:6:16
  │
6 │     timeout: 5 msecs
  │                ━━━━━
  ╰╴
help: write
  ╭╴
6 -     timeout: 5 msecs
6 +     timeout: 5ms
  ╰╴

2 errors, 1 warning in bad.yaml. Nothing was simulated.  More: plimsoll explain E0201
";
        assert_eq!(shown, want, "{shown}");
        assert!(render(&found, &sources, 100, true, true).contains('\u{1b}'));
        assert!(render(&found, &sources, 100, false, false).is_ascii());
        assert_eq!(render(&Diagnostics::new(), &sources, 100, false, true), "");
    }

    #[test]
    fn mistakes_fit_on_a_line() {
        let (sources, found) = bad();
        let lines = render_concise(&found, &sources);
        let second = lines.lines().nth(1).expect("three lines");
        assert_eq!(second, "bad.yaml:5:5: E0102 unknown field 'replcas' (did you mean 'replicas'?)");
        assert_eq!(plain(&found, &sources)[2].end_column, 21);
    }

    #[test]
    fn a_file_that_is_not_there_has_a_name_but_no_picture() {
        let mut sources = Sources::default();
        let file = sources.add("gone.yaml".into(), String::new());
        let mut found = Diagnostics::new();
        found.push(Diagnostic::new(Code::FileNotFound, Spot::new(file, 0, 0), "cannot read `gone.yaml`"));
        let shown = render(&found, &sources, 100, false, true);
        assert!(shown.contains("╭▸ gone.yaml") || shown.contains("gone.yaml"), "{shown}");
    }
}
