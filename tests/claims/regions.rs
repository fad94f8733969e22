//! Two regions: one that stands by, or two that both serve.

use super::{Stage, claim, value, words};

const PASSIVE: &str = "patterns/active-passive.yaml";
const ACTIVE: &str = "patterns/active-active.yaml";

fn passive() -> Stage {
    Stage::new(PASSIVE).set("run.duration", "10m").set("run.replications", 3)
}

fn active() -> Stage {
    Stage::new(ACTIVE).set("run.duration", "270s").set("run.replications", 1)
}

#[test]
fn p_active_passive() {
    let lost = |stage: Stage| {
        let report = stage.report();
        let fault = &report.faults["region_dies"];
        let lost = fault.lost_writes.expect("it kills a copy").mean;
        (value(&report, "back"), fault.rpo_s.expect("likewise").mean, lost)
    };
    let (back, rpo, writes) = lost(passive());
    claim("p-active-passive", "from the death of the region to the last error, s", back, [80.0, 240.0]);
    claim("p-active-passive", "age of the oldest write that was lost, sent every second, s", rpo, [0.05, 1.1]);
    let (_, older, more) = lost(passive().variant("seldom"));
    let (_, none, zero) = lost(passive().variant("careful"));
    let told = format!(
        "{writes:.1} writes, {more:.1} when sent every 5 s ({older:.1} s old), {zero:.0} when the standby is waited for"
    );
    words(
        "p-active-passive",
        "the loss is the lag",
        &told,
        0.0 < writes && writes < more && zero == 0.0 && none == 0.0,
    );
}

#[test]
fn p_active_active() {
    let with = |stage: Stage| {
        stage
            .set("objectives.conflicts", "conflicts of db >= 0")
            .set("objectives.lost", "lost_writes of db >= 0")
            .report()
    };
    let lww = with(active());
    let [americans, europeans] =
        ["americans", "europeans"].map(|load| lww.loads[load].latency.ok.p50.expect("many").mean);
    let told = format!("{:.0} and {:.0} ms", 1e3 * americans, 1e3 * europeans);
    words("p-active-active", "both regions serve: medians", &told, americans < 0.03 && europeans < 0.03);
    claim("p-active-active", "p95 of a European's write, s", value(&lww, "near_writes"), [0.0, 0.05]);
    let raft = with(active().variant("raft"));
    let told =
        format!("{:.0} ms, by raft {:.0} ms", 1e3 * value(&lww, "near_writes"), 1e3 * value(&raft, "near_writes"));
    words(
        "p-active-active",
        "near writes do not wait for the ocean",
        &told,
        3.0 * value(&lww, "near_writes") < value(&raft, "near_writes"),
    );
    let (crdt, apart) = (with(active().variant("crdt")), with(active().variant("apart")));
    let [one, two, cut] = [&lww, &crdt, &apart].map(|report| value(report, "conflicts"));
    let told = format!("{one:.0} with lww, {two:.0} with crdt, {cut:.0} when apart for 2 min");
    words("p-active-active", "conflicts", &told, 0.0 < one && 0.0 < two && 3.0 * one < cut);
    let [by_last, merged] = [&lww, &crdt].map(|report| value(report, "lost"));
    let told = format!("{by_last:.0} by the last writer, {merged:.0} by merging");
    words("p-active-active", "writes lost to conflicts", &told, 0.0 < by_last && merged == 0.0);
    let dies = with(active().variant("one_dies"));
    claim("p-active-active", "a region dies: to the last error, s", value(&dies, "back"), [20.0, 120.0]);
}
