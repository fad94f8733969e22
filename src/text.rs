//! The text of a scenario as a tree that remembers where everything was written.
//!
//! Scalars stay text here (`010`, `no`, `3ms`): only the field that reads one knows what it means. All that happens
//! before meaning happens here: reading YAML, `extends`, `--set`, patches, `like`, and the named values of `let`.
//! What can go wrong is told in [`Diagnostics`]; a tree comes back whenever anything could be read, so that later
//! stages can tell their mistakes in the same go.

mod lets;
mod like;
mod merge;
mod path;
pub mod ranges;
mod sum;
mod write;
mod yaml;

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Sources, Spot, Spotted};

/// What stands at one place of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Text; `quoted` if it stood in quotes or was a block of text.
    Scalar { text: String, quoted: bool },
    /// Entries in the order written.
    List(Vec<Node>),
    /// Fields in the order of their first appearance, each key once.
    Map(Vec<(Spotted<String>, Node)>),
}

/// How the text of a scalar relates to the text at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// They are the same, but for quotes around it: places inside the scalar are known to the byte.
    Exact,
    /// It was worked out from the text there (escapes, folded lines, `$name`): only the whole place is known.
    Derived,
    /// A mistake was told about it already; whoever reads it should say nothing more.
    Broken,
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What stands there.
    pub value: Value,
    /// Where; with the quotes of a quoted scalar.
    pub spot: Spot,
    /// How exactly the place is known.
    pub origin: Origin,
}

impl Node {
    /// A value that stands at a place as it is.
    pub fn new(value: Value, spot: Spot) -> Self {
        Node { value, spot, origin: Origin::Exact }
    }

    /// The text of a scalar.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The fields of a map.
    pub fn as_map(&self) -> Option<&[(Spotted<String>, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entries of a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The value of a field, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// The key and value of a field, if this is a map that has it.
    pub fn entry(&self, key: &str) -> Option<(&Spotted<String>, &Node)> {
        self.as_map()?.iter().find(|(known, _)| known.value == key).map(|(key, node)| (key, node))
    }

    /// The value of a field, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.value {
            Value::Map(entries) => entries.iter_mut().find(|(known, _)| known.value == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// Takes a field out of a map.
    pub fn remove(&mut self, key: &str) -> Option<(Spotted<String>, Node)> {
        let Value::Map(entries) = &mut self.value else { return None };
        let at = entries.iter().position(|(known, _)| known.value == key)?;
        Some(entries.remove(at))
    }

    /// Whether nothing stands there.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// Whether a mistake was told about it already.
    pub fn is_broken(&self) -> bool {
        self.origin == Origin::Broken
    }

    /// The place of bytes `start..end` of a scalar's text: exact where it can be, else the whole scalar.
    pub fn part(&self, start: usize, end: usize) -> Spot {
        match (&self.value, self.origin) {
            (Value::Scalar { quoted, text }, Origin::Exact) => {
                let (quote, end) = (usize::from(*quoted), end.min(text.len()));
                self.spot.part(quote + start.min(end), quote + end)
            }
            _ => self.spot,
        }
    }

    /// "a map", "a list", "`text`" or "nothing", for messages.
    pub fn shape(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Scalar { text, .. } if 40 < text.chars().count() => "a single value".to_owned(),
            Value::Scalar { text, .. } => format!("`{text}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}

/// The keys a scenario may have at its top; a path of `--set` that starts with none of them starts at a component.
pub const TOP_LEVEL: &[&str] = &[
    "plimsoll",
    "title",
    "description",
    "extends",
    "let",
    "run",
    "load",
    "keys",
    "components",
    "hosts",
    "regions",
    "links",
    "residency",
    "policies",
    "faults",
    "objectives",
    "evolve_when",
    "alerts",
    "variants",
    "journey",
    "plan",
    "assumptions",
    "stamps",
    "prices",
];

/// How files are read: the only door to the outside, given by whoever may open files.
pub type Read<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// Reads a file and all it extends into one tree.
///
/// `null`s have removed what they stand for; `let`, `like` and variants are still there (see [`resolve`]).
pub fn load(path: &str, read: Read, sources: &mut Sources, diags: &mut Diagnostics) -> Option<Node> {
    let mut loader = Loader { read, sources, diags, chain: Vec::new() };
    loader.load(Path::new(path), None)
}

/// Reads one text without following `extends`; `name` is what people know it by.
pub fn parse(name: &str, text: &str, sources: &mut Sources, diags: &mut Diagnostics) -> Option<Node> {
    let file = sources.add(name.to_owned(), text.to_owned());
    yaml::parse(text, file, 0, diags)
}

/// Applies `--set PATH=VALUE`: the value is YAML, the merge is that of `extends`.
pub fn set(node: &mut Node, path: &str, value: &str, sources: &mut Sources, diags: &mut Diagnostics) {
    let text = format!("{path}={value}");
    let file = sources.add(format!("--set {text}"), text.clone());
    let place = Spotted::new(path.to_owned(), Spot::new(file, 0, path.len()));
    if value.trim().is_empty() {
        let spot = Spot::new(file, path.len(), text.len());
        let lost = Diagnostic::new(Code::WrongShape, spot, format!("no value for `{path}`"));
        diags.push(lost.help("`null` removes a field"));
        return;
    }
    if let Some(value) = yaml::parse(&text, file, path.len() + 1, diags) {
        path::set(node, &place, value, diags);
    }
}

/// Applies a value at a path that stands in a scenario, as in the `set:` of a journey's stage.
pub fn set_at(node: &mut Node, path: &Spotted<String>, value: Node, diags: &mut Diagnostics) {
    path::set(node, path, value, diags);
}

/// Applies a patch, such as a variant: the merge of `extends`.
pub fn patch(node: &mut Node, patch: &Node, diags: &mut Diagnostics) {
    merge::merge(node, patch.clone(), &mut Vec::new(), diags);
}

/// Finds the numbers that are intervals and puts their middles in their places, once everything is merged.
pub fn take_ranges(node: &mut Node, diags: &mut Diagnostics) -> Vec<ranges::Ranged> {
    ranges::take(node, diags)
}

/// Works out `like` and `let`, once everything is merged. Templates and `let` are gone afterwards.
pub fn resolve(node: &mut Node, diags: &mut Diagnostics) {
    like::resolve(node, diags);
    lets::resolve(node, diags);
}

/// Writes a tree as YAML that reads back as the same tree.
pub fn to_yaml(node: &Node) -> String {
    write::to_yaml(node)
}

/// The content alone, whatever the order of maps, comments, quotes and places: equal exactly if two trees say the same.
pub fn canonical(node: &Node) -> String {
    write::canonical(node)
}

/// Reads files and what they extend.
struct Loader<'a> {
    read: Read<'a>,
    sources: &'a mut Sources,
    diags: &'a mut Diagnostics,
    /// The files being read, each extended by the one before.
    chain: Vec<String>,
}

impl Loader<'_> {
    /// Reads one file with its bases; `from` is the place that names it.
    fn load(&mut self, path: &Path, from: Option<Spot>) -> Option<Node> {
        let name = if path == Path::new("-") { "<stdin>".to_owned() } else { path.to_string_lossy().into_owned() };
        if self.chain.contains(&name) {
            self.circle(&name, from);
            return None;
        }
        let file = self.text_of(path, &name, from)?;
        let text = self.sources.text(file).to_owned();
        let mut node = yaml::parse(&text, file, 0, self.diags)?;
        if node.as_map().is_none() {
            let spot = node.part(0, node.spot.end as usize);
            let message = format!("a scenario is a map, this is {}", node.shape());
            self.diags.push(Diagnostic::new(Code::WrongShape, spot, message).help("write `key: value` lines"));
            return None;
        }
        let Some((_, bases)) = node.remove("extends") else { return Some(node) };
        self.chain.push(name);
        let whole = self.extend(path, &bases, node);
        self.chain.pop();
        Some(whole)
    }

    /// Merges the bases in their order, then the file itself.
    fn extend(&mut self, path: &Path, bases: &Node, node: Node) -> Node {
        let bases = match &bases.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(bases),
        };
        let (mut whole, mut complete, spot) = (None, true, node.spot);
        for base in bases {
            let Some(name) = base.as_text() else {
                let message = format!("`extends` names a file or a list of files, this is {}", base.shape());
                self.diags.push(Diagnostic::new(Code::WrongShape, base.spot, message));
                continue;
            };
            let base_path = normal(&path.parent().unwrap_or(Path::new("")).join(name));
            match self.load(&base_path, Some(base.part(0, name.len()))) {
                Some(base) => match &mut whole {
                    Some(whole) => merge::merge(whole, base, &mut Vec::new(), self.diags),
                    None => whole = Some(base),
                },
                None => complete = false,
            }
        }
        let mut whole = whole.unwrap_or_else(|| Node::new(Value::Map(Vec::new()), spot));
        whole.spot = spot;
        // Without its base a file removes and refers to things that are not there; that is no second mistake.
        let mut unheard = Diagnostics::new();
        merge::merge(&mut whole, node, &mut Vec::new(), if complete { self.diags } else { &mut unheard });
        whole
    }

    /// The number of the file's text, which is read once however often it is extended.
    fn text_of(&mut self, path: &Path, name: &str, from: Option<Spot>) -> Option<u32> {
        if let Some(file) = self.sources.find(name) {
            return Some(file);
        }
        match (self.read)(path) {
            Ok(text) => Some(self.sources.add(name.to_owned(), text)),
            Err(error) => {
                let why = match error.kind() {
                    io::ErrorKind::NotFound => "there is no such file".to_owned(),
                    io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
                    io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
                    _ => error.to_string(),
                };
                let spot = from.unwrap_or_else(|| Spot::new(self.sources.add(name.to_owned(), String::new()), 0, 0));
                let message = format!("cannot read `{name}`: {why}");
                self.diags.push(Diagnostic::new(Code::FileNotFound, spot, message));
                None
            }
        }
    }

    fn circle(&mut self, name: &str, from: Option<Spot>) {
        let start = self.chain.iter().position(|known| known == name).unwrap_or(0);
        let chain = self.chain[start..].join("` extends `");
        let message = format!("`{chain}` extends `{name}`, which goes round in a circle");
        self.diags.push(Diagnostic::new(Code::Cycle, from.unwrap_or_default(), message));
    }
}

/// The path without `.` and `a/..`, so that one file has one name.
fn normal(path: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(short.components().next_back(), Some(Component::Normal(_))) => {
                short.pop();
            }
            part => short.push(part),
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, Strategy, any, prop};
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    /// Reads the first of some files, and gives the merged tree with what was found: code, marked text.
    struct Desk {
        sources: Sources,
        diags: Diagnostics,
        node: Option<Node>,
    }

    fn read(files: &[(&str, &str)]) -> Desk {
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
        let open = |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        let node = load(files[0].0, &open, &mut sources, &mut diags);
        Desk { sources, diags, node }
    }

    impl Desk {
        fn found(&self) -> Vec<(&'static str, &str)> {
            self.diags.sorted().iter().map(|d| (d.code.as_str(), self.sources.slice(d.spot))).collect()
        }

        fn tree(&mut self) -> &mut Node {
            self.node.as_mut().expect("the text can be read")
        }

        fn set(&mut self, path: &str, value: &str) {
            let node = self.node.as_mut().expect("the text can be read");
            set(node, path, value, &mut self.sources, &mut self.diags);
        }

        fn resolved(&mut self) -> String {
            let node = self.node.as_mut().expect("the text can be read");
            resolve(node, &mut self.diags);
            canonical(node)
        }
    }

    /// What reading one text finds.
    #[track_caller]
    fn finds(text: &str, expected: &[(&str, &str)]) {
        let desk = read(&[("a.yaml", text)]);
        assert_eq!(desk.found(), expected, "{text:?}: {:?}", desk.diags);
    }

    fn tree_of(text: &str) -> String {
        let desk = read(&[("a.yaml", text)]);
        assert!(desk.diags.is_empty(), "{text}: {:?}", desk.diags);
        canonical(&desk.node.expect("the text can be read"))
    }

    fn at<'a>(node: &'a Node, path: &[&str]) -> &'a Node {
        path.iter().fold(node, |node, key| match key.parse::<usize>() {
            Ok(at) => &node.as_list().expect("a list")[at],
            Err(_) => node.get(key).expect("the key is there"),
        })
    }

    #[test]
    fn scalars_stay_text() {
        let text =
            "a: 010\nb: no\nc: 3ms\nd: 0.2\ne: 'null'\nf: null\ng:\nh: ~\ni: {00:00: 30%, 18:00: 1}\nj: [{w: +2}]\n";
        let want = r#"{"a":"010","b":"no","c":"3ms","d":"0.2","e":"null","f":null,"g":null,"h":null,"i":{"00:00":"30%","18:00":"1"},"j":[{"w":"+2"}]}"#;
        assert_eq!(tree_of(text), want);
        let design = "us-east-1 -> eu-west-1: {latency: 38ms + exp(1ms)}\nb: {backoff: exponential(50ms x2 max=1s)}\n\
                      m: mix(90% exp(1ms) | 10% exp(50ms))\ns: {utilisation of cores > 70%: +2}\nd: $(users * 20/day / 4)\n";
        assert!(tree_of(design).contains(r#""d":"$(users * 20/day / 4)""#));
    }

    #[test]
    fn places_are_exact() {
        let text = "é: {cpu: exp(5 msecs), \"q t\": 'exp(7 foo)', \"e\": \"a\\tb\"}\nlong: one\n  two\nblock: |\n  text\nlist:\n  - x y  # z\n";
        let desk = read(&[("a.yaml", text)]);
        let node = desk.node.as_ref().expect("it reads");
        let marked = |path: &[&str], start, end| desk.sources.slice(at(node, path).part(start, end));
        assert_eq!(marked(&["é", "cpu"], 6, 11), "msecs");
        assert_eq!(marked(&["é", "q t"], 6, 9), "foo");
        assert_eq!(marked(&["é", "q t"], 0, 99), "exp(7 foo)");
        assert_eq!(marked(&["é", "e"], 0, 1), "\"a\\tb\"", "an escape: the whole");
        assert_eq!(marked(&["long"], 0, 2), "one\n  two", "folded: the whole");
        assert_eq!(marked(&["list", "0"], 2, 3), "y");
        assert_eq!(marked(&["list", "0"], 0, 99), "x y");
        let keys: Vec<&str> = node.as_map().expect("a map").iter().map(|(k, _)| desk.sources.slice(k.spot)).collect();
        assert_eq!(keys, ["é", "long", "block", "list"]);
        assert_eq!(desk.sources.slice(at(node, &["é"]).entry("q t").expect("there").0.spot), "q t");
        assert_eq!(desk.sources.slice(at(node, &["list"]).spot), "- x y");
    }

    #[test]
    fn mistakes_of_syntax_are_marked() {
        finds("run:\n\tduration: 10m\n", &[("E0103", "\t")]);
        finds("components:\n  - name: api\n\t  replicas: 4\n", &[("E0103", "\t")]);
        finds("a: [x, b\nc: 3\n", &[("E0101", "[")]);
        finds("a: {x: 1\n", &[("E0101", "{")]);
        finds("a: {x: 1]\n", &[("E0101", "{")]);
        finds("a: b: c\n", &[("E0101", ":")]);
        finds("a: 1\n b: 2\n", &[("E0101", "b")]);
        finds("run:\n  duration 1m\n  seed: 3\n", &[("E0101", "duration 1m")]);
        finds("run:\n  duration: 1m\n seed: 3\n", &[("E0101", "seed:")]);
        finds("a: 'x\n", &[("E0101", "'x")]);
        finds("a: *b\n", &[("E0101", "*b")]);
        finds("a: %x\n", &[("E0101", "%x")]);
        finds("a: !include x.yaml\n", &[("E0101", "!include")]);
        finds("a: 1\n---\nb: 2\n", &[("E0101", "---")]);
        finds("[a]: 1\n", &[("E0101", "[a]")]);
        finds("- a\n- b\n", &[("E0105", "- a\n- b")]);
        finds("just words\n", &[("E0105", "just words")]);
        finds("# nothing\n", &[("E0112", "")]);
        finds("", &[("E0112", "")]);
    }

    #[test]
    fn a_key_twice_shows_both_places() {
        let desk = read(&[("a.yaml", "run:\n  seed: 1\n  x: 0\n  seed: 2\n")]);
        assert_eq!(desk.found(), [("E0104", "seed")]);
        let told = desk.diags.sorted()[0];
        assert_eq!(desk.sources.line_column(told.spot), (4, 3));
        assert_eq!(desk.sources.line_column(told.notes[0].0.expect("a place")), (2, 3));
        assert_eq!(canonical(&desk.node.expect("it reads")), r#"{"run":{"seed":"1","x":"0"}}"#);
    }

    #[test]
    fn torn_arguments_are_put_together_and_told_once() {
        let desk = read(&[(
            "a.yaml",
            "ops: {read: {cpu: lognormal(p50=3ms, p99=20ms), io: 2}, w: {cpu: triangular(1ms, 2ms, 3ms)}}\n",
        )]);
        assert_eq!(desk.found(), [("E0109", "lognormal(p50=3ms, p99=20ms)"), ("E0109", "triangular(1ms, 2ms, 3ms)")]);
        let told = desk.diags.sorted()[0];
        assert_eq!(told.patch.as_ref().expect("mended").1, "lognormal(p50=3ms p99=20ms)");
        let node = desk.node.expect("it reads");
        assert_eq!(at(&node, &["ops", "read", "cpu"]).as_text(), Some("lognormal(p50=3ms, p99=20ms)"));
        assert_eq!(at(&node, &["ops", "read", "io"]).as_text(), Some("2"));
        finds("a: [uniform(1ms, 5ms), x]\n", &[("E0109", "uniform(1ms, 5ms)")]);
        finds("a: [{f: exp(1ms, x}, (, y]\n", &[]);
    }

    #[test]
    fn anchors_and_merge_keys_are_taken_in() {
        let text = "base: &d {a: 1, b: 2}\nuse: {<<: *d, b: 3}\nsame: *d\nboth: {<<: [*d, {c: 4}]}\n";
        let want = r#"{"base":{"a":"1","b":"2"},"both":{"a":"1","b":"2","c":"4"},"same":{"a":"1","b":"2"},"use":{"a":"1","b":"3"}}"#;
        assert_eq!(tree_of(text), want);
        finds("a: &a [*a]\n", &[("E0308", "*a")]);
        finds("a: {<<: 3}\n", &[("E0105", "<<")]);
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..9 {
            let refs = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb = format!("{bomb}a{n}: &a{n} [{refs}]\n");
        }
        assert_eq!(read(&[("a.yaml", &bomb)]).found()[0].0, "E0110");
        assert_eq!(read(&[("a.yaml", &"[".repeat(20_000))]).found()[0].0, "E0110");
        let chain: Vec<String> = (1..300).map(|n| format!("a{n}: &a{n} [*a{}]", n - 1)).collect();
        assert_eq!(read(&[("a.yaml", &format!("a0: &a0 [x]\n{}\n", chain.join("\n")))]).found()[0].0, "E0110");
    }

    const STAGE: &str =
        "extends: base/one.yaml\nload: {all: {users: {each: 3}}}\nweb: {cpu: null, io: {reads: 5 foo}}\nnew: 1\n";
    const BASE: &str =
        "extends: ./zero.yaml\nload: {all: {rate: 90/s, timeout: 5s}}\nweb: {cpu: 2 foo, wait: 3}\nlist: [1, 2]\n";
    const ZERO: &str = "web: {io: {reads: 1, writes: 2}}\nlist: [3]\n";

    #[test]
    fn extends_merges_deeply_and_places_stay() {
        let files = [("s/two.yaml", STAGE), ("s/base/one.yaml", BASE), ("s/base/zero.yaml", ZERO)];
        let mut desk = read(&files);
        assert!(desk.diags.is_empty(), "{:?}", desk.diags);
        let want = r#"{"list":["1","2"],"load":{"all":{"timeout":"5s","users":{"each":"3"}}},"new":"1","web":{"io":{"reads":"5 foo","writes":"2"},"wait":"3"}}"#;
        assert_eq!(canonical(desk.tree()), want);
        let node = desk.node.as_ref().expect("it reads");
        let place = |path: &[&str]| {
            let spot = at(node, path).part(0, 99);
            (desk.sources.name(spot.file), desk.sources.slice(spot))
        };
        assert_eq!(place(&["web", "io", "reads"]), ("s/two.yaml", "5 foo"));
        assert_eq!(place(&["web", "wait"]), ("s/base/one.yaml", "3"));
        assert_eq!(place(&["web", "io", "writes"]), ("s/base/zero.yaml", "2"));
        let order: Vec<&str> = node.as_map().expect("a map").iter().map(|(key, _)| &key.value[..]).collect();
        assert_eq!(order, ["web", "list", "load", "new"], "the order of first appearance");
    }

    #[test]
    fn several_bases_merge_in_order() {
        let mut desk = read(&[("a", "extends: [b, c]\nz: 1\n"), ("b", "x: 1\ny: 1\n"), ("c", "y: 2\nz: 2\n")]);
        assert_eq!(canonical(desk.tree()), r#"{"x":"1","y":"2","z":"1"}"#);
    }

    #[test]
    fn what_cannot_be_extended_is_told_where_it_is_named() {
        let desk = read(&[("a", "extends: b.yaml\nx: null\n")]);
        assert_eq!(desk.found(), [("E0306", "b.yaml")], "the removal from nothing is no second mistake");
        let desk = read(&[("a", "extends: b\n"), ("b", "extends: [c]\n"), ("c", "extends: b\n")]);
        assert_eq!(desk.found(), [("E0308", "b")]);
        assert!(desk.diags.sorted()[0].message.contains("`b` extends `c` extends `b`"), "{:?}", desk.diags);
        let desk = read(&[("a", "extends: b\nx: 1\n"), ("b", "load:\n")]);
        assert_eq!(desk.found(), [], "an empty field of a base removes nothing; who reads it tells");
        let desk = read(&[("a", "extends: {b: 1}\n")]);
        assert_eq!(desk.found()[0].0, "E0105");
        let desk = read(&[("a", "extends: b\nweb: {cup: null}\n"), ("b", "web: {cpu: 1}\n")]);
        assert_eq!(desk.found(), [("E0311", "cup")]);
        assert_eq!(desk.diags.sorted()[0].help.as_deref(), Some("did you mean `cpu`?"));
        let missing = read(&[("a", "extends: b\nu: {v: [\n"), ("b", "web: {\n")]);
        assert_eq!(missing.found()[0].0, "E0101");
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
        let none = |_: &Path| Err(io::Error::from(io::ErrorKind::InvalidData));
        assert!(load("gone.yaml", &none, &mut sources, &mut diags).is_none());
        assert!(diags.sorted()[0].message.contains("not UTF-8"));
    }

    const WEB: &str = "load: {users: {rate: 9/s, requests: {web.get: 1}}}\ncomponents:\n  web: {instances: 3, operations: {profile: [{cpu: 1ms}, {call: db.read}, {call: db.write}]}}\n  db: {on: box}\n  run: {x: 1}\nprices: {c5.2xlarge: $1/h}\nhosts:\n";

    #[test]
    fn set_reaches_everything() {
        let mut desk = read(&[("a", WEB)]);
        desk.set("web.instances", "8");
        desk.set("components.db.machine", "c5.large");
        desk.set("web.operations.profile.cpu", "exp(5ms)");
        desk.set("web.operations.profile.2.call", "db.read");
        desk.set("load.users.users", "{each: 3}");
        desk.set("load.users.requests.web.get", "2");
        desk.set("load.users.requests.db.read", "3");
        desk.set("web.queue.limit", "5");
        desk.set("prices.c5.2xlarge", "$2/h");
        desk.set("run.seed", "7");
        desk.set("components.run", "null");
        desk.set("keys", "[1, {a: 2}]");
        desk.set("hosts.box.cores", "4");
        assert!(desk.diags.sorted().iter().all(|d| d.message.contains("`run` is a component")), "{:?}", desk.diags);
        let want = concat!(
            r#"{"components":{"db":{"machine":"c5.large"},"web":{"instances":"8","operations":{"profile":[{"cpu":"exp(5ms)"},{"call":"db.read"},{"call":"db.read"}]},"queue":{"limit":"5"}}},"#,
            r#""hosts":{"box":{"cores":"4"}},"keys":["1",{"a":"2"}],"load":{"users":{"requests":{"db.read":"3","web.get":"2"},"users":{"each":"3"}}},"prices":{"c5.2xlarge":"$2/h"}}"#
        );
        assert_eq!(canonical(desk.tree()), want);
        desk.set("run.seed", "7");
        assert!(
            canonical(desk.tree()).contains(r#""run":{"seed":"7"}"#),
            "without a component of that name it is clear"
        );
        let spot = at(desk.node.as_ref().expect("it reads"), &["components", "web", "instances"]).spot;
        assert_eq!((desk.sources.name(spot.file), desk.sources.slice(spot)), ("--set web.instances=8", "8"));
        let (key, _) =
            at(desk.node.as_ref().expect("it reads"), &["components", "web", "queue"]).entry("limit").expect("set");
        assert_eq!(desk.sources.slice(key.spot), "limit");
    }

    #[test]
    fn paths_to_nothing_are_told() {
        for (path, value, code, marked) in [
            ("wbe.instances", "8", "E0311", "wbe"),
            ("web.operations.profile.call", "x", "E0311", "call"),
            ("web.operations.profile.cup", "x", "E0311", "cup"),
            ("web.operations.profile.7.cpu", "x", "E0311", "7"),
            ("web.instances.more", "x", "E0311", "more"),
            ("web..x", "1", "E0311", "web..x"),
            ("web.quue", "null", "E0311", "quue"),
            ("web.instances", "", "E0105", "="),
            ("web.instances", "[1", "E0101", "["),
            ("web.x", "{f: uniform(1ms, 2ms)}", "E0109", "uniform(1ms, 2ms)"),
        ] {
            let mut desk = read(&[("a", WEB)]);
            desk.set(path, value);
            assert_eq!(desk.found(), [(code, marked)], "{path}={value}: {:?}", desk.diags);
        }
        let mut desk = read(&[("a", WEB)]);
        desk.set("wbe.instances", "8");
        assert_eq!(desk.diags.sorted()[0].help.as_deref(), Some("did you mean `web`?"));
        desk.set("let.users", "5M");
        assert_eq!(desk.found()[1], ("E0310", "users"));
    }

    #[test]
    fn patches_are_merges() {
        let mut desk = read(&[("a", "run: {duration: 10m}\nvariants: {v: {run: {requests: 5}, x: 1}}\n")]);
        let variant = at(desk.tree(), &["variants", "v"]).clone();
        let Desk { node, diags, .. } = &mut desk;
        patch(node.as_mut().expect("it reads"), &variant, diags);
        assert!(canonical(desk.tree()).contains(r#""run":{"requests":"5"}"#));
        assert!(desk.diags.is_empty());
    }

    #[test]
    fn like_takes_over_and_templates_vanish() {
        let text = "components:\n  v2: {like: v1, instances: 1}\n  v1: {like: t, q: {order: lifo}}\n  t: {abstract: true, q: {limit: 5}, w: 1}\n";
        let mut desk = read(&[("a", text)]);
        let want = r#"{"components":{"v1":{"q":{"limit":"5","order":"lifo"},"w":"1"},"v2":{"instances":"1","q":{"limit":"5","order":"lifo"},"w":"1"}}}"#;
        assert_eq!(desk.resolved(), want);
        assert!(desk.diags.is_empty());
        let mut desk = read(&[("a", "components: {a: {like: b}, b: {like: a}, c: {like: aa}}\n")]);
        desk.resolved();
        assert_eq!(desk.found(), [("E0308", "a"), ("E0314", "aa")]);
    }

    #[track_caller]
    fn value_of(lets: &str, text: &str) -> String {
        let mut desk = read(&[("a", &format!("let: {{{lets}}}\nx: {text}\n"))]);
        let resolved = desk.resolved();
        let found: Vec<_> = desk.found().into_iter().filter(|(code, _)| *code != "W0406").collect();
        assert!(found.is_empty(), "{text}: {:?}", desk.diags);
        resolved.strip_prefix(r#"{"x":""#).and_then(|rest| rest.strip_suffix(r#""}"#)).expect("one scalar").to_owned()
    }

    #[test]
    fn named_values_are_worked_out() {
        assert_eq!(value_of("daily: 2M", "$daily"), "2M");
        assert_eq!(value_of("users: 2M", "$(users * 20/day / 4)"), "10000000/day");
        assert_eq!(value_of("users: 2M", "$(users * 20/day * 3)"), "5000000/h");
        assert_eq!(value_of("a: 5ms, b: $(a * 2)", "exp($(b + a))"), "exp(15ms)");
        assert_eq!(value_of("r: 90/s", "$(r * 10m)"), "54000");
        assert_eq!(value_of("r: 90/s", "$(r / 30)"), "3/s");
        assert_eq!(value_of("r: 100/s, b: 2KB", "$(r * b)"), "200KB/s");
        assert_eq!(value_of("p: $0.34/h", "$(p * 1h * 10)"), "$3.4000000000000004");
        assert_eq!(value_of("p: $0.5/h", "$(3 * p)"), "$1.5/h");
        assert_eq!(value_of("s: 20%", "$(1 - s)"), "80%");
        assert_eq!(value_of("s: 20%", "$(s * 50)"), "10");
        assert_eq!(value_of("a: 10, b: 4", "$((a + b) / (a - b) * -3)"), "-7");
        assert_eq!(value_of("w: fast", "latency p99 <= $w"), "latency p99 <= fast");
        assert_eq!(value_of("", "cost <= $6000/month for $$x $ (y)"), "cost <= $6000/month for $x $ (y)");
        assert_eq!(value_of("m: c5.large", "\"$m\""), "c5.large");
        let third = value_of("n: 3", "$(1s / n)");
        assert_eq!(crate::units::parse(&third).map(|q| q.value), Ok(1.0 / 3.0), "every digit is kept: {third}");
        let rate = value_of("n: 7", "$(1/s / n)");
        assert_eq!(crate::units::parse(&rate).map(|q| q.value), Ok(1.0 / 7.0), "{rate}");
    }

    #[test]
    fn mistakes_in_named_values_are_marked() {
        for (lets, text, code, marked) in [
            ("daily: 2M", "$dialy", "E0310", "$dialy"),
            ("daily: 2M", "{c: 'exp($dialy)'}", "E0310", "$dialy"),
            ("daily: 2M", "$(2 * dialy)", "E0310", "dialy"),
            ("daily: 2M", "$(daily + 20/day)", "E0205", "daily + 20/day"),
            ("daily: 2M", "$(daily *)", "E0205", ")"),
            ("daily: 2M", "$(daily * 5 foo)", "E0205", "f"),
            ("daily: 2M", "$(daily * 5foo)", "E0205", "foo"),
            ("daily: 2M", "$(daily / 0)", "E0205", "0"),
            ("daily: 2M", "$(1s * 1s)", "E0205", "1s * 1s"),
            ("daily: fast", "$(daily * 2)", "E0205", "daily"),
            ("daily: {x: 1}", "$daily", "E0105", "{x: 1}"),
            ("daily: $(2 * day)", "$daily", "E0310", "day"),
        ] {
            let text = format!("let: {{{lets}}}\nx: {text}\n");
            let mut desk = read(&[("a", &text)]);
            desk.resolved();
            let found: Vec<_> = desk.found().into_iter().filter(|(code, _)| *code != "W0406").collect();
            assert_eq!(found, [(code, marked)], "{text}: {:?}", desk.diags);
        }
        let mut desk = read(&[("a", "let: {a: $b, b: $(a * 2), c: 1}\nx: $a\n")]);
        desk.resolved();
        assert_eq!(desk.found(), [("E0308", "a"), ("W0406", "c")]);
        assert!(at(desk.tree(), &["x"]).is_broken(), "whoever reads it says nothing more");
    }

    #[test]
    fn named_values_change_by_stage_and_by_set() {
        let mut desk = read(&[
            ("a", "extends: b\nlet: {users: 3M}\n"),
            ("b", "let: {users: 2M, each: 20/day}\nx: $(users * each)\n"),
        ]);
        desk.set("let.each", "2/s");
        assert_eq!(desk.resolved(), r#"{"x":"6000000/s"}"#);
        assert!(desk.diags.is_empty(), "{:?}", desk.diags);
    }

    #[test]
    fn content_does_not_know_order() {
        assert_eq!(tree_of("b: {y: 1, x: 2} # c\na: 'q'\n"), tree_of("a: q\nb:\n  x: 2\n  y: \"1\"\n"));
        assert_ne!(tree_of("a: [1, 2]\n"), tree_of("a: [2, 1]\n"));
        assert_ne!(tree_of("a: null\n"), tree_of("a: 'null'\n"));
    }

    #[test]
    fn examples_of_explanations_are_broken_and_mended() {
        for code in Code::ALL {
            let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
            let mended = parse("mended", code.mended(), &mut sources, &mut diags);
            assert!(diags.is_empty() && mended.is_some(), "{}: {diags:?}", code.as_str());
        }
        for code in [
            Code::Syntax,
            Code::Tab,
            Code::DuplicateKey,
            Code::SplitArguments,
            Code::Empty,
            Code::Expression,
            Code::Cycle,
            Code::UnknownLet,
            Code::UnknownTemplate,
            Code::UnusedLet,
        ] {
            let mut desk = read(&[("a", code.broken())]);
            if desk.node.is_some() {
                desk.resolved();
            }
            assert_eq!(desk.found().iter().map(|(code, _)| *code).next(), Some(code.as_str()), "{:?}", desk.diags);
        }
    }

    fn trees() -> impl Strategy<Value = Node> {
        let text = prop::sample::select(vec![
            "",
            "a",
            "010",
            "null",
            "~",
            "x: y",
            "a #b",
            "- a",
            "exp(3ms)",
            "a, b",
            "[",
            "{}",
            "'",
            "\"q\"",
            "\u{e9}\u{1F600}",
            "l1\nl2",
            "tab\there",
            " lead",
            "trail ",
            "-",
            "?",
            ":",
            "a:",
            "*x",
            "&x",
            "!t",
            "%",
            "@",
            "`",
            "|",
            ">",
            "$x",
            "#",
            "<<",
            "---",
            "\u{2028}",
        ]);
        let text = (text, "[a-z]{0,2}").prop_map(|(a, b)| format!("{a}{b}"));
        let scalar = |text| Node::new(Value::Scalar { text, quoted: false }, Spot::default());
        let leaf = (text.clone(), any::<bool>()).prop_map(move |(text, null)| {
            if null && text.is_empty() { Node::new(Value::Null, Spot::default()) } else { scalar(text) }
        });
        leaf.prop_recursive(4, 40, 4, move |inner| {
            let keys = text.clone();
            let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List);
            let map = prop::collection::btree_map(keys, inner, 0..4).prop_map(|map| {
                let entries = map.into_iter().map(|(key, node)| (Spotted::new(key, Spot::default()), node));
                Value::Map(entries.collect())
            });
            proptest::prop_oneof![list, map].prop_map(|value| Node::new(value, Spot::default()))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_reads_back(node in trees()) {
            let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
            let text = format!("top:\n  {}", to_yaml(&Node::new(Value::List(vec![node.clone()]), Spot::default())).replace('\n', "\n  "));
            let back = parse("t", &text, &mut sources, &mut diags);
            prop_assert!(diags.is_empty(), "{text}\n{diags:?}");
            let back = back.expect("it reads");
            prop_assert_eq!(canonical(&back.get("top").expect("top").as_list().expect("list")[0]), canonical(&node), "{}", text);
            let alone = to_yaml(&back);
            let again = parse("u", &alone, &mut sources, &mut diags).expect("it reads");
            prop_assert_eq!(canonical(&again), canonical(&back));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-\\[\\]{}:,#&*!|>'\"%@`a-c \n\t$()<.é=~?0-9]{0,60}") {
            let mut desk = read(&[("a", &text)]);
            if desk.node.is_some() {
                desk.set("a.b", "1");
                desk.resolved();
            }
            for d in &desk.diags {
                prop_assert!(desk.sources.text(d.spot.file).get(d.spot.start as usize..d.spot.end as usize).is_some(), "{d:?}");
            }
            crate::diagnostic::render(&desk.diags, &desk.sources, 80, false, true);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let text = String::from_utf8_lossy(&bytes);
            let desk = read(&[("a", &text)]);
            crate::diagnostic::render_concise(&desk.diags, &desk.sources);
            crate::diagnostic::render(&desk.diags, &desk.sources, 80, true, false);
        }
    }
}
