//! Scenarios as text against the programs, edges and warnings that they compile to.

use std::path::Path;

use plimsoll::diagnostic::{self, Diagnostics, Sources};
use plimsoll::model::compile::compile;
use plimsoll::model::listing::listing;
use plimsoll::model::loads::Demand;
use plimsoll::model::traffic::Resource;
use plimsoll::model::{Act, Model, NONE, NONE16, Target};
use plimsoll::scenario::root::{self, Given};

/// The model of a text, and what was told on the way, one line each.
fn compiled(text: &str) -> (Option<Model>, String) {
    let text = if text.contains("plimsoll:") { text.to_owned() } else { format!("plimsoll: 1\n{text}") };
    let read = |path: &Path| match path.file_name().and_then(|name| name.to_str()) {
        Some("test.yaml") => Ok(text.clone()),
        Some("kitchen_sink_curve.csv") => Ok("0s,1\n60s,2\n".to_owned()),
        Some("kitchen_sink_trace.csv") => Ok("1s\n2s\n3s\n".to_owned()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    };
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let given = Given { path: "test.yaml", variant: None, sets: &[], read: &read };
    let loaded = root::load(&given, &mut sources, &mut diags);
    let model = loaded.and_then(|(scenario, _)| compile(&scenario, &mut diags));
    (model, diagnostic::render_concise(&diags, &sources))
}

fn model(text: &str) -> Model {
    let (model, told) = compiled(text);
    model.unwrap_or_else(|| panic!("it should compile:\n{told}"))
}

fn program(model: &Model, component: &str, operation: &str) -> String {
    let number = model.operations.iter().position(|offered| {
        offered.name == operation && model.components[usize::from(offered.component)].name == component
    });
    listing(model, number.expect("the operation is there") as u16)
}

/// The program of `api.serve` with these steps, without its title.
fn steps(steps: &str) -> String {
    let text = format!(
        "run: {{duration: 1m}}
keys: {{user: {{count: 1k, popularity: uniform}}}}
load: {{users: {{rate: 1/s, requests: {{api.serve: 1}}, timeout: none}}}}
components:
  api: {{kind: service, cores: 4, disk: {{iops: 1000}}, operations: {{serve: {steps}}}}}
  db: {{kind: service, operations: {{read: [{{wait: 2ms}}], write: [{{wait: 3ms}}]}}}}
links: {{api -> db: {{latency: 0ms}}}}
"
    );
    let listed = program(&model(&text), "api", "serve");
    listed.split_once('\n').expect("a title and steps").1.to_owned()
}

fn assert_steps(written: &str, expected: &str) {
    let found = steps(written);
    let plain = |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    assert_eq!(plain(&found), plain(expected), "{written}");
}

#[test]
fn time_and_disk_become_one_step_each() {
    assert_steps(
        "[{cpu: 3ms}, {wait: 5ms}, {io: 2}, {respond: 1KB}]",
        "0  cpu 0.003s (api cpu)
         1  wait 0.005s (api service)
         2  io reads 2 writes 0 (api disk)
         3  respond 1000
         4  return",
    );
}

#[test]
fn a_call_without_anything_around_it_is_plain() {
    assert_steps("[{call: db.read}]", "0  call db.read plain\n1  return");
    assert_steps("[{call: {db.read: 3, db.write: 1}}]", "0  call 0.75 db.read | 0.25 db.write plain\n1  return");
    assert_steps("[{call: db.read, timeout: 50ms}]", "0  call db.read timeout 0.05s\n1  return");
    assert_steps("[{call: db.read, key: user}]", "0  call db.read key user\n1  return");
}

#[test]
fn a_choice_takes_shares_of_what_is_left() {
    assert_steps(
        "[{choose: [{weight: 20%, do: [{cpu: 1ms}]}, {weight: 20%, do: [{cpu: 2ms}]}, {weight: 60%, do: []}]}, {cpu: 9ms}]",
        "0  branch 0.8000 to 3
         1  cpu 0.001s (api cpu)
         2  jump to 6
         3  branch 0.7500 to 6
         4  cpu 0.002s (api cpu)
         5  jump to 6
         6  cpu 0.009s (api cpu)
         7  return",
    );
}

#[test]
fn when_is_asked_before_the_share() {
    assert_steps(
        "[{choose: [{when: utilisation of cores > 80%, do: [{cpu: 1ms}]}, {do: [{cpu: 2ms}]}]}]",
        "0  unless watch 0 to 3
         1  cpu 0.001s (api cpu)
         2  jump to 4
         3  cpu 0.002s (api cpu)
         4  return",
    );
}

#[test]
fn branches_and_repetitions_are_programs_of_their_own() {
    assert_steps(
        "[{parallel: [{call: db.read}, [{cpu: 1ms}, {call: db.write}]], join: {first: 1}}, {cpu: 2ms}]",
        "0  parallel 3 5 join first 1
         1  cpu 0.002s (api cpu)
         2  return
         3  call db.read plain
         4  return
         5  cpu 0.001s (api cpu)
         6  call db.write plain
         7  return",
    );
    assert_steps(
        "[{each: {times: 5, draw: user, do: [{call: db.read}]}}, {spawn: [{cpu: 1ms}]}]",
        "0  each 5 x 3 in turn join all
         1  spawn 5
         2  return
         3  call db.read plain
         4  return
         5  cpu 0.001s (api cpu)
         6  return",
    );
}

#[test]
fn a_lock_surrounds_its_body() {
    assert_steps(
        "[{lock: {name: stock, key: user, do: [{cpu: 1ms}]}}, {lock: {name: till, do: []}}]",
        "0  lock 0
         1  cpu 0.001s (api cpu)
         2  unlock 0
         3  lock 1
         4  unlock 1
         5  return",
    );
}

#[test]
fn a_fallback_is_where_failures_go_on() {
    assert_steps(
        "[{call: db.read, fallback: skip}, {cpu: 1ms}]",
        "0  call db.read plain\n1  cpu 0.001s (api cpu)\n2  return\n0..1 fails to 1",
    );
    assert_steps(
        "[{call: db.read, fallback: [{call: db.write}]}, {cpu: 1ms}]",
        "0  call db.read plain
         1  jump to 3
         2  call db.write plain
         3  cpu 0.001s (api cpu)
         4  return
         0..1 fails to 2",
    );
}

#[test]
fn a_share_of_failures_is_a_branch() {
    assert_steps(
        "[{fail: {share: 10%, as: declined}}, {fail: {as: conflict}}]",
        "0  branch 0.9000 to 2
         1  fail declined
         2  fail conflict
         3  return",
    );
}

const TIERS: &str = "run: {duration: 1m}
load: {users: {rate: 100/s, requests: {edge.show: 1}, timeout: 5s}}
components:
  edge: {kind: balancer, targets: web, balance: least_connections}
  web: {kind: service, machine: {c5.4xlarge: 1, c5.2xlarge: 2}, instances: 3, operations: {show: [{cpu: 1ms}, {call: db.read}]}}
  db: {kind: database, machine: r5.large, connections: 10, operations: {read: {cpu: 1ms}}}
";

#[test]
fn a_balancer_passes_on_and_lends_its_policy() {
    let model = model(TIERS);
    let listed = program(&model, "edge", "show");
    assert!(listed.contains("call web.show link 0.00025s"), "{listed}");
    let web = model.components.iter().find(|component| component.name == "web").expect("it is there");
    assert_eq!(plimsoll::policy::balance::Balance::LeastConnections, web.balance);
    assert_eq!(3, web.count);
    let cores: Vec<f64> = model.stations[web.first as usize..][..3].iter().map(|station| station.weight).collect();
    assert_eq!([8.0, 8.0, 16.0], cores[..], "types come in the order of their names");
    let edge = model.components.iter().find(|component| component.name == "edge").expect("it is there");
    assert_eq!((NONE, true), (edge.slots, edge.waits_async));
}

#[test]
fn an_unrelated_component_moves_no_draw() {
    let more = format!("{TIERS}  aaa: {{kind: service, operations: {{x: [{{cpu: 1ms}}, {{wait: 1ms}}]}}}}\n");
    let (before, after) = (model(TIERS), model(&more));
    let keys = |model: &Model| -> Vec<u64> {
        let of =
            |name: &str| model.components.iter().find(|component| component.name == name).expect("it is there").key;
        ["db", "edge", "web"].into_iter().map(of).chain(model.edges.iter().map(|edge| edge.key)).collect()
    };
    assert_eq!(keys(&before), keys(&after));
    let others: Vec<_> = after.cells.iter().filter(|cell| cell.name != "aaa").collect();
    assert_eq!(before.cells.iter().collect::<Vec<_>>(), others, "in the same order");
}

#[test]
fn the_more_exact_policy_wins_field_by_field() {
    let text = format!(
        "{TIERS}policies:
  any -> any: {{timeout: 4s, deadline: 9s}}
  any -> db: {{timeout: 3s}}
  web -> db: {{pool: {{size: 7}}}}
  web.show -> db.read: {{timeout: 1s}}
"
    );
    let model = model(&text);
    let listed = program(&model, "web", "show");
    assert!(listed.contains("call db.read timeout 1s deadline 9s link 0.00025s pool 7"), "{listed}");
    let listed = program(&model, "edge", "show");
    assert!(listed.contains("call web.show timeout 4s deadline 9s"), "{listed}");
    let load = &model.edges[usize::from(model.classes[0].edge)];
    assert_eq!((5.0, 9.0), (load.timeout.secs(), load.deadline.secs()), "a load is a caller too, and says itself");
}

#[test]
fn a_gateway_runs_what_comes_before_and_routes() {
    let model = model(
        "run: {duration: 1m}
load: {people: {rate: 100/s, requests: {gw.users.show: 1, gw.home: 1, gw.place: 1}, timeout: 5s}}
components:
  gw: {kind: gateway, before: [{cpu: 100us}], routes: {users.*: users, orders.place: {orders: 90%, orders_v2: 10%}, home: [{call: users.show}]}}
  users: {kind: service, operations: {show: [{wait: 1ms}], edit: [{wait: 1ms}]}}
  orders: {kind: service, operations: {place: [{wait: 1ms}]}}
  orders_v2: {like: orders}
",
    );
    let offered: Vec<&str> =
        model.operations.iter().filter(|offered| offered.component == 0).map(|offered| &offered.name[..]).collect();
    assert_eq!(["home", "orders.place", "users.edit", "users.show"], offered[..]);
    let listed = program(&model, "gw", "orders.place");
    let calls: Vec<&str> = listed.lines().filter(|line| line.contains("call") || line.contains("branch")).collect();
    assert!(listed.contains("cpu 0.0001s (gw cpu)\n   1  branch 0.1000 to 4"), "{listed}");
    assert_eq!(3, calls.len(), "time on the way is that of each target, so each has a call of its own: {listed}");
}

#[test]
fn faults_find_their_stations() {
    let model = model(
        "run: {duration: 10m}
load: {users: {rate: 100/s, requests: {web.show: 1}, timeout: 5s}}
hosts: {box: {cores: 4, count: 2}}
components:
  a: {kind: service, on: box, instances: 3, operations: {x: [{cpu: 1ms}]}}
  web: {kind: service, on: box, instances: 2, operations: {show: [{cpu: 1ms}, {call: a.x}]}}
faults:
  one: {at: 1m, kill: web/1}
  host: {at: 2m, kill: box/0, for: 1m}
  rush: {at: 3m, for: 1m, surge: users, factor: 5, ramp: 10s}
",
    );
    assert_eq!(Act::Kill(Target::Stations(vec![0, 2, 3])), model.faults[0].act, "both on the first box");
    assert_eq!(Act::Kill(Target::Stations(vec![4])), model.faults[1].act);
    let Demand::Open { shape, .. } = &model.sources[0].demand else { panic!("an open load") };
    assert_eq!((180.0, 5.0, 50.0), (shape.surges[0].at_s, shape.surges[0].factor, shape.surges[0].hold_s));
    assert_eq!(60.0, model.run.first_change.expect("a fault").secs());
    assert!(model.run.cuts.iter().all(|cut| cut.secs() <= 60.0), "warm-up ends before the first fault");
}

#[test]
fn traffic_follows_the_calls() {
    let model = model(
        "run: {duration: 1m}
load: {users: {rate: 100/s, requests: {web.show: 1}, timeout: 5s}}
components:
  web: {kind: service, workers: 50, machine: c5.large, operations: {show: [{cpu: 5ms}, {each: {times: 3, do: [{call: db.read}]}}, {choose: [{weight: 25%, do: [{call: db.write}]}, {weight: 75%, do: []}]}]}}
  db: {kind: database, connections: 8, operations: {read: {wait: 4ms}, write: {wait: 10ms}}}
links: {web -> db: {latency: 0ms}}
",
    );
    let traffic = model.traffic();
    let visits: Vec<f64> = traffic.visits.iter().map(|rate| rate.round()).collect();
    assert_eq!([300.0, 25.0, 100.0], visits[..], "db.read, db.write, web.show");
    let of = |what: Resource| traffic.offered.iter().find(|offered| offered.what == what).expect("it is used");
    let db = of(Resource::Slots { component: 0 });
    assert!((db.load - (300.0 * 0.004 + 25.0 * 0.010)).abs() < 1e-6, "{db:?}");
    let workers = of(Resource::Slots { component: 1 });
    assert!((workers.load - 100.0 * (0.005 + 3.0 * 0.004 + 0.25 * 0.010)).abs() < 1e-4, "{workers:?}");
    let cores = of(Resource::Cores { host: 0 });
    assert!((cores.load - 0.5).abs() < 1e-9 && cores.capacity == 2.0, "{cores:?}");
}

fn told(text: &str) -> String {
    compiled(text).1
}

#[test]
fn overload_is_told_with_its_numbers() {
    let told = told(
        "run: {duration: 1m}
load: {users: {rate: 12k/s, requests: {api.item: 1}, timeout: 5s}}
components:
  api: {kind: service, waits: async, operations: {item: [{choose: [{weight: 12%, do: [{call: db.read}]}, {weight: 88%, do: []}]}]}}
  db: {kind: database, connections: 8, operations: {read: {wait: 8ms}}}
",
    );
    assert!(
        told.contains("W0402 'db' cannot keep up: 1,440 rps × 8 ms needs 11.5 busy connections, it has 8"),
        "{told}"
    );
    assert_eq!(1, told.lines().count(), "{told}");
}

#[test]
fn overload_names_the_resource() {
    let one = |component: &str| {
        told(&format!(
            "run: {{duration: 1m}}
load: {{users: {{rate: 1000/s, requests: {{api.item: 1}}, timeout: 5s}}}}
components: {{api: {component}}}
"
        ))
    };
    let cores = one("{kind: service, machine: c5.large, operations: {item: [{cpu: 5ms}]}}");
    assert!(cores.contains("1,000 rps × 5 ms on 'api/0' needs 5 busy cores, it has 2"), "{cores}");
    let workers = one("{kind: service, workers: 4, operations: {item: [{wait: 5ms}]}}");
    assert!(workers.contains("needs 5 busy workers, it has 4"), "{workers}");
    let disk = one("{kind: service, cores: 8, disk: {iops: 500}, operations: {item: [{io: 1}]}}");
    assert!(disk.contains("keeps the disk of 'api/0' busy 200% of the time"), "{disk}");
    let enough = one("{kind: service, workers: 6, operations: {item: [{wait: 5ms}]}}");
    assert_eq!("", enough);
}

#[test]
fn a_closed_load_cannot_overload() {
    let told = told(
        "run: {duration: 1m}
load: {users: {clients: 500, think: 1ms, requests: {api.item: 1}, timeout: none}}
components: {api: {kind: service, workers: 1, operations: {item: [{wait: 5ms}]}}}
",
    );
    assert_eq!("", told);
}

#[test]
fn circles_are_told_with_their_way() {
    let circle = |leave: &str| {
        told(&format!(
            "run: {{duration: 1m}}
load: {{users: {{rate: 1/s, requests: {{a.x: 1}}, timeout: 5s}}}}
components:
  a: {{kind: service, operations: {{x: [{{call: b.y}}]}}}}
  b: {{kind: service, operations: {{y: {leave}}}}}
"
        ))
    };
    let endless = circle("[{call: a.x}]");
    assert!(endless.contains("E0309 calls go round without an end: 'a.x' calls 'b.y' calls 'a.x'"), "{endless}");
    let left = circle("[{choose: [{weight: 50%, do: [{call: a.x}]}, {weight: 50%, do: []}]}]");
    assert!(left.contains("W0404"), "{left}");
    assert!(!left.contains("E0"), "{left}");
}

#[test]
fn an_operation_answers_once() {
    let serve = |steps: &str| {
        told(&format!(
            "run: {{duration: 1m}}
load: {{users: {{rate: 1/s, requests: {{a.x: 1}}, timeout: 5s}}}}
components: {{a: {{kind: service, operations: {{x: {steps}}}}}}}
"
        ))
    };
    assert!(serve("[{respond: 1KB}, {respond: 1KB}]").contains("E0421"));
    assert!(serve("[{choose: [{do: [{respond: 1KB}]}, {do: []}]}, {respond: 1KB}]").contains("E0421"));
    assert!(serve("[{parallel: [{respond: 1KB}]}]").contains("E0422"));
    assert_eq!("", serve("[{choose: [{do: [{respond: 1KB}]}, {do: [{respond: 2KB}]}]}]"));
}

#[test]
fn names_that_lead_nowhere_come_with_the_nearest() {
    let told = told(
        "run: {duration: 1m}
load: {users: {rate: 1/s, requests: {wbe.show: 1}, timeout: 5s}}
components:
  web: {kind: service, machine: c5.larg, operations: {show: [{call: db.raed}, {lock: {name: l, key: usr, do: []}}]}}
  db: {kind: database, operations: {read: {wait: 1ms}}}
keys: {user: {count: 10, popularity: uniform}}
faults: {dies: {at: 10s, kill: web/3}}
objectives: {fast: latency p99 of web.shwo <= 1s, steady: goodput during dise >= 1/s}
",
    );
    for (code, help) in [
        ("E0301 'wbe'", "'web'"),
        ("E0302 'db' has no operation 'raed'", "'read'"),
        ("E0304 'usr'", "'user'"),
        ("E0305 'c5.larg'", "'c5.large'"),
        ("E0313 'web' has no part 3", ""),
        ("E0302 'web' has no operation 'shwo'", "'show'"),
        ("E0312 'dise'", "'dies'"),
    ] {
        let line = told.lines().find(|line| line.contains(code));
        assert!(line.is_some_and(|line| line.contains(help)), "{code} {help} in\n{told}");
    }
}

#[test]
fn warnings_for_what_is_surely_not_meant() {
    let (model, told) = compiled(
        "run: {duration: 1m}
load: {users: {rate: 1/s, requests: {web.show: 1}}}
components:
  web: {kind: service, instances: 4, operations: {show: [{io: 1}, {call: db.read}]}}
  db: {kind: database, connections: 10, operations: {read: {wait: 1ms}}}
  old: {kind: service, operations: {x: [{wait: 1ms}]}}
policies: {web -> db: {pool: {size: 5}}}
faults: {late: {at: 2m, kill: db/primary}}
evolve_when: {slow: latency p95 > 1s for 5m}
",
    );
    assert!(model.is_some(), "{told}");
    for code in ["W0401", "W0403", "W0405", "W0408", "W0409", "W0410"] {
        assert!(told.contains(code), "{code} in\n{told}");
    }
}

#[test]
fn watches_are_shared_and_objectives_over_a_window_are_looked_at() {
    let model = model(
        "run: {duration: 30m}
load: {users: {rate: 1/s, requests: {web.show: 1}, timeout: 5s}}
components: {web: {kind: service, operations: {show: [{wait: 1ms}]}}}
objectives: {fast: latency p99 <= 1s, worst: latency p99 over 5m <= 1s}
evolve_when: {slow: latency p95 > 1s for 5m, slower: latency p95 > 2s for 5m}
",
    );
    let lengths: Vec<(f64, f64)> = model.watches.iter().map(|watch| (watch.every.secs(), watch.over.secs())).collect();
    assert_eq!([(15.0, 300.0), (15.0, 60.0)], lengths[..]);
    assert_eq!(4, model.conditions.len());
}

#[test]
fn the_kitchen_sink_compiles() {
    let text = include_str!("kitchen_sink.yaml");
    let (model, told) = compiled(text);
    let errors = told.lines().filter(|line| line.contains(": E")).count();
    assert!(model.is_some() && errors == 0, "{told}");
    let model = model.expect("it was looked at");
    for operation in 0..model.operations.len() as u16 {
        assert!(listing(&model, operation).contains("return"), "every program ends");
    }
    // The way between copies of a database is an edge that nobody calls through.
    assert!(model.edges.iter().all(|edge| edge.targets.last().is_none_or(|(share, _)| *share == 1 << 32)));
    assert!(
        model
            .components
            .iter()
            .all(|component| component.queue_cell == NONE16 || usize::from(component.queue_cell) < model.cells.len())
    );
}

#[test]
fn the_order_of_a_map_never_matters() {
    let one = "run: {duration: 1m}
load: {users: {rate: 10/s, requests: {web.show: 3, web.buy: 1}, timeout: 5s}}
keys: {user: {count: 100, popularity: uniform}, home: {of: user, shares: {eu: 20%, us: 80%}}}
components:
  web: {kind: service, operations: {buy: [{cpu: 1ms}], show: [{call: {a.x: 70%, b.y: 30%}, key: home}]}}
  a: {kind: service, operations: {x: [{wait: 1ms}]}}
  b: {kind: service, operations: {y: [{wait: 2ms}]}}
policies: {any -> any: {timeout: 2s}, web -> a: {timeout: 1s}}
";
    let other = "policies: {web -> a: {timeout: 1s}, any -> any: {timeout: 2s}}
components:
  b: {kind: service, operations: {y: [{wait: 2ms}]}}
  a: {operations: {x: [{wait: 1ms}]}, kind: service}
  web: {operations: {show: [{key: home, call: {b.y: 30%, a.x: 70%}}], buy: [{cpu: 1ms}]}, kind: service}
keys: {home: {shares: {us: 80%, eu: 20%}, of: user}, user: {popularity: uniform, count: 100}}
load: {users: {timeout: 5s, requests: {web.buy: 1, web.show: 3}, rate: 10/s}}
run: {duration: 1m}
";
    assert_eq!(format!("{:?}", model(one)), format!("{:?}", model(other)));
}

#[test]
fn what_a_policy_says_about_failures_and_sidecars_reaches_those_who_pass_on() {
    let model = model(
        "run: {duration: 1m}
load: {users: {rate: 10/s, requests: {gw.pay: 1}, timeout: 5s}}
components:
  gw: {kind: gateway, routes: {pay: {bank: 1}}}
  bank: {kind: external, operations: {pay: [{wait: 1ms}]}}
policies: {any -> bank: {fallback: [{fail: {as: closed}}]}, any -> any: {sidecar: {wait: 300us}}}
",
    );
    let listed = program(&model, "gw", "pay");
    let expected = "gw.pay
   0  wait 0.0003s (gw service)
   1  wait 0.0003s (gw service)
   2  call bank.pay plain
   3  jump to 5
   4  fail closed
   5  return
      1..3 fails to 4
";
    assert_eq!(expected, listed, "one sidecar where the call arrives, one where it leaves");
    assert_eq!("bank.pay\n   0  wait 0.001s (bank service)\n   1  return\n", program(&model, "bank", "pay"));
}
