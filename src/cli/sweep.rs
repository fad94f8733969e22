//! Many designs from one scenario, and the parts of a sweep put together.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::analysis::axis::{Axis, axis, grid, hypercube, sets};
use crate::analysis::design::{Base, Design};
use crate::analysis::lab::{Interrupted, Lab, Memory};
use crate::cli::args::Format;
use crate::cli::args::study::{Merge, Sweep};
use crate::cli::out::Out;
use crate::cli::part::Shard;
use crate::cli::study::{self, Faces, Library, Session, Shelf};
use crate::cli::{Exit, Stop, files, progress};
use crate::report::evaluation::Figures;
use crate::report::saved;
use crate::report::sweep::{self, Head, Row, SCHEMA};
use crate::report::terminal::sweep as terminal;

const FORMATS: &[Format] = &[Format::Human, Format::Plain, Format::Json, Format::Jsonl, Format::Csv, Format::Markdown];
const FACES: Faces<sweep::Sweep> =
    Faces { rows: sweep::rows, markdown: terminal::markdown, line: terminal::verdict_line, human: terminal::render };
/// The column of a sweep over variants.
const VARIANT: &str = "variant";

/// Evaluates every point, and writes each row as soon as those before it are written.
pub(crate) fn sweep(args: &Sweep, out: &mut Out) -> Result<Exit, Stop> {
    let format = study::format(&args.trials, FORMATS, "sweep")?;
    let shard = Shard::new(args.shard.as_deref())?;
    progress::catch_interrupts()?;
    let library = Library::new(std::slice::from_ref(&args.input.scenario))?;
    let read = |path: &Path| library.read(path);
    let base = study::base_of(&args.input, &args.trials, &read);
    let name = study::stem(&args.input.scenario);
    let whole = base.design(&name, &[]).map_err(|broken| study::shown(&broken, out))?;
    let (axes, points) = points(args, &whole)?;
    let setting = study::setting(&whole, &args.trials);
    let names = axes.iter().map(|axis| axis.path.clone()).collect();
    let head = Head {
        schema: SCHEMA.to_owned(),
        command: Some(study::command(&args.trials)),
        name,
        hash: whole.scenario.hash.clone(),
        seed: setting.seed,
        replications: setting.replications,
        axes: names,
        points,
    };
    let mine = (0..head.points.len()).filter(|point| shard.has(*point)).count();
    if args.dry_run {
        let runs = mine * head.replications as usize;
        out.print(&format!("{mine} points of {} replications: {runs} runs\n", head.replications))?;
        return Ok(Exit::Done);
    }
    let mut file = File::open(args, &head, shard)?;
    let session = Session::start(&args.trials, &whole, (mine - file.rows.len()) as u32 * head.replications, out)?;
    let (shelf, shared) = (Shelf::new(&args.trials), std::sync::Arc::clone(&session.progress));
    let mut lab = Lab::new(setting, &shared, &shelf);
    let mut work = Work { base: &base, axes: &axes, head: &head, shard };
    let done = work.rows(&mut lab, &mut file, out)?;
    session.finish(done, lab.simulated, out)?;
    if let Some(path) = &file.path {
        out.note(&format!("  wrote {}\n", path.display()));
    }
    let name = head.name.clone();
    let swept = sweep::sweep(head, file.rows);
    show(&swept, format, out)?;
    // The part of one machine is no sweep yet; `merge` makes it one.
    if !shard.is_part() {
        study::show_again(&args.trials, &name, &lines(&swept), args.drawn.charts, out)?;
    }
    Ok(Exit::Done)
}

/// The sweep in a format; its lines are those of its file.
pub(crate) fn text(swept: &sweep::Sweep, format: Format, out: &Out) -> Option<String> {
    if format == Format::Jsonl { Some(lines(swept)) } else { FACES.text(swept, format, out) }
}

/// A head, and a row for each point.
fn lines(swept: &sweep::Sweep) -> String {
    sweep::line(&swept.head) + &swept.rows.iter().map(sweep::line).collect::<String>()
}

fn show(swept: &sweep::Sweep, format: Format, out: &mut Out) -> Result<(), Stop> {
    let shown = text(swept, format, out);
    out.print(&shown.expect("a verb knows its formats"))
}

/// What varies, and in which points: what `--vary` says, or the variants of the scenario.
fn points(args: &Sweep, whole: &Design) -> Result<(Vec<Axis>, Vec<Vec<String>>), Stop> {
    let axes: Vec<Axis> = args.vary.iter().map(|text| axis(text)).collect::<Result<_, _>>().map_err(Stop::usage)?;
    if axes.is_empty() {
        let variants = &whole.scenario.variants;
        let swept: Vec<String> = variants.iter().filter(|name| name.ends_with(']')).cloned().collect();
        let names = if swept.is_empty() { variants.clone() } else { swept };
        if names.is_empty() {
            return Err(Stop::usage("nothing varies: add --vary PATH=VALUES, or `variants:` to the scenario"));
        }
        let values = crate::analysis::axis::Values::List(names.clone());
        return Ok((
            vec![Axis { path: VARIANT.to_owned(), values }],
            names.into_iter().map(|name| vec![name]).collect(),
        ));
    }
    let points = match args.samples {
        Some(samples) => hypercube(&axes, samples.get(), whole.scenario.run.seed),
        None => grid(&axes).map_err(Stop::usage)?,
    };
    Ok((axes, points))
}

/// The rows of a sweep on disk, as far as they are written.
struct File {
    path: Option<PathBuf>,
    rows: Vec<Row>,
}

impl File {
    /// Opens the file: anew, or cut to what is whole in it if the sweep is to go on.
    fn open(args: &Sweep, head: &Head, shard: Shard) -> Result<File, Stop> {
        let trials = &args.trials;
        if trials.no_files || trials.out.as_deref() == Some("-") {
            return Ok(File { path: None, rows: Vec::new() });
        }
        let folder = study::folder(trials, &head.name);
        let path = folder.join(if shard.is_part() { shard.file() } else { "sweep.jsonl".to_owned() });
        let cannot = |error| Stop::cannot_write(&path.display().to_string(), &error);
        let text = if args.resume { fs::read_to_string(&path).unwrap_or_default() } else { String::new() };
        let Some(mut kept) = sweep::read(&text) else {
            files::replace(&path, sweep::line(head).as_bytes()).map_err(cannot)?;
            return Ok(File { path: Some(path), rows: Vec::new() });
        };
        if !kept.head.is_of(head) {
            let told = format!("{} is of another sweep; leave --resume out to begin anew", path.display());
            return Err(Stop::usage(told));
        }
        // Only rows in the order of their points are trusted; whatever came after a gap is done again.
        let mine = (0..head.points.len()).filter(|point| shard.has(*point));
        let good = kept.rows.iter().zip(mine).take_while(|(row, point)| row.point == *point).count();
        kept.rows.truncate(good);
        let whole = sweep::line(head) + &kept.rows.iter().map(sweep::line).collect::<String>();
        files::replace(&path, whole.as_bytes()).map_err(cannot)?;
        Ok(File { path: Some(path), rows: kept.rows })
    }

    fn append(&mut self, row: Row) -> Result<(), Stop> {
        if let Some(path) = &self.path {
            let written = fs::OpenOptions::new().append(true).open(path);
            let written = written.and_then(|mut file| file.write_all(sweep::line(&row).as_bytes()));
            written.map_err(|error| Stop::cannot_write(&path.display().to_string(), &error))?;
        }
        self.rows.push(row);
        Ok(())
    }
}

/// The points that are left.
struct Work<'a> {
    base: &'a Base<'a>,
    axes: &'a [Axis],
    head: &'a Head,
    shard: Shard,
}

impl Work<'_> {
    fn design(&self, point: usize) -> Result<Design, Box<crate::analysis::design::Broken>> {
        let values = &self.head.points[point];
        let settings = sets(self.axes, values);
        match self.axes {
            [only] if only.path == VARIANT => self.base.variant(&values[0]).design(&values[0], &[]),
            _ => self.base.design(&settings.join(" "), &settings),
        }
    }

    /// Evaluates and appends, a few points at a time so that all threads have something to do.
    fn rows<M: Memory>(
        &mut self,
        lab: &mut Lab<'_, M>,
        file: &mut File,
        out: &mut Out,
    ) -> Result<Result<(), Interrupted>, Stop> {
        let mine: Vec<usize> = (0..self.head.points.len()).filter(|point| self.shard.has(*point)).collect();
        let at_once = (2 * lab.setting.jobs).div_ceil(self.head.replications.max(1) as usize).max(1);
        for points in mine[file.rows.len()..].chunks(at_once) {
            let designs: Result<Vec<Design>, _> = points.iter().map(|point| self.design(*point)).collect();
            let designs = designs.map_err(|broken| study::shown(&broken, out))?;
            let figures = match lab.evaluate(&designs.iter().collect::<Vec<_>>()) {
                Ok(figures) => figures,
                Err(stopped) => return Ok(Err(stopped)),
            };
            for (point, figures) in points.iter().zip(figures) {
                let settings = self.head.axes.iter().cloned().zip(self.head.points[*point].iter().cloned()).collect();
                // Curves are for comparing a few; many points would make a large file of them.
                file.append(Row { point: *point, settings, figures: Figures { curve: None, ..figures } })?;
            }
        }
        Ok(Ok(()))
    }
}

/// Puts the parts of a sweep together: the same bytes as if one machine had done it all.
pub(crate) fn merge(args: &Merge, out: &mut Out) -> Result<Exit, Stop> {
    let mut all: Option<(Head, String)> = None;
    let mut rows: Vec<(Row, &String)> = Vec::new();
    for path in &args.parts {
        let text = fs::read_to_string(path).map_err(|error| Stop::usage(format!("cannot read {path}: {error}")))?;
        let kept = sweep::read(&text).ok_or_else(|| Stop::usage(format!("{path} is no part of a sweep")))?;
        match &all {
            None => all = Some((kept.head, path.clone())),
            Some((head, _)) if head.is_of(&kept.head) => {}
            Some((_, first)) => return Err(Stop::usage(format!("{path} and {first} are parts of different sweeps"))),
        }
        rows.extend(kept.rows.into_iter().map(|row| (row, path)));
    }
    let (head, _) = all.ok_or_else(|| Stop::usage("no part is given"))?;
    rows.sort_by_key(|(row, _)| row.point);
    if let Some(pair) = rows.windows(2).find(|pair| pair[0].0.point == pair[1].0.point) {
        let (point, first, second) = (pair[0].0.point, pair[0].1, pair[1].1);
        return Err(Stop::usage(format!("point {point} is in {first} and in {second}; give each part once")));
    }
    let missing: Vec<String> = (0..head.points.len())
        .filter(|point| !rows.iter().any(|(row, _)| row.point == *point))
        .map(|point| point.to_string())
        .collect();
    let rows: Vec<Row> = rows.into_iter().map(|(row, _)| row).collect();
    let text = sweep::line(&head) + &rows.iter().map(sweep::line).collect::<String>();
    let path =
        args.out.as_deref().map_or_else(|| Path::new("output").join(&head.name).join("sweep.jsonl"), PathBuf::from);
    if !missing.is_empty() {
        let told = format!("{} of {} points are missing: {}", missing.len(), head.points.len(), missing.join(", "));
        out.error(&format!("{told}; run their shards again"));
        return Ok(Exit::Undecided);
    }
    if path == Path::new("-") {
        out.print(&text)?;
        return Ok(Exit::Done);
    }
    files::write(&path, text.as_bytes(), out)?;
    let swept = sweep::sweep(head, rows);
    let page = saved::read(&text).expect("what is written can be read").page().render();
    files::write(&path.with_extension("html"), page.as_bytes(), out)?;
    show(&swept, args.format, out)?;
    Ok(Exit::Done)
}
