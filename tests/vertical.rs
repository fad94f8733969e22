//! Vertical autoscaling: instances that become larger or smaller, and what a restart for it costs.

use plimsoll::engine::{Signals, simulate};
use plimsoll::random::mix;
use plimsoll::report::Report;

use crate::laws::holds;
use crate::support::{evaluated, model, value};

/// Four instances under a load that is five times as large from the third to the tenth minute.
fn text(size: &str, vertical: &str) -> String {
    format!(
        "
plimsoll: 1
title: sizes
run: {{duration: 20m, warmup: none, replications: 1}}
load: {{people: {{rate: 80/s, steps: {{0s: 1, 2m: 5, 10m: 1}}, requests: {{web.go: 1}}, timeout: 10s}}}}
hosts: {{box: {{cores: 32}}}}
components:
  web:
    kind: service
    instances: 4
    {size}
    {vertical}
    operations: {{go: [{{cpu: exp(20ms)}}]}}
objectives:
  slow: latency mean <= 10s
  bad: errors <= 100%
  changes: scale_changes of web <= 100
  busy: utilisation of cores of web <= 200%
"
    )
    .replace("scale_changes of web", if vertical.contains("vertical") { "scale_changes of web" } else { "throughput" })
    .replace("throughput <= 100", "throughput <= 100k/s")
}

fn run(size: &str, vertical: &str) -> Report {
    evaluated(&text(size, vertical))
}

fn figure(report: &Report, name: &str) -> f64 {
    report.components["web"].kind_specific.figures[name].mean
}

fn sizes(report: &Report) -> Vec<(f64, f64)> {
    let own = report.decisions.iter().filter(|decision| decision.component == "web" && decision.what == "cores");
    own.map(|decision| (decision.from, decision.to)).collect()
}

const BARE: &str = "cores: 1\n    price: $0.10/h\n    boot: 5s\n    drain: 2s";
const GROWS: &str = "vertical: {sizes: [1, 2, 4], use: 80%, every: 30s, window: 2m, hold: 1m}";

/// 1.6 cores of 4 are in use, then 8 of 4: larger at once, and larger again; then, when two minutes are quiet, smaller.
#[test]
fn instances_follow_their_use_and_are_paid_for_it() {
    let grows = run(BARE, GROWS);
    assert_eq!(
        sizes(&grows).iter().take(2).copied().collect::<Vec<_>>(),
        [(1.0, 2.0), (2.0, 4.0)],
        "{:?}",
        grows.decisions
    );
    assert_eq!(sizes(&grows).last().map(|last| last.1), Some(1.0), "{:?}", grows.decisions);
    assert_eq!(value(&grows, "changes"), sizes(&grows).len() as f64);
    assert_eq!(figure(&grows, "restarts"), 4.0 * sizes(&grows).len() as f64, "all four, each time");
    let (fixed, large) = (run(BARE, ""), run(&BARE.replace("cores: 1", "cores: 4").replace("$0.10", "$0.40"), ""));
    assert!(0.2 < value(&fixed, "bad"), "one core each is too few: {}", value(&fixed, "bad"));
    assert!(value(&grows, "bad") < 0.5 * value(&fixed, "bad"), "{}", value(&grows, "bad"));
    let bills = [&fixed, &grows, &large].map(|report| report.cost.usd_per_month);
    assert!(bills[0] * 1.2 < bills[1] && bills[1] * 1.2 < bills[2], "{bills:?}");
    // A core costs ten cents an hour, whatever the size.
    let paid = 4.0 * figure(&grows, "cores_each") * 0.10 * 730.0;
    assert!((bills[1] / paid - 1.0).abs() < 1e-9, "{} {paid}", bills[1]);
    let why = &grows.decisions[0].why;
    assert!(why.contains("cores in use at the 90 percentile") && why.ends_with("now 2"), "{why}");
}

/// Utilisation is of the cores that there were.
#[test]
fn utilisation_is_of_what_there_was() {
    let grows = run(BARE, GROWS);
    // Work that was answered or cut short: what came, less what failed before it began.
    let busy = value(&grows, "busy") * 4.0 * figure(&grows, "cores_each");
    let work = 0.020 * (80.0 * 12.0 + 400.0 * 8.0) / 20.0;
    assert!(busy <= work * 1.02 && work * (1.0 - value(&grows, "bad")) * 0.97 <= busy, "{busy} {work}");
}

/// What a restart costs: the more at once and the longer the boot, the more is late or lost.
#[test]
fn restarts_take_capacity_away() {
    let with = |boot: &str, at_once: &str| {
        let size = BARE.replace("boot: 5s", &format!("boot: {boot}"));
        run(&size, &GROWS.replace("use: 80%", &format!("use: 80%, at_once: {at_once}")))
    };
    let bad = |report: &Report| value(report, "bad");
    let (one, all, slow) = (with("20s", "1"), with("20s", "100%"), with("60s", "100%"));
    let instant = with("0s", "1");
    assert!(bad(&instant) < bad(&one), "{} {}", bad(&instant), bad(&one));
    assert!(bad(&all) < bad(&slow), "{} {}", bad(&all), bad(&slow));
    // Sixty seconds without anybody, twice on the way up.
    assert!(0.05 < bad(&slow), "{}", bad(&slow));
}

#[test]
fn more_room_is_dearer_and_a_longer_hold_calmer() {
    let of =
        |what: &str| run(BARE, &format!("vertical: {{sizes: [1, 2, 3, 4, 6, 8], every: 20s, window: 1m, {what}}}"));
    let (tight, loose) = (of("use: 95%, hold: 30s"), of("use: 40%, hold: 30s"));
    assert!(figure(&tight, "cores_each") * 1.2 < figure(&loose, "cores_each"));
    assert!(value(&loose, "slow") < value(&tight, "slow"), "{} {}", value(&loose, "slow"), value(&tight, "slow"));
    let (quick, calm) = (of("use: 60%, hold: 0s"), of("use: 60%, hold: 15m"));
    assert!(
        value(&calm, "changes") < value(&quick, "changes"),
        "{} {}",
        value(&calm, "changes"),
        value(&quick, "changes")
    );
    // Two of three cores are in use at the peak, so whether three are enough hangs on which look counts.
    let [bold, nervous] = ["50%", "100%"].map(|quantile| of(&format!("use: 70%, hold: 0s, quantile: {quantile}")));
    assert!(figure(&bold, "cores_each") < figure(&nervous, "cores_each"), "the busiest look counts");
}

#[test]
fn machines_become_others_of_the_catalogue() {
    let report = run(
        "machine: c6i.large\n    boot: 5s",
        "vertical: {sizes: [c6i.large, c6i.xlarge, c6i.2xlarge], window: 2m, hold: 1m}",
    );
    let bought: Vec<&str> = report.cost.lines.iter().map(|line| line.unit.as_str()).collect();
    assert_eq!(bought, ["c6i.large month", "c6i.xlarge month", "c6i.2xlarge month"]);
    assert!(report.cost.lines.iter().take(2).all(|line| 0.0 < line.quantity), "{:?}", report.cost.lines);
    let all: f64 = report.cost.lines.iter().map(|line| line.quantity).sum();
    assert!((all - 4.0).abs() < 1e-9, "four machines at any time: {all}");
}

/// On a shared host it is the request that changes, and the limit with it.
#[test]
fn requests_of_shared_hosts_change_too() {
    let with = |vertical| run("on: box\n    cores: {request: 1, limit: 1}\n    boot: 5s", vertical);
    let (fixed, grows) = (with(""), with(GROWS));
    assert!(value(&grows, "bad") < 0.5 * value(&fixed, "bad"), "{} {}", value(&grows, "bad"), value(&fixed, "bad"));
    assert_eq!(sizes(&grows).first(), Some(&(1.0, 2.0)));
    assert_eq!(sizes(&grows).last().map(|last| last.1), Some(1.0));
}

/// Deaths, deployments and changes of size at the same time.
#[test]
fn exact_laws_while_sizes_change() {
    for seed in 0..16u64 {
        let pick = |n: u64, of: &[&'static str]| of[(mix(seed << 8 | n) % of.len() as u64) as usize];
        let size = pick(
            1,
            &["cores: 1\n    boot: exp(3s)", "machine: c6i.large", "on: box\n    cores: {request: 1, limit: 2}"],
        );
        let names = if size.contains("machine") { "c6i.large, c6i.xlarge, c6i.4xlarge" } else { "1, 2, 4" };
        let (at_once, order) = (pick(2, &["1", "50%", "100%"]), pick(3, &["", "scheduling: fcfs\n    "]));
        let order = if size.contains("on: box") { "" } else { order };
        let drain = pick(4, &["0s", "500ms", "10s"]);
        let vertical = format!(
            "{order}drain: {drain}\n    vertical: {{sizes: [{names}], every: 5s, window: 10s, hold: 5s, at_once: {at_once}}}"
        );
        let fault = pick(
            5,
            &[
                "often: {kill: web/any, every: exp(20s), for: exp(5s)}",
                "new: {at: 40s, deploy: web, at_once: 50%}",
                "often: {deploy: web, how: blue_green, every: exp(60s)}",
                "halt: {pause: web/any, every: exp(20s), for: exp(2s)}",
            ],
        );
        let text =
            text(size, &vertical).replace("duration: 20m", "duration: 3m").replace("2m: 5, 10m: 1", "30s: 8, 90s: 1");
        let text = format!("{text}faults: {{{fault}}}\n");
        let model = model(&text);
        let one = simulate(&model, seed, 0, &Signals::default());
        holds(&model, &one, &format!("{seed} {text}"));
        let sizes =
            one.snapshots.last().expect("every run ends").tallies.components[0].sizes.as_deref().expect("they change");
        let there: u128 = sizes.ns.iter().sum();
        assert_eq!(there, 4 * u128::from(one.end.0), "each instance has one size at any time, {seed}");
        assert!(0 < sizes.changes, "{seed} {text}");
        if seed % 4 == 0 {
            assert_eq!(format!("{one:?}"), format!("{:?}", simulate(&model, seed, 0, &Signals::default())), "{seed}");
        }
    }
}
