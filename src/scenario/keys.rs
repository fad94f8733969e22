//! `keys:`: values that a request carries.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Spot, Spotted};
use crate::fields::reader::{Reader, parse_node};
use crate::fields::{Field, PolicyForm, Shape, Table, Thing};
use crate::reader::{self, Term};
use crate::scenario::values::{Env, draw, inert, letters, name, weight};
use crate::scenario::{Key, KeyOrigin, KeyOverride, Popularity};
use crate::text::Node;
use crate::units::{Dimension, UnitError};

/// The fields of a key.
pub static KEY: Table = Table {
    name: "key",
    about: "A value that a request carries and hands on: drawn from a population, or a function of another key",
    fields: &[
        Field::new(
            "count",
            Shape::Count,
            "2M",
            "How many values there are; of a function of another key: how many groups",
        ),
        Field::new(
            "popularity",
            Shape::Policy(POPULARITY),
            "zipf(0.99)",
            "How often each value is drawn; without it all alike",
        ),
        Field::new("of", Shape::Name(Thing::Key), "user", "The key that this one is a function of"),
        Field::new(
            "shares",
            Shape::MapOf(&Shape::OneOf(&[Shape::Share, Shape::Number])),
            "{gold: 10%, plain: 90%}",
            "Named values and their shares",
        ),
        Field::new(
            "sizes",
            Shape::Policy(POPULARITY),
            "zipf(1.1)",
            "How the sizes of the groups differ; without it all alike",
        ),
        Field::new(
            "like",
            Shape::Name(Thing::Key),
            "user",
            "An independent draw from the same population, with a popularity of its own if one is given: `author` 17 is `user` 17",
        ),
        Field::new(
            "bytes",
            Shape::Distribution(Dimension::Bytes),
            "lognormal(mean=60KB cv=2)",
            "Size of the object with that value, drawn once for each value",
        ),
        Field::new(
            "scattered",
            Shape::Bool,
            "true",
            "Popular values are spread over the key space instead of being neighbours",
        ),
        Field::new(
            "versioned",
            Shape::Bool,
            "true",
            "The version of an object is part of its name (`app.3f2a.js`), so a `release` makes new objects, and no copy of an old one is ever in the way",
        ),
    ],
};

/// How popularity is written.
pub(super) const POPULARITY: &[PolicyForm] = &[
    PolicyForm { name: "uniform", arguments: "", about: "all alike" },
    PolicyForm {
        name: "zipf",
        arguments: "(0.99)",
        about: "rank r is drawn in proportion to r to the power of minus the exponent",
    },
    PolicyForm {
        name: "hot",
        arguments: "(10% 90%)",
        about: "the first share of the keys gets the second share of the draws",
    },
    PolicyForm { name: "scan", arguments: "", about: "one after the other" },
    PolicyForm { name: "trace", arguments: "(file.csv)", about: "the values of a file, one after the other" },
];

/// Popularity as written, before its file is read.
enum Written {
    Known(Popularity),
    Trace(String),
}

/// Reads one key.
pub(super) fn key(owner: Spot, node: &Node, env: &mut Env, diags: &mut Diagnostics) -> Key {
    let mut r = Reader::new(owner, node, &KEY, diags);
    let scattered = r.flag("scattered").is_some_and(|flag| flag.value);
    let versioned = r.flag("versioned").filter(|flag| flag.value).map(|flag| flag.spot);
    let origin = match r.one_of(&["like", "of"]) {
        Some("like") => {
            inert(&mut r, &["count", "shares", "sizes", "versioned"], "beside `like`");
            let own = popularity(&mut r, "popularity", env);
            name(&mut r, "like").map(|like| KeyOrigin::Like(like, own))
        }
        Some(_) => function(&mut r, env),
        None => drawn(&mut r, env),
    };
    let nothing = KeyOrigin::Drawn { count: 1, popularity: Popularity::Uniform };
    let bytes = draw(&mut r, env, "bytes", Dimension::Bytes);
    Key { origin: origin.unwrap_or(nothing), scattered, versioned, bytes }
}

fn drawn(r: &mut Reader, env: &mut Env) -> Option<KeyOrigin> {
    inert(r, &["shares", "sizes"], "without `of`");
    let is_trace = r.node("popularity").and_then(Node::as_text).is_some_and(|text| text.starts_with("trace("));
    if !r.has("count") && !is_trace && r.is_map() {
        let told = Diagnostic::new(Code::MissingField, r.owner(), "this key has no `count`");
        r.tell(told.help("add `count: 2M`, or `of` or `like` another key"));
    }
    let count = r.count_from("count", 1);
    let popularity = popularity(r, "popularity", env).unwrap_or(Popularity::Uniform);
    let count = match &popularity {
        Popularity::Trace(values) if count.is_none() => values.iter().max().map(|most| most + 1),
        _ => count.map(|count| count.value),
    };
    Some(KeyOrigin::Drawn { count: count?, popularity })
}

fn function(r: &mut Reader, env: &mut Env) -> Option<KeyOrigin> {
    inert(r, &["popularity", "scattered"], "beside `of`");
    let of = name(r, "of");
    if r.exactly_one(&["shares", "count"])? == "count" {
        let count = r.count_from("count", 1);
        let sizes = popularity(r, "sizes", env).unwrap_or(Popularity::Uniform);
        return Some(KeyOrigin::Grouped { of: of?, count: count?.value, sizes });
    }
    inert(r, &["sizes"], "beside `shares`");
    let mut shares = Vec::new();
    for (key, node) in r.map("shares") {
        shares.extend(weight(node, r.diags()).map(|weight| (key.value.clone(), weight)));
    }
    shares.sort_by(|a, b| a.0.cmp(&b.0));
    Some(KeyOrigin::Shares { of: of?, shares })
}

fn popularity(r: &mut Reader, field: &str, env: &mut Env) -> Option<Popularity> {
    let node = r.node(field)?;
    popularity_of(node, env, r.diags())
}

fn popularity_of(node: &Node, env: &mut Env, diags: &mut Diagnostics) -> Option<Popularity> {
    let written = parse_node(node, Code::Policy, read_popularity, diags)?;
    match written.value {
        Written::Known(popularity) => Some(popularity),
        Written::Trace(file) => {
            let rows = env.rows(&file, written.spot, diags)?;
            let mut values = Vec::with_capacity(rows.len());
            for cell in rows.iter().filter_map(|row| row.first()) {
                let Ok(value) = cell.value.parse() else {
                    let message = format!("`{}` is not the number of a key", cell.value);
                    diags.push(Diagnostic::new(Code::OutOfRange, cell.spot, message));
                    return None;
                };
                values.push(value);
            }
            Some(Popularity::Trace(values))
        }
    }
}

/// Reads what a load says about one key: a value, or another popularity.
pub(super) fn overriding(
    key: &Spotted<String>,
    node: &Node,
    env: &mut Env,
    diags: &mut Diagnostics,
) -> Option<Spotted<KeyOverride>> {
    let value = match node.as_text().and_then(|text| text.parse().ok()) {
        Some(value) => KeyOverride::Value(value),
        None => KeyOverride::Popularity(popularity_of(node, env, diags)?),
    };
    Some(Spotted::new(value, letters(key)))
}

fn read_popularity(text: &str) -> Result<Written, UnitError> {
    let term = reader::read_term(text)?;
    term.expect_only(&[])?;
    let known = match term.name.text.as_str() {
        "uniform" => bare(&term, Popularity::Uniform)?,
        "scan" => bare(&term, Popularity::Scan)?,
        "zipf" => {
            term.expect_positionals(1, 1, "zipf(0.99)")?;
            let exponent = term.quantity(0, Dimension::Number, "zipf(0.99)")?;
            if !(0.0..=10.0).contains(&exponent) {
                return Err(term.wrong("the exponent of `zipf` lies between 0 and 10", None));
            }
            Popularity::Zipf(exponent)
        }
        "hot" => {
            term.expect_positionals(2, 2, "hot(10% 90%)")?;
            let keys = term.quantity(0, Dimension::Share, "hot(10% 90%)")?;
            let draws = term.quantity(1, Dimension::Share, "hot(10% 90%)")?;
            if keys <= 0.0 || 1.0 < keys || !(0.0..=1.0).contains(&draws) {
                return Err(term.wrong("the shares of `hot` lie between 0% and 100%", None));
            }
            Popularity::Hot { keys, draws }
        }
        "trace" => {
            term.expect_positionals(1, 1, "trace(file.csv)")?;
            let file = term.positional(0).and_then(|value| value.word());
            let file = file.ok_or_else(|| term.missing("the name of a file", "trace(file.csv)"))?;
            return Ok(Written::Trace(file.text.clone()));
        }
        _ => {
            let known: Vec<&str> = POPULARITY.iter().map(|form| form.name).collect();
            return Err(term.unknown("a popularity", &known));
        }
    };
    Ok(Written::Known(known))
}

fn bare(term: &Term, popularity: Popularity) -> Result<Popularity, UnitError> {
    term.expect_bare().map(|()| popularity)
}
