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
    "plimsoll", "title", "description", "extends", "let", "run", "load", "keys", "components", "hosts", "regions",
    "links", "residency", "policies", "faults", "objectives", "evolve_when", "alerts", "variants", "journey", "plan",
    "assumptions", "stamps", "prices",
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
        let mut whole = Node::new(Value::Map(Vec::new()), node.spot);
        let mut complete = true;
        for base in bases {
            let Some(name) = base.as_text() else {
                let message = format!("`extends` names a file or a list of files, this is {}", base.shape());
                self.diags.push(Diagnostic::new(Code::WrongShape, base.spot, message));
                continue;
            };
            let base_path = normal(&path.parent().unwrap_or(Path::new("")).join(name));
            match self.load(&base_path, Some(base.part(0, name.len()))) {
                Some(base) => merge::merge(&mut whole, base, &mut Vec::new(), self.diags),
                None => complete = false,
            }
        }
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
