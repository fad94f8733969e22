//! Logs: what a partition promises, message by message, and that each of their words moves what it should.

use plimsoll::model::Scope;

use crate::seen::Seen;

/// What varies between two runs.
#[derive(Clone)]
struct Words {
    rate: &'static str,
    /// Of the `publish`, beside its target.
    message: &'static str,
    publish: &'static str,
    /// Of the log, and of its topic.
    log: &'static str,
    topic: &'static str,
    consumer: &'static str,
    work: &'static str,
    link: &'static str,
    faults: &'static str,
}

const PLAIN: Words = Words {
    rate: "100/s",
    message: "",
    publish: "",
    log: "",
    topic: "partitions: 6",
    consumer: "",
    work: "{wait: 2ms}",
    link: "0s",
    faults: "",
};

impl Words {
    fn text(&self) -> String {
        let Words { rate, message, publish, log, topic, consumer, work, link, faults } = self;
        format!(
            "plimsoll: 1
title: log
run: {{duration: 60s, warmup: none, replications: 1}}
keys: {{user: {{count: 1000, popularity: zipf(1)}}}}
load: {{users: {{rate: {rate}, requests: {{web.buy: 1}}, timeout: none}}}}
links: {{any -> any: {{latency: {link}}}}}
components:
  web: {{kind: service, instances: 2, operations: {{buy: [{{publish: {{to: stream.clicks{message}}}{publish}}}]}}}}
  stream: {{kind: log, instances: 3, disk: {{bandwidth: 100MB/s}}, nic: 10Gbps, topics: {{clicks: {{{topic}}}}}{log}}}
  failed: {{kind: queue}}
  worker: {{kind: service, instances: 3, consumes: {{from: stream.clicks, group: mail, operation: send{consumer}}}, operations: {{send: [{work}]}}}}
faults: {{{faults}}}
"
        )
    }

    fn seen(&self) -> Seen {
        Seen::of(&self.text())
    }
}

#[test]
fn every_message_is_read_once_by_each_group() {
    let seen = PLAIN.seen();
    let mail = seen.group("mail");
    assert_eq!(seen.topic("stream.clicks").appended, seen.operation("web.buy").ok.count());
    assert_eq!(mail.entered, seen.topic("stream.clicks").appended);
    assert!(mail.open < 10 && mail.duplicates == 0 && mail.redelivered == 0, "{mail:?}");
    assert!((seen.lag_s() - 0.002).abs() < 0.0003, "from publication to the end of the work: {}", seen.lag_s());
}

#[test]
fn a_key_decides_on_the_partition_and_order_holds_inside_it() {
    let keyed =
        Words { topic: "partitions: 6, key: user", message: ", key: user", work: "{wait: exp(20ms)}", ..PLAIN }.seen();
    let by_chance = Words { message: ", key: user", topic: "partitions: 6", ..PLAIN }.seen();
    let none = PLAIN.seen();
    assert_eq!(0, keyed.group("mail").disordered, "one after the other");
    assert!(5000 < keyed.group("mail").ordered);
    let skew = |seen: &Seen| {
        *seen.partitions("stream.clicks").iter().max().expect("six") as f64 * 6.0
            / seen.partitions("stream.clicks").iter().sum::<u64>() as f64
    };
    assert!(1.15 < skew(&keyed), "popular keys load their partition: {:?}", keyed.partitions("stream.clicks"));
    assert_eq!(
        keyed.partitions("stream.clicks"),
        by_chance.partitions("stream.clicks"),
        "the key of the message is that of the topic"
    );
    assert!(skew(&none) < 1.1, "without a key all get as much: {:?}", none.partitions("stream.clicks"));
}

#[test]
fn one_partition_has_one_reader() {
    // 2 ms each: three workers could do 1500/s, one after the other only 500/s.
    let one = Words { rate: "800/s", topic: "partitions: 1", consumer: ", batch: 100", ..PLAIN }.seen();
    let six = Words { rate: "800/s", consumer: ", batch: 100", ..PLAIN }.seen();
    assert!((one.group("mail").delivered as f64 / 60.0 - 500.0).abs() < 10.0, "{:?}", one.group("mail").delivered);
    assert!(six.group("mail").open < 50, "{}", six.group("mail").open);
}

#[test]
fn lingering_gathers_messages_and_costs_time() {
    let words = |message| Words {
        rate: "2000/s",
        message,
        topic: "partitions: 1",
        consumer: ", batch: 100",
        work: "{wait: 0s}",
        ..PLAIN
    };
    let alone = words(", bytes: 100B").seen();
    let gathered = words(", bytes: 100B, linger: 10ms").seen();
    let full = words(", bytes: 100B, linger: 10ms, batch: 500B").seen();
    let appends = |seen: &Seen| seen.operation("stream.clicks").ok.count() as f64 / 60.0;
    assert!((appends(&alone) - 2000.0).abs() < 50.0);
    // Two publishers at 1000/s: a first message, and those of the 10 ms behind it.
    assert!((appends(&gathered) - 2000.0 / 11.0).abs() < 10.0, "{}", appends(&gathered));
    assert!((appends(&full) - 400.0).abs() < 20.0, "five messages fill a batch: {}", appends(&full));
    assert!((gathered.latency_s("web.buy") - 0.0055).abs() < 0.0006, "{}", gathered.latency_s("web.buy"));
    assert!(full.latency_s("web.buy") < 0.004, "{}", full.latency_s("web.buy"));
    assert_eq!(0, alone.topic("stream.clicks").unsent + gathered.topic("stream.clicks").unsent);
}

#[test]
fn who_waits_for_copies_waits_for_the_network() {
    let words = |message, log| Words { message, log, link: "5ms", ..PLAIN };
    let three = ", replication: {factor: 3, min_isr: 2}";
    let all = words("", three).seen();
    let one = words(", acks: 1", three).seen();
    let none = words(", acks: 0", three).seen();
    let single = words("", "").seen();
    let latency = |seen: &Seen| seen.latency_s("web.buy");
    assert!((latency(&single) - 0.010).abs() < 1e-4, "there and back: {}", latency(&single));
    assert!((latency(&one) - 0.010).abs() < 1e-4, "{}", latency(&one));
    assert!(0.0199 < latency(&all) && latency(&all) < 0.027, "and there and back to the followers: {}", latency(&all));
    assert!(latency(&none) < 1e-6, "{}", latency(&none));
    let entered = [&all, &one, &none, &single].map(|seen| seen.group("mail").entered);
    assert!(entered.iter().all(|count| count.abs_diff(entered[0]) < 10), "{entered:?}");
}

#[test]
fn copies_weigh_on_disk_and_network_and_compression_takes_from_both() {
    let bytes = |seen: &Seen| {
        let hosts = &seen.end().hosts;
        [hosts.iter().map(|host| host.disk_bytes).sum::<u64>(), hosts.iter().map(|host| host.nic_bytes).sum::<u64>()]
    };
    let words = |log, topic| Words { message: ", bytes: 10KB", log, topic, ..PLAIN };
    let one = bytes(&words("", "partitions: 6").seen());
    let three = bytes(&words(", replication: {factor: 3}", "partitions: 6").seen());
    let small = bytes(&words(", replication: {factor: 3}", "partitions: 6, compression: 25%").seen());
    let ratio = |a: u64, b: u64| a as f64 / b as f64;
    assert!((ratio(three[0], one[0]) - 3.0).abs() < 0.01, "{one:?} {three:?}");
    // In and out once; each copy leaves one card and comes in by another.
    assert!((ratio(three[1], one[1]) - 3.0).abs() < 0.05, "{one:?} {three:?}");
    assert!((ratio(small[0], three[0]) - 0.25).abs() < 0.01 && ratio(small[1], three[1]) < 0.3, "{small:?} {three:?}");
}

#[test]
fn what_only_a_dead_leader_had_is_lost_and_what_all_had_is_not() {
    // So slow a link that the copies are always behind.
    let words = |message| Words {
        rate: "3000/s",
        message,
        log: ", replication: {factor: 3, min_isr: 2}, election: 2s",
        link: "20ms",
        consumer: ", batch: 500",
        work: "{wait: 100us}",
        publish: ", timeout: 1s, fallback: skip",
        faults: "dies: {at: 20s, kill: stream/0}",
        ..PLAIN
    };
    let (all, one) = (words("").seen(), words(", acks: 1").seen());
    let lost = |seen: &Seen| seen.topic("stream.clicks").truncated;
    assert_eq!(0, lost(&all), "nobody was told that they were safe: {:?}", all.topic("stream.clicks"));
    assert!(0 < all.topic("stream.clicks").withdrawn);
    assert!((3..150).contains(&lost(&one)), "{:?}", one.topic("stream.clicks"));
    let fault = one.record.faults[0][0];
    assert_eq!(lost(&one), fault.lost_writes);
    assert!(fault.oldest_lost.is_some_and(|age| age.secs() < 0.1), "{fault:?}");
    assert_eq!(2, one.end().elections[0], "it led two of six");
    let after = |seen: &Seen| seen.group("mail").open;
    assert!(after(&all) < 1000 && after(&one) < 1000, "they are read on under other leaders");
}

#[test]
fn partitions_of_a_dead_broker_stand_still_until_it_is_missed() {
    let words = |log, faults| Words { log, faults, publish: ", timeout: 500ms, fallback: skip", ..PLAIN };
    let dies = "dies: {at: 20s, kill: stream/0}";
    let appended = |seen: &Seen| seen.topic("stream.clicks").appended as f64;
    let whole = appended(&words(", replication: {factor: 3}", "").seen());
    let quick = appended(&words(", replication: {factor: 3}, election: 1s", dies).seen());
    let slow = appended(&words(", replication: {factor: 3}, election: 10s", dies).seen());
    let alone = appended(&words(", election: 1s", dies).seen());
    // A third of all goes to a dead leader for so long; and nothing with three copies is committed while one hangs.
    assert!(quick < whole && slow < quick - 100.0 && alone < slow - 300.0, "{whole} {quick} {slow} {alone}");
    let back = Words {
        faults: "dies: {at: 20s, kill: stream/0, for: 10s}",
        log: ", replication: {factor: 3}, election: 1s",
        ..PLAIN
    }
    .seen();
    assert_eq!(2, back.end().elections[0], "two partitions went to others");
}

#[test]
fn too_few_copies_take_nothing_from_who_wants_all() {
    let dies = "a: {at: 20s, kill: stream/0}, b: {at: 20s, kill: stream/1}";
    let words =
        |message, log| Words { message, log, faults: dies, publish: ", timeout: 500ms, fallback: skip", ..PLAIN };
    let strict = words("", ", replication: {factor: 3, min_isr: 2}, election: 1s").seen();
    let lax = words("", ", replication: {factor: 3, min_isr: 1}, election: 1s").seen();
    let leader = words(", acks: 1", ", replication: {factor: 3, min_isr: 2}, election: 1s").seen();
    let appended = |seen: &Seen| seen.topic("stream.clicks").appended;
    assert!(appended(&strict) < 2200, "{}", appended(&strict));
    assert!(5000 < appended(&lax) && 5000 < appended(&leader), "{} {}", appended(&lax), appended(&leader));
}

#[test]
fn a_copy_that_is_behind_for_too_long_no_longer_counts() {
    let words =
        |log| Words { log, faults: "halt: {at: 20s, pause: stream/1, for: 30s}", publish: ", timeout: 40s", ..PLAIN };
    let soon = words(", replication: {factor: 2, behind: 2s}, election: 60s").seen();
    let late = words(", replication: {factor: 2, behind: 20s}, election: 60s").seen();
    let p = |seen: &Seen| seen.latency_s("web.buy");
    // A third of all wait for the paused broker in any case.
    assert!(p(&soon) + 1.0 < p(&late), "{} {}", p(&soon), p(&late));
}

#[test]
fn a_dead_consumer_is_missed_after_its_session() {
    let words = |consumer| Words { consumer, faults: "dies: {at: 20s, kill: worker/0}", ..PLAIN };
    let lag = |seen: &Seen| seen.lag_s();
    let quick = words(", session: 2s, rebalance: 1s").seen();
    let slow = words(", session: 10s, rebalance: 1s").seen();
    let long = words(", session: 2s, rebalance: 8s").seen();
    assert!(
        2.0 * lag(&quick) < lag(&slow) && 2.0 * lag(&quick) < lag(&long),
        "{} {} {}",
        lag(&quick),
        lag(&slow),
        lag(&long)
    );
    assert_eq!(1, quick.group("mail").rebalances);
    assert!(quick.group("mail").open < 10, "the others read on");
    let returns =
        Words { consumer: ", session: 10s", faults: "dies: {at: 20s, kill: worker/0, for: 5s}", ..PLAIN }.seen();
    assert_eq!(0, returns.group("mail").rebalances, "who is back before it was missed has its partitions");
    let missed =
        Words { consumer: ", session: 2s", faults: "dies: {at: 20s, kill: worker/0, for: 5s}", ..PLAIN }.seen();
    assert_eq!(2, missed.group("mail").rebalances, "else others had them meanwhile");
}

#[test]
fn cooperative_members_read_on_while_partitions_move() {
    let words = |consumer| Words { consumer, faults: "dies: {at: 20s, kill: worker/0}", ..PLAIN }.seen().lag_s();
    let eager = words(", session: 1s, rebalance: 5s, assign: range");
    let sticky = words(", session: 1s, rebalance: 5s, assign: sticky");
    let cooperative = words(", session: 1s, rebalance: 5s, assign: cooperative");
    assert!(cooperative < 0.7 * eager && (sticky - eager).abs() < 0.2 * eager, "{eager} {sticky} {cooperative}");
}

#[test]
fn when_it_is_committed_decides_what_a_death_loses_or_repeats() {
    let words = |consumer| Words {
        consumer,
        rate: "1000/s",
        work: "{wait: 5ms}",
        faults: "dies: {kill: worker/any, every: exp(3s), for: 1s}",
        ..PLAIN
    };
    let before = words(", batch: 50, session: 100ms, rebalance: 100ms, commit: before").seen();
    let after = words(", batch: 50, session: 100ms, rebalance: 100ms").seen();
    let once = words(", batch: 50, session: 100ms, rebalance: 100ms, commit: exactly_once").seen();
    let of = |seen: &Seen| (seen.group("mail").early, seen.group("mail").duplicates);
    assert!(0 < of(&before).0 && 0 == of(&before).1, "at most once: {:?}", of(&before));
    assert!(0 == of(&after).0 && 0 < of(&after).1, "at least once: {:?}", of(&after));
    assert_eq!((0, 0), of(&once), "exactly once");
    assert!(0 < once.group("mail").redelivered);
}

#[test]
fn what_fails_holds_its_partition_until_it_is_given_up() {
    let words = |topic| Words { topic, work: "{wait: 1ms}, {fail: {share: 2%, as: bad}}", ..PLAIN };
    let held = words("partitions: 6, redelivery: {attempts: 3, backoff: constant(1s), then: failed}").seen();
    let quick = words("partitions: 6, redelivery: {attempts: 3, backoff: constant(10ms), then: failed}").seen();
    let lost = words("partitions: 6, redelivery: {attempts: 1}").seen();
    assert!(5.0 * quick.lag_s() < held.lag_s(), "{} {}", quick.lag_s(), held.lag_s());
    assert_eq!(0, quick.group("mail").disordered);
    let failed = quick.group("mail").dead;
    assert_eq!(failed, quick.end().groups.last().map_or(0, |_| quick.topic("failed").dead_in));
    assert!((90..150).contains(&lost.group("mail").given_up), "{}", lost.group("mail").given_up);
}

#[test]
fn what_is_too_old_or_too_much_is_no_longer_kept() {
    let words = |topic| Words { topic, work: "{wait: 100ms}", message: ", bytes: 1KB", rate: "200/s", ..PLAIN };
    let kept = words("partitions: 6").seen();
    let time = words("partitions: 6, retention: {time: 5s}").seen();
    let bytes = words("partitions: 6, retention: {bytes: 100KB}").seen();
    assert_eq!(0, kept.group("mail").expired);
    // 60 of 200 a second are done: what waits is as much as comes in five seconds, or a hundred in each partition.
    assert!(1000 < time.group("mail").expired && time.group("mail").open < 1100, "{:?}", time.group("mail").open);
    assert!(1000 < bytes.group("mail").expired && bytes.group("mail").open <= 606, "{:?}", bytes.group("mail").open);
}

#[test]
fn a_group_reads_again_what_it_has_done() {
    let words = |faults, topic| Words { topic, faults, ..PLAIN };
    let back = words("back: {at: 30s, rewind: stream.clicks, group: mail, back: 10s}", "partitions: 6").seen();
    let again = back.group("mail").rewound;
    assert!((900..1100).contains(&again), "what came in ten seconds: {again}");
    assert_eq!(back.topic("stream.clicks").appended + again, back.group("mail").entered);
    assert!(back.group("mail").open < 10 && back.group("mail").duplicates == 0, "{:?}", back.group("mail"));
    assert!(5.0 < back.whole().message_lag(Scope::All).max().expect("there are many"), "old messages are late");
    let kept = words("back: {at: 30s, rewind: stream.clicks, back: 10s}", "partitions: 6, retention: {time: 4s}");
    let kept = kept.seen().group("mail").rewound;
    assert!((350..450).contains(&kept), "no more than is kept: {kept}");
    // What waits comes after what is read again, so nothing overtakes anything of its partition.
    let busy = Words {
        message: ", key: user",
        topic: "partitions: 6, key: user",
        work: "{wait: exp(50ms)}",
        faults: "back: {at: 30s, rewind: stream.clicks, back: 10s}",
        ..PLAIN
    };
    let busy = busy.seen();
    assert!(20 < busy.group("mail").rewound && 0 == busy.group("mail").disordered);
}

#[test]
fn a_larger_poll_costs_fewer_requests() {
    let fetches = |consumer| {
        let seen = Words { rate: "900/s", consumer, work: "{wait: 5ms}", ..PLAIN }.seen();
        seen.operation("stream.fetch").ok.count() as f64 / seen.group("mail").delivered as f64
    };
    let (one, many) = (fetches(""), fetches(", batch: 500"));
    assert!((one - 1.0).abs() < 0.01 && many < 0.7, "{one} {many}");
}

#[test]
fn attempts_to_send_again_are_copies_unless_the_topic_remembers() {
    let words = |topic| Words {
        topic,
        log: ", replication: {factor: 3}, operations: {clicks: [{wait: exp(4ms)}]}",
        publish: ", timeout: 6ms, retry: {attempts: 5}, fallback: skip",
        ..PLAIN
    };
    let twice = words("partitions: 6").seen();
    let once = words("partitions: 6, deduplicate: 2m").seen();
    assert!(100 < twice.group("mail").duplicates, "{}", twice.group("mail").duplicates);
    assert_eq!(0, once.group("mail").duplicates);
    assert!(100 < once.topic("stream.clicks").repeated);
}

#[test]
fn messages_that_nobody_waits_for_can_be_lost_unsent() {
    let dies = "dies: {at: 20s, kill: stream, for: 10s}";
    let seen = Words { message: ", acks: 0", faults: dies, ..PLAIN }.seen();
    let lost = seen.topic("stream.clicks").unsent;
    assert!((900..1100).contains(&lost), "ten seconds of messages: {lost}");
    assert_eq!(seen.operation("web.buy").ok.count(), seen.topic("stream.clicks").appended + lost);
}
