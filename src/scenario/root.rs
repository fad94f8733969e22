//! The whole of a scenario: from files to one tree, from the tree to [`Scenario`].
//!
//! Lowering goes on after a mistake and leaves out as little as possible, so that compilation can tell its own mistakes
//! in the same go; whoever calls looks at the diagnostics before using what came out.

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Sources, Spot, Spotted};
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table, Thing};
use crate::scenario::component::{self, KINDS};
use crate::scenario::fault::{self, FAULTS};
use crate::scenario::goal;
use crate::scenario::growth::{self, PLAN};
use crate::scenario::journey::JOURNEY;
use crate::scenario::keys::{self, KEY};
use crate::scenario::load::{self, LOAD};
use crate::scenario::machine::{self, HOST, LINK, REGION};
use crate::scenario::policy::{self, POLICY};
use crate::scenario::price;
use crate::scenario::residency;
use crate::scenario::run::{self, RUN};
use crate::scenario::stamps::{self, STAMP};
use crate::scenario::values::{Env, arrow, exactness, letters};
use crate::scenario::watch::{self, ALERT, CONDITION_SHAPES};
use crate::scenario::{Named, Pair, Run, Scenario};
use crate::text::{self, Node, Read};

/// What the user gave on the command line.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The file; `-` for standard input.
    pub path: &'a str,
    /// How files are read.
    pub read: Read<'a>,
    /// `PATH=VALUE` each.
    pub sets: &'a [String],
    /// The name of a variant.
    pub variant: Option<&'a str>,
}

/// The fields at the top of a scenario.
pub fn root_table() -> &'static Table {
    &ROOT
}

static ROOT: Table = Table {
    name: "scenario",
    about: "Who asks, what answers, what goes wrong, what it costs and what must hold",
    fields: &[
        Field::new("plimsoll", Shape::Word(&["1"]), "1", "The version of the language").required(),
        Field::new(
            "title",
            Shape::Text,
            "One server, one queue",
            "What reports call it; without it the name of the file",
        ),
        Field::new("description", Shape::Text, "A shop on a Friday evening", "A sentence or two for the report"),
        Field::new(
            "extends",
            Shape::OneOf(&[Shape::Name(Thing::File), Shape::ListOf(&Shape::Name(Thing::File))]),
            "02-separate-database.yaml",
            "The file, or files, that this one changes",
        ),
        Field::new("let", Shape::MapOf(&Shape::Any), "{daily: 2M}", "Named values, used as `$name` and in `$(sums)`"),
        Field::new("run", Shape::Object(&RUN), "{duration: 10m}", "How long, how often and from which seed").required(),
        Field::new(
            "load",
            Shape::MapOf(&Shape::Object(&LOAD)),
            "{users: {rate: 90/s, requests: {api.serve: 1}}}",
            "Who asks",
        ),
        Field::new(
            "keys",
            Shape::MapOf(&Shape::Object(&KEY)),
            "{user: {count: 2M, popularity: zipf(0.99)}}",
            "Values that requests carry",
        ),
        Field::new(
            "components",
            Shape::MapOf(&Shape::Kind(KINDS)),
            "{api: {kind: service, operations: {serve: [{cpu: 3ms}]}}}",
            "What answers",
        ),
        Field::new("hosts", Shape::MapOf(&Shape::Object(&HOST)), "{box: {cores: 4}}", "Machines that components share"),
        Field::new("regions", Shape::MapOf(&Shape::Object(&REGION)), "{us-east-1: {zones: 3}}", "Where it stands"),
        Field::new("links", Shape::MapOf(&Shape::Object(&LINK)), "{web -> db: {latency: 300us}}", "What lies between"),
        Field::new(
            "residency",
            Shape::MapOf(&Shape::MapOf(&Shape::ListOf(&Shape::Name(Thing::Place)))),
            "{home: {eu-west-1: [eu-west-1, eu-central-1]}}",
            "Data of requests with that value of the key stays in these places; what does not is told and counted",
        ),
        Field::new(
            "policies",
            Shape::MapOf(&Shape::Object(&POLICY)),
            "{any -> any: {timeout: 2s}}",
            "What surrounds calls; the more exact arrow wins, field by field",
        ),
        Field::new(
            "faults",
            Shape::MapOf(&Shape::Verb(FAULTS)),
            "{dies: {at: 3m, kill: web/2, for: 5m}}",
            "What goes wrong",
        ),
        Field::new(
            "objectives",
            Shape::MapOf(&Shape::OneOf(CONDITION_SHAPES)),
            "{fast: latency p99 <= 300ms}",
            "What must hold",
        ),
        Field::new(
            "evolve_when",
            Shape::MapOf(&Shape::OneOf(CONDITION_SHAPES)),
            "{slow: latency p95 > 500ms for 5m}",
            "When the design has had its day",
        ),
        Field::new(
            "alerts",
            Shape::MapOf(&Shape::OneOf(ALERT_SHAPES)),
            "{errors_high: {when: errors > 5% for 5m, severity: P1}}",
            "What calls somebody",
        ),
        Field::new(
            "variants",
            Shape::MapOf(&Shape::Any),
            "{small: {components: {web: {instances: 2}}}}",
            "Named changes to this scenario",
        ),
        Field::new(
            "assumptions",
            Shape::MapOf(&Shape::Word(price::SOURCES)),
            "{components.web.operations.show.cpu: measured}",
            "Where numbers come from",
        ),
        Field::new(
            "prices",
            Shape::OneOf(&[Shape::Name(Thing::File), Shape::MapOf(&Shape::OneOf(price::SHAPES))]),
            "{c5.2xlarge: $0.34/h}",
            "What the author pays, over the built-in catalogue",
        ),
        Field::new(
            "journey",
            Shape::Object(&JOURNEY),
            "{stages: [{scenario: 01-single-server.yaml, users: 1k}]}",
            "A ladder of scenarios, in place of all that makes one",
        ),
        Field::new(
            "plan",
            Shape::Object(&PLAN),
            "{growth: 8%/month, horizon: 18 months}",
            "How load and data grow; `plimsoll plan` says when an objective breaks",
        ),
        Field::new(
            "stamps",
            Shape::MapOf(&Shape::Object(&STAMP)),
            "{cell: {count: 10, by: tenant, of: [web, db]}}",
            "Copies of several components together; each tenant lives in one of them",
        ),
    ],
};

static ALERT_SHAPES: &[Shape] = &[Shape::Condition, Shape::Object(&ALERT)];

/// What leaves a hole in the tree: a file that was not read, and all that may stand in it.
const UNREAD: &[Code] = &[Code::FileNotFound, Code::Syntax, Code::Tab, Code::TooLarge, Code::Empty, Code::Cycle];

/// Reads a scenario with all it extends, the variant and the settings of the command line.
///
/// Also answers the resolved tree. `None` if there is no tree to speak of; otherwise the diagnostics say whether what
/// came out may be used.
pub fn load(given: &Given, sources: &mut Sources, diags: &mut Diagnostics) -> Option<(Scenario, Node)> {
    let mut tree = text::load(given.path, given.read, sources, diags)?;
    if diags.iter().any(|told| UNREAD.contains(&told.code)) {
        return None;
    }
    if let Some((key, _)) = tree.entry("journey") {
        let told = Diagnostic::new(Code::Excluded, key.spot, "this file is a ladder of scenarios and none itself");
        diags.push(told.help("`plimsoll journey FILE` tells it; the scenarios it names can be run"));
        return None;
    }
    if let Some(name) = given.variant {
        vary(&mut tree, name, sources, diags);
    }
    for set in given.sets {
        if let Some((path, value)) = set.split_once('=') {
            text::set(&mut tree, path, value, sources, diags);
            continue;
        }
        let file = sources.add(format!("--set {set}"), set.clone());
        let told = Diagnostic::new(Code::UnknownPath, Spot::new(file, 0, set.len()), format!("`{set}` sets nothing"));
        diags.push(told.help("write `--set PATH=VALUE`"));
    }
    price_file(&mut tree, given.read, sources, diags);
    let uncertain = text::take_ranges(&mut tree, diags);
    let named = tree.get("let").and_then(Node::as_map).unwrap_or(&[]);
    let named = named.iter().map(|(key, _)| format!("let.{}", key.value)).collect();
    text::resolve(&mut tree, diags);
    let mut env = Env { named, ..Env::new(given.read, sources) };
    let mut scenario = lower(&tree, given.path, &mut env, diags);
    scenario.uncertain = uncertain;
    scenario.hash = hash(&tree, &env);
    Some((scenario, tree))
}

/// Lowers a resolved tree. `file` is what the user called it. The hash is that of the tree alone.
pub fn lower(tree: &Node, file: &str, env: &mut Env, diags: &mut Diagnostics) -> Scenario {
    let nameless = Spot { end: tree.spot.start, ..tree.spot };
    let mut r = Reader::new(nameless, tree, &ROOT, diags);
    version(&mut r);
    let run = run_of(&mut r);
    env.start_s = run.start_s;
    env.objectives = names(&r, "objectives");
    let objectives = env.objectives.clone();
    let objectives: Vec<&str> = objectives.iter().map(String::as_str).collect();
    let components = names(&r, "components");
    env.components.clone_from(&components);
    let components: Vec<&str> = components.iter().map(String::as_str).collect();
    let title = r.text("title").map(|title| title.value);
    let stem = Path::new(file).file_stem().map_or_else(|| file.to_owned(), |stem| stem.to_string_lossy().into_owned());
    let mut scenario = Scenario {
        title: title.unwrap_or(stem),
        description: r.text("description").map(|text| text.value),
        file: file.to_owned(),
        hash: blake3::hash(text::canonical(tree).as_bytes()).to_hex().to_string(),
        run,
        load: named(&mut r, "load", |owner, node, diags| Some(load::load(owner, node, env, diags))),
        keys: named(&mut r, "keys", |owner, node, diags| Some(keys::key(owner, node, env, diags))),
        components: named(&mut r, "components", |owner, node, diags| {
            Some(component::component(owner, node, env, diags))
        }),
        hosts: named(&mut r, "hosts", |owner, node, diags| Some(machine::host(owner, node, env, diags))),
        regions: regions(&mut r),
        residency: residency::residency(&mut r),
        links: arrows(&mut r, "links", |owner, node, diags| machine::link(owner, node, env, diags)),
        policies: arrows(&mut r, "policies", |owner, node, diags| policy::of_arrow(owner, node, env, diags)),
        faults: faults(&mut r, env),
        objectives: with_node(&mut r, "objectives", |node, diags| {
            watch::conditions(&goal::without(node), &objectives, diags)
        }),
        goals: with_node(&mut r, "objectives", |node, diags| goal::goals(node, &objectives, diags)),
        evolve_when: with_node(&mut r, "evolve_when", |node, diags| watch::conditions(node, &objectives, diags)),
        alerts: with_node(&mut r, "alerts", |node, diags| watch::alerts(node, &objectives, diags)),
        prices: price::prices(&r.map("prices"), &components, r.diags()),
        assumptions: price::assumptions(tree, &r.map("assumptions"), &env.named, r.diags()),
        uncertain: Vec::new(),
        plan: r.object("plan").and_then(|mut r| growth::growth(&mut r)),
        variants: variants(tree, r.diags()),
        stamps: named(&mut r, "stamps", |owner, node, diags| Some(stamps::stamp(owner, node, diags))),
    };
    stamps::copy_out(&mut scenario, r.diags());
    scenario
}

/// The hash of what the tree says and of every data file it uses.
fn hash(tree: &Node, env: &Env) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(text::canonical(tree).as_bytes());
    let mut data: Vec<&str> = env.data.iter().map(|file| env.sources.text(*file)).collect();
    data.sort_unstable();
    for text in data {
        hasher.update(&[0]);
        hasher.update(text.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

fn version(r: &mut Reader) {
    let Some(node) = r.node("plimsoll") else { return };
    if node.as_text() != Some("1") {
        let message = format!("this program reads version 1 of the language, not {}", node.shape());
        let told = Diagnostic::new(Code::LanguageVersion, node.part(0, usize::MAX), message);
        r.tell(told.help("write").patch(node.part(0, usize::MAX), "1"));
    }
}

fn run_of(r: &mut Reader) -> Run {
    if let Some(mut r) = r.object("run").filter(Reader::is_map) {
        return run::run(&mut r);
    }
    // That `run` is missing is told already; its defaults do for what follows.
    let empty = Node::new(text::Value::Map(vec![]), Spot::default());
    run::run(&mut Reader::new(Spot::default(), &empty, &RUN, &mut Diagnostics::new()))
}

/// The names under a field that is a map, or a list named by its texts.
fn names(r: &Reader, field: &str) -> Vec<String> {
    let entries = r.node(field).map(|node| watch::entries(node, "", &mut Diagnostics::new()));
    entries.unwrap_or_default().into_iter().map(|(key, _)| key.value).collect()
}

/// Reads the entries of a map from names to things.
fn named<T>(r: &mut Reader, field: &str, mut read: impl FnMut(Spot, &Node, &mut Diagnostics) -> Option<T>) -> Named<T> {
    let mut things = Named::new();
    for (key, node) in r.map(field) {
        check_name(key, r.diags());
        if let Some(thing) = read(letters(key), node, r.diags()) {
            things.insert(key.value.clone(), Spotted::new(thing, letters(key)));
        }
    }
    things
}

/// The regions, of which one at most is the default.
fn regions(r: &mut Reader) -> Named<crate::scenario::Region> {
    let regions = named(r, "regions", |owner, node, diags| Some(machine::region(owner, node, diags)));
    let mut defaults = regions.values().filter(|region| region.value.is_default);
    if let (Some(first), Some(second)) = (defaults.next(), defaults.next()) {
        let told = Diagnostic::new(Code::Excluded, second.spot, "two regions are the default for what says no place");
        r.tell(told.note_at(first.spot, "the first of them"));
    }
    regions
}

/// A name may be pointed at as `a.b`, `a/b` and `a -> b`, so it holds none of these signs.
fn check_name(key: &Spotted<String>, diags: &mut Diagnostics) {
    let bad = |c: char| c.is_whitespace() || "./<>=$()".contains(c);
    if key.value.is_empty() || key.value.contains(bad) || key.value == "any" {
        let told = Diagnostic::new(Code::WrongShape, letters(key), format!("`{}` cannot be a name", key.value));
        diags.push(told.help("use letters, digits, `_` and `-`"));
    }
}

/// Reads the entries of a map from arrows to things, the most exact last.
fn arrows<T>(
    r: &mut Reader,
    field: &str,
    mut read: impl FnMut(Spot, &Node, &mut Diagnostics) -> T,
) -> Vec<Spotted<(Pair, T)>> {
    let mut things = Vec::new();
    for (key, node) in r.map(field) {
        let pair = arrow(key, r.diags());
        let thing = read(letters(key), node, r.diags());
        things.extend(pair.map(|pair| Spotted::new((pair, thing), letters(key))));
    }
    let place = |thing: &Spotted<(Pair, T)>| (exactness(&thing.value.0), format!("{:?}", names_of(&thing.value.0)));
    things.sort_by_cached_key(place);
    things
}

/// Both sides as text, so that the order of arrows is not that of the author's map.
fn names_of(pair: &Pair) -> [String; 2] {
    [&pair.from, &pair.to].map(|side| match side {
        crate::scenario::Side::Any => "any".to_owned(),
        crate::scenario::Side::Name(name) => name.value.clone(),
        crate::scenario::Side::Operation(name, operation) => format!("{}.{operation}", name.value),
    })
}

fn faults(r: &mut Reader, env: &mut Env) -> Named<crate::scenario::Fault> {
    let mut read = Named::new();
    let Some(node) = r.node("faults") else { return read };
    for (key, node) in watch::entries(node, "faults", r.diags()) {
        if let Some(fault) = fault::fault(letters(&key), node, env, r.diags()) {
            read.insert(key.value.clone(), Spotted::new(fault, letters(&key)));
        }
    }
    read
}

fn with_node<T: Default>(r: &mut Reader, field: &str, read: impl FnOnce(&Node, &mut Diagnostics) -> T) -> T {
    match r.node(field) {
        Some(node) => read(node, r.diags()),
        None => T::default(),
    }
}

/// Puts the map of the file in the place of its name, if `prices:` names one.
fn price_file(tree: &mut Node, read: Read, sources: &mut Sources, diags: &mut Diagnostics) {
    let Some(node) = tree.get_mut("prices") else { return };
    let Some(name) = node.as_text().map(str::to_owned) else { return };
    let mut env = Env::new(read, sources);
    let spot = node.part(0, name.len());
    let Some(file) = env.file(&name, spot, diags) else {
        node.origin = text::Origin::Broken;
        return;
    };
    let (name, text) = (sources.name(file).to_owned(), sources.text(file).to_owned());
    match text::parse(&name, &text, sources, diags) {
        Some(prices) => *node = prices,
        None => node.origin = text::Origin::Broken,
    }
}

/// Applies a variant: a patch under its name, or `name[value]` of one that varies a path over values.
fn vary(tree: &mut Node, name: &str, sources: &mut Sources, diags: &mut Diagnostics) {
    let found = tree.get("variants").and_then(|node| node.get(name)).cloned();
    if let Some(patch) = found.filter(|node| node.get("vary").is_none()) {
        text::patch(tree, &patch, diags);
        return;
    }
    let swept = name.strip_suffix(']').and_then(|name| name.split_once('['));
    let sweep = swept.and_then(|(name, value)| {
        let node = tree.get("variants")?.get(name)?;
        let path = node.get("vary")?;
        let over = node.get("over")?.as_list()?;
        let value = over.iter().find(|node| node.as_text() == Some(value))?;
        Some((Spotted::new(path.as_text()?.to_owned(), path.spot), value.clone()))
    });
    if let Some((path, value)) = sweep {
        text::set_at(tree, &path, value, diags);
        return;
    }
    let file = sources.add("--variant".to_owned(), name.to_owned());
    let told =
        Diagnostic::new(Code::UnknownVariant, Spot::new(file, 0, name.len()), format!("no variant is called `{name}`"));
    let known = variants(tree, &mut Diagnostics::new());
    let near = told.clone().nearest(name, known.iter().map(String::as_str));
    diags.push(match (near.help.is_some(), known.is_empty()) {
        (true, _) => near,
        (false, true) => told.help("the scenario has no `variants:`"),
        (false, false) => told.help(format!("its variants are {}", known.join(", "))),
    });
}

/// The names of all variants; one that varies a path counts once for each value.
fn variants(tree: &Node, diags: &mut Diagnostics) -> Vec<String> {
    let mut names = Vec::new();
    for (key, node) in tree.get("variants").and_then(Node::as_map).unwrap_or_default() {
        match (node.get("vary"), node.get("over").map(Node::as_list)) {
            (None, None) if node.as_map().is_some() => names.push(key.value.clone()),
            (None, None) => {
                let told = Diagnostic::new(
                    Code::WrongShape,
                    letters(key),
                    format!("the variant `{}` changes nothing", key.value),
                );
                diags.push(told.help("write what it changes, as in `{components: {web: {instances: 2}}}`"));
            }
            (Some(_), Some(Some(over))) => {
                names.extend(over.iter().filter_map(Node::as_text).map(|value| format!("{}[{value}]", key.value)));
            }
            _ => {
                let told = Diagnostic::new(Code::MissingField, letters(key), "a sweep has `vary` and a list `over`");
                diags.push(told.help("write `{vary: components.web.instances, over: [2, 4, 8]}`"));
            }
        }
    }
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Distribution;
    use crate::scenario::load::Demand;
    use crate::scenario::{Kind, Length, Verb};
    use std::io;

    const SMALLEST: &str = "\
plimsoll: 1
title: One server, one queue
run: {duration: 10m}
load: {users: {rate: 90/s, requests: {api.serve: 1}}}
components:
  api: {kind: service, workers: 1, operations: {serve: [{wait: exp(10ms)}]}}
objectives: {fast: latency p99 <= 500ms}
";

    /// Reads a text; what is told is rendered.
    fn read(text: &str, sets: &[&str], variant: Option<&str>) -> Result<(Scenario, Node), String> {
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
        let open = |path: &Path| match path.to_str() {
            Some("s.yaml") => Ok(text.to_owned()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let given = Given { path: "s.yaml", read: &open, sets: &sets, variant };
        let loaded = load(&given, &mut sources, &mut diags);
        if diags.is_empty() {
            Ok(loaded.expect("nothing was told"))
        } else {
            Err(crate::diagnostic::render_concise(&diags, &sources))
        }
    }

    #[test]
    fn the_smallest_scenario_is_read() {
        let (scenario, _) = read(SMALLEST, &[], None).expect("it is right");
        assert_eq!("One server, one queue", scenario.title);
        assert_eq!(
            (Length::Duration(600.0), 5, 42),
            (scenario.run.length, scenario.run.replications, scenario.run.seed)
        );
        let load = &scenario.load["users"].value;
        assert!(matches!(load.demand, Demand::Open { rate: 90.0 }));
        assert_eq!(("api.serve", 1.0), (&load.requests[0].0.value[..], load.requests[0].1));
        let api = &scenario.components["api"].value;
        assert!(matches!(api.kind, Kind::Service));
        assert_eq!((Some(1), Some(1024), true, 1), (api.workers, api.queue_limit, api.waits_sync, api.instances));
        let step = &api.operations["serve"].value.steps[0];
        assert!(matches!(step.verb.value, Verb::Wait(Distribution::Exponential { mean: 0.01 })));
        assert_eq!("latency p99 <= 500ms", scenario.objectives["fast"].value.text);
    }

    #[test]
    fn settings_and_variants_change_it() {
        let text = format!(
            "{SMALLEST}variants: {{two: {{components: {{api: {{workers: 2}}}}}}, many: {{vary: components.api.workers, over: [4, 8]}}}}\n"
        );
        let workers =
            |sets: &[&str], variant| read(&text, sets, variant).map(|(s, _)| s.components["api"].value.workers);
        assert_eq!(Ok(Some(1)), workers(&[], None));
        assert_eq!(Ok(Some(2)), workers(&[], Some("two")));
        assert_eq!(Ok(Some(8)), workers(&[], Some("many[8]")));
        assert_eq!(Ok(Some(3)), workers(&["api.workers=3"], Some("two")));
        assert!(workers(&[], Some("tow")).expect_err("misspelt").contains("E0315"));
        let (scenario, _) = read(&text, &[], None).expect("it is right");
        assert_eq!(["many[4]", "many[8]", "two"], scenario.variants[..]);
    }

    #[test]
    fn the_order_of_a_map_never_matters() {
        let lines: Vec<&str> = SMALLEST.lines().collect();
        let turned = [lines[6], lines[4], lines[5], lines[3], lines[2], lines[1], lines[0]].join("\n");
        let turned = turned.replace("{rate: 90/s, requests: {api.serve: 1}}", "{requests: {api.serve: 1}, rate: 90/s}");
        let (first, _) = read(SMALLEST, &[], None).expect("it is right");
        let (second, _) = read(&turned, &[], None).expect("it is right");
        assert_eq!(first.hash, second.hash);
        let (third, _) = read(SMALLEST, &["run.seed=43"], None).expect("it is right");
        assert_ne!(first.hash, third.hash);
    }

    #[test]
    fn defaults_are_written_out_and_read_back_the_same() {
        let (first, tree) = read(SMALLEST, &[], None).expect("it is right");
        let text = text::to_yaml(&crate::scenario::resolved::resolved(&tree));
        for default in [
            "replications: 5",
            "seed: 42",
            "limit: 1024",
            "balance: round_robin",
            "arrivals: poisson",
            "waits: sync",
            "start: Mon 00:00",
        ] {
            assert!(text.contains(default), "{default} is missing in\n{text}");
        }
        let (second, _) = read(&text, &[], None).unwrap_or_else(|told| panic!("{told}\n{text}"));
        let plain = |scenario: &Scenario| {
            let run = Run { scale: Spotted::new(scenario.run.scale.value, Spot::default()), ..scenario.run.clone() };
            format!("{run:?}") + &format!("{:?}", scenario.components["api"].value.order)
        };
        assert_eq!(plain(&first), plain(&second));
    }
}
