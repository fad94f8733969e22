//! What the sources claim of sharding, shown (or refuted) by simulation, in the way of `claims`.

use super::{Stage, beside, claim, mean, value};

/// Stage 7 with writes alone, on even keys.
fn writes(shards: u32, rate: f64) -> Stage {
    Stage::new("07-sharding.yaml")
        .variant("writes_only")
        .set("run.duration", "8s")
        .set("run.warmup", "3s")
        .set("run.replications", 1)
        .set("run.prefill", "none")
        .set("components.db.shards.count", shards)
        .set("components.db.data.rows", "400M")
        .set("load.likes.rate", format!("{rate}/s"))
}

/// Writes a second that are answered well when half as many again are asked for.
fn capacity(shards: u32) -> f64 {
    writes(shards, 15e3 * f64::from(shards)).report().requests.goodput_per_s.mean
}

#[test]
fn s07_linear_write_capacity_grows_with_shards() {
    let one = capacity(1);
    for shards in [2, 4] {
        let times = capacity(shards) / one;
        // The ring is not quite even: its largest part is full first, but goes on when the others are.
        claim("s07-linear", &format!("{shards} shards"), times, [0.9 * f64::from(shards), 1.1 * f64::from(shards)]);
    }
}

#[test]
fn s07_total_four_shards_carry_forty_thousand_writes() {
    // At 90 % of 10,000 on each shard, hashed evenly, writes are still quick.
    let report = writes(4, 36e3).set("components.db.shards.by", "hash").report();
    claim("s07-total", "writes/s of 4 shards at 90 %", report.requests.goodput_per_s.mean, [35e3, 37e3]);
    assert!(report.run.stable);
    claim("s07-total", "writes/s that 4 shards can do", capacity(4), [38e3, 42e3]);
}

#[test]
fn s07_total_sixteen_shards_carry_a_hundred_and_forty_thousand_writes() {
    let stage = writes(16, 144e3).set("components.db.shards.by", "hash");
    let report = stage.set("run.duration", "4s").set("run.warmup", "1s").report();
    claim("s07-total", "writes/s of 16 shards at 90 %", report.requests.goodput_per_s.mean, [140e3, 150e3]);
}

#[test]
fn s07_modulo_moves_four_keys_in_five_and_a_ring_one() {
    for (variant, share) in [("grow_modulo", 0.8), ("grow", 0.2)] {
        let report = Stage::new("07-sharding.yaml")
            .variant(variant)
            .set("run.duration", "6s")
            .set("run.warmup", "1s")
            .set("run.replications", 1)
            .set("run.prefill", "none")
            .set("load", "{visitors: {rate: 50/s, timeout: 5s}, likes: {rate: 100/s}, assets: {rate: 1/s}}")
            .set("components.db.data.rows", "1M")
            .set("components.db.failover", "null")
            .set("faults.grow.at", "2s")
            .report();
        let moved = report.faults["grow"].moved_keys.expect("keys moved").mean;
        claim("s07-modulo", variant, moved, [share - 0.03, share + 0.03]);
    }
}

#[test]
fn s07_blast_a_quarter_notices_that_one_of_four_is_gone() {
    let report = Stage::new("07-sharding.yaml")
        .variant("writes_only")
        .set("run.duration", "10s")
        .set("run.warmup", "1s")
        .set("run.replications", 1)
        .set("run.prefill", "none")
        .set("load.likes.rate", "4000/s")
        .set("components.db.shards.by", "hash")
        .set("faults.dies", "{at: 2s, kill: db/shard-2}")
        .set("objectives.hurt", "errors of db.write during dies >= 0%")
        .report();
    claim("s07-blast", "share of writes that fail", value(&report, "hurt"), [0.23, 0.27]);
}

#[test]
fn s07_hot_what_is_even_in_keys_need_not_be_in_load() {
    let variance = |by: &str, zipf: &str| {
        let report = Stage::new("patterns/sharding-strategies.yaml")
            .set("run.duration", "60s")
            .set("run.warmup", "5s")
            .set("run.replications", 1)
            .set("components.db.shards.by", by)
            .set("keys.user.popularity", zipf)
            .set("load.members.rate", "500/s")
            .report();
        let fired = report.alerts[0].fired_share;
        (report.components["db"].kind_specific.figures["shard_variance"].mean, fired)
    };
    claim("s07-hot", "hash at zipf 0.6", variance("hash", "zipf(0.6)").0, [0.0, 0.2]);
    // One key is 7 % of the requests: a quarter of what a shard gets, unless that shard is poorer otherwise.
    claim("s07-hot", "hash at zipf 0.99", variance("hash", "zipf(0.99)").0, [0.1, 0.5]);
    let (range, fired) = variance("range", "zipf(0.6)");
    claim("s07-hot", "range at zipf 0.6", range, [0.5, 3.0]);
    claim("s07-hot", "alert fired", fired, [1.0, 1.0]);
    let by_place = Stage::new("patterns/sharding-strategies.yaml").variant("place").set("run.duration", "30s").report();
    let place = by_place.components["db"].kind_specific.figures["shard_variance"].mean;
    claim("s07-hot", "by place", place, [0.55, 0.75]);
}

#[test]
fn s07_cost_of_four_shards() {
    let cost = |shards: u32, replicas: u32| {
        let stage = writes(shards, 1000.0).set("run.duration", "5s").set("run.warmup", "1s");
        stage.set("components.db.replicas.count", replicas).report().cost.usd_per_month
    };
    // With one replica each, four shards stay below the range; with the two of stage 4 they are in it.
    beside("s07-cost", "dollars a month of 4 shards with one replica", &format!("{:.0}", cost(4, 1)));
    claim("s07-cost", "dollars a month of 4 shards", cost(4, 2), [10e3, 40e3]);
    claim("s07-cost", "dollars a month of 16 shards", cost(16, 2), [10e3, 40e3]);
}

fn gather(shards: u32) -> f64 {
    let stage = Stage::new("pitfalls/unbounded-fan-out.yaml").set("run.duration", "60s").set("run.warmup", "2s");
    let report = stage.set("components.db.shards.count", shards).report();
    report.latency.ok.p99.expect("there are enough").mean
}

#[test]
fn x_fanout_the_tail_of_all_is_a_deeper_tail_of_one() {
    // Of an exponential of 10 ms, and half a millisecond of way.
    let expected = |shards: u32| {
        let quantile = libm::pow(0.99, 1.0 / f64::from(shards));
        0.0005 - 0.010 * libm::log(1.0 - quantile)
    };
    let mut before = 0.0;
    for shards in [1, 10, 64] {
        let (measured, expected) = (gather(shards), expected(shards));
        claim(
            "x-fanout",
            &format!("and s07-scatter: p99 of {shards}, s"),
            measured,
            [0.93 * expected, 1.07 * expected],
        );
        assert!(before < measured);
        before = measured;
    }
}

#[test]
fn x_hot_key_a_hot_shard_caps_the_whole() {
    let goodput = |variant: Option<&'static str>| {
        let stage = Stage::new("pitfalls/hot-shard.yaml").set("run.duration", "40s").set("run.warmup", "10s");
        let stage = stage.set("load.visitors.rate", "3000/s");
        let stage = if let Some(variant) = variant { stage.variant(variant) } else { stage };
        stage.report().requests.goodput_per_s.mean
    };
    // 4,000 a second could be carried; shard 0 does 1,000 of the 90 % that want it, the others are bored.
    let by_range = goodput(None);
    claim("x-hot-key", "by range, share of what is asked", by_range / 3000.0, [0.2, 0.5]);
    claim("x-hot-key", "by hash", goodput(Some("hash")) / 3000.0, [0.9, 1.0]);
    claim("x-hot-key", "twice the shards by range", goodput(Some("more")) / by_range, [0.8, 1.3]);
}

#[test]
fn x_premature_shard_four_small_machines_are_not_one_large_one() {
    let stage = || Stage::new("pitfalls/premature-sharding.yaml").set("run.duration", "90s");
    let p99 = |stage: Stage| stage.report().latency.ok.p99.expect("there are enough").mean;
    let (sharded, vertical) = (p99(stage()), p99(stage().variant("vertical")));
    claim("x-premature-shard", "p99 at equal cores, sharded over whole", sharded / vertical, [1.3, 20.0]);
    let larger = stage().variant("larger").report();
    let whole = stage().variant("vertical").report();
    for report in [&larger, &whole] {
        let fast = report.objectives.iter().find(|objective| objective.name == "fast").expect("it is stated");
        assert!(fast.value <= fast.limit, "{:?} <= {:?}", fast.value, fast.limit);
    }
    let ratio = larger.cost.usd_per_month / whole.cost.usd_per_month;
    claim("x-premature-shard", "cost for the same objective", ratio, [1.5, 4.0]);
}

#[test]
fn p_vertical_shard_tables_are_split_not_rows() {
    let stage = Stage::new("patterns/sharding-strategies.yaml").variant("tables").set("run.duration", "30s");
    let report = stage.set("run.replications", 1).report();
    let shards = &report.components["db"].kind_specific.shards;
    let reads = report.operations["db.read_user"].requests.offered_per_s.mean;
    assert_eq!(shards.len(), 2);
    claim("p-vertical-shard", "reads on the shard of users", shards[1].arrivals_per_s.mean / reads, [0.999, 1.001]);
    assert!(0.0 < mean(&report));
}
