//! `hpa:`: the `spec` of a Kubernetes `HorizontalPodAutoscaler` (`autoscaling/v2`), pasted as it is: its names, its units.
//!
//! What it does not say is what Kubernetes fills in: at least 1 replica, 80 % of the cores, on the way up the larger of
//! 100 % and 4 pods every 15 s, on the way down everything, five minutes stable, 10 % tolerance.

use crate::diagnostic::{Code, Diagnostic, Spotted};
use crate::fields::reader::Reader;
use crate::fields::{Field, Shape, Table};
use crate::policy::scale::hpa::{Hpa, Metric, Source, Target};
use crate::policy::scale::{Allowance, Behaviour, By, Pace, Rule, Select};
use crate::scenario::condition::{Measure, parse};
use crate::scenario::scale::{Autoscale, as_node};
use crate::text::Node;
use crate::units::{Span, UnitError};

pub static HPA: Table = Table {
    name: "hpa",
    about: "The `spec` of a HorizontalPodAutoscaler, autoscaling/v2",
    fields: &[
        Field::new(
            "scaleTargetRef",
            Shape::Any,
            "{kind: Deployment, name: web}",
            "Accepted so that the block can be pasted: what is scaled is the component it stands in",
        ),
        Field::new("minReplicas", Shape::Count, "3", "Fewest pods").or("1"),
        Field::new("maxReplicas", Shape::Count, "100", "Most pods").required(),
        Field::new(
            "metrics",
            Shape::ListOf(&Shape::Object(&METRIC)),
            "[{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]",
            "What it looks at; the most demanding wins. Without any: 80 % of the cores",
        ),
        Field::new(
            "behavior",
            Shape::Object(&BEHAVIOR),
            "{scaleDown: {stabilizationWindowSeconds: 300}}",
            "How fast it may change",
        ),
    ],
};
static METRIC: Table = Table {
    name: "metric",
    about: "What is looked at",
    fields: &[
        Field::new(
            "type",
            Shape::Word(&["Resource", "ContainerResource", "Pods", "Object", "External"]),
            "Resource",
            "Which of the others is there",
        )
        .required(),
        Field::new(
            "resource",
            Shape::Object(&RESOURCE),
            "{name: cpu, target: {type: Utilization, averageUtilization: 70}}",
            "Cores or memory of the pods",
        ),
        Field::new(
            "containerResource",
            Shape::Object(&CONTAINER),
            "{name: cpu, container: app, target: {type: Utilization, averageUtilization: 70}}",
            "The same of one container; a pod has one here",
        ),
        Field::new(
            "pods",
            Shape::Object(&NAMED),
            "{metric: {name: requests_per_second}, target: {type: AverageValue, averageValue: 1k}}",
            "A metric of each pod",
        ),
        Field::new(
            "object",
            Shape::Object(&OBJECT),
            "{metric: {name: arrivals}, describedObject: {kind: Ingress, name: edge}, target: {type: Value, value: 10k}}",
            "A metric of something else",
        ),
        Field::new(
            "external",
            Shape::Object(&NAMED),
            "{metric: {name: queue_depth}, target: {type: AverageValue, averageValue: 30}}",
            "A metric from outside",
        ),
    ],
};
static NAME: Field = Field::new("name", Shape::Word(&["cpu", "memory"]), "cpu", "Which resource").required();
static TARGET: Field = Field::new(
    "target",
    Shape::Object(&TARGET_TABLE),
    "{type: Utilization, averageUtilization: 70}",
    "What it is to be kept at",
)
.required();
static METRIC_NAME: Field =
    Field::new("metric", Shape::Object(&IDENTIFIER), "{name: requests_per_second}", "Which one").required();
static RESOURCE: Table = Table { name: "resource", about: "Cores or memory of the pods", fields: &[NAME, TARGET] };
static CONTAINER: Table = Table {
    name: "containerResource",
    about: "Cores or memory of one container of the pods",
    fields: &[NAME, Field::new("container", Shape::Text, "app", "Its name; a pod has one container here"), TARGET],
};
static NAMED: Table = Table { name: "pods", about: "A metric by its name", fields: &[METRIC_NAME, TARGET] };
static OBJECT: Table = Table {
    name: "object",
    about: "A metric of something else",
    fields: &[
        METRIC_NAME,
        Field::new(
            "describedObject",
            Shape::Any,
            "{kind: Ingress, name: edge}",
            "Accepted so that the block can be pasted: `means` says what is measured",
        ),
        TARGET,
    ],
};
static IDENTIFIER: Table = Table {
    name: "identifier",
    about: "The name of a metric",
    fields: &[
        Field::new(
            "name",
            Shape::Text,
            "requests_per_second",
            "A measure (`arrivals`), or a name that `means` explains",
        )
        .required(),
        Field::new(
            "selector",
            Shape::Any,
            "{matchLabels: {queue: mail}}",
            "Accepted so that the block can be pasted: `means` says what is measured",
        ),
    ],
};
static TARGET_TABLE: Table = Table {
    name: "target",
    about: "What a metric is to be kept at",
    fields: &[
        Field::new(
            "type",
            Shape::Word(&["Utilization", "AverageValue", "Value"]),
            "Utilization",
            "Which of the others is there",
        )
        .required(),
        Field::new("averageUtilization", Shape::Count, "70", "Percent of what the pods request"),
        Field::new("averageValue", Shape::Text, "500m", "Per pod, as Kubernetes writes quantities: 500m, 1k, 100Mi"),
        Field::new("value", Shape::Text, "10k", "Of all"),
    ],
};
static BEHAVIOR: Table = Table {
    name: "behavior",
    about: "How fast the number of pods may change",
    fields: &[
        Field::new("scaleUp", Shape::Object(&RULES), "{stabilizationWindowSeconds: 60}", "On the way up"),
        Field::new("scaleDown", Shape::Object(&RULES), "{stabilizationWindowSeconds: 300}", "On the way down"),
    ],
};
static RULES: Table = Table {
    name: "scaling rules",
    about: "How fast the number of pods may change in a direction",
    fields: &[
        Field::new("stabilizationWindowSeconds", Shape::Count, "300", "How long a recommendation must have stood"),
        Field::new("selectPolicy", Shape::Word(&["Max", "Min", "Disabled"]), "Min", "Which of several policies holds")
            .or("Max"),
        Field::new(
            "policies",
            Shape::ListOf(&Shape::Object(&POLICY)),
            "[{type: Percent, value: 50, periodSeconds: 60}]",
            "At most so much in so long",
        ),
        Field::new("tolerance", Shape::Text, "0.05", "Deviation from the target that is left alone").or("0.1"),
    ],
};
static POLICY: Table = Table {
    name: "scaling policy",
    about: "At most so much in so long",
    fields: &[
        Field::new("type", Shape::Word(&["Percent", "Pods"]), "Percent", "What the value counts").required(),
        Field::new("value", Shape::Count, "50", "How much").required(),
        Field::new("periodSeconds", Shape::Count, "60", "In how long").required(),
    ],
};

/// What Kubernetes fills in.
pub(super) fn behaviour() -> Behaviour {
    let allowance = |by| Allowance { by, per: seconds(15) };
    let up = vec![allowance(By::Share(1.0)), allowance(By::Count(4))];
    let down = vec![allowance(By::Share(1.0))];
    let pace = |allowances, stable| Pace { allowances, select: Select::Max, stable: seconds(stable), tolerance: 0.1 };
    Behaviour { min: 1, max: 1, up: pace(up, 0), down: pace(down, 300) }
}

fn seconds(count: u64) -> Span {
    Span(count * 1_000_000_000)
}

/// Reads `hpa:` and `means:` beside it.
pub(super) fn hpa(outer: &mut Reader, read: &mut Autoscale) -> Option<()> {
    let means: Vec<(String, Node)> =
        outer.map("means").into_iter().map(|(key, node)| (key.value.clone(), node.clone())).collect();
    let mut r = outer.object("hpa")?;
    read.behaviour.min = r.count_from("minReplicas", 1).map_or(1, |count| count.value as u32);
    let max = r.count_from("maxReplicas", 1);
    let mut metrics = Vec::new();
    for node in r.list("metrics") {
        let owner = r.key("metrics");
        let mut one = Reader::new(owner, node, &METRIC, r.diags());
        if let Some((metric, measure)) = metric(&mut one, &means) {
            metrics.push(metric);
            read.measures.push(measure);
        }
    }
    if let Some(mut r) = r.object("behavior") {
        if let Some(mut r) = r.object("scaleUp") {
            rules(&mut r, &mut read.behaviour.up);
        }
        if let Some(mut r) = r.object("scaleDown") {
            rules(&mut r, &mut read.behaviour.down);
        }
    }
    if !r.has("metrics") {
        metrics.push(Metric { source: Source::Cpu, target: Target::Utilisation(80) });
        read.measures.push(resource("cpu", &mut r)?);
    }
    read.behaviour.max = max?.value as u32;
    read.rule = Rule::Hpa(Hpa { metrics });
    Some(())
}

fn metric(r: &mut Reader, means: &[(String, Node)]) -> Option<(Metric, Spotted<Measure>)> {
    let kind = r.word("type")?.value;
    let field = match kind {
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        "Pods" => "pods",
        "Object" => "object",
        _ => "external",
    };
    if !r.has(field) {
        let message = format!("a metric of the type `{kind}` says more under `{field}`");
        let owner = r.key("type");
        r.tell(Diagnostic::new(Code::MissingField, owner, message).help(format!("add `{field}: ...`")));
        return None;
    }
    let mut r = r.object(field)?;
    let (source, measure) = if kind.ends_with("Resource") {
        let name = r.word("name")?.value;
        (if name == "cpu" { Source::Cpu } else { Source::Memory }, resource(name, &mut r)?)
    } else {
        let mut r = r.object("metric")?;
        (if kind == "Pods" { Source::Pods } else { Source::One }, named(&mut r, means)?)
    };
    let target = target(&mut r.object("target")?)?;
    let fits = match target {
        Target::Utilisation(_) => matches!(source, Source::Cpu | Source::Memory),
        Target::Average(_) => true,
        Target::Value(_) => source == Source::One,
    };
    if !fits {
        let message = format!("a metric of the type `{kind}` has no target of this type");
        let owner = r.key("target");
        let help =
            "Resource: Utilization or AverageValue; Pods: AverageValue; Object and External: Value or AverageValue";
        r.tell(Diagnostic::new(Code::Excluded, owner, message).help(help));
        return None;
    }
    Some((Metric { source, target }, measure))
}

/// What cores and memory are measured by.
fn resource(name: &str, r: &mut Reader) -> Option<Spotted<Measure>> {
    let text = if name == "cpu" { "utilisation of cores" } else { "memory" };
    let node = as_node(&Spotted::new(text.to_owned(), r.owner()));
    parse::measure(&node, r.diags())
}

/// The measure behind the name of a metric.
fn named(r: &mut Reader, means: &[(String, Node)]) -> Option<Spotted<Measure>> {
    let name = r.text("name")?;
    if let Some((_, node)) = means.iter().find(|(known, _)| *known == name.value) {
        return parse::measure(node, r.diags());
    }
    if parse::MEASURES.iter().any(|entry| entry.name == name.value) {
        return parse::measure(&as_node(&name), r.diags());
    }
    let message = format!("what `{}` measures is not said", name.value);
    let told = Diagnostic::new(Code::UnknownMetric, name.spot, message);
    r.tell(told.help(format!("beside `hpa`, add `means: {{{}: arrivals}}`", name.value)));
    None
}

fn target(r: &mut Reader) -> Option<Target> {
    let kind = r.word("type")?.value;
    let field = match kind {
        "Utilization" => "averageUtilization",
        "AverageValue" => "averageValue",
        _ => "value",
    };
    if !r.has(field) {
        let message = format!("a target of the type `{kind}` is given by `{field}`");
        let owner = r.key("type");
        r.tell(Diagnostic::new(Code::MissingField, owner, message).help(format!("add `{field}`")));
        return None;
    }
    match kind {
        "Utilization" => r.count_from(field, 1).map(|percent| Target::Utilisation(percent.value as i64)),
        "AverageValue" => r.parsed(field, Code::Unit, quantity).map(|milli| Target::Average(milli.value)),
        _ => r.parsed(field, Code::Unit, quantity).map(|milli| Target::Value(milli.value)),
    }
}

fn rules(r: &mut Reader, pace: &mut Pace) {
    if let Some(window) = r.count("stabilizationWindowSeconds") {
        if 3600 < window.value {
            r.tell(Diagnostic::new(Code::OutOfRange, window.spot, "Kubernetes knows windows of an hour at most"));
        }
        pace.stable = seconds(window.value.min(3600));
    }
    if let Some(word) = r.word("selectPolicy") {
        pace.select = match word.value {
            "Min" => Select::Min,
            "Disabled" => Select::Disabled,
            _ => Select::Max,
        };
    }
    if let Some(tolerance) = r.parsed("tolerance", Code::Unit, quantity) {
        pace.tolerance = tolerance.value as f64 / 1000.0;
    }
    let mut policies = Vec::new();
    for node in r.list("policies") {
        let owner = r.key("policies");
        let mut one = Reader::new(owner, node, &POLICY, r.diags());
        let (kind, value, period) = (one.word("type"), one.count_from("value", 1), one.count_from("periodSeconds", 1));
        let (Some(kind), Some(value), Some(period)) = (kind, value, period) else { continue };
        let by =
            if kind.value == "Pods" { By::Count(value.value as u32) } else { By::Share(value.value as f64 / 100.0) };
        policies.push(Allowance { by, per: seconds(period.value) });
    }
    if !policies.is_empty() {
        pace.allowances = policies;
    }
}

/// A quantity as Kubernetes writes it, in thousandths: `500m`, `1k`, `100Mi`, `0.5`.
fn quantity(text: &str) -> Result<i64, UnitError> {
    const SUFFIXES: [(&str, f64); 10] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("", 1.0),
    ];
    let (suffix, unit) = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix)).expect("nothing is a suffix, too");
    let number = text[..text.len() - suffix.len()].parse::<f64>().ok().filter(|number| number.is_finite());
    let milli = number.map(|number| number * unit * 1000.0).filter(|milli| 0.0 < *milli && *milli < 9e18);
    milli.map(|milli| libm::round(milli) as i64).ok_or_else(|| UnitError {
        start: 0,
        end: text.len(),
        message: format!("`{text}` is not a quantity of Kubernetes above 0"),
        help: Some("write it as in `500m`, `30`, `1k` or `100Mi`".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, milli) in [("500m", 500), ("30", 30_000), ("1k", 1_000_000), ("0.5", 500), ("2Ki", 2_048_000)] {
            assert_eq!(Ok(milli), quantity(text).map_err(|error| error.message), "{text}");
        }
        assert!(["", "x", "-1", "1 k", "10%"].iter().all(|text| quantity(text).is_err()));
    }
}
