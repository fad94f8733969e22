//! The slowest requests as traces: for Perfetto (Chrome's trace event format) and for OpenTelemetry (OTLP as JSON).
//!
//! Simulated time 0 is the start of 1970, because both formats want a date. Identifiers are counted, so the same report
//! gives the same bytes.

use serde_json::{Value, json};

use crate::report::{Exemplar, ExemplarSpan, Report};

/// A request is a process; its threads are components, more than one where stretches of one component overlap.
pub fn chrome(report: &Report) -> String {
    let mut events = Vec::new();
    for (index, exemplar) in report.exemplars.iter().enumerate() {
        let process = index as u64 + 1;
        let told = format!("{} (replication {})", exemplar.request, exemplar.replication);
        events.push(named("process_name", process, 0, &told));
        events.push(named("thread_name", process, 1, "request"));
        let root = json!({"outcome": exemplar.outcome});
        events.push(complete((process, 1), &exemplar.request, ends(exemplar, 0.0, exemplar.latency_s), &root));
        for (lane, (component, spans)) in lanes(exemplar).into_iter().enumerate() {
            let thread = lane as u64 + 2;
            events.push(named("thread_name", process, thread, component));
            for span in spans {
                let at = ends(exemplar, span.start_s, span.end_s);
                let about = json!({"component": span.component, "operation": span.operation, "cause": span.cause});
                events.push(complete((process, thread), &name(span), at, &about));
            }
        }
    }
    let tree =
        json!({"displayTimeUnit": "ms", "otherData": {"scenario": report.scenario.title}, "traceEvents": events});
    format!("{tree}\n")
}

fn name(span: &ExemplarSpan) -> String {
    let operation = span.operation.as_ref().map(|operation| format!(".{operation}")).unwrap_or_default();
    format!("{}{operation} {}", span.component, span.cause)
}

fn named(what: &str, process: u64, thread: u64, name: &str) -> Value {
    json!({"ph": "M", "name": what, "pid": process, "tid": thread, "args": {"name": name}})
}

/// A stretch with its start and length, in microseconds as the format wants them.
fn complete((process, thread): (u64, u64), name: &str, (from, to): (u64, u64), about: &Value) -> Value {
    let (ts, dur) = (from as f64 / 1e3, (to - from) as f64 / 1e3);
    json!({"ph": "X", "name": name, "cat": "request", "pid": process, "tid": thread, "ts": ts, "dur": dur, "args": about})
}

fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

/// Both ends of a stretch of a request in whole nanoseconds: rounded before they are moved to when the request arrived, so
/// that what touches still touches and nothing overlaps by one, which Perfetto would take apart.
fn ends(exemplar: &Exemplar, from_s: f64, to_s: f64) -> (u64, u64) {
    let arrived = nanos(exemplar.arrived_s);
    (arrived + nanos(from_s), arrived + nanos(to_s).max(nanos(from_s)))
}

/// Stretches of one component in as many lanes as it takes for none to overlap.
fn lanes(exemplar: &Exemplar) -> Vec<(&str, Vec<&ExemplarSpan>)> {
    let mut spans: Vec<&ExemplarSpan> = exemplar.spans.iter().collect();
    spans.sort_by(|a, b| a.component.cmp(&b.component).then(a.start_s.total_cmp(&b.start_s)));
    let mut lanes: Vec<(&str, Vec<&ExemplarSpan>)> = Vec::new();
    for span in spans {
        let is_free = |(component, lane): &&mut (&str, Vec<&ExemplarSpan>)| {
            *component == span.component && lane.last().is_none_or(|last| nanos(last.end_s) <= nanos(span.start_s))
        };
        match lanes.iter_mut().find(is_free) {
            Some((_, lane)) => lane.push(span),
            None => lanes.push((&span.component, vec![span])),
        }
    }
    lanes
}

/// One trace a request: a span of the whole, and below it one for each stretch, by the component as a service.
pub fn otlp(report: &Report) -> String {
    let mut services: Vec<(String, Vec<Value>)> = Vec::new();
    let mut add = |service: &str, span: Value| match services.iter_mut().find(|(known, _)| known == service) {
        Some((_, spans)) => spans.push(span),
        None => services.push((service.to_owned(), vec![span])),
    };
    for (index, exemplar) in report.exemplars.iter().enumerate() {
        let load = exemplar.request.split('#').next().unwrap_or_default();
        let id = |number: usize| format!("{:016x}", (index as u64 + 1) << 32 | number as u64);
        let trace = format!("{:016x}{:016x}", u64::from(exemplar.replication) + 1, index as u64 + 1);
        let span = |number: usize, name: &str, (from_s, to_s): (f64, f64)| {
            let (from, to) = ends(exemplar, from_s, to_s);
            json!({
                "traceId": trace, "spanId": id(number), "name": name, "kind": if number == 0 { 3 } else { 1 },
                "startTimeUnixNano": from.to_string(), "endTimeUnixNano": to.to_string(),
            })
        };
        let mut root = span(0, &exemplar.request, (0.0, exemplar.latency_s));
        root["status"] =
            if exemplar.outcome == "ok" { json!({"code": 1}) } else { json!({"code": 2, "message": exemplar.outcome}) };
        add(load, root);
        for (number, stretch) in exemplar.spans.iter().enumerate() {
            let mut told = span(number + 1, &name(stretch), (stretch.start_s, stretch.end_s));
            told["parentSpanId"] = json!(id(0));
            told["attributes"] = json!([attribute("plimsoll.cause", stretch.cause)]);
            add(&stretch.component, told);
        }
    }
    let resources: Vec<Value> = services.into_iter().map(|(service, spans)| resource(&service, &spans)).collect();
    format!("{}\n", json!({"resourceSpans": resources}))
}

fn attribute(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn resource(service: &str, spans: &[Value]) -> Value {
    json!({
        "resource": {"attributes": [attribute("service.name", service)]},
        "scopeSpans": [{"scope": {"name": "plimsoll"}, "spans": spans}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(component: &str, start_s: f64, end_s: f64) -> ExemplarSpan {
        ExemplarSpan { component: component.to_owned(), operation: None, cause: "cpu", start_s, end_s }
    }

    #[test]
    fn what_overlaps_stands_in_different_lanes() {
        let spans = vec![span("b", 0.0, 1.0), span("a", 0.0, 2.0), span("b", 0.5, 0.7), span("b", 1.0, 1.5)];
        let exemplar = Exemplar {
            chosen: "slowest",
            request: "users#1".to_owned(),
            replication: 0,
            arrived_s: 3.0,
            latency_s: 2.0,
            outcome: "ok".to_owned(),
            spans,
        };
        let found: Vec<(&str, usize)> =
            lanes(&exemplar).into_iter().map(|(component, spans)| (component, spans.len())).collect();
        assert_eq!(found, [("a", 1), ("b", 2), ("b", 1)]);
    }
}
