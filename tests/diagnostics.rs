//! Every broken scenario of `scenarios/bad` is told exactly as the file beside it says, every code has one, and the
//! kitchen sink uses every field there is.
//!
//! After a change of wording: `PLIMSOLL_BLESS=1 cargo test diagnostics`, then read the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use plimsoll::diagnostic::{Code, Diagnostics, Sources, render};
use plimsoll::distribution;
use plimsoll::fields::{Shape, Table};
use plimsoll::model::compile::compile;
use plimsoll::reader::nearest::SYNONYMS;
use plimsoll::scenario::Scenario;
use plimsoll::scenario::condition::parse::{self, MEASURES};
use plimsoll::scenario::root::{Given, load, root_table};
use plimsoll::text::{self, Node, Value};
use plimsoll::units::{self, Dimension};

/// What was told about a scenario, and what became of it.
struct Told {
    sources: Sources,
    diags: Diagnostics,
    scenario: Option<Scenario>,
    tree: Option<Node>,
}

/// Reads and compiles `root/name` as the program would, with the settings of its first line if that is
/// `# plimsoll: --set PATH=VALUE` or `# plimsoll: --variant NAME`.
fn read(root: &Path, name: &str, text: &str) -> Told {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let open =
        |path: &Path| if path == Path::new(name) { Ok(text.to_owned()) } else { fs::read_to_string(root.join(path)) };
    let line = text.lines().next().and_then(|line| line.strip_prefix("# plimsoll: ")).unwrap_or("");
    let sets: Vec<String> = line.strip_prefix("--set ").map(str::to_owned).into_iter().collect();
    let given = Given { path: name, read: &open, sets: &sets, variant: line.strip_prefix("--variant ") };
    let loaded = load(&given, &mut sources, &mut diags);
    if let Some((scenario, _)) = &loaded {
        compile(scenario, &mut diags);
    }
    let (scenario, tree) = loaded.unzip();
    Told { sources, diags, scenario, tree }
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn bad() -> Vec<String> {
    let files = fs::read_dir(folder("scenarios/bad")).expect("the folder is there");
    let names = files.map(|file| file.expect("it can be listed").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.split('.').next_back() == Some("yaml")).collect();
    names.sort();
    names
}

#[test]
fn each_broken_scenario_is_told_as_expected() {
    let root = folder("scenarios/bad");
    let bless = std::env::var_os("PLIMSOLL_BLESS").is_some();
    let mut wrong = Vec::new();
    for name in bad() {
        let text = fs::read_to_string(root.join(&name)).expect("it was listed");
        let told = read(&root, &name, &text);
        let shown = render(&told.diags, &told.sources, 100, false, true);
        let beside = root.join(name.replace(".yaml", ".stderr"));
        if bless {
            fs::write(&beside, &shown).expect("it can be written");
        } else if fs::read_to_string(&beside).unwrap_or_default() != shown {
            wrong.push(format!("{name} is told otherwise:\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}\nif this is right, say PLIMSOLL_BLESS=1", wrong.join("\n"));
}

#[test]
fn each_code_has_a_broken_scenario_that_is_named_after_it() {
    let root = folder("scenarios/bad");
    // Mistakes in configuration files, which are told by the program alone: tests/cli.rs has those.
    let elsewhere = [Code::NotToml, Code::UnknownProfile];
    let codes = Code::ALL.iter().filter(|code| !elsewhere.contains(code));
    let mut missing: BTreeSet<&str> = codes.map(|code| code.as_str()).collect();
    for name in bad() {
        let text = fs::read_to_string(root.join(&name)).expect("it was listed");
        let told = read(&root, &name, &text);
        let codes: Vec<&str> = told.diags.iter().map(|told| told.code.as_str()).collect();
        let own = name.get(..5).unwrap_or("").to_uppercase();
        if let Some(code) = Code::find(&own) {
            assert!(codes.contains(&code.as_str()), "{name} is told as {codes:?}");
            missing.remove(code.as_str());
            assert!(codes.iter().all(|told| *told == code.as_str()), "{name} has other mistakes, too: {codes:?}");
        }
    }
    assert!(missing.is_empty(), "no broken scenario for {missing:?}");
}

/// The kitchen sink, which must be without an error.
fn kitchen_sink(text: &str) -> Told {
    let told = read(&folder("tests"), "kitchen_sink.yaml", text);
    assert!(!told.diags.has_errors(), "{}", render(&told.diags, &told.sources, 100, false, true));
    told
}

fn sink_text() -> String {
    fs::read_to_string(folder("tests/kitchen_sink.yaml")).expect("it is there")
}

#[test]
fn the_kitchen_sink_uses_every_field() {
    let text = sink_text();
    let mut diags = Diagnostics::new();
    let tree = text::parse("sink", &text, &mut Sources::default(), &mut diags).expect("it is YAML");
    let mut used = BTreeSet::new();
    walk(&tree, &Shape::Object(root_table()), &mut used);
    // A ladder is a file of its own.
    let ladder = fs::read_to_string(folder("tests/kitchen_ladder.yaml")).expect("it is there");
    let ladder = text::parse("ladder", &ladder, &mut Sources::default(), &mut diags).expect("it is YAML");
    walk(&ladder, &Shape::Object(root_table()), &mut used);
    let mut lacking = Vec::new();
    for table in plimsoll::fields::reachable(root_table()) {
        for field in table.fields.iter().filter(|field| field.available) {
            if !used.contains(&(table.name, field.name)) {
                lacking.push(format!("`{}` of {}", field.name, table.name));
            }
        }
    }
    // What stands only in files that build on others, and what excludes a field that is used.
    let elsewhere = ["`extends` of scenario", "`requests` of run"];
    lacking.retain(|field| !elsewhere.contains(&field.as_str()) && !is_same_elsewhere(field));
    assert!(lacking.is_empty(), "the kitchen sink lacks {}", lacking.join(", "));
    kitchen_sink(&text);
}

#[test]
fn words_of_others_lead_to_words_of_ours() {
    let mut ours: BTreeSet<&str> = MEASURES.iter().map(|entry| entry.name).collect();
    for table in plimsoll::fields::reachable(root_table()) {
        ours.extend(table.fields.iter().filter(|field| field.available).map(|field| field.name));
        ours.insert(table.name);
    }
    let proposed = SYNONYMS.iter().flat_map(|(_, proposed)| proposed.iter());
    let unknown: Vec<_> = proposed.filter(|word| !ours.contains(*word)).collect();
    assert!(unknown.is_empty(), "nothing has the name of {unknown:?}");
}

#[test]
fn what_the_tables_show_can_be_read() {
    let mut wrong = Vec::new();
    for table in plimsoll::fields::reachable(root_table()) {
        for field in table.fields.iter().filter(|field| field.available) {
            for text in field.default.into_iter().chain([field.example]) {
                if !reads(&field.shape, text) {
                    wrong.push(format!("`{}: {text}` of {} is not {}", field.name, table.name, field.shape.noun()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a text is right in a field of this shape; of maps, lists and names only that they are YAML.
fn reads(shape: &Shape, text: &str) -> bool {
    let is = |dimension| units::parse_as(text, dimension).is_ok();
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let node = text::parse("example", text, &mut sources, &mut diags);
    let Some(node) = node.filter(|_| diags.is_empty()) else { return false };
    match shape {
        Shape::Time => is(Dimension::Time),
        Shape::Rate => is(Dimension::Rate),
        Shape::Bytes => is(Dimension::Bytes),
        Shape::Bandwidth => is(Dimension::Bandwidth),
        Shape::Share => is(Dimension::Share),
        Shape::Count => is(Dimension::Count),
        Shape::Number => is(Dimension::Number),
        Shape::Growth => is(Dimension::Growth),
        Shape::Price(dimension) => is(*dimension),
        Shape::Distribution(dimension) => distribution::parse(text, *dimension).is_ok(),
        Shape::Policy(forms) => forms.iter().any(|form| text.split('(').next() == Some(form.name)),
        Shape::Bool => ["true", "false"].contains(&text),
        Shape::Word(words) => words.contains(&text),
        Shape::AtTime => units::clock(text).is_some() || is(Dimension::Time),
        Shape::Condition => parse::condition(&node, &[], &mut diags).is_some(),
        Shape::Measure => parse::measure(&node, &mut diags).is_some(),
        Shape::OneOf(shapes) => shapes.iter().any(|shape| reads(shape, text)),
        Shape::Object(_) | Shape::MapOf(_) | Shape::Kind(_) | Shape::Verb(_) => node.as_map().is_some(),
        Shape::Steps(_) => node.as_text().is_none(),
        Shape::ListOf(_) => node.as_list().is_some(),
        Shape::Text | Shape::Name(_) => node.as_text().is_some(),
        Shape::Any => true,
    }
}

/// What every kind of component has is used on one of them.
fn is_same_elsewhere(field: &str) -> bool {
    const COMMON: [&str; 28] = [
        "place",
        "warm",
        "drain",
        "autoscale",
        "like",
        "abstract",
        "machine",
        "on",
        "instances",
        "workers",
        "waits",
        "queue",
        "balance",
        "sticky",
        "health",
        "prefer",
        "rate_limit",
        "cores",
        "memory",
        "disk",
        "nic",
        "speed",
        "scheduling",
        "price",
        "boot",
        "kind",
        "operations",
        "fallback",
    ];
    COMMON.iter().any(|name| field.starts_with(&format!("`{name}` of ")))
}

/// Notes which fields of which tables a value uses.
fn walk(node: &Node, shape: &Shape, used: &mut BTreeSet<(&'static str, &'static str)>) {
    match shape {
        Shape::Object(table) => walk_table(node, table, used),
        Shape::MapOf(of) => node.as_map().unwrap_or_default().iter().for_each(|(_, node)| walk(node, of, used)),
        Shape::ListOf(of) => node.as_list().unwrap_or_default().iter().for_each(|node| walk(node, of, used)),
        Shape::Kind(tables) => {
            let kind = node.get("kind").and_then(Node::as_text);
            tables.iter().filter(|table| Some(table.name) == kind).for_each(|table| walk_table(node, table, used));
        }
        Shape::Verb(tables) | Shape::Steps(tables) => match &node.value {
            Value::List(items) => items.iter().for_each(|node| walk(node, shape, used)),
            _ => tables
                .iter()
                .filter(|table| node.get(table.name).is_some())
                .for_each(|table| walk_table(node, table, used)),
        },
        Shape::OneOf(shapes) => shapes.iter().for_each(|shape| walk(node, shape, used)),
        _ => {}
    }
}

fn walk_table(node: &Node, table: &'static Table, used: &mut BTreeSet<(&'static str, &'static str)>) {
    for (key, value) in node.as_map().unwrap_or_default() {
        if let Some(field) = table.field(&key.value) {
            used.insert((table.name, field.name));
            walk(value, &field.shape, used);
        }
    }
}

#[test]
fn the_order_of_maps_changes_nothing() {
    let text = sink_text();
    let told = kitchen_sink(&text);
    let parsed = text::parse("sink", &text, &mut Sources::default(), &mut Diagnostics::new()).expect("it is YAML");
    let turned = text::to_yaml(&turned(&parsed));
    assert_ne!(text::to_yaml(&parsed), turned);
    let other = kitchen_sink(&turned);
    let hash = |told: &Told| told.scenario.as_ref().map(|scenario| scenario.hash.clone());
    assert_eq!(hash(&told), hash(&other));
    assert_eq!(plain(&told), plain(&other));
    let more = kitchen_sink(&text.replace("seed: 7", "seed: 8"));
    assert_ne!(hash(&told), hash(&more));
}

/// The same tree with every map the other way round.
fn turned(node: &Node) -> Node {
    let value = match &node.value {
        Value::Map(entries) => {
            Value::Map(entries.iter().rev().map(|(key, node)| (key.clone(), turned(node))).collect())
        }
        Value::List(items) => Value::List(items.iter().map(turned).collect()),
        other => other.clone(),
    };
    Node { value, ..node.clone() }
}

/// What a scenario says, without the places it was said at.
fn plain(told: &Told) -> String {
    let text = format!("{:?}", told.scenario);
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("Spot {") {
        plain.push_str(&rest[..at]);
        rest = &rest[at + rest[at..].find('}').expect("a place ends")..];
    }
    plain + rest
}

#[test]
fn the_resolved_scenario_means_the_same() {
    let told = kitchen_sink(&sink_text());
    let tree = told.tree.as_ref().expect("it was read");
    let whole = text::to_yaml(&plimsoll::scenario::resolved::resolved(tree));
    let again = kitchen_sink(&whole);
    // Not the same words: arrows say what they inherit.
    let meaning = |told: &Told| {
        let scenario = told.scenario.as_ref().expect("it was read");
        format!("{:#?}", compile(scenario, &mut Diagnostics::new()).expect("it compiles"))
    };
    let (first, second) = (meaning(&told), meaning(&again));
    assert!(whole.contains("deadline: 6s") && whole.matches("deadline: 6s").count() > 1, "arrows inherit");
    let at = first.bytes().zip(second.bytes()).position(|(a, b)| a != b).unwrap_or(first.len());
    let near = |text: &str| text.get(at.saturating_sub(200)..(at + 100).min(text.len())).unwrap_or("").to_owned();
    assert!(first == second, "{}\n{}", near(&first), near(&second));
}
