//! Is it still true? All scenarios of some files, folders and patterns, and the baselines they are held against.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::analysis::check::{TOLERANCES, Tolerances, baseline, check as judge};
use crate::analysis::compare;
use crate::analysis::design::{Base, Design};
use crate::analysis::lab::Lab;
use crate::cli::args::study::{Baseline, BaselineVerb, Check, Trials};
use crate::cli::args::{Charts, Format, Undecided};
use crate::cli::out::{Out, variable};
use crate::cli::part::{Parts, Shard};
use crate::cli::study::{self, Library, Session, Shelf};
use crate::cli::{Exit, Stop, files, github, journey, progress};
use crate::report::check::{self, Checked, Outcome, SCHEMA};
use crate::report::terminal::check as terminal;
use crate::report::{junit, terminal::compare as side_by_side};
use crate::text::Read;
use crate::units::{self, Dimension};

const FORMATS: &[Format] =
    &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Markdown, Format::Github, Format::Junit];
/// The version of the engine that baselines are of.
const ENGINE: &str = env!("CARGO_PKG_VERSION");
/// Where baselines stand, beside their scenarios.
const FOLDER: &str = "baselines";

/// One design to judge, where its baseline stands, and why it is skipped if it is.
struct Task {
    design: Option<Design>,
    checked: Checked,
    stored: PathBuf,
}

/// Judges everything that the paths name.
pub(crate) fn check(args: &Check, out: &mut Out) -> Result<Exit, Stop> {
    let format = study::format(&args.trials, FORMATS, "check")?;
    let tolerances = tolerances(&args.tolerance)?;
    let shard = Shard::new(args.shard.as_deref())?;
    progress::catch_interrupts()?;
    let library = Library::default();
    let read = |path: &Path| library.read(path);
    let changed = args.changed_since.as_deref().map(changed_files).transpose()?;
    let all = matching(&args.paths)?;
    let mine = all.iter().enumerate().filter(|(at, _)| shard.has(*at)).map(|(_, path)| path);
    let mut tasks = Vec::new();
    for path in mine {
        let found = tasks_of(path, args.baseline.as_deref(), &args.trials, &read, out)?;
        let asked = library.asked_for();
        let is_touched = |files: &Vec<PathBuf>| asked.iter().any(|file| is_among(file, files));
        if changed.as_ref().is_none_or(is_touched) {
            tasks.extend(found);
        }
    }
    let Some(first) = tasks.iter().find_map(|task| task.design.as_ref()) else {
        out.tell("nothing to check: no file matched, or none states an objective or has a baseline\n");
        return Ok(Exit::Nothing);
    };
    let replications: u32 =
        tasks.iter().filter_map(|task| Some(study::setting(task.design.as_ref()?, &args.trials).replications)).sum();
    let session = Session::start(&args.trials, first, replications, out)?;
    // The judgement on some of the files is worth something even if nothing is written of it.
    let parts = if args.trials.no_files {
        Parts::default()
    } else {
        Parts::open(&args.trials, shard, &about(&all), &study::folder(&args.trials, "check"))?
    };
    let shelf = Shelf::shared(&args.trials, parts);
    let work = Work { args, tolerances: &tolerances, session: &session, shelf: &shelf };
    let (result, simulated) = work.all(tasks, out)?;
    let scenarios = session.finish(result, simulated, out)?;
    let outcome = scenarios.iter().map(|checked| checked.outcome).max().unwrap_or(Outcome::Skipped);
    let checked = check::Check { schema: SCHEMA, command: Some(study::command(&args.trials)), outcome, scenarios };
    let shown = text(&checked, format, out);
    out.print(&shown.expect("a verb knows its formats"))?;
    summarise(&checked)?;
    if shard.is_part() {
        shelf.parts.finish(out)?;
    } else {
        write(args, &checked, out)?;
    }
    Ok(exit(args, &checked, out))
}

/// The hash of what stands in the files.
fn about(paths: &[String]) -> String {
    let mut hasher = blake3::Hasher::new();
    for path in paths {
        hasher.update(path.as_bytes());
        hasher.update(&fs::read(path).unwrap_or_default());
    }
    hasher.finalize().to_hex().to_string()
}

/// What has to be done, and how.
struct Work<'a> {
    args: &'a Check,
    tolerances: &'a Tolerances,
    session: &'a Session,
    shelf: &'a Shelf,
}

type Judged = Result<Vec<Checked>, crate::analysis::lab::Interrupted>;

impl Work<'_> {
    /// Judges each task in turn; seeds and replications are those of its scenario.
    fn all(&self, tasks: Vec<Task>, out: &mut Out) -> Result<(Judged, u64), Stop> {
        let (mut done, mut simulated) = (Vec::new(), 0);
        for task in tasks {
            let Some(design) = &task.design else {
                done.push(task.checked);
                continue;
            };
            let stored = stored(&task.stored)?;
            let mut lab = Lab::new(study::setting(design, &self.args.trials), &self.session.progress, self.shelf);
            // No baseline is of this engine, so everything is simulated.
            let engine = if self.args.fresh { "" } else { ENGINE };
            let judged = judge(design, stored.as_ref(), self.tolerances, engine, &mut lab);
            simulated += lab.simulated;
            let judged = match judged {
                Ok(judged) => judged,
                Err(stopped) => return Ok((Err(stopped), simulated)),
            };
            if self.args.update {
                let figures = lab.evaluate(&[design]).expect("it has just been evaluated").swap_remove(0);
                save(&task.stored, &baseline(design, &figures, ENGINE), out)?;
            }
            let (name, file, variant) = (task.checked.name, task.checked.file, task.checked.variant);
            done.push(Checked { name, file, variant, ..judged });
        }
        Ok((Ok(done), simulated))
    }
}

/// The document in a format; `None` for one that it has not.
pub(crate) fn text(checked: &check::Check, format: Format, out: &Out) -> Option<String> {
    let look = study::look(out, format);
    match format {
        Format::Json | Format::Jsonl => Some(study::document(checked, format)),
        Format::Github => Some(github::checked(checked)),
        Format::Junit => Some(junit::checked(checked)),
        Format::Markdown => Some(terminal::markdown(checked)),
        Format::Csv => None,
        Format::Human | Format::Plain if out.quiet == 1 => {
            Some(study::human(&terminal::summary_line(checked, look), format, out))
        }
        Format::Human | Format::Plain => Some(study::human(&terminal::render(checked, look), format, out)),
    }
}

/// The files.
fn write(args: &Check, checked: &check::Check, out: &mut Out) -> Result<(), Stop> {
    let text = study::document(checked, Format::Json);
    let written = [("check.json", text.clone()), ("junit.xml", junit::checked(checked))];
    study::write(&args.trials, "check", &written, out)?;
    study::show_again(&args.trials, "check", &text, Charts::None, out)
}

/// The summary of a job on GitHub, where there is one.
fn summarise(checked: &check::Check) -> Result<(), Stop> {
    if let Some(path) = variable("GITHUB_STEP_SUMMARY") {
        use std::io::Write;
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(terminal::markdown(checked).as_bytes()));
        written.map_err(|error| Stop::cannot_write(&path, &error))?;
    }
    Ok(())
}

fn exit(args: &Check, checked: &check::Check, out: &mut Out) -> Exit {
    let means = if args.lenient { Some(Undecided::Pass) } else { args.undecided };
    match (checked.outcome, means) {
        (Outcome::Failed, _) | (Outcome::Undecided, Some(Undecided::Fail)) => Exit::No,
        (Outcome::Undecided, None) => Exit::Undecided,
        (Outcome::Undecided, Some(Undecided::Warn)) => {
            out.note("warning: a rule is undecided; more replications may tell\n");
            Exit::Done
        }
        (Outcome::Undecided, Some(Undecided::Pass)) | (Outcome::Passed, _) => Exit::Done,
        (Outcome::Skipped, _) => Exit::Nothing,
    }
}

/// The scenario of a file and those of its variants that state objectives of their own.
fn tasks_of(path: &str, stored: Option<&str>, trials: &Trials, read: Read, out: &mut Out) -> Result<Vec<Task>, Stop> {
    let (base, stem) = (study::base(path, trials, &[], read), study::stem(path));
    if journey::is_ladder(path) {
        return Ok(vec![skipped(path, &stem, "a ladder; `plimsoll journey` tells it")]);
    }
    let whole = base.design(&stem, &[]).map_err(|broken| study::shown(&broken, out))?;
    let mut tasks = Vec::new();
    let own: Vec<String> = whole.scenario.variants.iter().filter(|name| states(&whole, name)).cloned().collect();
    let names = std::iter::once(None).chain(own.into_iter().map(Some));
    for variant in names {
        let (name, stored) = match &variant {
            None => (stem.clone(), stored.map_or_else(|| place(path, None), PathBuf::from)),
            Some(variant) => (format!("{stem}/{variant}"), place(path, Some(variant))),
        };
        let base = Base { variant: variant.clone(), ..base.clone() };
        let design = base.design(&name, &[]).map_err(|broken| study::shown(&broken, out))?;
        let is_empty = design.scenario.objectives.is_empty() && design.scenario.goals.is_empty() && !stored.exists();
        let mut task = skipped(path, &name, "no objectives, skipped");
        (task.checked.variant, task.stored) = (variant, stored);
        task.design = (!is_empty).then_some(design);
        tasks.push(task);
    }
    Ok(tasks)
}

fn skipped(path: &str, name: &str, why: &str) -> Task {
    let checked = Checked {
        name: name.to_owned(),
        file: path.to_owned(),
        variant: None,
        outcome: Outcome::Skipped,
        unchanged: false,
        replications: 0,
        rules: Vec::new(),
        changes: Vec::new(),
        note: Some(why.to_owned()),
    };
    Task { design: None, checked, stored: PathBuf::new() }
}

/// Whether a variant says what must hold in it.
fn states(whole: &Design, variant: &str) -> bool {
    let patch = whole.tree.get("variants").and_then(|all| all.get(variant));
    let stated = patch.and_then(|patch| patch.get("objectives")).and_then(|stated| stated.as_map());
    stated.is_some_and(|stated| stated.iter().any(|(_, node)| !node.is_null()))
}

/// `scenarios/baselines/05-caching.json`.
fn place(scenario: &str, variant: Option<&str>) -> PathBuf {
    let folder = Path::new(scenario).parent().unwrap_or(Path::new("")).join(FOLDER);
    let stem = study::stem(scenario);
    folder.join(variant.map_or_else(|| format!("{stem}.json"), |variant| format!("{stem}.{variant}.json")))
}

fn stored(path: &Path) -> Result<Option<check::Baseline>, Stop> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let read = check::read(&text).map_err(|why| Stop::usage(format!("{}: {why}", path.display())))?;
            Ok(Some(read))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Stop::usage(format!("cannot read {}: {error}", path.display()))),
    }
}

fn save(path: &Path, stored: &check::Baseline, out: &mut Out) -> Result<(), Stop> {
    files::write(path, check::write(stored).as_bytes(), out)
}

/// `p99=5%` over the usual tolerances.
fn tolerances(given: &[String]) -> Result<Tolerances, Stop> {
    let mut tolerances: Tolerances = TOLERANCES.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
    for text in given {
        let known = ["mean", "p50", "p90", "p95", "p99", "p99.9", "failed", "served", "cost"];
        let (name, share) = text.split_once('=').filter(|(name, _)| known.contains(name)).ok_or_else(|| {
            Stop::usage(format!("--tolerance {text}: write MEASURE=SHARE with one of {}", known.join(", ")))
        })?;
        let share = units::parse_as(share, Dimension::Share);
        let share = share.map_err(|error| Stop::usage(format!("--tolerance {text}: {}", error.message)))?;
        tolerances.insert(name.to_owned(), share);
    }
    Ok(tolerances)
}

/// The scenario files that paths, folders and patterns name, each once, in order.
fn matching(paths: &[String]) -> Result<Vec<String>, Stop> {
    let mut found: Vec<String> = Vec::new();
    for path in paths {
        let mut here = if path.contains('*') {
            let root = path.split('*').next().and_then(|before| before.rsplit_once('/')).map_or(".", |(root, _)| root);
            let all = below(Path::new(if root.is_empty() { "/" } else { root }));
            all.into_iter().filter(|file| fits(path, file)).collect()
        } else if Path::new(path).is_dir() {
            let listed = fs::read_dir(path).map_err(|error| Stop::usage(format!("cannot list {path}: {error}")))?;
            listed
                .filter_map(|entry| Some(entry.ok()?.path().to_string_lossy().into_owned()))
                .filter(|file| is_yaml(file))
                .collect()
        } else {
            vec![path.clone()]
        };
        here.sort();
        here.retain(|file| !found.contains(file));
        found.extend(here);
    }
    Ok(found)
}

fn is_yaml(path: &str) -> bool {
    let extension = Path::new(path).extension();
    extension.is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// All scenario files below a folder, but none in hidden ones.
fn below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if path.is_dir() && !is_hidden {
            found.extend(below(&path));
        } else if is_yaml(&path.to_string_lossy()) {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found
}

/// Whether a path fits a pattern: `*` stands for anything but `/`, `**` for anything.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.trim_start_matches("./"), path.trim_start_matches("./"));
    let Some((before, after)) = pattern.split_once('*') else { return pattern == path };
    let Some(rest) = path.strip_prefix(before) else { return false };
    let (after, deep) =
        after.strip_prefix('*').map_or((after, false), |after| (after.strip_prefix('/').unwrap_or(after), true));
    let ends = (0..=rest.len()).filter(|end| rest.is_char_boundary(*end));
    let mut ends = ends.take_while(|end| deep || !rest[..*end].contains('/'));
    ends.any(|end| fits(after, &rest[end..]))
}

/// Files that differ from a commit, as git tells it.
fn changed_files(reference: &str) -> Result<Vec<PathBuf>, Stop> {
    let output = std::process::Command::new("git").args(["diff", "--name-only", reference, "--"]).output();
    let output = output.map_err(|error| Stop::usage(format!("--changed-since asks git: {error}")))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Stop::usage(format!("--changed-since {reference}: {told}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect())
}

/// Whether a file is one of those that git has named from the root of its repository.
fn is_among(file: &Path, named: &[PathBuf]) -> bool {
    let whole = fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
    named.iter().any(|name| whole.ends_with(name))
}

/// `baseline save | show | diff | prune`.
pub(crate) fn baselines(args: &Baseline, out: &mut Out) -> Result<Exit, Stop> {
    match &args.verb {
        BaselineVerb::Save(args) => keep(&args.paths, &args.trials, out),
        BaselineVerb::Show(args) => shown(&args.paths, out),
        BaselineVerb::Diff(args) => difference(&args.paths, &args.trials, out),
        BaselineVerb::Prune(args) => prune(&args.paths, out),
    }
}

/// Every design with what it came to.
fn evaluated(paths: &[String], trials: &Trials, out: &mut Out) -> Result<Vec<(Task, check::Baseline)>, Stop> {
    progress::catch_interrupts()?;
    let library = Library::default();
    let read = |path: &Path| library.read(path);
    let mut tasks = Vec::new();
    for path in matching(paths)? {
        tasks.extend(tasks_of(&path, None, trials, &read, out)?);
    }
    let Some(first) = tasks.iter().find_map(|task| task.design.as_ref()) else { return Ok(Vec::new()) };
    let session = Session::start(trials, first, 5 * tasks.len() as u32, out)?;
    let (shelf, mut simulated, mut done) = (Shelf::new(trials), 0, Ok(Vec::new()));
    for task in &tasks {
        let Some(design) = &task.design else { continue };
        let mut lab = Lab::new(study::setting(design, trials), &session.progress, &shelf);
        let figures = lab.evaluate(&[design]);
        simulated += lab.simulated;
        match (figures, &mut done) {
            (Ok(mut figures), Ok(done)) => done.push(baseline(design, &figures.swap_remove(0), ENGINE)),
            (Err(stopped), _) => done = Err(stopped),
            (Ok(_), Err(_)) => {}
        }
    }
    let done = session.finish(done, simulated, out)?;
    Ok(tasks.into_iter().filter(|task| task.design.is_some()).zip(done).collect())
}

fn keep(paths: &[String], trials: &Trials, out: &mut Out) -> Result<Exit, Stop> {
    let all = evaluated(paths, trials, out)?;
    for (task, stored) in &all {
        save(&task.stored, stored, out)?;
    }
    Ok(if all.is_empty() { Exit::Nothing } else { Exit::Done })
}

/// Prints what is stored, as it is stored.
fn shown(paths: &[String], out: &mut Out) -> Result<Exit, Stop> {
    let mut exit = Exit::Nothing;
    for path in matching(paths)? {
        if let Some(stored) = stored(&place(&path, None))? {
            out.print(&check::write(&stored))?;
            exit = Exit::Done;
        }
    }
    Ok(exit)
}

/// What stands there against what would be stored now, like `compare`.
fn difference(paths: &[String], trials: &Trials, out: &mut Out) -> Result<Exit, Stop> {
    let mut exit = Exit::Nothing;
    for (task, now) in evaluated(paths, trials, out)? {
        let (Some(before), Some(design)) = (stored(&task.stored)?, &task.design) else { continue };
        let settings = |stored: &BTreeMap<String, String>| stored.clone().into_iter().collect::<Vec<_>>();
        let mut compared = compare::compare(&[design, design], &[before.figures.clone(), now.figures.clone()], 0.02);
        let (changes, unchanged) = compare::changes_of(&settings(&before.settings), &settings(&now.settings));
        compared.before.name = format!("{} (baseline)", task.checked.name);
        (compared.after[0].changes, compared.after[0].unchanged) = (changes, unchanged);
        study::print_human(&side_by_side::render(&compared, study::look(out, trials.format)), trials.format, out)?;
        exit = Exit::Done;
    }
    Ok(exit)
}

/// Removes baselines whose scenario is gone.
fn prune(paths: &[String], out: &mut Out) -> Result<Exit, Stop> {
    for path in paths {
        let folder = Path::new(path).join(FOLDER);
        for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            let file = entry.path();
            let Ok(Some(known)) = stored(&file) else { continue };
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let is_there = Path::new(path).join(Path::new(&known.file).file_name().unwrap_or_default()).exists();
            if !is_there {
                fs::remove_file(&file).map_err(|error| Stop::cannot_write(&name, &error))?;
                out.note(&format!("  removed {}\n", file.display()));
            }
        }
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn one_star_stays_in_its_folder_and_two_do_not() {
        assert!(fits("scenarios/*.yaml", "scenarios/01.yaml") && !fits("scenarios/*.yaml", "scenarios/bad/x.yaml"));
        assert!(
            fits("scenarios/**/*.yaml", "scenarios/patterns/x.yaml") && fits("scenarios/**/*.yaml", "scenarios/x.yaml")
        );
        assert!(fits("*/0*.yaml", "scenarios/05-caching.yaml") && !fits("*/0*.yaml", "scenarios/15.yaml"));
        assert!(fits("./s/*", "s/a.yaml"));
    }
}
