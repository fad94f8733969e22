//! Group 5: fan-out, retries, timeouts, back-off, breakers, buckets, redundancy.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;

use plimsoll::distribution::sampler::Samplers;
use plimsoll::distribution::{Distribution, parse};
use plimsoll::measure::histogram::Compact;
use plimsoll::model::Scope;
use plimsoll::policy::breaker::{Breaker, Circuit, Ended, State};
use plimsoll::policy::limit::{Kind, Limit, LimitState, Verdict};
use plimsoll::policy::outcomes::{Errors, Slow, Tally, Trip};
use plimsoll::policy::retry::{Backoff, Jitter, Retry};
use plimsoll::probe::Outcome;
use plimsoll::random::{bits, mix, occasion, unit};
use plimsoll::reader::read_term;
use plimsoll::units::{Dimension, Span, Time};

use super::cases::{Case, Got};
use super::measured::{Lab, Seen, UNIT, load, mean, seconds, station};
use super::queueing::{number, rows};

const MS: f64 = 1e6;

pub(crate) fn measure(case: &Case, lab: &Lab) -> Got {
    match case.id() {
        "r-tail-fanout" => tail(case, lab),
        "r-tail-max-exp" => slowest(case, lab),
        "r-retry-attempts" => attempts(case, lab),
        "r-retry-layers" => layers(case, lab),
        "r-timeout-frac" => too_late(case, lab),
        "r-aws-backoff" => race(case, lab),
        "r-backoff-seq" => envelopes(case),
        "r-cb-gobreaker-default" => script(case, "6 in a row", 60.0, 1),
        "r-cb-r4j-count" => script(case, "50% of 5", 5.0, 4),
        "r-cb-r4j-half" => probes(case),
        "r-cb-r4j-window" => windows(case),
        "r-tb-kafka" => quota(case),
        "r-avail" => availabilities(case, lab),
        "r-tb-allow" => bucket(case),
        "r-tb-bulk" => in_bulk(),
        "r-loadshed" => bounded(case, lab),
        _ => Got::default(),
    }
}

// -- fan-out -----------------------------------------------------------------------------------------------------------

/// Seconds of a replication: long beside a slow leaf, so that hardly a request is cut off by its end.
const LENGTH_S: f64 = 200.0;

/// One request that asks so many leaves at once; at least so many requests in all.
fn fan_out(lab: &Lab, leaves: f64, leaf: &str, least: f64) -> Seen {
    let requests = if lab.is_short() { (2e5 / leaves).clamp(least, 5000.0) } else { (2e7 / leaves).clamp(2e4, 1e5) };
    let replications = if lab.is_short() { 5 } else { 10 };
    let rate = requests / LENGTH_S / f64::from(replications);
    let text = lab.lasting(LENGTH_S, 0.0, replications)
        + &load(rate, "poisson", "root.do")
        + &format!(
            "components:
  root: {{kind: service, workers: none, operations: {{do: [{{each: {{times: {leaves}, mode: parallel, do: [{{call: leaf.do}}]}}}}]}}}}
  leaf: {{kind: service, workers: none, operations: {{do: [{{wait: {leaf}}}]}}}}
links: {{any -> any: {{latency: 0ms}}}}
"
        );
    Seen::run(&text)
}

fn share_above(times: &Compact, limit_s: f64) -> f64 {
    let above: u64 = times.buckets().filter(|(low, _, _)| limit_s <= *low).map(|(_, _, n)| u64::from(n)).sum();
    above as f64 / times.count() as f64
}

fn tail(case: &Case, lab: &Lab) -> Got {
    let mut got = Got::default();
    for (index, row) in rows(case).iter().enumerate() {
        let slow = 100.0 * number(&row["p_slow"]);
        let seen = fan_out(lab, number(&row["fanout"]), &format!("mix({}% 10ms | {slow}% 1s)", 100.0 - slow), 500.0);
        let late = seen.each(|stretch| share_above(&stretch.latency(Scope::All, Outcome::All), 0.5));
        got.estimate(format!("rows[{index}].p_any_slow"), late, 1.0);
    }
    got
}

fn slowest(case: &Case, lab: &Lab) -> Got {
    let mut got = Got::default();
    for (index, row) in rows(case).iter().enumerate() {
        let seen = fan_out(lab, number(&row["fanout"]), "exp(10ms)", 1200.0);
        let latency = seen.report().latency.all;
        for (name, value) in [("mean_ms", latency.mean), ("p50_ms", latency.p50), ("p99_ms", latency.p99)] {
            got.estimate(format!("rows[{index}].{name}"), value, 1e-3);
        }
    }
    got
}

// -- retries -----------------------------------------------------------------------------------------------------------

/// So many services in a row, each with its policy for the next; the last one fails with this share.
fn chain(lab: &Lab, requests: f64, retries: &[String], fails: f64) -> Seen {
    let rate = 200.0;
    let mut text = lab.run(requests, rate) + &load(rate, "poisson", "s0.do") + "components:\n";
    for (layer, retry) in retries.iter().enumerate() {
        let call = format!("{{call: s{}.do, retry: {retry}}}", layer + 1);
        writeln!(text, "  s{layer}: {{kind: service, workers: none, operations: {{do: [{call}]}}}}").expect("text");
    }
    let bottom = retries.len();
    let fail = format!("{{fail: {{share: {}%, as: broken}}}}", 100.0 * fails);
    writeln!(text, "  s{bottom}: {{kind: service, workers: none, operations: {{do: [{fail}]}}}}").expect("text");
    Seen::run(&(text + "links: {any -> any: {latency: 0ms}}\n"))
}

fn at_most(attempts: f64) -> String {
    if attempts == 1.0 { "none".to_owned() } else { format!("{{attempts: {attempts}, backoff: constant(0s)}}") }
}

/// Visits of the bottom for each request.
fn bottom(seen: &Seen, layers: usize) -> Option<plimsoll::report::Estimate> {
    let (Scope::Component(top), Scope::Component(bottom)) = (seen.scope("s0"), seen.scope(&format!("s{layers}")))
    else {
        return None;
    };
    seen.each(|stretch| {
        let gained = |c: u16| {
            let at = usize::from(c);
            (stretch.to.components[at].arrivals - stretch.from.components[at].arrivals) as f64
        };
        gained(bottom) / gained(top)
    })
}

fn attempts(case: &Case, lab: &Lab) -> Got {
    let mut got = Got::default();
    for (index, row) in rows(case).iter().enumerate() {
        let (fails, most) = (number(&row["p_fail"]), number(&row["max_attempts"]));
        let seen = chain(lab, 2e6, &[at_most(most)], fails);
        got.estimate(format!("rows[{index}].expected_attempts"), bottom(&seen, 1), 1.0);
        got.estimate(format!("rows[{index}].p_success"), seen.report().requests.availability, 1.0);
    }
    got
}

fn layers(case: &Case, lab: &Lab) -> Got {
    let mut got = Got::default();
    for (index, row) in rows(case).iter().enumerate() {
        let (layers, most) = (number(&row["layers"]) as usize, number(&row["attempts_per_layer"]));
        let seen = chain(lab, 2e4, &vec![at_most(most); layers], 1.0);
        got.estimate(format!("rows[{index}].bottom_attempts_per_request"), bottom(&seen, layers), 1.0);
    }
    let mut top = vec!["none".to_owned(); 3];
    top[0] = at_most(4.0);
    got.estimate("retry_only_at_top", bottom(&chain(lab, 2e4, &top, 1.0), 3), 1.0);
    let budget = "{attempts: 4, backoff: constant(0s), budget: 10%}".to_owned();
    got.estimate("budget_ratio_10pct_total", bottom(&chain(lab, 1e6, &[budget], 1.0), 1), 1.0);
    got
}

fn too_late(case: &Case, lab: &Lab) -> Got {
    let mut got = Got::default();
    let (rate, service) = (case.number("arrival_rate"), 1.0 / case.number("service_rate"));
    for (index, row) in rows(case).iter().enumerate() {
        let timeout = seconds(number(&row["timeout_ms"]) * 1e-3);
        let mut text = lab.run(4e6, rate)
            + &load(rate, "poisson", "s.do").replace("timeout: none", &format!("timeout: {timeout}"));
        text += "components:\n";
        text += &station("s", "1", "none", &format!("exp({})", seconds(service)));
        let seen = Seen::run(&text);
        got.estimate(format!("rows[{index}].p_over"), seen.report().requests.errors.get("timeout").copied(), 1.0);
    }
    got
}

// -- back-off ----------------------------------------------------------------------------------------------------------

fn retry(backoff: &str, jitter: Jitter) -> Retry {
    let backoff = Backoff::read(&read_term(backoff).expect("a term")).expect("a back-off");
    Retry { attempts: None, backoff, jitter, ..Retry::default() }
}

fn envelopes(case: &Case) -> Got {
    let mut got = Got::default();
    let expected = case.expected();
    let families = [
        ("aws_base5_cap2000", "exponential(10ms x2 max=2s)", MS),
        ("resilience4j_100_x2_cap100000", "exponential(100ms x2 max=100s)", MS),
        ("grpc.first", "exponential(1s x1.6 max=120s)", 1e9),
    ];
    for (path, backoff, unit) in families {
        let list = path.split('.').fold(expected, |value, part| &value[part]).as_array().expect("a list");
        for index in 0..list.len() {
            let pause = retry(backoff, Jitter::None).pause(index as u32 + 1, Span(0), 0.5);
            got.put(format!("{path}[{index}]"), pause.0 as f64 / unit);
        }
    }
    for index in 0..5 {
        let pause = |jitter, draw| retry("exponential(10ms)", jitter).pause(index + 1, Span(0), draw).0 as f64 / MS;
        got.put(format!("full_jitter_mean[{index}]"), pause(Jitter::Full, 0.5));
        got.put(format!("equal_jitter_bounds[{index}][0]"), pause(Jitter::Equal, 0.0));
        got.put(format!("equal_jitter_bounds[{index}][1]"), pause(Jitter::Equal, 1.0));
    }
    got
}

/// Clients who read a version, write under the condition that it has not changed, and after a failure pause and read again.
struct Race<'a> {
    retry: Option<&'a Retry>,
    network: &'a Samplers,
    seed: u64,
    drawn: u64,
}

/// What comes next for a client: it reads, or writes under the version it read; the server answers at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Move {
    Reads,
    Writes(u32),
}

impl Race<'_> {
    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        bits(self.seed, occasion(self.drawn))
    }

    fn there(&mut self) -> u64 {
        let address = self.draw();
        self.network.draw_ns(0, address)
    }

    /// Writes in all, and when the last client is done, ms.
    fn run(&mut self, clients: u32) -> (f64, f64) {
        let mut coming: BinaryHeap<Reverse<(u64, u32, Move)>> = BinaryHeap::new();
        let mut tries = vec![(0u32, Span(0)); clients as usize];
        for client in 0..clients {
            let at = self.there();
            coming.push(Reverse((at, client, Move::Reads)));
        }
        let (mut version, mut calls, mut last) = (0, 0u32, 0);
        while let Some(Reverse((now, client, what))) = coming.pop() {
            let back = now + self.there();
            match what {
                Move::Reads => {
                    let at = back + self.there();
                    coming.push(Reverse((at, client, Move::Writes(version))));
                }
                Move::Writes(read) => {
                    calls += 1;
                    if read == version {
                        version += 1;
                        last = last.max(back);
                        continue;
                    }
                    let (count, previous) = &mut tries[client as usize];
                    *count += 1;
                    let (count, previous) = (*count, *previous);
                    let draw = unit(self.draw());
                    let pause = self.retry.map_or(Span(0), |retry| retry.pause(count, previous, draw));
                    tries[client as usize].1 = pause;
                    let at = back + pause.0 + self.there();
                    coming.push(Reverse((at, client, Move::Reads)));
                }
            }
        }
        (f64::from(calls), last as f64 / MS)
    }
}

fn race(case: &Case, lab: &Lab) -> Got {
    let mut network = Samplers::default();
    let delay: Distribution = parse("normal(mean=10ms sd=2ms)", Dimension::Time).expect("a distribution");
    network.add(&delay, mix(5), 1e9);
    let mut got = Got::default();
    for (index, row) in rows(case).iter().enumerate() {
        let clients = number(&row["clients"]) as u32;
        let rule = match row["algorithm"].as_str().expect("a name") {
            "None" => None,
            "Exponential" => Some(retry("exponential(10ms x2 max=2s)", Jitter::None)),
            "EqualJitter" => Some(retry("exponential(10ms x2 max=2s)", Jitter::Equal)),
            "FullJitter" => Some(retry("exponential(10ms x2 max=2s)", Jitter::Full)),
            _ => Some(retry("exponential(5ms x2 max=2s)", Jitter::Decorrelated)),
        };
        let runs = if lab.is_short() { 100 } else { 1000 };
        let all: Vec<(f64, f64)> = (0..runs)
            .map(|run| Race { retry: rule.as_ref(), network: &network, seed: mix(run), drawn: 0 }.run(clients))
            .collect();
        let of = |pick: fn(&(f64, f64)) -> f64| mean(&all.iter().map(pick).collect::<Vec<_>>());
        got.estimate(format!("rows[{index}].calls"), of(|run| run.0), 1.0);
        got.estimate(format!("rows[{index}].time_ms"), of(|run| run.1), 1.0);
    }
    got
}

// -- breakers ----------------------------------------------------------------------------------------------------------

fn rule(errors: &str, open_s: f64, half_open: u32, slow: Option<Slow>) -> Breaker {
    let errors = Errors::read(errors).expect("a good text");
    let trip = Trip { errors, window: None, slow, on: Vec::new(), on_mask: u64::MAX };
    Breaker { trip, open: Backoff::Constant(Span::from_secs_f64(open_s)), half_open }
}

fn word(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::Open => "open",
        State::HalfOpen => "half_open",
    }
}

/// One call that ends so; whether it was let through.
fn call(circuit: &mut Circuit, rule: &Breaker, now: Time, failed: bool, took_s: f64) -> bool {
    let permit = circuit.ask(rule, now);
    if let Some(permit) = permit {
        circuit.record(rule, permit, Ended { failed, took: Span::from_secs_f64(took_s) }, now);
    }
    permit.is_some()
}

fn script(case: &Case, errors: &str, open_s: f64, half_open: u32) -> Got {
    let rule = rule(errors, open_s, half_open, None);
    let (mut circuit, mut now) = (Circuit::new(&rule), Time(0));
    let mut got = Got::default();
    for (index, step) in case.expected()["steps"].as_array().expect("steps").iter().enumerate() {
        let (what, count) = (step["do"].as_str().expect("a word"), number(&step["n"]));
        if what == "advance_s" {
            now += Span::from_secs_f64(count);
        } else {
            let passed = (0..count as u32).all(|_| call(&mut circuit, &rule, now, what == "fail", 0.0));
            got.put_text(format!("steps[{index}].expect_allowed"), passed.to_string());
        }
        got.put_text(format!("steps[{index}].expect_state"), word(circuit.state(now)));
    }
    got
}

fn probes(case: &Case) -> Got {
    let slow = Some(Slow { share: 0.5, over: Span::from_secs_f64(4.0) });
    let rule = rule("50% of 5", 5.0, 4, slow);
    let tripped = || {
        let mut circuit = Circuit::new(&rule);
        (0..5).for_each(|_| _ = call(&mut circuit, &rule, Time(0), true, 0.0));
        circuit
    };
    let at = |seconds: f64| Time(0) + Span::from_secs_f64(seconds);
    let mut got = Got::default();
    for (index, row) in rows(case).iter().enumerate() {
        let mut circuit = tripped();
        if let Some(word) = row["probes"].as_str() {
            word.chars().for_each(|c| _ = call(&mut circuit, &rule, at(6.0), c == 'F', 0.0));
        }
        for took in row["slow_probes_s"].as_array().into_iter().flatten() {
            call(&mut circuit, &rule, at(6.0), false, number(took));
        }
        got.put_text(format!("rows[{index}].state"), word(circuit.state(at(6.0))));
    }
    let on_call = |state: State| if state == State::HalfOpen { "half_open_on_call" } else { word(state) };
    let growing = Breaker {
        open: Backoff::Exponential { base: Span::from_secs_f64(5.0), factor: 1.5, max: Span::MAX },
        ..rule.clone()
    };
    for (name, rule, again) in [("wait", &rule, false), ("second_wait", &growing, true)] {
        let mut circuit = tripped();
        let from = if again {
            (0..4).for_each(|_| _ = call(&mut circuit, rule, at(6.0), true, 0.0));
            6.0
        } else {
            0.0
        };
        for (index, row) in case.expected()[name].as_array().expect("a list").iter().enumerate() {
            let state = circuit.state(at(from + number(&row["t"])));
            got.put_text(format!("{name}[{index}].state"), on_call(state));
        }
    }
    got
}

/// Rates of the last four calls, and what a window of five seconds still counts.
fn windows(case: &Case) -> Got {
    let trip = |errors: &str, window: Option<f64>| Trip {
        errors: Errors::read(errors).expect("a good text"),
        window: window.map(Span::from_secs_f64),
        slow: Some(Slow { share: 1.0, over: Span::from_secs_f64(0.5) }),
        on: Vec::new(),
        on_mask: u64::MAX,
    };
    let mut got = Got::default();
    let last = trip("50% of 4", None);
    let mut tally = Tally::new(&last);
    for (index, failed) in [true, false, false, false, false].into_iter().enumerate() {
        tally.add(&last, failed, false, Time(0));
        let [total, failed, _] = tally.counts(Time(0));
        // The reference is printed with six digits behind the point, and computes in 32 bits.
        let rate = f64::from(100.0 * failed as f32 / total as f32);
        got.put(format!("count_window_4[{index}]"), (rate * 1e6).round() / 1e6);
    }
    let timed = trip("50% of 1000", Some(5.0));
    let mut tally = Tally::new(&timed);
    for (index, row) in case.expected()["time_window_5s"].as_array().expect("a list").iter().enumerate() {
        let now = Time((number(&row["t_ms"]) * MS) as u64);
        if let Some(what) = row["do"].as_str() {
            tally.add(&timed, what.contains("fail"), what.contains("slow"), now);
        }
        let [total, failed, slow] = tally.counts(now);
        for (name, count) in [("total", total), ("failed", failed), ("slow_failed", slow)] {
            got.put(format!("time_window_5s[{index}].{name}"), f64::from(count));
        }
        got.put(format!("time_window_5s[{index}].rate"), 100.0 * f64::from(failed) / f64::from(total.max(1)));
    }
    got
}

// -- buckets and bounds --------------------------------------------------------------------------------------------------

fn limit(rate: &str, burst: u32) -> LimitState {
    let (count, period_s) = Limit::read_rate(rate).expect("a rate");
    LimitState::new(&Limit { count, period_s, per: None, kind: Kind::Bucket { burst: Some(burst) } })
}

fn bucket(case: &Case) -> Got {
    let mut got = Got::default();
    for (name, burst) in [("burst_1", 1), ("burst_3", 3)] {
        let mut state = limit("10/s", burst);
        for (index, row) in case.expected()[name].as_array().expect("a list").iter().enumerate() {
            let (now, tokens) = (Time((number(&row["t_ms"]) * MS) as u64), number(&row["n"]) as u32);
            // Several tokens are taken together or not at all.
            let mut after = state.clone();
            let allowed = (0..tokens).all(|_| after.decide(0, now) == Verdict::Admit);
            state = if allowed { after } else { state };
            got.put(format!("{name}[{index}].allowed"), f64::from(u8::from(allowed)));
        }
    }
    got
}

/// Credits are what can still be taken at once, or what the last one waits for.
fn quota(case: &Case) -> Got {
    let rate = case.number("rate");
    let mut state = LimitState::new(&Limit {
        count: rate,
        period_s: 1.0,
        per: None,
        kind: Kind::Quota { burst: Some(case.number("capacity") as u32) },
    });
    let mut got = Got::default();
    for (index, step) in case.expected()["steps"].as_array().expect("steps").iter().enumerate() {
        let now = Time((number(&step["t_s"]) * 1e9) as u64);
        let last = (0..number(&step["take"]) as u32).map(|_| state.decide(0, now)).last();
        let mut credits = 0.0;
        if let Some(Verdict::Delay(wait)) = last {
            credits = -wait.secs() * rate;
        } else {
            let mut beyond = state.clone();
            while beyond.decide(0, now) == Verdict::Admit {
                credits += 1.0;
            }
        }
        got.put(format!("steps[{index}].credits"), credits);
    }
    got
}

fn in_bulk() -> Got {
    let mut got = Got::default();
    let mut at_once = limit("10/s", 5);
    got.put("simultaneous_allowed", (0..15).filter(|_| at_once.decide(0, Time(0)) == Verdict::Admit).count() as f64);
    let mut long = limit("100/s", 100);
    let passed = (0..2500u64).filter(|n| long.decide(0, Time(n * 2_000_000)) == Verdict::Admit).count() as f64;
    got.put("long_run_allowed_min", passed.min(599.0));
    got.put("long_run_allowed_max", passed.max(601.0));
    got
}

fn bounded(case: &Case, lab: &Lab) -> Got {
    let rate = case.number("arrival_rate") / UNIT;
    let limit = format!("{}", case.number("system_capacity") - 1.0);
    let text = lab.run(3e6, rate) + &load(rate, "poisson", "s.do") + "components:\n";
    Seen::run(&(text + &station("s", "1", &limit, &format!("exp({})", seconds(UNIT))))).station("s", UNIT)
}

// -- redundancy ----------------------------------------------------------------------------------------------------------

/// What parts in a row, beside each other and by quorum come to. Requests draw one of the part's two states each, but for
/// the one that fails and is repaired in time.
fn availabilities(case: &Case, lab: &Lab) -> Got {
    let times = |count: u32, of: &str| vec![format!("{{call: {of}.do}}"); count as usize].join(", ");
    let first =
        |least: u32, of: u32, part: &str| format!("{{parallel: [{}], join: {{first: {least}}}}}", times(of, part));
    let steps = [
        times(3, "three"),
        times(10, "three"),
        times(30, "four"),
        first(1, 2, "two"),
        first(1, 3, "two"),
        first(2, 3, "two"),
        first(3, 5, "two"),
        "{call: repaired.do}".to_owned(),
        first(4, 5, "half"),
        format!("{{call: four.do}}, {}", first(1, 2, "region")),
    ];
    let mut got = Got::default();
    assert_eq!(steps.len(), rows(case).len(), "a scenario for each row");
    for (index, step) in steps.iter().enumerate() {
        // Two thousand failures and repairs each replication, or as many draws as the tolerance asks for.
        let is_long = step.contains("repaired");
        let (rate, seconds) = if is_long { (1e-4, 7.2e9) } else { (400.0, if lab.is_short() { 100.0 } else { 600.0 }) };
        let seconds = if is_long && lab.is_short() { seconds / 10.0 } else { seconds };
        let text = lab.lasting(seconds, 0.0, if lab.is_short() { 5 } else { 10 })
            + &load(rate, "poisson", "root.do")
            + &format!(
                "components:
  root: {{kind: service, workers: none, operations: {{do: [{step}]}}}}
  two: {{kind: external, operations: {{do: {{wait: 0s}}}}, availability: 99%}}
  half: {{kind: external, operations: {{do: {{wait: 0s}}}}, availability: 99.5%}}
  three: {{kind: external, operations: {{do: {{wait: 0s}}}}, availability: 99.9%}}
  region: {{kind: external, operations: {{do: {{wait: 0s}}}}, availability: 99.95%}}
  four: {{kind: external, operations: {{do: {{wait: 0s}}}}, availability: 99.99%}}
  repaired: {{kind: external, operations: {{do: {{wait: 0s}}}}, availability: {{up: exp(1000h), down: exp(1h)}}}}
links: {{any -> any: {{latency: 0ms}}}}
"
            );
        got.estimate(format!("rows[{index}].availability"), Seen::run(&text).report().requests.availability, 1.0);
    }
    got
}
