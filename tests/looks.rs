//! What is looked at: pictures rest on figures that add up, pages are made again from what was saved, traces are traces.
//!
//! The browser test needs Chromium and two packages from npm, see `a_browser_finds_nothing_wrong`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use plimsoll::analysis::{Plan, Progress, evaluate};
use plimsoll::report::{Report, html, json};
use serde_json::Value;

use crate::support::{compiled, skipped};

/// Retries, a call that nobody waits for, a fault, several loads, a cache: something of everything that is drawn.
const SHOP: &str = "
plimsoll: 1
title: A shop <with & signs>
run: {duration: 60s, warmup: 5s, replications: 3, seed: 7}
keys: {user: {count: 1000, popularity: zipf(0.9)}}
load:
  buyers: {rate: 150/s, requests: {web.buy: 30%, web.look: 70%}, timeout: 400ms}
  crawler: {clients: 5, think: exp(300ms), requests: {web.look: 1}, timeout: 2s}
components:
  web:
    kind: service
    machine: c5.large
    instances: 3
    operations:
      buy: [{cpu: exp(4ms)}, {call: db.write}, {spawn: [{call: mail.send}]}]
      look: [{cpu: exp(2ms)}, {call: db.read}, {respond: 8KB}]
  mail: {kind: service, machine: c5.large, operations: {send: {cpu: exp(1ms)}}}
  db: {kind: database, machine: r5.large, connections: 30, operations: {read: {cpu: exp(2ms)}, write: {cpu: exp(4ms), io: 2}}}
faults: {dies: {at: 20s, kill: web/1, for: 10s}}
objectives: {fast: latency p99 <= 300ms}
";

fn shop() -> Report {
    let (scenario, model) = compiled(SHOP);
    evaluate(&model, &scenario, &Plan::new(&model, &scenario, 2), &Progress::default()).report
}

#[test]
fn arrows_carry_what_arrives() {
    let report = shop();
    for (name, component) in &report.components {
        let into: f64 = report.pictures.graph.arrows.iter().filter(|a| a.to == *name).map(|a| a.calls_per_s).sum();
        let arrived = component.arrivals_per_s.mean;
        assert!((into / arrived - 1.0).abs() < 2e-3, "{name}: {into} go to it, {arrived} arrive");
    }
    let waits = |to: &str| report.pictures.graph.arrows.iter().find(|arrow| arrow.to == to).map(|arrow| arrow.waits);
    assert_eq!((waits("mail"), waits("db")), (Some(false), Some(true)), "nobody waits for the mail");
}

#[test]
fn the_heat_map_holds_every_request_and_series_every_second() {
    let report = shop();
    let heat = report.pictures.heat.as_ref().expect("requests were answered");
    assert_eq!(heat.counts.iter().flatten().sum::<u64>(), report.run.requests);
    let series = &report.pictures.series;
    assert_eq!((series.points, series.step_s), (60, 1.0));
    let mean = |what: &str| {
        let line = series.of(what).next().unwrap_or_else(|| panic!("no `{what}`"));
        line.mid[5..].iter().flatten().sum::<f64>() / 55.0
    };
    let offered = report.requests.offered_per_s.mean;
    assert!((mean("offered") / offered - 1.0).abs() < 2e-3, "{} or {offered}", mean("offered"));
    let up = series.of("instances").find(|line| line.of == "web").expect("one of them dies");
    assert_eq!((up.mid[10], up.mid[25]), (Some(3.0), Some(2.0)));
    let fault = report.pictures.events.iter().find(|event| event.what == "fault").expect("it is there");
    assert_eq!((fault.from_s, fault.to_s), (20.0, 30.0));
}

/// At a scale at which servers have half of their cores there are as many of them as ever.
#[test]
fn instances_over_time_are_those_that_are_there_at_any_scale() {
    let (scenario, model) =
        compiled(&SHOP.replace("seed: 7", "seed: 7, scale: 1/2").replace("clients: 5", "clients: 6"));
    let report = evaluate(&model, &scenario, &Plan::new(&model, &scenario, 2), &Progress::default()).report;
    let up = report.pictures.series.of("instances").find(|line| line.of == "web").expect("one of them dies");
    assert_eq!((up.mid[10], up.mid[25]), (Some(3.0), Some(2.0)));
    assert!((report.components["web"].instances.mean - 2.8).abs() < 0.1, "{:?}", report.components["web"].instances);
}

#[test]
fn a_percentile_curve_goes_through_the_percentiles() {
    let report = shop();
    let curve = &report.pictures.curves[0];
    let at = curve.percentile.iter().position(|q| (*q - 0.99).abs() < 1e-9).expect("two nines are a step");
    let p99 = report.latency.all.p99.expect("there are enough").mean;
    assert!((curve.latency_s[at] / p99 - 1.0).abs() < 1e-3);
    assert!(curve.latency_s.windows(2).all(|pair| pair[0] <= pair[1]));
}

#[test]
fn a_saved_report_gives_the_same_page() {
    let report = shop();
    let saved = json::render(&report);
    let read = json::read(&saved).expect("it was written by us");
    assert!(json::render(&read) == saved, "what was saved is what was read");
    assert!(html::run::page(&read).render() == html::run::page(&report).render());
}

// -- the command line ------------------------------------------------------------------------------------------------------

fn plimsoll(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("plimsoll").expect("cargo has built it");
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env("LC_ALL", "C.UTF-8").env("COLUMNS", "100").env("XDG_CONFIG_HOME", "/nowhere");
    command.output().expect("it can be started")
}

/// A folder in which the shop was run with all that can be written.
fn ran() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::write(folder.path().join("shop.yaml"), SHOP).expect("writable");
    let exports = ["chrome=trace.json", "otlp=otlp.json", "requests=requests.csv", "html=page.html"];
    let mut arguments = vec!["run", "shop.yaml", "--no-meta"];
    for export in exports {
        arguments.extend(["--export", export]);
    }
    let output = plimsoll(folder.path(), &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn report_shows_again_what_run_has_saved() {
    let folder = ran();
    let saved = folder.path().join("output/shop");
    let page = read(&saved.join("report.html"));
    assert!(page.len() < 1_000_000 && page == read(&folder.path().join("page.html")));
    let shown =
        plimsoll(folder.path(), &["report", "output/shop/report.json", "--out", "again", "--export", "markdown=-"]);
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    assert!(String::from_utf8_lossy(&shown.stdout).contains("its objective"));
    assert!(read(&folder.path().join("again/report.html")) == page);
    let charts = |from: &Path| {
        let files = fs::read_dir(from.join("charts")).expect("the charts are there");
        let mut names: Vec<String> = files.map(name_of).collect();
        names.sort();
        names
    };
    assert_eq!(charts(&saved), charts(&folder.path().join("again")));
    assert!(charts(&saved).contains(&"architecture.svg".to_owned()));
    let same = read(&saved.join("charts/latency.svg")) == read(&folder.path().join("again/charts/latency.svg"));
    assert!(same, "charts are drawn from what was saved");
    let csv = plimsoll(folder.path(), &["report", "output/shop/report.json", "--export", "csv=x.csv"]);
    assert_eq!(csv.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&csv.stderr).contains("plimsoll run --export csv=FILE"));
    let other = plimsoll(folder.path(), &["report", "shop.yaml"]);
    assert_eq!(other.status.code(), Some(2));
}

#[test]
fn the_slowest_requests_are_traces() {
    let folder = ran();
    let report: Value = serde_json::from_str(&read(&folder.path().join("output/shop/report.json"))).expect("JSON");
    let exemplars = report["exemplars"].as_array().expect("a list");
    assert!(!exemplars.is_empty());
    let chrome: Value = serde_json::from_str(&read(&folder.path().join("trace.json"))).expect("JSON");
    let events = chrome["traceEvents"].as_array().expect("a list");
    let spans: usize = exemplars.iter().map(|one| one["spans"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(events.iter().filter(|event| event["ph"] == "X").count(), spans + exemplars.len());
    let otlp: Value = serde_json::from_str(&read(&folder.path().join("otlp.json"))).expect("JSON");
    let of_service = |service: &Value| service["scopeSpans"][0]["spans"].as_array().expect("a list").clone();
    let told: Vec<Value> = otlp["resourceSpans"].as_array().expect("a list").iter().flat_map(of_service).collect();
    assert_eq!(told.len(), spans + exemplars.len());
    let ids: std::collections::BTreeSet<&str> = told.iter().filter_map(|span| span["spanId"].as_str()).collect();
    assert_eq!(ids.len(), told.len(), "every span has its own name");
    for span in &told {
        let parent = span["parentSpanId"].as_str();
        assert!(parent.is_none_or(|parent| ids.contains(parent)), "{span}");
    }
}

/// The rules of the Trace Event Format (Google, 2016) that Perfetto's importer holds a file to: complete events have a name,
/// a category, a process, a thread, a start and a length in microseconds; on one thread they lie in each other or apart;
/// every process and thread is named.
#[test]
fn the_trace_follows_its_format() {
    let folder = ran();
    let trace: Value = serde_json::from_str(&read(&folder.path().join("trace.json"))).expect("JSON");
    assert!(["ms", "ns"].contains(&trace["displayTimeUnit"].as_str().expect("a unit")));
    let place = |event: &Value| (event["pid"].as_u64().expect("a process"), event["tid"].as_u64().expect("a thread"));
    let mut named = std::collections::BTreeSet::new();
    let mut on: std::collections::BTreeMap<(u64, u64), Vec<(u64, u64)>> = std::collections::BTreeMap::new();
    for event in trace["traceEvents"].as_array().expect("a list") {
        let nanos = |field: &str| (event[field].as_f64().expect("a time") * 1e3).round() as u64;
        match event["ph"].as_str() {
            Some("M") => {
                assert!(["process_name", "thread_name"].contains(&event["name"].as_str().expect("a name")), "{event}");
                assert!(event["args"]["name"].is_string(), "{event}");
                named.insert(place(event));
            }
            Some("X") => {
                assert!(event["name"].is_string() && event["cat"].is_string() && event["args"].is_object(), "{event}");
                on.entry(place(event)).or_default().push((nanos("ts"), nanos("ts") + nanos("dur")));
            }
            _ => panic!("an event of another kind: {event}"),
        }
    }
    assert!(on.keys().all(|place| named.contains(place)), "a thread without a name");
    for (place, mut slices) in on {
        slices.sort_by_key(|(from, to)| (*from, std::cmp::Reverse(*to)));
        let mut open: Vec<u64> = Vec::new();
        for (from, to) in slices {
            open.retain(|end| from < *end);
            assert!(open.iter().all(|end| to <= *end), "{place:?}: {from} to {to} overlaps what ends at {open:?}");
            open.push(to);
        }
    }
}

#[test]
fn followed_requests_are_a_sample_of_all() {
    let folder = ran();
    let report: Value = serde_json::from_str(&read(&folder.path().join("output/shop/report.json"))).expect("JSON");
    let text = read(&folder.path().join("requests.csv"));
    let mut latencies: Vec<f64> =
        text.lines().skip(1).map(|line| line.split(',').nth(5).expect("a column").parse().expect("a number")).collect();
    assert!(1000 < latencies.len(), "{} rows", latencies.len());
    latencies.sort_by(f64::total_cmp);
    let median = latencies[latencies.len() / 2];
    let known = report["latency"]["all"]["p50"]["mean"].as_f64().expect("a number");
    assert!((median / known - 1.0).abs() < 0.15, "{median} in the sample, {known} of all");
}

#[test]
fn charts_are_as_asked_for() {
    let folder = ran();
    let run = |charts: &str, out: &str| {
        let output =
            plimsoll(folder.path(), &["report", "output/shop/report.json", "-q", "--charts", charts, "--out", out]);
        assert!(output.status.success() || !cfg!(feature = "png"), "{}", String::from_utf8_lossy(&output.stderr));
        folder.path().join(out).join("charts")
    };
    assert!(!run("none", "a").exists());
    if cfg!(feature = "png") {
        let charts = run("png", "b");
        assert_eq!(&fs::read(charts.join("latency.png")).expect("drawn")[1..4], b"PNG");
        assert!(!charts.join("latency.svg").exists());
    }
}

/// A ladder of two rungs.
const LADDER: &str = "
plimsoll: 1
title: Up
journey:
  title: Two rungs
  stages:
    - {scenario: shop.yaml, story: One shop.}
    - {scenario: bigger.yaml, story: A bigger one.}
";

/// Every study that has a page, and how it is asked.
const STUDIES: [(&str, &[&str], &[&str]); 9] = [
    ("capacity", &["capacity", "shop.yaml"], &["capacity"]),
    (
        "grid",
        &["capacity", "shop.yaml", "--tolerance", "20%", "--vary", "web.instances=2,3"],
        &["capacity-each", "capacity-grid"],
    ),
    (
        "grid-pairs",
        &[
            "capacity",
            "shop.yaml",
            "--tolerance",
            "20%",
            "--vary",
            "web.instances=2,3",
            "--vary",
            "db.connections=2,30",
        ],
        &["capacity-each", "capacity-grid"],
    ),
    ("compare", &["compare", "shop.yaml", "bigger.yaml"], &["changes", "latency"]),
    ("sweep", &["sweep", "shop.yaml", "--vary", "web.instances=2,3,4"], &["sweep"]),
    (
        "pairs",
        &["sweep", "shop.yaml", "--vary", "web.instances=2,3", "--vary", "db.connections=10,30"],
        &["sweep", "sweep-cost"],
    ),
    ("size", &["size", "shop.yaml", "--vary", "web.instances=2..4"], &["pareto"]),
    ("check", &["check", "shop.yaml", "bigger.yaml"], &[]),
    ("journey", &["journey", "ladder.yaml"], &["carries", "costs"]),
];

/// How the page of a study is called, and what it is made of.
fn document(name: &str, arguments: &[&'static str]) -> (&'static str, String) {
    match arguments[0] {
        _ if name.starts_with("grid") => ("capacity_grid", "capacity_grid.json".to_owned()),
        "sweep" => ("sweep", "sweep.jsonl".to_owned()),
        verb => (verb, format!("{verb}.json")),
    }
}

/// Asks every study, and leaves its page in `pages` under its name, and its pictures in a folder of that name.
fn studied(folder: &Path) {
    fs::write(folder.join("bigger.yaml"), SHOP.replace("instances: 3", "instances: 5")).expect("writable");
    fs::write(folder.join("ladder.yaml"), LADDER).expect("writable");
    fs::create_dir_all(folder.join("pages")).expect("writable");
    for (name, arguments, _) in STUDIES {
        let short = ["--duration", "20s", "--warmup", "2s", "-r", "3", "--out", name];
        let output = plimsoll(folder, &[arguments, &short].concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code().is_some_and(|code| code < 4 && code != 2), "{name}: {told}");
        let written = folder.join(name).join(format!("{}.html", document(name, arguments).0));
        fs::copy(written, folder.join(format!("pages/{name}.html"))).expect("it was written");
    }
}

#[test]
fn every_study_has_a_page() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::write(folder.path().join("shop.yaml"), SHOP).expect("writable");
    studied(folder.path());
    for (name, arguments, charts) in STUDIES {
        let page = read(&folder.path().join(format!("pages/{name}.html")));
        assert!(page.contains("<table>") && page.len() < 1_000_000, "{name}");
        let again = format!("plimsoll {}", arguments.join(" "));
        assert!(page.contains(&again), "{name} does not say how to make it again");
        assert!(["http:", "https:", "src=", "url("].iter().all(|banned| !page.contains(banned)), "{name}");
        assert_eq!(page.contains("<svg"), !charts.is_empty(), "{name}");
        let drawn = folder.path().join(name).join("charts");
        let mut names: Vec<String> = fs::read_dir(drawn).into_iter().flatten().map(name_of).collect();
        names.sort();
        let mut expected: Vec<String> = charts.iter().map(|chart| format!("{chart}.svg")).collect();
        expected.sort();
        assert_eq!(names, expected, "{name}");
    }
    let asked = ["sweep", "shop.yaml", "--vary", "web.instances=2,3", "--duration", "5s", "--warmup", "1s", "-r", "2"];
    let output = plimsoll(folder.path(), &[&asked[..], &["--out", "none", "--charts", "none"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.path().join("none/sweep.html").exists() && !folder.path().join("none/charts").exists());
}

#[test]
fn every_study_is_shown_again_without_simulating() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::write(folder.path().join("shop.yaml"), SHOP).expect("writable");
    studied(folder.path());
    for file in ["shop.yaml", "bigger.yaml", "ladder.yaml"] {
        fs::remove_file(folder.path().join(file)).expect("it was there");
    }
    for (name, arguments, charts) in STUDIES {
        let (page, saved) = document(name, arguments);
        let place = format!("{name}/{saved}");
        let call = |more: &[&str]| {
            let output = plimsoll(folder.path(), &[&["report", &place], more].concat());
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        call(&["-q", "--out", "again"]);
        let both =
            |file: &str| (read(&folder.path().join(name).join(file)), read(&folder.path().join("again").join(file)));
        let files = charts.iter().map(|chart| format!("charts/{chart}.svg")).chain([format!("{page}.html")]);
        for file in files {
            let (was, is) = both(&file);
            assert!(was == is, "{name}: {file} is another one");
        }
        // What is printed again is what was written, and gives the same page once more.
        let json = call(&["--json"]);
        fs::write(folder.path().join("printed.json"), &json).expect("writable");
        let printed = plimsoll(folder.path(), &["report", "printed.json", "-qq", "--export", "html=-"]);
        assert!(printed.status.success(), "{name}: {}", String::from_utf8_lossy(&printed.stderr));
        let file = folder.path().join(name).join(format!("{page}.html"));
        assert!(String::from_utf8_lossy(&printed.stdout) == read(&file), "{name}: the page of what --json prints");
        assert!(40 < call(&[]).len() && call(&["-f", "markdown"]).contains('|'), "{name} is shown to people");
        if Path::new(&saved).extension().is_some_and(|kind| kind == "json") {
            assert!(json == read(&folder.path().join(&place)), "{name}: the document");
        }
        let output = plimsoll(folder.path(), &["report", &place, "--export", "hgrm=x"]);
        assert_eq!(output.status.code(), Some(2), "{name} has no histogram");
    }
    for (text, told) in
        [("{}", "no `schema`"), ("[1,", "EOF"), ("{\"schema\": \"plimsoll.advise/1\"}", "what can be shown again")]
    {
        fs::write(folder.path().join("x.json"), text).expect("writable");
        let output = plimsoll(folder.path(), &["report", "x.json"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(told), "{text}: {said}");
    }
}

/// An objective about a percentile is a line over the curves of a comparison, and every percentile a stop of the cursor.
#[test]
fn a_comparison_shows_what_is_asked_of_both() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::write(folder.path().join("shop.yaml"), SHOP).expect("writable");
    let asked = ["compare", "shop.yaml", "--set", "web.instances=5", "--duration", "20s", "--warmup", "2s", "-r", "3"];
    let output = plimsoll(folder.path(), &[&asked[..], &["--out", "c"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(read(&folder.path().join("c/charts/latency.svg")).contains("p99 &lt;= 300ms"));
    let page = read(&folder.path().join("c/compare.html"));
    let figure =
        page.split("id=\"f-latency\"").nth(1).and_then(|rest| rest.split("</figure>").next()).expect("it is there");
    assert!(figure.contains("p99 &lt;= 300ms") && figure.contains('\n') && figure.contains(" p99 · shop "), "{figure}");
}

fn name_of(entry: std::io::Result<fs::DirEntry>) -> String {
    entry.expect("an entry").file_name().to_string_lossy().into_owned()
}

/// Runs again after a save, also after a mistake in a file that the scenario extends, and while nothing changes not at all.
#[test]
fn a_saved_file_is_run_again() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("writable");
    write("shop.yaml", SHOP);
    write("top.yaml", "plimsoll: 1\nextends: shop.yaml\ntitle: On top\nrun: {duration: 5s, warmup: 1s}\n");
    let mut command = Command::cargo_bin("plimsoll").expect("cargo has built it");
    command.args(["run", "top.yaml", "--watch", "-q", "--no-files"]).current_dir(folder.path()).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started");
    let lines = both(&mut child);
    let wait = |part: &str| {
        let next = || lines.recv_timeout(std::time::Duration::from_secs(60)).unwrap_or_else(|_| panic!("no `{part}`"));
        while !next().contains(part) {}
    };
    wait("its objective");
    write("shop.yaml", &SHOP.replace("instances: 3", "instances: many"));
    wait("many");
    write("shop.yaml", &SHOP.replace("instances: 3", "instances: 4"));
    wait("its objective");
    let still = lines.recv_timeout(std::time::Duration::from_millis(900));
    child.kill().expect("it is still there");
    child.wait().expect("it has ended");
    assert!(still.is_err(), "{still:?} though nothing was saved");
}

/// The lines of both streams as they come.
fn both(child: &mut std::process::Child) -> std::sync::mpsc::Receiver<String> {
    use std::io::{BufRead, BufReader, Read};
    let (send, receive) = std::sync::mpsc::channel();
    let out: Box<dyn Read + Send> = Box::new(child.stdout.take().expect("it is piped"));
    let err: Box<dyn Read + Send> = Box::new(child.stderr.take().expect("it is piped"));
    for stream in [out, err] {
        let send = send.clone();
        std::thread::spawn(move || {
            let lines = BufReader::new(stream).lines().map_while(Result::ok);
            lines.for_each(|line| drop(send.send(line)));
        });
    }
    receive
}

/// `tests/browser/run.sh` gets what this needs and runs it. `PLIMSOLL_BROWSER` is a folder with playwright-core and axe-core;
/// `PLIMSOLL_SHOTS` names a folder for pictures of every page, at three widths, light and dark.
#[test]
#[ignore = "needs Chromium and npm packages; `tests/browser/run.sh` gets them and runs it"]
fn a_browser_finds_nothing_wrong() {
    let Some(modules) = std::env::var_os("PLIMSOLL_BROWSER") else {
        return skipped("PLIMSOLL_BROWSER names no folder with playwright-core and axe-core");
    };
    let folder = ran();
    studied(folder.path());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shots = std::env::var_os("PLIMSOLL_SHOTS").unwrap_or_else(|| "-".into());
    let mut command = Command::new("node");
    command.arg(root.join("tests/browser/check.mjs")).arg(modules).arg(shots).arg(folder.path().join("page.html"));
    command.args(STUDIES.map(|(name, ..)| folder.path().join(format!("pages/{name}.html"))));
    let output = command.output().expect("node can be started");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
}
