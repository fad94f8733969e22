//! `residency:`: where the data of certain people may be.

use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::fields::reader::Reader;
use crate::scenario::Reference;
use crate::scenario::values::{letters, name_of};

/// Data of requests with this value of the key stays in these places.
#[derive(Clone, Debug)]
pub struct Residency {
    pub key: Reference,
    pub value: Reference,
    pub places: Vec<Reference>,
}

/// Reads `{home: {eu-west-1: [eu-west-1, eu-central-1]}}`, in the order of keys and values.
pub(super) fn residency(r: &mut Reader) -> Vec<Residency> {
    let mut rules = Vec::new();
    for (key, values) in r.map("residency") {
        let Some(entries) = values.as_map() else {
            let message = format!("places for each value of `{}` are expected, this is {}", key.value, values.shape());
            let told = Diagnostic::new(Code::WrongShape, values.spot, message);
            r.tell(told.help("write `{eu-west-1: [eu-west-1, eu-central-1]}`"));
            continue;
        };
        for (value, places) in entries {
            let items = places.as_list().map_or_else(|| vec![places], |items| items.iter().collect());
            let places: Vec<Reference> =
                items.into_iter().filter_map(|item| name_of(item, "a region", r.diags())).collect();
            let named = |name: &Spotted<String>| Spotted::new(name.value.clone(), letters(name));
            rules.push(Residency { key: named(key), value: named(value), places });
        }
    }
    rules.sort_by(|a, b| (&a.key.value, &a.value.value).cmp(&(&b.key.value, &b.value.value)));
    rules
}
