//! What the sources claim of autoscaling and of serverless, shown (or refuted) by simulation, in the way of `claims`.

use plimsoll::report::{Decision, Report};

use super::{Stage, claim, refuted, value, words};

/// The rise of the morning, from before 07:45 to after 08:00.
fn morning() -> Stage {
    Stage::new("11-autoscaling.yaml")
        .set("run.start", "'Mon 07:40'")
        .set("run.duration", "40m")
        .set("run.replications", 1)
        .set("run.warmup", "none")
        .set("objectives.bad", "errors <= 100%")
        .set("objectives.changes", "scale_changes of web <= 1000")
        .set("objectives.p99", "latency p99 <= 1m")
        .set("alerts", "null")
}

/// The number before the first `%` in the reason of a decision, or behind the word `score`.
fn measured(decision: &Decision) -> f64 {
    let text = decision.why.strip_prefix("score ").unwrap_or(&decision.why);
    let text = text.split(['%', '>', '<']).next().unwrap_or("").trim();
    text.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{decision:?}"))
}

#[test]
fn s11_hpa_follows_the_formula_of_kubernetes() {
    // Pods that are ready at once, so that the formula knows how many there are.
    let report = morning()
        .variant("hpa")
        .set("components.web.boot", "0s")
        .set("components.web.warm", "null")
        .set("components.web.autoscale.hpa.maxReplicas", 100)
        .set("components.web.autoscale.hpa.behavior", "null")
        .set(
            "components.web.autoscale.hpa.metrics",
            "[{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]",
        )
        .report();
    let ups: Vec<&Decision> = report.decisions.iter().filter(|decision| decision.from < decision.to).collect();
    assert!(3 < ups.len(), "{:?}", report.decisions);
    let follows = |decision: &&&Decision| {
        // The calculator cuts the utilisation to whole percent.
        let ratio = measured(decision).floor() / 70.0;
        let wanted = (ratio * decision.from).ceil().min((2.0 * decision.from).max(decision.from + 4.0));
        ratio <= 1.1 || decision.to != wanted
    };
    let wrong: Vec<_> = ups.iter().filter(follows).collect();
    words("s11-hpa", ["decisions up that are not the formula's", "none"], &format!("{wrong:?}"), wrong.is_empty());
}

#[test]
fn s11_predictive_is_there_before_the_peak_and_reacting_is_late() {
    let tuned = |stage: Stage| stage.set("let.users", "25k");
    let reactive = tuned(morning()).set("components.web.autoscale.target", "{utilisation of cores: 65%}").report();
    let predictive = tuned(morning()).variant("predictive").report();
    let scheduled = tuned(morning()).variant("scheduled").report();
    claim(
        "s11-predictive",
        "errors of the forecast over those of reacting",
        value(&predictive, "bad") / value(&reactive, "bad"),
        [0.0, 0.5],
    );
    claim(
        "s11-predictive",
        "p99 of the forecast over that of reacting",
        value(&predictive, "p99") / value(&reactive, "p99"),
        [0.0, 0.5],
    );
    claim(
        "s11-predictive",
        "p99 of the clock over that of reacting",
        value(&scheduled, "p99") / value(&reactive, "p99"),
        [0.0, 0.5],
    );
    // 15 of them is what the source has at 08:00, ordered at 07:45.
    let ordered = |report: &Report| {
        let counts = &report.components["web"].kind_specific.replicas_over_time;
        counts.iter().find(|at| 15.0 <= at[1]).map_or(f64::INFINITY, |at| 40.0 + at[0] / 60.0)
    };
    claim("s11-predictive", "minutes past seven when 15 are ordered, foreseen", ordered(&predictive), [40.0, 52.0]);
    claim(
        "s11-predictive",
        "minutes by which reacting is later",
        ordered(&reactive) - ordered(&predictive),
        [5.0, 30.0],
    );
}

#[test]
fn s11_composite_follows_the_rule_of_the_source() {
    let report = morning()
        .variant("score")
        .set("components.web.autoscale.up.per", "1s")
        .set("components.web.autoscale.down.per", "1s")
        .report();
    assert!(2 < report.decisions.len(), "{:?}", report.decisions);
    let wrong: Vec<&Decision> = report
        .decisions
        .iter()
        .filter(|decision| {
            let up = (1.5 * decision.from).floor().max(decision.from + 2.0).min(30.0);
            let down = (0.8 * decision.from).floor().max(3.0);
            let wanted = if 0.7 < measured(decision) { up } else { down };
            decision.to != wanted
        })
        .collect();
    words("s11-composite", ["decisions that are not the rule's", "none"], &format!("{wrong:?}"), wrong.is_empty());
}

#[test]
fn s11_thrash_is_cured_by_a_stable_time() {
    let rate = |report: &Report| report.components["web"].kind_specific.figures["scale_changes_per_h"].mean;
    claim(
        "s11-thrash",
        "changes an hour, following at once",
        rate(&morning().variant("hasty").report()),
        [10.0, 240.0],
    );
    let steady = morning().set("run.start", "'Mon 07:30'").set("run.duration", "90m").report();
    claim("s11-thrash", "changes an hour with stable times", rate(&steady), [0.0, 10.0]);
}

#[test]
fn s11_drain_loses_nothing() {
    let resets = |drain: &str| {
        let report =
            morning().variant("hasty").set("run.start", "'Mon 10:00'").set("components.web.drain", drain).report();
        assert!(report.decisions.iter().any(|decision| decision.to < decision.from));
        1e6 * report.requests.errors.get("reset").map_or(0.0, |share| share.mean)
    };
    claim("s11-drain", "of a million requests lost with 30 s to finish", resets("30s"), [0.0, 0.0]);
    claim("s11-drain", "of a million requests lost with none", resets("0s"), [0.5, 1e5]);
}

#[test]
fn s11_prewarm_helps_who_orders_in_time() {
    let p99 = |stage: Stage, join: &str| {
        value(&stage.set("components.web.warm", format!("{{for: 60s, slower: x4, join: {join}}}")).report(), "p99")
    };
    let ahead = || morning().variant("predictive");
    claim("s11-prewarm", "p99 warm over cold, ordered ahead", p99(ahead(), "warm") / p99(ahead(), "cold"), [0.0, 0.98]);
}

#[test]
fn s11_cost_follows_the_load() {
    // The hours around the morning; the whole day stands in docs/validation.md.
    let hours = |stage: Stage| {
        let stage = stage.set("run.start", "'Mon 07:30'").set("run.duration", "4h");
        let report = stage.report();
        (4.0 * report.components["web"].instances.mean, value(&report, "bad"))
    };
    let (peak, _) = hours(morning().variant("static").set("objectives.changes", "null"));
    let (followed, bad) = hours(morning().variant("predictive"));
    claim("s11-cost", "instance-hours over those of the fleet for the peak", followed / peak, [0.3, 0.95]);
    claim("s11-cost", "errors while following", bad, [0.0, 0.001]);
}

#[test]
fn x_thrash_is_what_an_eager_autoscaler_does() {
    let report = |variant: Option<&'static str>| {
        let stage = Stage::new("pitfalls/autoscaler-thrash.yaml").set("run.duration", "1h").set("run.warmup", "none");
        let stage = stage.set("run.replications", 1);
        match variant {
            Some(variant) => stage.variant(variant).report(),
            None => stage.report(),
        }
    };
    let rate = |report: &Report| report.components["web"].kind_specific.figures["scale_changes_per_h"].mean;
    let eager = report(None);
    claim("x-thrash", "changes an hour of an eager autoscaler", rate(&eager), [60.0, 240.0]);
    assert!(eager.alerts.iter().any(|alert| alert.name == "thrashing" && 0.0 < alert.fired_share));
    for variant in ["stable", "gap", "target"] {
        claim("x-thrash", variant, rate(&report(Some(variant))), [0.0, 10.0]);
    }
}

#[test]
fn p_blackfriday_is_survived_by_who_knows_of_it() {
    let report = |variant: Option<&'static str>| {
        let stage = Stage::new("patterns/flash-sale.yaml").set("run.duration", "25m").set("run.warmup", "none");
        let stage = stage.set("run.replications", 1).set("objectives.up", "availability during sale >= 99.9%");
        match variant {
            Some(variant) => stage.variant(variant).set("objectives.up", "availability during sale >= 99.9%").report(),
            None => stage.report(),
        }
    };
    claim("p-blackfriday", "availability, ordered before", value(&report(None), "up"), [0.999, 1.0]);
    // Fifty times the traffic without a word: requests fail until machines have booted, whatever the autoscaler.
    for (variant, boot, range) in [("reactive", "90 s", [0.3, 0.95]), ("fast", "5 s", [0.8, 0.999])] {
        let up = value(&report(Some(variant)), "up");
        let told = format!("availability {up:.3}: what is not there cannot answer");
        let what = format!("reacting with a boot of {boot}");
        refuted("p-blackfriday", &what, ["zero downtime", &told], (range[0]..=range[1]).contains(&up));
    }
}

/// A function at so many requests a second.
fn function(rate: &str) -> Stage {
    Stage::new("patterns/serverless.yaml")
        .set("run.warmup", "none")
        .set("run.replications", 1)
        .set("load.people.rate", rate)
        .set("objectives.cold", "cold_starts of thumb <= 100%")
        .set("objectives.p99", "latency p99 <= 1m")
}

#[test]
fn p_serverless_is_cold_when_it_is_rare_and_cheap_until_it_is_busy() {
    let night = function("3/h").set("run.duration", "30d").report();
    claim("p-serverless", "cold share at one request in twenty minutes", value(&night, "cold"), [0.55, 0.66]);
    let day = function("6/min").set("run.duration", "12h").report();
    claim("p-serverless", "cold share at one in ten seconds", value(&day, "cold"), [0.0, 0.01]);
    claim("s11-serverless", "p99 when rare", value(&night, "p99"), [1.0, 5.0]);
    // One request of 200 ms in a gigabyte costs as much as 0.2 s of 0.0000166667 $ and its share of a million.
    let per_second = |report: &Report, rate: f64| report.cost.usd_per_month / rate;
    let each = per_second(&day, 0.1);
    let always = Stage::new("patterns/serverless.yaml")
        .variant("always_on")
        .set("run.duration", "10m")
        .set("run.warmup", "none")
        .set("run.replications", 1)
        .report();
    let crossover = always.cost.usd_per_month / each;
    claim("s11-serverless", "requests/s at which a machine costs as much", crossover, [4.0, 10.0]);
    let busy = function("20/s").set("run.duration", "20m").report();
    words(
        "s11-serverless",
        ["20/s cost more than the machine", "dearer when busy"],
        &format!("${:.0}", busy.cost.usd_per_month),
        always.cost.usd_per_month < busy.cost.usd_per_month,
    );
}

#[test]
fn s11_serverless_goes_to_its_limit_at_once() {
    let rush = |limit: &str| {
        Stage::new("patterns/serverless.yaml")
            .variant("rush")
            .set("run.duration", "150s")
            .set("run.warmup", "none")
            .set("run.replications", 1)
            .set("components.thumb.concurrency", format!("{{limit: {limit}, burst: {limit}}}"))
            .set("components.thumb.operations.make", "[{wait: 2s}]")
            .set("objectives.most", "in_flight max of thumb.make <= 100k")
            .report()
    };
    let throttled = |report: &Report| report.requests.errors.get("throttled").map_or(0.0, |share| share.mean);
    let (account, raised) = (rush("1000"), rush("15000"));
    claim("s11-serverless", "requests at once when the limit is raised", value(&raised, "most"), [10_000.0, 15_000.0]);
    claim("s11-serverless", "throttled at the limit of the account", throttled(&account), [0.1, 0.95]);
    assert_eq!(0.0, throttled(&raised));
}

#[test]
fn s11_pool_shares_few_connections() {
    let report = Stage::new("patterns/connection-pooler.yaml")
        .set("run.duration", "60s")
        .set("run.warmup", "10s")
        .set("run.replications", 1)
        .report();
    claim("s11-pool", "connections of the database in use at most", value(&report, "few"), [1.0, 30.0]);
    claim(
        "s11-pool",
        "share of requests answered",
        report.requests.availability.expect("it is there").mean,
        [0.9999, 1.0],
    );
}

#[test]
fn s11_aurora_costs_what_its_units_do() {
    let day = |variant: Option<&'static str>| {
        let stage =
            Stage::new("patterns/serverless-database.yaml").set("run.duration", "24h").set("run.warmup", "none");
        let stage = stage.set("run.replications", 1);
        match variant {
            Some(variant) => stage.variant(variant),
            None => stage,
        }
    };
    let figure = |report: &Report, name: &str| report.components["db"].kind_specific.figures[name].mean;
    let line = |report: &Report, what: &str| {
        report.cost.lines.iter().find(|line| line.what == what).map_or(0.0, |line| line.usd_per_month)
    };
    let report = day(None).report();
    // The source's prices, on the units that were there: dollars of this day.
    let (units, dollars) = (figure(&report, "units"), line(&report, "capacity") * 24.0 / 730.0);
    claim(
        "s11-aurora",
        "dollars of the day over units x 24 h x $0.06",
        dollars / (units * 24.0 * 0.06),
        [0.9999, 1.0001],
    );
    claim("s11-aurora", "dollars a month for 20 GB, asleep or awake", line(&report, "storage"), [1.95, 2.05]);
    // Five times awake: 5 minutes at midnight, then 40, 20, 60 and 15 minutes with 5 more each, to the look that notices.
    let hours = 24.0 * (1.0 - figure(&report, "asleep"));
    claim("s11-aurora", "hours awake", hours, [2.58, 2.72]);
    // Never more than two units: so many hours, by hand.
    let steps = "{0s: 0, 540m: 1, 580m: 0, 660m: 1, 680m: 0, 840m: 1, 900m: 0, 1050m: 1, 1065m: 0}";
    let fixed = day(None).set("components.db.capacity.max", 2).set("load.testers.steps", steps).report();
    claim("s11-aurora", "cents of a day at two units", 100.0 * line(&fixed, "capacity") * 24.0 / 730.0, [31.0, 32.7]);
    let sleepless = day(Some("sleepless")).report();
    let least = figure(&sleepless, "units");
    claim("s11-aurora", "units that never sleep", least, [2.0, 6.0]);
    claim("s11-aurora", "cost of a sporadic day over one without sleep", units / least, [0.05, 0.6]);
    claim("s11-aurora", "latency of one in a thousand, s", value(&report, "patient"), [15.0, 120.0]);
    let [steady, machine] = ["steady", "machine"].map(|variant| day(Some(variant)).report().cost.usd_per_month);
    let told = format!("${steady:.0} against ${machine:.0} a month");
    words(
        "s11-aurora",
        ["asked all day the units are dearer than a machine", "dearer when busy"],
        &told,
        machine < steady,
    );
}
