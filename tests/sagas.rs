//! Sagas undo what they must, once; `dedupe` keeps what comes again from being done again.

use plimsoll::record::GroupTally;

use crate::seen::Seen;

/// A shop that takes, charges and books, and what is said of the three.
fn shop(charge: &str, book: &str, put: &str, more: &str) -> String {
    format!(
        "plimsoll: 1
title: saga
run: {{duration: 60s, warmup: none, replications: 1}}
load: {{users: {{rate: 50/s, requests: {{shop.order: 1}}, timeout: none}}}}
components:
  shop:
    kind: service
    instances: 2
    operations:
      order:
        - saga:
            steps:
              - {{do: [{{call: stock.take}}], undo: [{{call: stock.put}}]}}
              - {{do: [{{call: pay.charge, timeout: 100ms}}], undo: [{{call: pay.refund}}]}}
              - {{do: [{{call: ship.book}}]}}
        - respond: 1KB
  stock: {{kind: service, operations: {{take: [{{wait: 1ms}}], put: [{{wait: 1ms}}{put}]}}}}
  pay: {{kind: service, operations: {{charge: [{charge}], refund: [{{wait: 1ms}}]}}}}
  ship: {{kind: service, operations: {{book: [{book}]}}}}
{more}"
    )
}

#[test]
fn a_saga_that_fails_undoes_what_it_did_and_fails_the_same_way() {
    let seen = Seen::of(&shop("{fail: {share: 20%, as: declined}}", "{fail: {share: 10%, as: sold_out}}", "", ""));
    let (declined, sold_out) = (seen.visits("pay.charge").1, seen.visits("ship.book").1);
    assert!(300 < declined && 100 < sold_out);
    let (put, refund) = (seen.visits("stock.put").0, seen.visits("pay.refund").0);
    assert_eq!((declined + sold_out, sold_out), (put, refund), "what is known not to have happened is not undone");
    let saga = seen.saga();
    assert_eq!((declined + sold_out, put + refund), (saga.undone, saga.compensations));
    assert_eq!((0, 0), (saga.unresolved, saga.abandoned));
    let kinds = &seen.end().classes[0].kinds;
    let of = |kind: &str| kinds[seen.model.failures.iter().position(|name| name == kind).expect("it was named")];
    assert_eq!((declined, sold_out), (of("declined"), of("sold_out")));
}

#[test]
fn a_step_whose_outcome_is_unknown_is_undone_too() {
    let seen = Seen::of(&shop("{wait: exp(50ms)}", "{wait: 1ms}", "", ""));
    let saga = seen.saga();
    assert!(200 < saga.undone, "one in seven takes longer than it may: {saga:?}");
    assert_eq!(2 * saga.undone, saga.compensations, "the charge and the stock");
    assert!(seen.visits("pay.refund").0 >= saga.undone);
}

#[test]
fn what_cannot_be_undone_is_unresolved() {
    let seen =
        Seen::of(&shop("{fail: {share: 20%, as: declined}}", "{wait: 1ms}", ", {fail: {share: 50%, as: gone}}", ""));
    let saga = seen.saga();
    assert_eq!(seen.visits("stock.put").1, saga.unresolved);
    assert!(0.4 < saga.unresolved as f64 / (saga.unresolved + saga.undone) as f64, "{saga:?}");
}

#[test]
fn a_saga_dies_with_its_instance() {
    let dies = "faults: {dies: {at: 30s, for: 1s, kill: shop/0}}\n";
    let seen = Seen::of(&shop("{wait: 50ms}", "{wait: 50ms}", "", dies));
    let saga = seen.saga();
    assert!(0 < saga.abandoned && saga.abandoned < 10, "{saga:?}");
    assert_eq!(0, Seen::of(&shop("{wait: 50ms}", "{wait: 50ms}", "", "")).saga().abandoned);
}

/// Messages that are sent several times, and a consumer that is or is not careful.
fn mail(careful: &str) -> (GroupTally, u64) {
    let seen = Seen::of(&format!(
        "plimsoll: 1
title: dedupe
run: {{duration: 60s, warmup: none, replications: 1}}
keys: {{user: {{count: 1M, popularity: uniform}}}}
load: {{users: {{rate: 50/s, requests: {{web.buy: 1}}, timeout: none}}}}
components:
  web: {{kind: service, operations: {{buy: [{{publish: {{to: tasks}}, timeout: 20ms, retry: {{attempts: 5}}}}]}}}}
  tasks: {{kind: queue, publish: exp(20ms)}}
  redis: {{kind: cache, key: user, operations: {{get: {{cpu: 1us}}}}}}
  mail:
    kind: service
    instances: 2
    consumes: {{from: tasks, operation: send}}
    operations: {{send: [{careful}{{fail: {{share: 10%, as: bad}}}}, {{call: smtp.send}}]}}
  smtp: {{kind: external, operations: {{send: [{{wait: 1ms}}]}}}}
  other: {{kind: service, operations: {{go: [{{cached: {{in: redis, key: user, miss: []}}}}]}}}}
"
    ));
    let sent = seen.visits("smtp.send").0;
    (seen.end().groups[0].clone(), sent)
}

#[test]
fn what_was_done_is_not_done_again() {
    let plain = mail("");
    let shared = mail("{dedupe: {by: event, within: 1h, in: redis}}, ");
    let own = mail("{dedupe: {by: event, within: 1h}}, ");
    let brief = mail("{dedupe: {by: event, within: 1ms, in: redis}}, ");
    assert!(500 < plain.0.duplicates && plain.0.skipped == 0, "{}", plain.0.duplicates);
    assert!(5 * shared.0.duplicates < plain.0.duplicates, "but for those at the same moment: {}", shared.0.duplicates);
    assert!(shared.1 + 500 < plain.1, "mails sent");
    assert!(
        shared.0.duplicates < own.0.duplicates && own.0.duplicates < plain.0.duplicates,
        "each instance knows its own"
    );
    assert!(own.0.duplicates < brief.0.duplicates, "what is forgotten is done again");
    assert!(plain.0.deliveries.abs_diff(shared.0.deliveries) < plain.0.deliveries / 20, "what failed is tried again");
}
