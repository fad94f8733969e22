//! YAML in, tree out: the only file that knows the YAML crate.
//!
//! The parser's events are enough: they carry byte offsets, so every key and scalar keeps its exact place. Aliases are
//! copied in, merge keys (`<<`) merged, a key twice in a map is an error that shows both places. Two traps of YAML are
//! explained rather than passed on: tabs in the indentation, and commas that tear `f(a, b)` apart inside `{ }`.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag};

use super::{Node, Origin, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};

/// Values nest at most this deep, so that whoever walks the tree may do so by recursion.
const DEPTH_MOST: usize = 100;
/// Aliases may unfold to this many values in all; a scenario of a thousand components has about 50 thousand.
const NODES_MOST: usize = 2_000_000;

/// Reads the text from byte `offset` on. Places count from the start of the whole text.
pub(super) fn parse(text: &str, file: u32, offset: usize, diags: &mut Diagnostics) -> Option<Node> {
    if u32::MAX as usize <= text.len() {
        diags.push(Diagnostic::new(Code::TooLarge, Spot::new(file, 0, 0), "the text is longer than 4 GiB"));
        return None;
    }
    let (open, anchors) = (Vec::new(), BTreeMap::new());
    let mut builder = Builder { text, file, offset, diags, open, anchors, nodes: 0, root: None };
    for event in Parser::new_from_str(&text[offset..]) {
        match event {
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                builder.syntax(&error);
                return None;
            }
        }
    }
    builder.finish()
}

/// A map or list that is still being read.
struct Open {
    spot: Spot,
    anchor: usize,
    flow: bool,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    Map { entries: Vec<(Spotted<String>, Node)>, key: Key },
}

/// What the next value of a map belongs to.
enum Key {
    Awaited,
    Given(Spotted<String>),
    /// The key made no sense and was told; its value is read and forgotten.
    Nonsense,
}

struct Builder<'a> {
    text: &'a str,
    file: u32,
    offset: usize,
    diags: &'a mut Diagnostics,
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    /// Takes one event; `None` if it makes no sense to go on.
    fn event(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let spot = self.spot(span);
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                let message = "a second document begins here; a file holds one scenario";
                self.diags.push(Diagnostic::new(Code::Syntax, self.word(spot.start as usize), message));
                None
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.tag(tag.as_deref(), span);
                let node = self.scalar(text.into_owned(), style, spot);
                self.add(node, anchor, 1);
                Some(())
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.tag(tag.as_deref(), span);
                self.begin(Kind::List(Vec::new()), style, anchor, spot)
            }
            Event::MappingStart(style, anchor, tag) => {
                self.tag(tag.as_deref(), span);
                self.begin(Kind::Map { entries: Vec::new(), key: Key::Awaited }, style, anchor, spot)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.end(spot);
                Some(())
            }
            Event::Alias(anchor) => self.alias(anchor, spot),
            _ => Some(()),
        }
    }

    fn finish(self) -> Option<Node> {
        if self.root.as_ref().is_none_or(|root| root.is_null() && self.offset == 0) {
            let message = "there is nothing in this file";
            self.diags.push(Diagnostic::new(Code::Empty, Spot::new(self.file, 0, 0), message));
            return None;
        }
        self.root
    }

    fn spot(&self, span: Span) -> Spot {
        let byte = |mark: serde_saphyr::granit_parser::Marker| self.offset + mark.byte_offset().unwrap_or(mark.index());
        Spot::new(self.file, byte(span.start), byte(span.end).max(byte(span.start)))
    }

    fn scalar(&self, text: String, style: ScalarStyle, spot: Spot) -> Node {
        let quoted = style != ScalarStyle::Plain;
        let written = &self.text[spot.start as usize..spot.end as usize];
        let trimmed = if quoted { written } else { written.trim_end() };
        let spot = spot.part(0, trimmed.len());
        if !quoted && matches!(&text[..], "" | "~" | "null" | "Null" | "NULL") {
            return Node::new(Value::Null, spot);
        }
        let inner = if quoted { trimmed.get(1..trimmed.len().max(2) - 1) } else { Some(trimmed) };
        let origin = if inner == Some(&text[..]) { Origin::Exact } else { Origin::Derived };
        Node { value: Value::Scalar { text, quoted }, spot, origin }
    }

    /// Tags mean nothing here: everything is text until a field reads it.
    fn tag(&mut self, tag: Option<&Tag>, span: Span) {
        if tag.is_none_or(|tag| tag.core_suffix() == Some("str")) {
            return;
        }
        let spot = span.tag_span().map_or_else(|| self.spot(span), |span| self.spot(span));
        let help = "leave it out; `extends: file` takes in another file";
        self.diags.push(Diagnostic::new(Code::Syntax, spot, "YAML tags have no meaning here").help(help));
    }

    fn begin(&mut self, kind: Kind, style: StructureStyle, anchor: usize, spot: Spot) -> Option<()> {
        if DEPTH_MOST <= self.open.len() {
            let message = format!("nested more than {DEPTH_MOST} deep");
            self.diags.push(Diagnostic::new(Code::TooLarge, spot, message));
            return None;
        }
        self.open.push(Open { spot, anchor, flow: style == StructureStyle::Flow, kind });
        Some(())
    }

    fn end(&mut self, end: Spot) {
        let Open { spot, anchor, flow, kind } = self.open.pop().expect("the parser closes what it opened");
        let (value, last) = match kind {
            Kind::List(mut items) => {
                if flow {
                    self.rejoin_items(&mut items);
                }
                let last = items.last().map(|node| node.spot);
                (Value::List(items), last)
            }
            Kind::Map { mut entries, .. } => {
                if flow {
                    self.rejoin_entries(&mut entries);
                }
                let last = entries.last().map(|(key, node)| key.spot.to(node.spot));
                let entries = self.merge_keys(entries);
                (Value::Map(self.without_duplicates(entries)), last)
            }
        };
        // Of a block, the parser's end is where the next token stands; the last thing in it tells its true end.
        let aliased = |last: &Spot| last.file == spot.file && spot.start <= last.start && last.end <= end.end;
        let spot = if flow { spot.to(end) } else { last.filter(aliased).map_or(spot, |last| spot.to(last)) };
        let node = Node::new(value, spot);
        let depth = depth(&node);
        self.add(node, anchor, depth);
    }

    fn alias(&mut self, anchor: usize, spot: Spot) -> Option<()> {
        let Some((node, depth)) = self.anchors.get(&anchor).cloned() else {
            self.diags.push(Diagnostic::new(Code::Cycle, spot, "this alias stands inside what it stands for"));
            return None;
        };
        if DEPTH_MOST < self.open.len() + depth {
            let message = format!("this alias unfolds to more than {DEPTH_MOST} levels");
            self.diags.push(Diagnostic::new(Code::TooLarge, spot, message));
            return None;
        }
        self.nodes += size(&node);
        if NODES_MOST < self.nodes {
            let message = format!("the aliases of this file unfold to more than {NODES_MOST} values");
            self.diags.push(Diagnostic::new(Code::TooLarge, spot, message).label("up to here"));
            return None;
        }
        self.add(node, 0, depth);
        Some(())
    }

    /// Puts a finished value where it belongs: in the innermost open list or map, as its key or as its value.
    fn add(&mut self, node: Node, anchor: usize, depth: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), depth));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.kind {
            Kind::List(items) => items.push(node),
            Kind::Map { entries, key } => match std::mem::replace(key, Key::Awaited) {
                Key::Given(name) => {
                    // A value that is not written has no place of its own.
                    let spot = if node.spot.start == node.spot.end { name.spot } else { node.spot };
                    entries.push((name, Node { spot, ..node }));
                }
                Key::Nonsense => {}
                Key::Awaited => *key = read_key(self.text, node, self.diags),
            },
        }
    }

    /// Carries out `<<: *base`: the fields of the base that the map does not have itself.
    fn merge_keys(&mut self, entries: Vec<(Spotted<String>, Node)>) -> Vec<(Spotted<String>, Node)> {
        let before = |spot: Spot| self.text.as_bytes()[..spot.start as usize].last();
        let merges = |key: &Spotted<String>| key.value == "<<" && !matches!(before(key.spot), Some(b'"' | b'\''));
        let (bases, mut entries): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(key, _)| merges(key));
        for (key, base) in bases {
            let maps = match base.value {
                Value::List(maps) => maps,
                _ => vec![base],
            };
            for map in maps {
                let Value::Map(fields) = map.value else {
                    let message = format!("`<<` takes in a map, this is {}", map.shape());
                    self.diags.push(Diagnostic::new(Code::WrongShape, key.spot, message));
                    continue;
                };
                for (name, node) in fields {
                    if entries.iter().all(|(known, _)| known.value != name.value) {
                        entries.push((name, node));
                    }
                }
            }
        }
        entries
    }

    /// Keeps the first of each key and tells about the others.
    fn without_duplicates(&mut self, entries: Vec<(Spotted<String>, Node)>) -> Vec<(Spotted<String>, Node)> {
        let mut first: BTreeMap<&str, Spot> = BTreeMap::new();
        let mut again = BTreeSet::new();
        for (at, (key, _)) in entries.iter().enumerate() {
            if let Some(before) = first.insert(&key.value, key.spot) {
                first.insert(&key.value, before);
                again.insert(at);
                let message = format!("`{}` is given twice", key.value);
                let told = Diagnostic::new(Code::DuplicateKey, key.spot, message).label("again here");
                self.diags.push(told.note_at(before, "first here").help("keep one of them"));
            }
        }
        let kept = entries.into_iter().enumerate().filter(|(at, _)| !again.contains(at));
        kept.map(|(_, entry)| entry).collect()
    }

    /// Puts `f(a`, `b)` together again, which a comma tore apart in a list.
    fn rejoin_items(&mut self, items: &mut Vec<Node>) {
        let mut at = 0;
        while at < items.len() {
            let parts: Vec<Option<Spot>> = items[at..].iter().map(plain_spot).collect();
            if let Some(extra) = self.torn(&parts) {
                let end = items[at + extra].spot;
                items[at] = self.rejoined(items[at].spot.to(end));
                items.drain(at + 1..=at + extra);
            }
            at += 1;
        }
    }

    /// Puts `f(a`, `b)` together again, which a comma tore apart in a map: the rest became keys without values.
    fn rejoin_entries(&mut self, entries: &mut Vec<(Spotted<String>, Node)>) {
        let mut at = 0;
        while at < entries.len() {
            let rest = entries[at + 1..].iter().map(|(key, node)| node.is_null().then_some(key.spot));
            let parts: Vec<Option<Spot>> = std::iter::once(plain_spot(&entries[at].1)).chain(rest).collect();
            if let Some(extra) = self.torn(&parts) {
                let end = entries[at + extra].0.spot;
                entries[at].1 = self.rejoined(entries[at].1.spot.to(end));
                entries.drain(at + 1..=at + extra);
            }
            at += 1;
        }
    }

    /// How many of the following parts close the brackets that the first leaves open, if any.
    fn torn(&self, parts: &[Option<Spot>]) -> Option<usize> {
        let balance = |spot: Spot| {
            let text = self.slice(spot);
            text.matches('(').count() as i64 - text.matches(')').count() as i64
        };
        let mut open = balance(parts.first().copied().flatten()?);
        if open <= 0 {
            return None;
        }
        for (extra, part) in parts.iter().enumerate().skip(1) {
            open += balance((*part)?);
            if open <= 0 {
                return (open == 0).then_some(extra);
            }
        }
        None
    }

    /// The torn value as it was meant, and the word about it.
    fn rejoined(&mut self, spot: Spot) -> Node {
        let text = self.slice(spot).to_owned();
        let mended: Vec<&str> = text.split(',').map(str::trim).collect();
        let message = "a comma ends the value here, in the middle of its arguments";
        let told = Diagnostic::new(Code::SplitArguments, spot, message).help("separate arguments by spaces inside { }");
        self.diags.push(told.patch(spot, mended.join(" ")));
        Node::new(Value::Scalar { text, quoted: false }, spot)
    }

    fn slice(&self, spot: Spot) -> &str {
        self.text.get(spot.start as usize..spot.end as usize).unwrap_or("")
    }

    /// The word at a byte, or the last one before it at the end of a line or of the text.
    fn word(&self, at: usize) -> Spot {
        let mut start = at.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let here = self.text[start..].chars().next();
        if here.is_none_or(char::is_whitespace) {
            let end = self.text[..start].trim_end().len();
            let start = self.text[..end].rfind(char::is_whitespace).map_or(0, |at| at + 1);
            return Spot::new(self.file, start, end);
        }
        let rest = &self.text[start..];
        Spot::new(self.file, start, start + rest.find(char::is_whitespace).unwrap_or(rest.len()))
    }

    /// Says what is wrong with the syntax, in terms of what was probably meant.
    fn syntax(&mut self, error: &ScanError) {
        let at = self.offset + error.marker().byte_offset().unwrap_or(error.marker().index());
        if let Some(tab) = self.tab_near(at) {
            let message = "a tab in the indentation; YAML indents with spaces";
            let told = Diagnostic::new(Code::Tab, tab, message).patch(tab, "  ");
            self.diags.push(told.help("use spaces, two for each level"));
            return;
        }
        let here = self.word(at);
        let bracket = self.open.iter().rev().find(|open| open.flow).map(|open| open.spot);
        let started_above =
            |open: &Spot| self.text[open.start as usize..here.start.max(open.start) as usize].contains('\n');
        let told = match (bracket, error.kind()) {
            (_, ErrorKind::MismatchedFlowCollectionEnd { open, close }) => {
                let told = Diagnostic::new(Code::Syntax, here.part(0, 1), format!("`{open}` is closed by `{close}`"));
                told.label("opened here")
            }
            (None, ErrorKind::UnclosedFlowCollection { open }) => {
                let told = Diagnostic::new(Code::Syntax, here.part(0, 1), format!("`{open}` is never closed"));
                told.label("opened here")
            }
            (Some(open), kind) if never_closed(kind) || started_above(&open) => {
                let bracket = open.part(0, 1);
                let message = format!("`{}` is never closed", self.slice(bracket));
                let told = Diagnostic::new(Code::Syntax, bracket, message).label("opened here");
                if here.start <= bracket.start { told } else { told.note_at(here, "still open here") }
            }
            (None, ErrorKind::MappingValueNotAllowed) => self.stray_colon(here),
            (_, kind) => {
                let (message, help) = explain(kind);
                let told = Diagnostic::new(Code::Syntax, here, message);
                if help.is_empty() { told } else { told.help(help) }
            }
        };
        let told = if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            Diagnostic::new(Code::TooLarge, here, format!("nested more than {DEPTH_MOST} deep"))
        } else {
            told
        };
        self.diags.push(told);
    }

    /// A `:` that belongs to no key: the second of its line, or the first after a line without one, or indented wrong.
    fn stray_colon(&self, colon: Spot) -> Diagnostic {
        let before = &self.text[..colon.start as usize];
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        if before[line..].contains(": ") {
            let message = "a second `: ` where one value is expected";
            return Diagnostic::new(Code::Syntax, colon, message).help("put the value in quotes");
        }
        let end = self.text[..line].trim_end().len();
        let start = self.text[..end].rfind('\n').map_or(0, |at| at + 1);
        let above = self.text[start..end].trim_start();
        if above.is_empty() || above.contains(": ") || above.ends_with(':') {
            let (message, help) = explain(&ErrorKind::InvalidIndentation);
            let indent = before[line..].len() - before[line..].trim_start().len();
            let key = Spot::new(self.file, line + indent, before.len());
            return Diagnostic::new(Code::Syntax, key, message).help(help);
        }
        let spot = Spot::new(self.file, end - above.len(), end);
        Diagnostic::new(Code::Syntax, spot, "this line has no `: ` after its key").help("write `key: value`")
    }

    /// A tab that indents the line of the error or one beside it.
    fn tab_near(&self, at: usize) -> Option<Spot> {
        let wrong = self.text.get(..at).unwrap_or(self.text).matches('\n').count();
        let mut start = 0;
        for (number, line) in self.text.split('\n').enumerate() {
            let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
            let tab = line[..indent].find('\t');
            if let (Some(tab), true, false) = (tab, number.abs_diff(wrong) <= 1, line.trim().is_empty()) {
                return Some(Spot::new(self.file, start + tab, start + tab + 1));
            }
            start += line.len() + 1;
        }
        None
    }
}

/// A key is any scalar; `null` and `~` are words like others here.
fn read_key(text: &str, node: Node, diags: &mut Diagnostics) -> Key {
    let spot = node.part(0, usize::MAX);
    match node.value {
        Value::Scalar { text, .. } => return Key::Given(Spotted::new(text, spot)),
        Value::Null if node.spot.start < node.spot.end => {
            return Key::Given(Spotted::new(text[spot.start as usize..spot.end as usize].to_owned(), spot));
        }
        _ => {}
    }
    let message = format!("a key is a word, this is {}", node.shape());
    diags.push(Diagnostic::new(Code::Syntax, spot, message));
    Key::Nonsense
}

fn never_closed(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnclosedFlowCollection { .. }
            | ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofImplicitFlowMapping
    )
}

/// What is wrong and what to do, for the mistakes people make; the parser's own words for the rest.
fn explain(kind: &ErrorKind) -> (String, &'static str) {
    let quote = "put the value in quotes";
    match kind {
        ErrorKind::UnclosedQuotedScalar => ("this quote is never closed".to_owned(), ""),
        ErrorKind::UnknownAnchor => ("this alias has no anchor".to_owned(), "write `&name` at the value it repeats"),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            ("a second `: ` where one value is expected".to_owned(), quote)
        }
        ErrorKind::UnexpectedCharacter { character } => (format!("`{character}` cannot begin a value"), quote),
        ErrorKind::UnknownQuotedScalarEscape => {
            ("unknown escape in double quotes".to_owned(), "single quotes take a backslash as it is")
        }
        ErrorKind::InvalidIndentation
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::MappingKeyNotAllowed => (
            "this line does not fit those around it: `key: value` or `- entry` is expected".to_owned(),
            "lines that belong together start at the same column, and a `:` is followed by a space",
        ),
        ErrorKind::MisplacedFlowCollectionEnd => ("this bracket closes nothing".to_owned(), ""),
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            ("`,` or a closing bracket is expected".to_owned(), "")
        }
        kind => (kind.to_string(), ""),
    }
}

/// The place of an unquoted scalar, which is the only thing a comma can tear.
fn plain_spot(node: &Node) -> Option<Spot> {
    matches!(node.value, Value::Scalar { quoted: false, .. }).then_some(node.spot)
}

/// How many levels the tree has, counting itself.
fn depth(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(depth).max().unwrap_or(0),
        Value::Map(entries) => entries.iter().map(|(_, node)| depth(node)).max().unwrap_or(0),
        _ => 0,
    }
}

/// How many values the tree has, counting itself.
fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|(_, node)| size(node)).sum::<usize>(),
        _ => 0,
    }
}
