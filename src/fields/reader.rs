//! Reads one map by its table of fields.

use super::{Field, Shape, Table};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted, nearest};
use crate::reader::{self, Term};
use crate::text::{Node, Value};
use crate::units::{self, Dimension, Span, UnitError};

/// A map that is being read: the fields it has by its table, each handed out once it is asked for.
pub struct Reader<'n, 'd> {
    fields: &'n [(Spotted<String>, Node)],
    table: &'static Table,
    /// The name of the map, to point at when something is missing in it.
    owner: Spot,
    /// Whether a map stands there; if not, that was told, and nothing more can be missing.
    is_map: bool,
    /// Fields that were surely meant by keys that are not known: they are not missing, too.
    meant: Vec<&'static str>,
    diags: &'d mut Diagnostics,
}

impl<'n, 'd> Reader<'n, 'd> {
    /// Looks at a map and tells about fields that are unknown, not available yet, empty or missing.
    ///
    /// `owner` is the place of the map's name. What is not a map is told about and reads as an empty one.
    pub fn new(owner: Spot, node: &'n Node, table: &'static Table, diags: &'d mut Diagnostics) -> Self {
        let (is_map, fields) = (node.as_map().is_some(), node.as_map().unwrap_or(&[]));
        let mut reader = Reader { fields, table, owner, is_map, meant: Vec::new(), diags };
        match &node.value {
            Value::Map(_) => reader.check(),
            _ if node.is_broken() => {}
            _ => {
                let message = format!("a map is expected here ({}), this is {}", table.name, node.shape());
                let fields: Vec<&str> =
                    table.fields.iter().filter(|field| field.available).map(|field| field.name).collect();
                let help = format!("its fields are {}{}", fields[..fields.len().min(6)].join(", "), more(fields.len()));
                let spot = if node.is_null() { owner } else { whole(node) };
                reader.tell(Diagnostic::new(Code::WrongShape, spot, message).help(help));
            }
        }
        reader
    }

    /// Where more mistakes go.
    pub fn diags(&mut self) -> &mut Diagnostics {
        self.diags
    }

    /// Tells about one mistake.
    pub fn tell(&mut self, diagnostic: Diagnostic) {
        self.diags.push(diagnostic);
    }

    /// The place of the map's name.
    pub fn owner(&self) -> Spot {
        self.owner
    }

    /// The table the map is read by.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Whether a map stands there at all.
    pub fn is_map(&self) -> bool {
        self.is_map
    }

    /// Whether the field is there.
    pub fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// The place of the key, or of the map's name if the field is not there.
    pub fn key(&self, name: &str) -> Spot {
        self.entry(name).map_or(self.owner, |(key, _)| key.spot)
    }

    /// The field as it was written.
    pub fn node(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|(_, node)| node).filter(|node| !node.is_broken() && !node.is_null())
    }

    /// Whether the field is exactly this word, such as `none`.
    pub fn is(&self, name: &str, word: &str) -> bool {
        self.node(name).and_then(Node::as_text) == Some(word)
    }

    /// Seconds.
    pub fn time(&mut self, name: &str) -> Option<Spotted<f64>> {
        self.quantity(name, Dimension::Time)
    }

    /// A time in seconds that is longer than nothing.
    pub fn positive_time(&mut self, name: &str) -> Option<f64> {
        let time = self.time(name)?;
        if time.value <= 0.0 {
            let told = format!("`{name}` is longer than nothing");
            self.tell(Diagnostic::new(Code::OutOfRange, time.spot, told));
            return None;
        }
        Some(time.value)
    }

    /// A length of simulated time.
    pub fn span(&mut self, name: &str) -> Option<Spotted<Span>> {
        self.time(name).map(|time| time.map(Span::from_secs_f64))
    }

    /// Per second.
    pub fn rate(&mut self, name: &str) -> Option<Spotted<f64>> {
        self.quantity(name, Dimension::Rate)
    }

    /// Bytes.
    pub fn bytes(&mut self, name: &str) -> Option<Spotted<f64>> {
        self.quantity(name, Dimension::Bytes)
    }

    /// Bytes per second.
    pub fn bandwidth(&mut self, name: &str) -> Option<Spotted<f64>> {
        self.quantity(name, Dimension::Bandwidth)
    }

    /// A ratio; `30%` is 0.3.
    pub fn share(&mut self, name: &str) -> Option<Spotted<f64>> {
        self.quantity(name, Dimension::Share)
    }

    /// A number without a unit.
    pub fn number(&mut self, name: &str) -> Option<Spotted<f64>> {
        self.quantity(name, Dimension::Number)
    }

    /// Dollars.
    pub fn money(&mut self, name: &str) -> Option<Spotted<f64>> {
        self.quantity(name, Dimension::Money)
    }

    /// A quantity of the dimension, in SI units.
    pub fn quantity(&mut self, name: &str, dimension: Dimension) -> Option<Spotted<f64>> {
        let (node, text) = self.scalar(name)?;
        match units::parse_as(text, dimension) {
            Ok(value) => Some(Spotted::new(value, whole(node))),
            Err(error) => {
                self.wrong(node, Code::Unit, error);
                None
            }
        }
    }

    /// A whole number, not negative.
    pub fn count(&mut self, name: &str) -> Option<Spotted<u64>> {
        let value = self.quantity(name, Dimension::Count)?;
        if value.value < 0.0 || value.value.fract() != 0.0 || 1e18 < value.value {
            let message = format!("`{name}` is a whole number of things");
            self.tell(Diagnostic::new(Code::OutOfRange, value.spot, message));
            return None;
        }
        Some(value.map(|count| count as u64))
    }

    /// A value that must lie between two others, both allowed; `most` may be infinite.
    pub fn within(&mut self, name: &str, value: Option<Spotted<f64>>, least: f64, most: f64) -> Option<Spotted<f64>> {
        let value = value?;
        if least <= value.value && value.value <= most {
            return Some(value);
        }
        let message = match (value.value < least, most.is_finite()) {
            (true, false) => format!("`{name}` is at least {least}"),
            (false, _) if least == f64::NEG_INFINITY => format!("`{name}` is at most {most}"),
            _ => format!("`{name}` lies between {least} and {most}"),
        };
        self.tell(Diagnostic::new(Code::OutOfRange, value.spot, message));
        None
    }

    /// A whole number of at least `least`.
    pub fn count_from(&mut self, name: &str, least: u64) -> Option<Spotted<u64>> {
        let count = self.count(name)?;
        if least <= count.value {
            return Some(count);
        }
        let message = format!("`{name}` is at least {least}");
        self.tell(Diagnostic::new(Code::OutOfRange, count.spot, message));
        None
    }

    /// Any text.
    pub fn text(&mut self, name: &str) -> Option<Spotted<String>> {
        let (node, text) = self.scalar(name)?;
        Some(Spotted::new(text.to_owned(), node.part(0, text.len())))
    }

    /// `true` or `false`, and nothing that YAML once took for these.
    pub fn flag(&mut self, name: &str) -> Option<Spotted<bool>> {
        let (node, text) = self.scalar(name)?;
        let meant = match text {
            "true" => return Some(Spotted::new(true, node.spot)),
            "false" => return Some(Spotted::new(false, node.spot)),
            "yes" | "on" | "Yes" | "True" | "TRUE" | "On" => Some("true"),
            "no" | "off" | "No" | "False" | "FALSE" | "Off" => Some("false"),
            _ => None,
        };
        let told = Diagnostic::new(Code::UnknownWord, whole(node), format!("`{name}` is `true` or `false`"));
        self.tell(match meant {
            Some(meant) => told.help("write").patch(whole(node), meant),
            None => told,
        });
        None
    }

    /// One of the words the table names.
    pub fn word(&mut self, name: &str) -> Option<Spotted<&'static str>> {
        let words: Vec<&'static str> = self.words(name);
        let field = self.field(name);
        let (_, node) = self.entry(name).filter(|(_, node)| !node.is_broken() && !node.is_null())?;
        let Some(text) = node.as_text() else {
            self.misshapen(node, name, &field.shape.noun());
            return None;
        };
        if let Some(word) = words.iter().find(|word| **word == text) {
            return Some(Spotted::new(*word, whole(node)));
        }
        let told = Diagnostic::new(Code::UnknownWord, whole(node), format!("`{text}` is not {}", field.shape.noun()));
        self.tell(told.nearest(text, words));
        None
    }

    /// Text that is read by a rule of its own, such as a policy or a distribution.
    pub fn parsed<T>(
        &mut self,
        name: &str,
        code: Code,
        read: impl FnOnce(&str) -> Result<T, UnitError>,
    ) -> Option<Spotted<T>> {
        let (node, text) = self.scalar(name)?;
        parse(node, text, code, read, self.diags)
    }

    /// A name with or without arguments, for the owner of a policy to look into.
    pub fn term(&mut self, name: &str) -> Option<Spotted<Term>> {
        self.parsed(name, Code::Policy, reader::read_term)
    }

    /// The entries of a map whose keys are names of the author's.
    pub fn map(&mut self, name: &str) -> Vec<(&'n Spotted<String>, &'n Node)> {
        self.field(name);
        let Some(node) = self.node(name) else { return Vec::new() };
        let Some(entries) = node.as_map() else {
            self.misshapen(node, name, "a map");
            return Vec::new();
        };
        entries.iter().map(|(key, value)| (key, value)).collect()
    }

    /// The entries of a list.
    pub fn list(&mut self, name: &str) -> Vec<&'n Node> {
        self.field(name);
        let Some(node) = self.node(name) else { return Vec::new() };
        let Some(items) = node.as_list() else {
            self.misshapen(node, name, "a list");
            return Vec::new();
        };
        items.iter().collect()
    }

    /// The entries of a list, or the one value that stands in its place.
    pub fn list_or_one(&mut self, name: &str) -> Vec<&'n Node> {
        self.field(name);
        match self.node(name) {
            Some(node) => node.as_list().map_or_else(|| vec![node], |items| items.iter().collect()),
            None => Vec::new(),
        }
    }

    /// A map with fields of its own, read by the table that this one names for it.
    pub fn object(&mut self, name: &str) -> Option<Reader<'n, '_>> {
        let shapes = self.field(name).shape;
        let table = shapes.alternatives().iter().find_map(|shape| match shape {
            Shape::Object(table) => Some(*table),
            _ => None,
        });
        debug_assert!(table.is_some(), "`{name}` of {} is no map with fields of its own", self.table.name);
        let (key, node) = self.entry(name).filter(|(_, node)| !node.is_broken())?;
        Some(Reader::new(key.spot, node, table?, self.diags))
    }

    /// Tells if more than one of the fields is there; the first of them that is.
    pub fn one_of<'a>(&mut self, names: &[&'a str]) -> Option<&'a str> {
        let mut present = names.iter().copied().filter(|name| self.has(name));
        let first = present.next()?;
        let told: Vec<Diagnostic> = present
            .map(|other| {
                let message = format!("`{first}` and `{other}` exclude each other");
                let told = Diagnostic::new(Code::Excluded, self.key(other), message);
                told.note_at(self.key(first), format!("`{first}` is given here")).help("keep one of them")
            })
            .collect();
        for diagnostic in told {
            self.tell(diagnostic);
        }
        Some(first)
    }

    /// As [`Reader::one_of`], and one of them must be there.
    pub fn exactly_one<'a>(&mut self, names: &[&'a str]) -> Option<&'a str> {
        let found = self.one_of(names);
        if found.is_none() && self.is_map && !names.iter().any(|name| self.meant.contains(name)) {
            let message = format!("this {} has none of `{}`", self.table.name, names.join("`, `"));
            self.tell(Diagnostic::new(Code::MissingField, self.owner, message).help("add one of them"));
        }
        found
    }

    /// The field's text, unless it is a word the table allows beside, such as `none`: see [`Reader::is`].
    fn scalar(&mut self, name: &str) -> Option<(&'n Node, &'n str)> {
        let field = self.field(name);
        let (_, node) = self.entry(name).filter(|(_, node)| !node.is_broken() && !node.is_null())?;
        let Some(text) = node.as_text() else {
            // Another shape may be allowed beside; whoever asks for a scalar has then looked at the node first.
            self.misshapen(node, name, &field.shape.noun());
            return None;
        };
        let word =
            field.shape.alternatives().iter().any(|shape| matches!(shape, Shape::Word(words) if words.contains(&text)));
        (!word).then_some((node, text))
    }

    fn words(&self, name: &str) -> Vec<&'static str> {
        let words = |shape: &Shape| match shape {
            Shape::Word(words) => *words,
            _ => &[],
        };
        self.field(name).shape.alternatives().iter().flat_map(words).copied().collect()
    }

    fn entry(&self, name: &str) -> Option<&'n (Spotted<String>, Node)> {
        self.fields.iter().find(|(key, _)| key.value == name)
    }

    fn field(&self, name: &str) -> &'static Field {
        const LACKING: Field = Field::new("", Shape::Any, "", "");
        let field = self.table.field(name);
        debug_assert!(field.is_some(), "the table `{}` has no field `{name}`", self.table.name);
        field.unwrap_or(const { &LACKING })
    }

    fn misshapen(&mut self, node: &Node, name: &str, expected: &str) {
        let message = format!("`{name}` is {expected}, this is {}", node.shape());
        let spot = if matches!(node.value, Value::Map(_) | Value::List(_)) { self.key(name) } else { whole(node) };
        self.tell(Diagnostic::new(Code::WrongShape, spot, message));
    }

    fn wrong(&mut self, node: &Node, code: Code, error: UnitError) {
        tell_wrong(node, code, error, true, self.diags);
    }

    fn check(&mut self) {
        let names: Vec<&'static str> = self.table.fields.iter().filter(|f| f.available).map(|f| f.name).collect();
        for (key, node) in self.fields {
            let kind = self.table.name;
            let told = match self.table.field(&key.value) {
                None => {
                    let message = format!("unknown field `{}`", key.value);
                    let told = Diagnostic::new(Code::UnknownField, key.spot, message);
                    self.meant.extend(nearest(&key.value, names.iter().copied()));
                    let told = told.label(format!("not a field of {kind}")).nearest(&key.value, names.iter().copied());
                    self.in_owner(told)
                }
                Some(field) if !field.available => {
                    let message = format!("`{}` is not available yet", field.name);
                    Diagnostic::new(Code::NotAvailable, key.spot, message).help("leave it out")
                }
                Some(field) if node.is_null() => {
                    let message = format!("`{}` is empty", field.name);
                    let help = format!("write {}, or leave the field out", field.shape.noun());
                    Diagnostic::new(Code::WrongShape, key.spot, message).help(help)
                }
                Some(_) => continue,
            };
            self.tell(told);
        }
        let lacks = |field: &&Field| field.required && !self.has(field.name) && !self.meant.contains(&field.name);
        let missing: Vec<&Field> = self.table.fields.iter().filter(lacks).collect();
        for field in missing {
            let message = format!("this {} has no `{}`", self.table.name, field.name);
            let help = format!("add `{}: {}`", field.name, field.example);
            self.tell(Diagnostic::new(Code::MissingField, self.owner, message).help(help));
        }
    }

    /// Shows in which map a field stands, unless the map has no name of its own.
    fn in_owner(&self, told: Diagnostic) -> Diagnostic {
        if self.owner.start == self.owner.end || self.owner.file != told.spot.file {
            return told;
        }
        let kind = self.table.name;
        told.note_at(self.owner, format!("in this {kind}"))
    }
}

/// Reads the text of a scalar that stands outside any table, such as an entry of a list.
pub fn parse_node<T>(
    node: &Node,
    code: Code,
    read: impl FnOnce(&str) -> Result<T, UnitError>,
    diags: &mut Diagnostics,
) -> Option<Spotted<T>> {
    if node.is_broken() {
        return None;
    }
    let Some(text) = node.as_text() else {
        let message = format!("a single value is expected, this is {}", node.shape());
        diags.push(Diagnostic::new(Code::WrongShape, node.spot, message));
        return None;
    };
    parse(node, text, code, read, diags)
}

fn parse<T>(
    node: &Node,
    text: &str,
    code: Code,
    read: impl FnOnce(&str) -> Result<T, UnitError>,
    diags: &mut Diagnostics,
) -> Option<Spotted<T>> {
    match read(text) {
        Ok(value) => Some(Spotted::new(value, whole(node))),
        Err(error) => {
            tell_wrong(node, code, error, false, diags);
            None
        }
    }
}

/// Tells about a mistake inside a scalar; if the advice is one text to write in its place, shows it written.
fn tell_wrong(node: &Node, code: Code, error: UnitError, is_quantity: bool, diags: &mut Diagnostics) {
    let told = Diagnostic::new(code, node.part(error.start, error.end), error.message);
    let Some(help) = error.help else { return diags.push(told) };
    let instead =
        help.strip_prefix("write `").and_then(|rest| rest.strip_suffix('`')).filter(|text| !text.contains('`'));
    diags.push(match instead {
        Some(instead) if is_quantity => told.patch(whole(node), instead).help("write"),
        _ => told.help(help),
    });
}

/// The place of a scalar without its quotes, or of anything else as it is.
fn whole(node: &Node) -> Spot {
    node.part(0, usize::MAX)
}

fn more(fields: usize) -> &'static str {
    if 6 < fields { ", ..." } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Sources;
    use crate::fields::PolicyForm;
    use crate::text;

    const ORDERS: &[PolicyForm] = &[
        PolicyForm { name: "fifo", arguments: "", about: "first in, first out" },
        PolicyForm { name: "fair", arguments: "(key)", about: "by turns" },
    ];

    static QUEUE: Table = Table {
        name: "queue",
        about: "What waits",
        fields: &[
            Field::new("limit", Shape::Count, "1024", "how many may wait").or("1024"),
            Field::new("order", Shape::Policy(ORDERS), "fifo", "who is next").or("fifo"),
        ],
    };

    /// The worked example: a small component.
    static SERVICE: Table = Table {
        name: "service",
        about: "Answers requests",
        fields: &[
            Field::new("kind", Shape::Word(&["service", "cache"]), "service", "what it is").required(),
            Field::new("instances", Shape::Count, "3", "how many").or("1"),
            Field::new("timeout", Shape::OneOf(&[Shape::Time, Shape::Word(&["none"])]), "5s", "patience").or("none"),
            Field::new("memory", Shape::Bytes, "52GiB", "room"),
            Field::new("share", Shape::Share, "80%", "a part"),
            Field::new("queue", Shape::Object(&QUEUE), "{limit: 5}", "what waits"),
            Field::new("operations", Shape::MapOf(&Shape::Any), "{}", "what it does"),
            Field::new("sticky", Shape::Bool, "true", "whether").or("false"),
            Field::new("gossip", Shape::Text, "", "to come").later(),
            Field::new("rate", Shape::Rate, "3/s", "one way"),
            Field::new("users", Shape::Any, "{}", "another way"),
        ],
    };

    #[derive(Debug, PartialEq)]
    struct Service {
        kind: Option<&'static str>,
        instances: u64,
        timeout: Option<f64>,
        limit: Option<u64>,
        sticky: bool,
    }

    fn lower(node: &Node, owner: Spot, diags: &mut Diagnostics) -> Service {
        let mut read = Reader::new(owner, node, &SERVICE, diags);
        let kind = read.word("kind").map(|kind| kind.value);
        let instances = read.count_from("instances", 1).map_or(1, |count| count.value);
        let timeout = read.time("timeout").map(|time| time.value);
        read.bytes("memory");
        let share = read.share("share");
        read.within("share", share, 0.0, 1.0);
        read.map("operations");
        let limit = read.object("queue").and_then(|mut queue| queue.count("limit")).map(|limit| limit.value);
        let sticky = read.flag("sticky").is_some_and(|flag| flag.value);
        read.one_of(&["rate", "users"]);
        Service { kind, instances, timeout, limit, sticky }
    }

    fn read(text: &str) -> (Option<Service>, Sources, Diagnostics) {
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
        let node = text::parse("a.yaml", text, &mut sources, &mut diags);
        let service = node.and_then(|node| {
            let (key, node) = node.entry("web")?;
            Some(lower(node, key.spot, &mut diags))
        });
        (service, sources, diags)
    }

    #[test]
    fn a_good_map_is_read() {
        let (service, _, diags) =
            read("web: {kind: service, instances: 2k, timeout: none, queue: {limit: 5}, sticky: true}\n");
        assert!(diags.is_empty(), "{diags:?}");
        let want = Service { kind: Some("service"), instances: 2000, timeout: None, limit: Some(5), sticky: true };
        assert_eq!(service, Some(want));
        assert_eq!(read("web: {kind: cache, timeout: 250ms}\n").0.and_then(|service| service.timeout), Some(0.25));
    }

    #[test]
    fn each_mistake_is_marked_where_it_is() {
        for (fields, code, marked, help) in [
            ("kind: service, instnces: 3", "E0102", "instnces", "did you mean `instances`?"),
            ("kind: service, gossip: x", "E0107", "gossip", "leave it out"),
            ("instances: 3", "E0106", "web", "add `kind: service`"),
            ("kind: sercive", "E0206", "sercive", "did you mean `service`?"),
            ("kind: service, timeout: 5 msecs", "E0201", "msecs", "write"),
            ("kind: service, timeout: '5 msecs'", "E0201", "msecs", "write"),
            ("kind: service, timeout: 5", "E0201", "5", "write `5ms` or `5s`"),
            ("kind: service, memory: 3ms", "E0201", "3ms", "use B, KB, MB, GB, TB, KiB, MiB, GiB or TiB"),
            ("kind: service, instances: 0", "E0202", "0", ""),
            ("kind: service, instances: 2.5", "E0202", "2.5", ""),
            ("kind: service, share: 120%", "E0202", "120%", ""),
            ("kind: service, sticky: yes", "E0206", "yes", "write"),
            ("kind: service, memory: [1]", "E0105", "memory", ""),
            ("kind: service, memory: ", "E0105", "memory", "write a size in bytes, or leave the field out"),
            ("kind: service, operations: 3", "E0105", "3", ""),
            ("kind: service, queue: 5", "E0105", "5", "its fields are limit, order"),
            ("kind: service, rate: 3/s, users: {}", "E0108", "users", "keep one of them"),
        ] {
            let (_, sources, diags) = read(&format!("web: {{{fields}}}\n"));
            let found: Vec<_> = diags.sorted().iter().map(|d| (d.code.as_str(), sources.slice(d.spot))).collect();
            assert_eq!(found, [(code, marked)], "{fields}: {diags:?}");
            assert_eq!(diags.sorted()[0].help.as_deref().unwrap_or(""), help, "{fields}");
        }
    }

    #[test]
    fn a_unit_is_mended_in_place() {
        let (_, sources, diags) = read("web: {kind: service, timeout: 5 msecs}\n");
        let (spot, text) = diags.sorted()[0].patch.clone().expect("a mended text");
        assert_eq!((sources.slice(spot), &text[..]), ("5 msecs", "5ms"));
    }

    #[test]
    fn mistakes_keep_their_place_through_extends_and_set() {
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
        let open = |path: &std::path::Path| {
            Ok(match path.to_str() {
                Some("s/a.yaml") => "extends: b.yaml\nweb: {timeot: 5s}\n".to_owned(),
                _ => "web: {kind: service, timeout: 5 msecs}\ncomponents: {web: {}}\n".to_owned(),
            })
        };
        let mut node = text::load("s/a.yaml", &open, &mut sources, &mut diags).expect("it reads");
        text::set(&mut node, "components.web.instances", "many", &mut sources, &mut diags);
        let (key, web) = node.entry("web").expect("it is there");
        lower(web, key.spot, &mut diags);
        Reader::new(
            key.spot,
            node.get("components").and_then(|all| all.get("web")).expect("set"),
            &SERVICE,
            &mut diags,
        )
        .count("instances");
        let line = |d: &&Diagnostic| (sources.name(d.spot.file).to_owned(), sources.slice(d.spot).to_owned());
        let found: Vec<_> = diags.sorted().iter().filter(|d| d.code != Code::MissingField).map(line).collect();
        let want = [("s/a.yaml", "timeot"), ("s/b.yaml", "msecs"), ("--set components.web.instances=many", "many")];
        assert_eq!(found, want.map(|(file, text)| (file.to_owned(), text.to_owned())));
    }

    #[test]
    fn schema_and_reader_agree() {
        let schema = crate::fields::schema::json_schema(&ROOT);
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        for (text, good) in [
            (serde_json::json!({"kind": "service", "instances": 3, "timeout": "250ms"}), true),
            (serde_json::json!({"kind": "service", "timeout": "none", "memory": "$room", "share": "$(1 - s)"}), true),
            (serde_json::json!({"instances": null, "queue": {"limit": "2k", "order": "fair(user)"}}), true),
            (serde_json::json!({"timeout": "250"}), false),
            (serde_json::json!({"timeout": 250}), false),
            (serde_json::json!({"timeot": "250ms"}), false),
            (serde_json::json!({"gossip": "x"}), false),
            (serde_json::json!({"queue": {"order": "lifo"}}), false),
            (serde_json::json!({"memory": "3 foo"}), false),
        ] {
            assert_eq!(validator.is_valid(&serde_json::json!({"web": {"a": text}})), good, "{text}");
        }
    }

    static ROOT: Table = Table {
        name: "example",
        about: "A worked example",
        fields: &[Field::new("web", Shape::MapOf(&Shape::Object(&SERVICE)), "{}", "services by name")],
    };

    #[test]
    fn the_reference_shows_every_field() {
        let page = crate::fields::reference::reference(&ROOT);
        for table in [&ROOT, &SERVICE, &QUEUE] {
            for field in table.fields {
                assert!(page.contains(&format!("| `{}` |", field.name)), "{page}");
            }
        }
        assert!(page.contains("| `limit` | a count | `1024` | how many may wait | `1024` |"), "{page}");
        assert!(page.contains("not available yet") && page.contains("- `fair(key)`: by turns"), "{page}");
    }
}
