//! Breakers, ejection, hedges and shedding: what each changes, and that more of it changes more.

use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::engine::{Signals, simulate};
use plimsoll::report::{Component, Report};

use crate::laws::holds;
use crate::support::{compiled, value};

/// A run of a minute with what follows `run:`; the laws hold on it.
fn run(text: &str) -> Report {
    let text = format!("plimsoll: 1\ntitle: guards\nrun: {{duration: 60s, warmup: 5s, replications: 1}}\n{text}");
    let (scenario, model) = compiled(&text);
    holds(&model, &simulate(&model, 1, 0, &Signals::default()), &text);
    evaluate(&model, &scenario, &Plan::new(&model, &scenario, 1), &Progress::default()).report
}

fn figure(component: &Component, name: &str) -> f64 {
    component.kind_specific.figures.get(name).unwrap_or_else(|| panic!("no `{name}`")).mean
}

fn errors(report: &Report, kind: &str) -> f64 {
    report.requests.errors.get(kind).map_or(0.0, |share| share.mean)
}

// -- breakers ----------------------------------------------------------------------------------------------------------

/// Two callers of a database that answers every question with an error from 20 s to 40 s.
fn broken(policy: &str, kind: &str) -> Report {
    run(&format!(
        "
load: {{users: {{rate: 100/s, requests: {{web.page: 1}}, timeout: 1s}}}}
components:
  web: {{kind: service, instances: 2, operations: {{page: [{{call: db.read}}]}}}}
  db: {{kind: service, operations: {{read: [{{wait: 10ms}}]}}}}
policies: {{web -> db: {{timeout: 500ms{policy}}}}}
faults: {{broken: {{at: 20s, for: 20s, {kind}}}}}
objectives:
  asked: arrivals of db during broken >= 0/s
  after: availability after broken >= 0%
  before: errors before broken >= 0%
"
    ))
}

const ERRORS: &str = "errors: db, share: 100%, as: unavailable";

#[test]
fn a_breaker_asks_only_now_and_then() {
    let without = broken("", ERRORS);
    let with = broken(", breaker: {errors: 5 in a row, open: 5s}", ERRORS);
    assert!(95.0 < value(&without, "asked"));
    // Five each, then a probe every five seconds of each: (2 x 5 + 2 x 3) in 20 s.
    assert!((0.7..1.0).contains(&value(&with, "asked")), "{}", value(&with, "asked"));
    assert!(0.75 < errors(&with, "breaker_open") / with.requests.error_ratio.expect("some failed").mean);
    assert!(0.9 < value(&with, "after"), "it closes again");
    assert_eq!(value(&with, "before"), 0.0);
    let db = &with.components["db"];
    assert!((8.0..=10.0).contains(&figure(db, "breaker_openings")));
    assert!((0.3..0.5).contains(&figure(db, "breaker_open_share")), "{}", figure(db, "breaker_open_share"));
    assert!(!without.components["db"].kind_specific.figures.contains_key("breaker_openings"));
}

#[test]
fn a_longer_wait_asks_less_and_more_probes_ask_more() {
    let asked = |breaker: &str| value(&broken(&format!(", breaker: {{{breaker}}}"), ERRORS), "asked");
    let [short, long] = ["1s", "10s"].map(|open| asked(&format!("errors: 5 in a row, open: {open}")));
    assert!(2.0 * long < short, "{long} {short}");
    let growing = asked("errors: 5 in a row, open: exponential(1s x2)");
    assert!(long < growing && growing < short, "{long} {growing} {short}");
    let [one, four] = [1, 4].map(|probes| asked(&format!("errors: 50% of 10, open: 1s, half_open: {probes}")));
    assert!(2.0 * one < four, "{one} {four}");
    let [few, many] = [5, 50].map(|count| asked(&format!("errors: {count} in a row, open: 10s")));
    assert!(3.0 * few < many, "{few} {many}");
}

#[test]
fn slow_answers_trip_it_too() {
    let slow = "slow: db, factor: 20";
    let openings = |breaker: &str| {
        let report = broken(&format!(", breaker: {{errors: 50% of 20, open: 5s{breaker}}}"), slow);
        figure(&report.components["db"], "breaker_openings")
    };
    assert_eq!(openings(""), 0.0, "200 ms are no failure");
    assert!(2.0 < openings(", slow: 60% over 100ms"));
    assert_eq!(openings(", slow: 60% over 400ms"), 0.0);
}

#[test]
fn only_the_kinds_that_count_and_only_lately() {
    let openings = |breaker: &str| {
        let report = broken(&format!(", breaker: {{{breaker}}}"), ERRORS);
        figure(&report.components["db"], "breaker_openings")
    };
    assert_eq!(openings("errors: 5 in a row, on: [timeout]"), 0.0);
    assert!(0.0 < openings("errors: 5 in a row, on: [timeout, unavailable]"));
    // Fifty a second at each caller: there are never a hundred in a window of one second, but there are in ten.
    assert_eq!(openings("errors: 20% of 100, window: 1s"), 0.0);
    assert!(0.0 < openings("errors: 20% of 100, window: 10s"));
}

// -- ejection ----------------------------------------------------------------------------------------------------------

/// Ten instances, of which some answer everything with an error for 40 seconds.
fn outlier(eject: &str, bad: u32, balance: &str) -> Report {
    let fault = |i| format!("  bad{i}: {{at: 10s, for: 40s, errors: api/{i}, share: 100%, as: unavailable}}\n");
    let faults = (0..bad).map(fault).collect::<Vec<_>>().concat();
    run(&format!(
        "
load: {{users: {{rate: 500/s, requests: {{api.get: 1}}, timeout: 1s}}}}
components:
  api: {{kind: service, instances: 10, balance: {balance}, operations: {{get: [{{wait: exp(10ms)}}]}}}}
policies: {{any -> api: {{{eject}}}}}
faults:
{faults}
objectives:
  failed: errors during bad0 >= 0%
  asked: arrivals on api/0 during bad0 >= 0/s
"
    ))
}

#[test]
fn who_keeps_failing_is_left_out() {
    for balance in ["round_robin", "least_connections", "choices(2)"] {
        let without = outlier("timeout: 500ms", 1, balance);
        assert!(0.09 < value(&without, "failed"), "{balance}");
        let with = outlier("eject: {errors: 5 in a row, for: 30s}", 1, balance);
        // Out after five, back after thirty seconds, out after five again.
        let asked = value(&with, "asked");
        assert!((10.0 / 40.0 - 0.01..0.4).contains(&asked), "{balance}: {asked}");
        assert!(value(&with, "failed") < 0.001, "{balance}");
        let api = &with.components["api"];
        assert_eq!(figure(api, "ejections"), 2.0, "{balance}");
        assert!((0.7..0.95).contains(&figure(api, "ejected_instances")), "{}", figure(api, "ejected_instances"));
    }
    let shorter = outlier("eject: {errors: 5 in a row, for: 5s}", 1, "round_robin");
    assert!(6.0 <= figure(&shorter.components["api"], "ejections"));
}

#[test]
fn no_more_are_left_out_than_allowed() {
    let failed = |most: &str| {
        let report = outlier(&format!("eject: {{errors: 5 in a row, for: 30s, most: {most}}}"), 3, "round_robin");
        value(&report, "failed")
    };
    let [one, two, three] = ["10%", "20%", "30%"].map(failed);
    assert!((one - 2.0 / 9.0).abs() < 0.02 && (two - 1.0 / 8.0).abs() < 0.02 && three < 0.01, "{one} {two} {three}");
}

// -- hedges ------------------------------------------------------------------------------------------------------------

/// One answer in twenty takes half a second, all others 10 ms.
fn tail(hedge: &str) -> Report {
    run(&format!(
        "
load: {{users: {{rate: 200/s, requests: {{web.page: 1}}, timeout: 5s}}}}
components:
  web: {{kind: service, operations: {{page: [{{call: api.get}}]}}}}
  api: {{kind: service, instances: 4, operations: {{get: [{{wait: mix(95% 10ms | 5% 500ms)}}]}}}}
policies: {{web -> api: {{{hedge}}}}}
objectives: {{p97: latency p97 >= 0s, p999: latency p99.9 >= 0s, wasted: wasted_work of api >= 0%}}
"
    ))
}

#[test]
fn a_second_copy_cuts_the_tail() {
    let alone = tail("timeout: 4s");
    assert!(0.45 < value(&alone, "p97"));
    let hedged = tail("hedge: {after: 20ms}");
    // Both are slow one time in 400.
    assert!(value(&hedged, "p97") < 0.035 && 0.4 < value(&hedged, "p999"));
    let api = &hedged.components["api"];
    assert!((figure(api, "hedges_per_s") - 10.0).abs() < 1.5, "{}", figure(api, "hedges_per_s"));
    assert!((figure(api, "hedges_won_per_s") - 9.5).abs() < 1.5);
    assert!((api.arrivals_per_s.mean - 210.0).abs() < 5.0);
    let more = tail("hedge: {after: 20ms, most: 3}");
    assert!(value(&more, "p999") < 0.1, "four slow ones in a row are rare");
}

#[test]
fn what_loses_works_on_unless_it_is_stopped() {
    let [on, stopped] = ["", ", cancel: true"].map(|cancel| tail(&format!("hedge: {{after: 20ms}}{cancel}")));
    assert!(0.3 < value(&on, "wasted"), "half a second for nobody: {}", value(&on, "wasted"));
    assert!(value(&stopped, "wasted") < 0.1, "{}", value(&stopped, "wasted"));
    assert!(stopped.components["api"].in_flight.mean < 0.7 * on.components["api"].in_flight.mean);
}

#[test]
fn a_percentile_is_measured() {
    let hedged = tail("hedge: {after: p90}");
    assert!(value(&hedged, "p97") < 0.05, "{}", value(&hedged, "p97"));
    let later = tail("hedge: {after: p99}");
    assert!(figure(&later.components["api"], "hedges_per_s") < figure(&hedged.components["api"], "hedges_per_s"));
}

#[test]
fn the_second_copy_goes_elsewhere() {
    let text = |hedge: &str| {
        format!(
            "
keys: {{user: {{count: 1000}}}}
load: {{users: {{rate: 200/s, requests: {{api.get: 1}}, timeout: 5s{hedge}}}}}
components:
  api: {{kind: service, instances: 2, balance: hash(user), operations: {{get: [{{wait: 10ms}}]}}}}
faults: {{gray: {{at: 6s, slow: api/1, factor: 50}}}}
objectives: {{p80: latency p80 >= 0s}}
"
        )
    };
    assert!(0.4 < value(&run(&text("")), "p80"));
    assert!(value(&run(&text(", hedge: {after: 20ms}")), "p80") < 0.04, "the hash alone would ask the slow one again");
}

#[test]
fn a_hedge_saves_no_call_that_has_failed() {
    let report = run("
load: {users: {rate: 100/s, requests: {web.page: 1}, timeout: 5s}}
components:
  web: {kind: service, operations: {page: [{call: api.get, hedge: {after: 50ms}, breaker: {errors: 1000 in a row}}]}}
  api: {kind: service, operations: {get: [{wait: 10ms}, {fail: {share: 20%, as: declined}}]}}
");
    assert!((errors(&report, "declined") - 0.2).abs() < 0.02);
    assert_eq!(figure(&report.components["api"], "hedges_per_s"), 0.0);
}

// -- shedding ----------------------------------------------------------------------------------------------------------

/// Twice what two workers of 10 ms can do.
fn flood(queue: &str, callers: &str) -> Report {
    run(&format!(
        "
load: {{users: {{rate: 400/s, requests: {{api.get: 1}}, {callers}}}}}
components:
  api: {{kind: service, workers: 2, queue: {{limit: 1000{queue}}}, operations: {{get: [{{wait: exp(10ms)}}]}}}}
"
    ))
}

fn ok_p50(report: &Report) -> f64 {
    report.components["api"].wait.p50.map_or(f64::INFINITY, |wait| wait.mean)
}

#[test]
fn codel_keeps_the_wait_near_its_target() {
    let none = flood("", "timeout: none");
    assert!(4.0 < ok_p50(&none), "a thousand wait for five seconds: {}", ok_p50(&none));
    let [tight, loose] = ["20ms interval=200ms", "200ms interval=2s"]
        .map(|target| ok_p50(&flood(&format!(", shed: codel(target={target})"), "timeout: none")));
    assert!(tight < 0.1 && tight < 0.5 * loose && loose < 2.0, "{tight} {loose}");
    let shed = flood(", shed: codel(target=20ms interval=200ms)", "timeout: none");
    assert!((errors(&shed, "shed") - 0.5).abs() < 0.03, "{}", errors(&shed, "shed"));
    assert!((shed.requests.goodput_per_s.mean - 200.0).abs() < 6.0, "the workers have no time to lose");
    assert!(100.0 < shed.components["api"].rejected_per_s.mean);
}

#[test]
fn whoever_is_too_late_is_not_served() {
    let goodput = |queue: &str| flood(queue, "deadline: 200ms").requests.goodput_per_s.mean;
    let (fifo, shed, lifo) = (goodput(""), goodput(", shed: deadline"), goodput(", order: lifo, shed: deadline"));
    assert!(fifo < 20.0, "everyone is served when it is too late: {fifo}");
    assert!(150.0 < shed && 150.0 < lifo, "{shed} {lifo}");
}

#[test]
fn a_limit_learns_how_many_it_does_well_with() {
    for rule in ["aimd target=60ms", "gradient"] {
        let report = flood(&format!(", shed: concurrency({rule} min=1)"), "timeout: none");
        assert!(ok_p50(&report) < 0.3, "{rule}: {}", ok_p50(&report));
        assert!(190.0 < report.requests.goodput_per_s.mean, "{rule}: {}", report.requests.goodput_per_s.mean);
        assert!(0.4 < errors(&report, "shed"), "{rule}");
    }
    let [few, some] = [3, 8].map(|max| {
        let report = flood(&format!(", shed: concurrency(aimd target=1s min=1 max={max})"), "timeout: none");
        report.components["api"].in_flight.mean
    });
    assert!(few < 3.0 && 5.0 < some && some < 8.0, "{few} {some}");
    let [low, high] = [1, 50].map(|min| {
        let report = flood(&format!(", shed: concurrency(aimd target=5ms min={min})"), "timeout: none");
        report.components["api"].in_flight.mean
    });
    assert!(low < 5.0 && 40.0 < high, "{low} {high}");
}

#[test]
fn the_unimportant_are_turned_away_first() {
    let report = run("
load:
  paying: {rate: 100/s, requests: {api.get: 1}, priority: 9, timeout: none}
  crawlers: {rate: 300/s, requests: {api.get: 1}, priority: 0, timeout: none}
components:
  api: {kind: service, workers: 2, queue: {limit: 100, shed: priority(0=50%)}, operations: {get: [{wait: exp(10ms)}]}}
");
    let failed = |load: &str| report.loads[load].requests.error_ratio.map_or(0.0, |share| share.mean);
    assert!(failed("paying") < 0.001 && 0.6 < failed("crawlers"), "{} {}", failed("paying"), failed("crawlers"));
}

#[test]
fn brown_out_leaves_out_what_is_not_needed() {
    let work = |when: &str| {
        let report = run(&format!(
            "
load: {{users: {{rate: 90/s, requests: {{api.get: 1}}, timeout: 1s}}}}
components:
  api:
    kind: service
    cores: 1
    operations:
      get: [{{choose: [{{{when}do: [{{cpu: exp(5ms)}}]}}, {{do: [{{cpu: exp(15ms)}}]}}]}}]
"
        ));
        (
            report.requests.goodput_per_s.mean,
            report.components["api"].utilisation.cores.as_ref().expect("cores").share.mean,
        )
    };
    let (full, _) = work("weight: 0%, ");
    let (dimmed, busy) = work("when: utilisation of cores over 2s > 80%, ");
    assert!(full < 20.0 && 50.0 < dimmed, "{full} {dimmed}");
    assert!(busy < 0.99, "{busy}");
}
