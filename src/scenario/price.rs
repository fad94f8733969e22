//! `prices:`: what the author pays, over the built-in catalogue.

use std::collections::BTreeMap;

use crate::catalogue::{self, SPOT};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};
use crate::fields::reader::{Reader, parse_node};
use crate::fields::{Field, Shape, Table};
use crate::scenario::values::{inert, letters};
use crate::text::Node;
use crate::units::{self, Dimension, Per};

/// Over the built-in catalogue.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    /// Machine type -> dollars an hour.
    pub machines: BTreeMap<String, f64>,
    /// Component -> term of its machines.
    pub terms: BTreeMap<String, Spotted<String>>,
    /// Component -> what its machines cost less, and how they are taken back.
    pub spots: BTreeMap<String, Spotted<SpotTerm>>,
    /// Component -> dollars a request.
    pub requests: BTreeMap<String, f64>,
    /// Component -> volume tiers of bytes out: (up to bytes a month, dollars a byte).
    pub bytes_out: BTreeMap<String, Vec<(Option<f64>, f64)>>,
}

/// Machines that their provider may take back.
#[derive(Clone, Copy, Debug)]
pub struct SpotTerm {
    /// Share of the price on demand that is saved.
    pub discount: f64,
    /// Seconds from one notice to the next, on average, for each machine; and from a notice to the end.
    pub every_s: f64,
    pub notice_s: f64,
}

/// What a component costs besides its machines.
pub static PRICE: Table = Table {
    name: "price",
    about: "What a component costs",
    fields: &[
        Field::new(
            "term",
            Shape::Word(&["on_demand", "reserved_1y", "reserved_3y", "spot"]),
            "reserved_1y",
            "How its machines are bought; `spot` ones are cheap, and taken back now and then",
        )
        .or("on_demand"),
        Field::new(
            "discount",
            Shape::Share,
            "65%",
            "With `spot`: what is saved of the price on demand; 65% unless given, but it moves with the market",
        ),
        Field::new(
            "reclaims",
            Shape::Object(&RECLAIMS),
            "{every: 20d, notice: 2m}",
            "With `spot`: how often a machine is taken back; its instance leaves within the notice, and another one boots",
        ),
        Field::new(
            "out",
            Shape::ListOf(&Shape::Object(&TIER)),
            "[{upto: 10TB, price: $0.085/GB}, {price: $0.060/GB}]",
            "Bytes it sends, by volume of a month",
        ),
        Field::new("requests", Shape::Price(Dimension::MoneyPer(Per::Piece)), "$0.40/M", "Requests it gets"),
        Field::new("storage", Shape::Any, "$0.023/GB/month", "Bytes it keeps").later(),
        Field::new("in", Shape::Any, "$0.01/GB", "Bytes it gets").later(),
    ],
};

/// What stands beside a name.
pub static SHAPES: &[Shape] = &[Shape::Price(Dimension::MoneyRate), Shape::Object(&PRICE)];

static RECLAIMS: Table = Table {
    name: "reclaims",
    about: "How machines are taken back, each by itself and at any time alike",
    fields: &[
        Field::new("every", Shape::Time, "20d", "Time between two notices to a machine, on average").or("20d"),
        Field::new("notice", Shape::Time, "2m", "From the notice until the machine is gone").or("2m"),
    ],
};
static TIER: Table = Table {
    name: "tier",
    about: "A price up to a volume",
    fields: &[
        Field::new("upto", Shape::Bytes, "10TB", "Bytes a month; without it all that follow"),
        Field::new("price", Shape::Price(Dimension::MoneyPer(Per::Byte)), "$0.085/GB", "Of each byte").required(),
    ],
};

/// Reads the prices; `components` are the names that may stand beside machine types.
pub(super) fn prices(entries: &[(&Spotted<String>, &Node)], components: &[&str], diags: &mut Diagnostics) -> Prices {
    let mut prices = Prices::default();
    for (key, node) in entries {
        let is_component = components.contains(&key.value.as_str());
        if node.as_map().is_some() {
            if is_component {
                of_component(key, node, &mut prices, diags);
            } else {
                let told = Diagnostic::new(
                    Code::UnknownComponent,
                    letters(key),
                    format!("no component is called `{}`", key.value),
                );
                diags.push(told.nearest(&key.value, components.iter().copied()));
            }
            continue;
        }
        if is_component {
            let told = Diagnostic::new(
                Code::WrongShape,
                letters(key),
                format!("`{}` is a component, not a machine type", key.value),
            );
            diags.push(told.help("write `price:` on the component, or `{term: reserved_1y}` here"));
            continue;
        }
        if catalogue::find(&key.value).is_none() {
            let told =
                Diagnostic::new(Code::UnknownHost, letters(key), format!("no machine type is called `{}`", key.value));
            let mut known: Vec<&str> = catalogue::names().collect();
            known.extend(components);
            diags.push(told.nearest(&key.value, known));
            continue;
        }
        let price = parse_node(node, Code::Unit, |text| units::parse_as(text, Dimension::MoneyRate), diags);
        prices.machines.extend(price.map(|price| (key.value.clone(), price.value * 3600.0)));
    }
    prices
}

fn of_component(key: &Spotted<String>, node: &Node, prices: &mut Prices, diags: &mut Diagnostics) {
    let name = || key.value.clone();
    let mut r = Reader::new(letters(key), node, &PRICE, diags);
    if let Some(term) = r.word("term") {
        if term.value == "spot" {
            prices.spots.insert(name(), Spotted::new(spot(&mut r), term.spot));
        } else {
            inert(&mut r, &["discount", "reclaims"], "without `term: spot`");
        }
        if term.value != "on_demand" {
            prices.terms.insert(name(), term.map(str::to_owned));
        }
    }
    if !r.has("term") {
        inert(&mut r, &["discount", "reclaims"], "without `term: spot`");
    }
    if let Some(price) = r.quantity("requests", Dimension::MoneyPer(Per::Piece)) {
        prices.requests.insert(name(), price.value);
    }
    let tiers: Vec<&Node> = r.list("out");
    let mut read = Vec::new();
    for (place, node) in tiers.iter().enumerate() {
        let is_last = place + 1 == tiers.len();
        read.extend(tier(node, is_last, r.diags()));
    }
    let rising = read.windows(2).all(|pair: &[(Option<f64>, f64)]| pair[0].0 < pair[1].0 || pair[1].0.is_none());
    if !rising {
        let told = Diagnostic::new(Code::OutOfRange, r.key("out"), "each tier goes further than the one before");
        r.tell(told);
    }
    if !read.is_empty() {
        prices.bytes_out.insert(name(), read);
    }
}

fn spot(r: &mut Reader) -> SpotTerm {
    let discount = r.share("discount");
    let mut term = SpotTerm {
        discount: r.within("discount", discount, 0.0, 1.0).map_or(1.0 - SPOT, |share| share.value),
        every_s: 20.0 * 86_400.0,
        notice_s: 120.0,
    };
    if let Some(mut r) = r.object("reclaims") {
        let every = r.time("every");
        term.every_s = r.within("every", every, 1.0, f64::INFINITY).map_or(term.every_s, |every| every.value);
        term.notice_s = r.time("notice").map_or(term.notice_s, |notice| notice.value);
    }
    term
}

fn tier(node: &Node, is_last: bool, diags: &mut Diagnostics) -> Option<(Option<f64>, f64)> {
    let nameless = Spot { end: node.spot.start, ..node.spot };
    let mut r = Reader::new(nameless, node, &TIER, diags);
    let upto = r.bytes("upto").map(|upto| upto.value);
    if upto.is_none() && !is_last && !r.has("upto") {
        r.tell(
            Diagnostic::new(Code::MissingField, node.spot, "only the last tier goes on for ever")
                .help("add `upto: 10TB`"),
        );
    }
    let price = r.quantity("price", Dimension::MoneyPer(Per::Byte))?;
    Some((upto, price.value))
}

/// Where a number comes from.
pub const SOURCES: &[&str] = &["measured", "vendor", "default", "guess"];

/// Reads `assumptions:`: paths into the scenario, or to one of the `named` values of `let`, and where the numbers there come
/// from.
pub(super) fn assumptions(
    tree: &Node,
    entries: &[(&Spotted<String>, &Node)],
    named: &[String],
    diags: &mut Diagnostics,
) -> BTreeMap<String, String> {
    let mut read = BTreeMap::new();
    for (key, node) in entries {
        if !named.contains(&key.value) && !leads_somewhere(tree, &key.value) {
            let message = format!("nothing in this scenario is called `{}`", key.value);
            let told = Diagnostic::new(Code::UnknownPath, letters(key), message);
            diags.push(told.help("write a path such as `components.web.operations.show.cpu`"));
        }
        let Some(text) = node.as_text().filter(|_| !node.is_broken()) else { continue };
        if SOURCES.contains(&text) {
            read.insert(key.value.clone(), text.to_owned());
            continue;
        }
        let message = format!("`{text}` is not where a number comes from");
        let told = Diagnostic::new(Code::UnknownWord, node.part(0, text.len()), message);
        diags.push(told.nearest(text, SOURCES.iter().copied()).note("write measured, vendor, default or guess"));
    }
    read
}

/// Whether the path names something: map keys, numbers of list entries, or the verb of a step.
fn leads_somewhere(tree: &Node, path: &str) -> bool {
    if path.is_empty() {
        return true;
    }
    if let Some(items) = tree.as_list() {
        let (head, rest) = path.split_once('.').unwrap_or((path, ""));
        return match head.parse::<usize>() {
            Ok(index) => items.get(index).is_some_and(|item| leads_somewhere(item, rest)),
            Err(_) => items.iter().any(|item| item.get(head).is_some_and(|node| leads_somewhere(node, rest))),
        };
    }
    let Some(entries) = tree.as_map() else { return false };
    // A name may hold dots itself, such as a machine type.
    entries.iter().any(|(key, node)| match path.strip_prefix(key.value.as_str()) {
        Some("") => true,
        Some(rest) => rest.strip_prefix('.').is_some_and(|rest| leads_somewhere(node, rest)),
        None => false,
    })
}
