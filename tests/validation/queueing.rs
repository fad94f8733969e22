//! Group 1: queues, networks of queues, and what changes over time.

use std::fmt::Write as _;

use plimsoll::model::Scope;
use plimsoll::probe::Between;
use plimsoll::theory::erlang::{erlang_c, load_for_blocking};
use plimsoll::theory::single::allen_cunneen_wait;
use serde_json::Value;

use super::cases::{Case, Got};
use super::measured::{Lab, Seen, UNIT, load, mean, seconds, share_above_zero, station};

/// Links cost nothing where a case has no network.
const NO_NETWORK: &str = "links: {any -> any: {latency: 0ms}}\n";

pub(crate) fn measure(case: &Case, lab: &Lab) -> Got {
    let id = case.id();
    let family = id.split('-').take(2).collect::<Vec<_>>().join("-");
    match family.as_str() {
        "q-mm1" => mm1(case, lab),
        "q-mmc" => mmc(case, lab),
        "q-mmck" => mmck(case, lab),
        "q-erlb" if id == "q-erlb-table" => erlang_b_table(case),
        "q-erlb" => erlang_b(case, lab),
        "q-erlc" => erlang_c_formula(case),
        "q-md1" | "q-mdc" | "q-mg1" | "q-mh2" => general_service(case, lab),
        "q-Dm1" | "q-E2m1" | "q-E10m1" => general_arrivals(case, lab),
        "q-ggc" => general_both(case, lab),
        "q-erla" => erlang_a(case, lab),
        "q-mg1ps" => processor_sharing(case, lab),
        "q-prio" => priorities(case, lab),
        "q-jackson" if id == "q-jackson-tandem" => tandem(case, lab),
        "q-jackson" => feedback(case, lab),
        "q-mva" => closed_network(case, lab),
        "q-mmpp" => modulated(case, lab),
        "q-fluid" => fluid(case, lab),
        "q-mminf" => cold_start(case, lab),
        "q-little" | "q-utillaw" => laws(case, lab),
        _ => Got::default(),
    }
}

/// One station with an open load, in service means of the case.
struct Queue<'a> {
    rate: f64,
    arrivals: &'a str,
    service: String,
    servers: f64,
    limit: String,
}

impl Queue<'_> {
    fn run(&self, lab: &Lab, requests: f64) -> Seen {
        let rate = self.rate / UNIT;
        let mut text = lab.run(requests, rate) + &load(rate, self.arrivals, "s.do") + "components:\n";
        text += &station("s", &format!("{}", self.servers), &self.limit, &self.service);
        Seen::run(&text)
    }
}

fn exponential(mean: f64) -> String {
    format!("exp({})", seconds(mean * UNIT))
}

/// M/M/c from rates in the unit of the case.
fn poisson(rate: f64, service_rate: f64, servers: f64) -> Queue<'static> {
    Queue { rate, arrivals: "poisson", service: exponential(1.0 / service_rate), servers, limit: "none".to_owned() }
}

/// These cases give seconds.
fn mm1(case: &Case, lab: &Lab) -> Got {
    let (rate, service) = (case.number("arrival_rate_per_s"), case.number("service_mean_s"));
    let requests = if 0.9 < rate * service { 20e6 } else { 10e6 };
    poisson(rate * UNIT, UNIT / service, 1.0).run(lab, requests).station("s", 1.0)
}

fn mmc(case: &Case, lab: &Lab) -> Got {
    let servers = case.number("servers");
    let queue = poisson(case.number("arrival_rate"), case.number("service_rate"), servers);
    queue.run(lab, if servers == 100.0 { 20e6 } else { 6e6 }).station("s", UNIT)
}

fn mmck(case: &Case, lab: &Lab) -> Got {
    let servers = case.number("servers");
    let mut queue = poisson(case.number("arrival_rate"), case.number("service_rate"), servers);
    queue.limit = format!("{}", case.number("system_capacity") - servers);
    queue.run(lab, 3e6).station("s", UNIT)
}

fn erlang_b(case: &Case, lab: &Lab) -> Got {
    let mut queue = poisson(case.number("offered_erlang"), 1.0, case.number("servers"));
    "0".clone_into(&mut queue.limit);
    queue.run(lab, 2e6).station("s", UNIT)
}

fn erlang_b_table(case: &Case) -> Got {
    let mut got = Got::default();
    for (index, row) in rows(case).iter().enumerate() {
        let servers = number(&row["servers"]);
        got.put(format!("rows[{index}].erlang"), load_for_blocking(servers as u64, number(&row["block"])));
    }
    got
}

fn erlang_c_formula(case: &Case) -> Got {
    let mut got = Got::default();
    got.put("p_wait", erlang_c(case.number("servers") as u64, case.number("offered_erlang")));
    got
}

fn general_service(case: &Case, lab: &Lab) -> Got {
    let service = &case.parameters()["service"];
    let mut requests = 5e6;
    let service = if service.is_string() {
        seconds(UNIT)
    } else if service["dist"] == "lognormal" {
        let cv2 = number(&service["cv2"]);
        requests = if cv2 < 4.0 { 8e6 } else { 20e6 };
        format!("lognormal(mean={} cv={:.12})", seconds(UNIT), cv2.sqrt())
    } else {
        // Two exponentials with balanced means: the case's shares and rates follow from mean 1 and a squared cv of 4.
        requests = 10e6;
        format!("hyperexp(mean={} cv=2)", seconds(UNIT))
    };
    let limit = "none".to_owned();
    let queue = Queue {
        rate: case.number("arrival_rate"),
        arrivals: "poisson",
        service,
        servers: case.number("servers"),
        limit,
    };
    queue.run(lab, requests).station("s", UNIT)
}

fn general_arrivals(case: &Case, lab: &Lab) -> Got {
    let mut queue = poisson(case.number("arrival_rate"), case.number("service_rate"), 1.0);
    queue.arrivals = match case.parameters()["interarrival"].as_str() {
        Some("D") => "constant",
        Some("E2") => "erlang(k=2)",
        _ => "erlang(k=10)",
    };
    let mut got = queue.run(lab, 6e6).station("s", UNIT);
    // `sigma`, the root of the functional equation, is the chance that an arrival waits.
    got.copy("p_wait", "sigma");
    got
}

fn general_both(case: &Case, lab: &Lab) -> Got {
    let (servers, rho) = (case.number("servers"), case.number("rho"));
    let (ca2, cs2) = (case.number("ca2"), case.number("cs2"));
    let mut queue = poisson(rho * servers, 1.0, servers);
    if cs2 != 1.0 {
        queue.service = format!("lognormal(mean={} cv={:.12})", seconds(UNIT), cs2.sqrt());
    }
    let arrivals = format!("hyperexp(cv={:.12})", ca2.sqrt());
    if ca2 != 1.0 {
        queue.arrivals = &arrivals;
    }
    let mut got = queue.run(lab, 10e6).station("s", UNIT);
    got.put("allen_cunneen_Wq", allen_cunneen_wait(rho * servers, 1.0, servers as u64, ca2, cs2));
    got
}

fn erlang_a(case: &Case, lab: &Lab) -> Got {
    let (rate, servers) = (case.number("arrival_rate"), case.number("servers"));
    let patience = exponential(1.0 / case.number("patience_rate"));
    let mut text = lab.run(6e6, rate / UNIT);
    write!(
        text,
        "load:\n  users: {{rate: {:.9}/s, abandon: {patience}, requests: {{s.do: 1}}, timeout: none}}\n",
        rate / UNIT
    )
    .expect("text");
    text += "components:\n";
    text += &station("s", &format!("{servers}"), "none", &exponential(1.0 / case.number("service_rate")));
    let seen = Seen::run(&text);
    let mut got = seen.station("s", UNIT);
    let scope = seen.scope("s");
    let arrivals = |stretch: &Between| stretch.counts(Scope::All).offered as f64;
    // Those who left the queue had waited too; the component's waits are of those who got a worker.
    let at_once = |stretch: &Between| {
        let waits = stretch.waits(scope);
        waits.count() as f64 * (1.0 - share_above_zero(&waits))
    };
    got.estimate("p_wait", seen.each(|stretch| 1.0 - at_once(stretch) / arrivals(stretch)), 1.0);
    got.estimate("p_abandon", seen.report().requests.errors.get("abandoned").copied(), 1.0);
    let queued = |stretch: &Between| {
        let at = |tallies: &plimsoll::record::Tallies| tallies.stations[0].queued_ns;
        (at(stretch.to) - at(stretch.from)) as f64 * 1e-9
    };
    got.estimate("mean_wait_all", seen.each(|stretch| queued(stretch) / arrivals(stretch)), UNIT);
    got
}

fn processor_sharing(case: &Case, lab: &Lab) -> Got {
    let service = if case.parameters()["service"] == "det" { seconds(UNIT) } else { exponential(1.0) };
    let rate = case.number("arrival_rate") / UNIT;
    let mut text = lab.run(5e6, rate) + &load(rate, "poisson", "s.do") + "components:\n";
    writeln!(
        text,
        "  s: {{kind: service, cores: 1, scheduling: ps, workers: none, operations: {{do: [{{cpu: {service}}}]}}}}"
    )
    .expect("text");
    let seen = Seen::run(&text);
    let mut got = Got::default();
    got.estimate("W", seen.report().latency.all.mean, UNIT);
    got.estimate("L", Some(seen.component("s").in_flight), 1.0);
    // Processor sharing gives every size the same mean slowdown, so it is also that of the means.
    got.estimate("mean_slowdown", seen.report().latency.all.mean, UNIT);
    got
}

/// The first class is the most urgent one.
fn priorities(case: &Case, lab: &Lab) -> Got {
    let rates: Vec<f64> = case.parameters()["arrival_rates"].as_array().expect("rates").iter().map(number).collect();
    let servers = case.maybe("servers").unwrap_or(1.0);
    let mut text = lab.run(6e6, rates.iter().sum::<f64>() / UNIT) + "load:\n";
    for (class, rate) in rates.iter().enumerate() {
        let (rate, priority) = (rate / UNIT, rates.len() - class);
        writeln!(
            text,
            "  class{class}: {{rate: {rate:.9}/s, priority: {priority}, requests: {{s.do: 1}}, timeout: none}}"
        )
        .expect("text");
    }
    let service = exponential(1.0 / case.number("service_rate"));
    writeln!(text, "components:\n  s: {{kind: service, workers: {servers}, queue: {{limit: none, order: priority}}, operations: {{do: [{{wait: {service}}}]}}}}").expect("text");
    let seen = Seen::run(&text);
    let mut got = Got::default();
    for class in 0..rates.len() {
        let time = seen.report().loads[&format!("class{class}")].latency.ok.mean;
        got.estimate(format!("W[{class}]"), time, UNIT);
        // A wait is what the time in system has beyond the mean service of 1.
        let wait = time.map(|mut time| {
            time.mean -= UNIT;
            time
        });
        got.estimate(format!("Wq[{class}]"), wait, UNIT);
    }
    got.estimate("weighted_Wq", seen.component("s").wait.mean, UNIT);
    got
}

/// Mean time at a component in one visit, and the mean number there.
fn visit(got: &mut Got, seen: &Seen, name: &str, (time, number): (String, String)) {
    let scope = seen.scope(name);
    let both = |stretch: &Between| Some(stretch.waits(scope).mean()? + stretch.holdings(scope).mean()?);
    got.estimate(time, seen.each(|stretch| both(stretch).unwrap_or(f64::NAN)), UNIT);
    got.estimate(number, seen.inside(name).0, 1.0);
}

fn busy(got: &mut Got, seen: &Seen, name: &str, path: String) {
    got.estimate(path, seen.component(name).utilisation.workers.as_ref().map(|workers| workers.share), 1.0);
}

/// The hub has no limit and only calls: its callers visit the stations one after the other.
fn tandem(case: &Case, lab: &Lab) -> Got {
    let stations = case.parameters()["stations"].as_array().expect("stations");
    let rate = case.number("arrival_rate") / UNIT;
    let mut text = lab.run(5e6, rate) + NO_NETWORK + &load(rate, "poisson", "hub.go") + "components:\n";
    text += "  hub: {kind: service, workers: none, operations: {go: [{call: s0.do}, {call: s1.do}, {call: s2.do}]}}\n";
    for (index, said) in stations.iter().enumerate() {
        text += &station(
            &format!("s{index}"),
            &said["servers"].to_string(),
            "none",
            &exponential(1.0 / number(&said["rate"])),
        );
    }
    let seen = Seen::run(&text);
    let mut got = Got::default();
    for index in 0..stations.len() {
        let name = format!("s{index}");
        visit(&mut got, &seen, &name, (format!("W_per_station[{index}]"), format!("L[{index}]")));
        busy(&mut got, &seen, &name, format!("util[{index}]"));
    }
    got.estimate("W_total", seen.report().latency.all.mean, UNIT);
    got.estimate("L_total", Some(seen.component("hub").in_flight), 1.0);
    got
}

/// After each visit the hub chooses where to go on, or lets the request go.
fn feedback(case: &Case, lab: &Lab) -> Got {
    let list = |value: &Value| -> Vec<f64> { value.as_array().expect("a list").iter().map(number).collect() };
    let (external, rates) = (list(&case.parameters()["external"]), list(&case.parameters()["rates"]));
    let mut text = lab.run(3e6, external.iter().sum::<f64>() / UNIT) + NO_NETWORK + "load:\n";
    for (index, rate) in external.iter().enumerate().filter(|(_, rate)| 0.0 < **rate) {
        writeln!(
            text,
            "  from{index}: {{rate: {:.9}/s, requests: {{hub.visit{index}: 1}}, timeout: none}}",
            rate / UNIT
        )
        .expect("text");
    }
    text += "components:\n  hub:\n    kind: service\n    workers: none\n    operations:\n";
    for index in 0..rates.len() {
        let onward = list(&case.parameters()["routing"][index]);
        writeln!(text, "      visit{index}:\n        - call: s{index}.do\n        - choose:").expect("text");
        for (next, share) in onward.iter().enumerate().filter(|(_, share)| 0.0 < **share) {
            writeln!(text, "            - {{weight: {share}, do: [{{call: hub.visit{next}}}]}}").expect("text");
        }
        writeln!(text, "            - {{weight: {:.9}, do: []}}", 1.0 - onward.iter().sum::<f64>()).expect("text");
    }
    for (index, rate) in rates.iter().enumerate() {
        text += &station(&format!("s{index}"), "1", "none", &exponential(1.0 / rate));
    }
    let seen = Seen::run(&text);
    let mut got = Got::default();
    for index in 0..rates.len() {
        let name = format!("s{index}");
        visit(&mut got, &seen, &name, (format!("W[{index}]"), format!("L[{index}]")));
        busy(&mut got, &seen, &name, format!("util[{index}]"));
        got.estimate(format!("arrival_rates[{index}]"), Some(seen.component(&name).arrivals_per_s), 1.0 / UNIT);
    }
    got.estimate("W_end_to_end", seen.report().latency.all.mean, UNIT);
    got
}

fn closed_network(case: &Case, lab: &Lab) -> Got {
    let mut got = Got::default();
    let demands: Vec<f64> = case.parameters()["demands"].as_array().expect("demands").iter().map(number).collect();
    for (index, row) in rows(case).iter().enumerate() {
        let clients = number(&row["N"]);
        let cycles = if clients < 4.0 { 0.6e6 } else { 1e6 };
        let mut text = lab.run(cycles, number(&row["X"]) / UNIT) + NO_NETWORK;
        let think = exponential(case.number("think_time"));
        writeln!(
            text,
            "load:\n  users: {{clients: {clients}, think: {think}, requests: {{hub.go: 1}}, timeout: none}}"
        )
        .expect("text");
        let calls: Vec<String> = (0..demands.len()).map(|station| format!("{{call: s{station}.do}}")).collect();
        writeln!(
            text,
            "components:\n  hub: {{kind: service, workers: none, operations: {{go: [{}]}}}}",
            calls.join(", ")
        )
        .expect("text");
        for (index, demand) in demands.iter().enumerate() {
            text += &station(&format!("s{index}"), "1", "none", &exponential(*demand));
        }
        let seen = Seen::run(&text);
        let path = |key: &str| format!("rows[{index}].{key}");
        got.estimate(path("X"), Some(seen.report().requests.throughput_per_s), 1.0 / UNIT);
        got.estimate(path("R"), seen.report().latency.all.mean, UNIT);
        for at in 0..demands.len() {
            let name = format!("s{at}");
            visit(&mut got, &seen, &name, (path(&format!("Ri[{at}]")), path(&format!("Q[{at}]"))));
            busy(&mut got, &seen, &name, path(&format!("U[{at}]")));
        }
    }
    got
}

fn modulated(case: &Case, lab: &Lab) -> Got {
    let of = |parameter: &str, at: usize| number(&case.parameters()[parameter][at]);
    let (low, high) = (of("rates", 0), of("rates", 1));
    let (off, on) = (UNIT / of("switch", 0), UNIT / of("switch", 1));
    let arrivals = format!("bursty(factor={} on={} off={})", high / low, seconds(on), seconds(off));
    let mut queue = poisson(0.5 * (low + high), case.number("service_rate"), 1.0);
    queue.arrivals = &arrivals;
    queue.run(lab, 12e6).station("s", UNIT)
}

/// Constant gaps, constant service, half the load after a minute: every figure is arithmetic.
fn fluid(case: &Case, lab: &Lab) -> Got {
    let (on, off, until) = (case.number("rate_on"), case.number("rate_off"), case.number("t_on_s"));
    let mut text = lab.lasting(4.0 * until, 0.0, 1);
    writeln!(text, "load:\n  users: {{rate: {off}/s, arrivals: constant, steps: {{0s: {}, {until}s: 1}}, requests: {{s.do: 1}}, timeout: none}}", on / off).expect("text");
    text += "components:\n";
    text += &station("s", "1", "none", &seconds(1.0 / case.number("capacity")));
    let seen = Seen::run(&text);
    let series = &seen.evaluation().records[0].series;
    let window = series.window.secs();
    let peak = series.in_flight.iter().copied().max().unwrap_or(0);
    let after = (until / window) as usize;
    // One request may be in service; more is a backlog.
    let drained = (after..series.in_flight.len())
        .find(|at| series.in_flight[*at] <= 1)
        .map_or(f64::NAN, |at| (at + 1) as f64 * window);
    let mut got = Got::default();
    let wait = seen.component("s").wait;
    got.put("backlog_peak", f64::from(peak));
    got.put("drain_time_s", drained - until);
    got.put("wait_at_peak_s", wait.max.unwrap_or(f64::NAN));
    got.put("total_extra_delay_request_s", wait.mean.map_or(f64::NAN, |mean| mean.mean * wait.count as f64));
    got
}

fn cold_start(case: &Case, lab: &Lab) -> Got {
    let rate = case.number("arrival_rate");
    let mut text = lab.lasting(17.0, 0.0, if lab.is_short() { 40 } else { 400 })
        + &load(rate, "poisson", "s.do")
        + "components:\n";
    text += &station("s", "none", "none", &format!("exp({})", seconds(case.number("holding_mean_s"))));
    let seen = Seen::run(&text);
    let mut got = Got::default();
    let times: Vec<f64> =
        case.expected()["at_t"].as_object().expect("times").keys().filter_map(|time| time.parse().ok()).collect();
    for time in times {
        let at = |record: &plimsoll::record::Record| {
            // Between the ends of the two windows that enclose the time.
            let series = &record.series;
            let place = time / series.window.secs() - 1.0;
            let (first, share) = (place.floor() as usize, place.fract());
            let of = |index: usize| f64::from(series.in_flight[index.min(series.in_flight.len() - 1)]);
            of(first) + share * (of(first + 1) - of(first))
        };
        let values: Vec<f64> = seen.evaluation().records.iter().map(at).collect();
        got.estimate(format!("at_t.{time}"), mean(&values), 1.0);
    }
    got
}

/// The audit of a chain with a queue that overflows, impatient callers, retries and a fault.
fn laws(case: &Case, lab: &Lab) -> Got {
    let mut text = lab.lasting(if lab.is_short() { 60.0 } else { 1200.0 }, 5.0, 5);
    text += "load:\n  users: {rate: 150/s, requests: {web.page: 1}, timeout: 300ms, retry: {attempts: 2, backoff: constant(20ms)}}\n";
    text += "  crawlers: {clients: 20, think: exp(200ms), requests: {web.page: 1}, timeout: none}\n";
    text += "components:\n  web: {kind: service, instances: 2, workers: 8, balance: least_connections, queue: {limit: 50}, operations: {page: [{cpu: exp(4ms)}, {call: db.read}]}}\n";
    text += "  db: {kind: service, workers: 4, queue: {limit: 20}, operations: {read: [{wait: exp(20ms)}]}}\n";
    text += "faults: {dies: {at: 20s, kill: web/1, for: 5s}}\n";
    let seen = Seen::run(&text);
    let mut got = Got::default();
    let gap = if case.id() == "q-little" {
        seen.gap("little")
    } else {
        // Busy slots are held slots, and what comes goes: exact in integers.
        ["utilisation exact", "flow balance", "conservation", "outcomes"]
            .into_iter()
            .map(|law| seen.gap(law))
            .fold(0.0, f64::max)
    };
    let broken = seen.broken_laws();
    got.put("max_rel_gap", if broken.is_empty() { gap } else { f64::INFINITY });
    got
}

pub(crate) fn rows(case: &Case) -> &[Value] {
    case.expected()["rows"].as_array().expect("rows")
}

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}
