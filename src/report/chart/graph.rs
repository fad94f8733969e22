//! The architecture as a graph from left to right: who calls whom, how often, and how busy everyone is.
//!
//! Layers by longest path (calls that lead back are left out of it), order inside a layer by the mean place of neighbours,
//! a few times to and fro; an arrow over several layers goes through a gap in each (Sugiyama, Tagawa and Toda 1981).

use std::collections::BTreeMap;

use crate::report::chart::ink::Ink;
use crate::report::chart::{Anchor, Chart, Mark, Role, SMALL, Shape, Table, Text, fitted, text_width, words};
use crate::report::pictures::Arrow;
use crate::report::terminal::figures::busy;
use crate::report::{Component, Report};
use crate::units::{human_count, human_rate};

const NODE: (f64, f64) = (138.0, 60.0);
/// Between two layers, and between two nodes of one.
const GAP: (f64, f64) = (108.0, 26.0);
/// The level end of an arrow, over which its figure stands.
const LEVEL: f64 = 50.0;
/// Between two arrows that leave, or reach, one node: as far as this where there is room.
const APART: f64 = 19.0;
/// Height of the gap that an arrow goes through.
const LANE: f64 = 14.0;
const MARGIN: f64 = 14.0;
const SWEEPS: usize = 8;
/// Straight pieces of a curve.
const PIECES: usize = 12;

/// What stands in a layer: a node by its number, or the lane of an arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Node(usize),
    Lane { arrow: usize, layer: usize },
}

/// Where everything stands.
struct Layout {
    layers: Vec<Vec<Cell>>,
    /// Middle of each cell.
    at: BTreeMap<Cell, (f64, f64)>,
    layer_of: Vec<usize>,
    height: f64,
    /// How far below the middle of its nodes each arrow leaves and arrives.
    ports: Vec<(f64, f64)>,
}

/// The diagram of a run.
pub fn architecture(report: &Report) -> Chart {
    let graph = &report.pictures.graph;
    let names: Vec<&str> =
        graph.loads.iter().map(String::as_str).chain(report.components.keys().map(String::as_str)).collect();
    let number = |name: &str| names.iter().position(|known| *known == name);
    // What a component could ask of itself, but never does, is no part of the picture.
    let arrows = graph.arrows.iter().filter(|arrow| arrow.from != arrow.to || 0.0 < arrow.calls_per_s);
    let arrows: Vec<(usize, usize, &Arrow)> =
        arrows.filter_map(|arrow| Some((number(&arrow.from)?, number(&arrow.to)?, arrow))).collect();
    let ends: Vec<(usize, usize)> = arrows.iter().map(|(from, to, _)| (*from, *to)).collect();
    let layout = place(names.len(), &ends);
    let width = MARGIN * 2.0 + layout.layers.len() as f64 * (NODE.0 + GAP.0) - GAP.0;
    let mut chart = Chart::new("architecture", "Who calls whom", (width.max(360.0), layout.height));
    let most = arrows.iter().map(|(.., arrow)| arrow.calls_per_s).fold(0.0, f64::max);
    let routes: Vec<Vec<(f64, f64)>> = (0..ends.len()).map(|arrow| route(&layout, arrow, ends[arrow])).collect();
    for (points, (.., arrow)) in routes.iter().zip(&arrows) {
        draw_arrow(&mut chart, points, arrow, most);
    }
    for (node, name) in names.iter().enumerate() {
        let at = layout.at[&Cell::Node(node)];
        let mark = match report.components.get(*name) {
            Some(component) if graph.loads.len() <= node => of_component(report, name, component, at),
            _ => of_load(report, name, at),
        };
        chart.marks.push(mark);
    }
    for (points, (.., arrow)) in routes.iter().zip(&arrows) {
        label(&mut chart, points, arrow, most);
    }
    "The stronger the colour of a box, the busier its busiest resource; the thicker an arrow, the more calls a second; \
     dashed where the caller does not wait for any."
        .clone_into(&mut chart.about);
    chart.table = table(&arrows);
    chart
}

fn table(arrows: &[(usize, usize, &Arrow)]) -> Table {
    let row = |(.., arrow): &(usize, usize, &Arrow)| {
        let waits = if arrow.waits { "yes" } else { "no" };
        vec![arrow.from.clone(), arrow.to.clone(), human_rate(arrow.calls_per_s), waits.to_owned()]
    };
    let head = ["from", "to", "calls", "waits for it"].map(str::to_owned).to_vec();
    Table { head, rows: arrows.iter().map(row).collect() }
}

// -- nodes ---------------------------------------------------------------------------------------------------------------

fn frame((x, y): (f64, f64), ink: Ink, width: f64) -> Mark {
    let (w, h) = (NODE.0 / 2.0, NODE.1 / 2.0);
    let points = vec![(x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h), (x - w, y - h)];
    Mark { shape: Shape::Line { points, width, dashed: false }, ink, series: None }
}

fn body((x, y): (f64, f64), ink: Ink) -> Mark {
    let place = [x - NODE.0 / 2.0, y - NODE.1 / 2.0, NODE.0, NODE.1];
    Mark { shape: Shape::Boxes(vec![place]), ink, series: None }
}

fn heading(at: (f64, f64), text: &str, ink: Ink) -> Mark {
    let text = fitted(text, 13.5, NODE.0 - 10.0);
    let text = Text { at, text, size: 13.0, anchor: Anchor::Middle, bold: true, halo: false };
    Mark { shape: Shape::Text(text), ink, series: None }
}

fn link(to: String, marks: Vec<Mark>) -> Mark {
    Mark { shape: Shape::Group { role: Role::Link(to), marks }, ink: Ink::Text, series: None }
}

fn of_load(report: &Report, name: &str, at: (f64, f64)) -> Mark {
    let rate = report.loads.get(name).map_or(0.0, |load| load.requests.offered_per_s.mean);
    let marks = vec![
        body(at, Ink::Paper),
        frame(at, Ink::Faint, 1.25),
        heading((at.0, at.1 - 9.0), name, Ink::Text),
        words((at.0, at.1 + 11.0), &human_rate(rate), Anchor::Middle, Ink::Faint),
    ];
    link("latency".to_owned(), marks)
}

fn of_component(report: &Report, name: &str, component: &Component, at: (f64, f64)) -> Mark {
    let busiest = component.resources().into_iter().max_by(|a, b| a.1.share.mean.total_cmp(&b.1.share.mean));
    let share = busiest.map_or(0.0, |(_, used)| used.share.mean);
    let level = Ink::level(share);
    let is_limit = report.bottleneck.as_ref().is_some_and(|limit| limit.component == name);
    let used =
        busiest.map_or_else(|| "no limit".to_owned(), |(what, used)| format!("{} {what}", busy(used.share.mean)));
    let count = component.instances.mean;
    let kind = if (count - 1.0).abs() < 1e-9 {
        component.kind.to_owned()
    } else {
        format!("{} × {}", component.kind, human_count(count))
    };
    let border = if is_limit { frame(at, Ink::Bad, 3.0) } else { frame(at, Ink::Faint, 1.25) };
    let mut marks = vec![
        body(at, Ink::Level(level)),
        border,
        heading((at.0, at.1 - 17.0), name, Ink::OnLevel(level)),
        words((at.0, at.1 + 1.5), &fitted(&kind, SMALL, NODE.0 - 8.0), Anchor::Middle, Ink::OnLevel(level)),
        words((at.0, at.1 + 18.0), &used, Anchor::Middle, Ink::OnLevel(level)),
    ];
    if is_limit {
        marks.push(words((at.0, at.1 + NODE.1 / 2.0 + 10.0), "bottleneck", Anchor::Middle, Ink::Bad));
    }
    link(format!("c-{name}"), marks)
}

// -- arrows --------------------------------------------------------------------------------------------------------------

/// Points of an arrow from the edge of one node to that of the other.
fn route(layout: &Layout, arrow: usize, (from, to): (usize, usize)) -> Vec<(f64, f64)> {
    let (start, end) = (layout.at[&Cell::Node(from)], layout.at[&Cell::Node(to)]);
    let half = NODE.0 / 2.0;
    if layout.layer_of[to] <= layout.layer_of[from] {
        // A call that leads back goes over the top.
        let top = start.1.min(end.1) - NODE.1 / 2.0 - 9.0;
        let (a, b) = ((start.0 + half * 0.6, start.1 - NODE.1 / 2.0), (end.0 - half * 0.6, end.1 - NODE.1 / 2.0));
        return vec![a, (a.0, top), (b.0, top), (b.0, b.1 - 1.0)];
    }
    let (out, into) = layout.ports[arrow];
    let lanes = (layout.layer_of[from] + 1..layout.layer_of[to]).map(|layer| layout.at[&Cell::Lane { arrow, layer }]);
    let mut stops = vec![(start.0 + half, start.1 + out)];
    for (x, y) in lanes {
        stops.extend([(x - half, y), (x + half, y)]);
    }
    stops.push((end.0 - half - LEVEL, end.1 + into));
    let mut points = vec![stops[0]];
    for pair in stops.windows(2) {
        points.extend((1..=PIECES).map(|piece| bend(pair[0], pair[1], piece as f64 / PIECES as f64)));
    }
    points.push((end.0 - half - 1.0, end.1 + into));
    points
}

/// A curve that leaves and arrives level (the cubic 3t² - 2t³).
fn bend(from: (f64, f64), to: (f64, f64), t: f64) -> (f64, f64) {
    let rise = t * t * (3.0 - 2.0 * t);
    (from.0 + (to.0 - from.0) * t, from.1 + (to.1 - from.1) * rise)
}

/// How thick an arrow is, and how long its head.
fn thickness(arrow: &Arrow, most: f64) -> (f64, f64) {
    let share = if 0.0 < most { arrow.calls_per_s / most } else { 0.0 };
    let width = 1.0 + 3.5 * share.sqrt();
    (width, 6.0 + 1.6 * width)
}

fn draw_arrow(chart: &mut Chart, points: &[(f64, f64)], arrow: &Arrow, most: f64) {
    let [line @ .., before, tip] = points else { return };
    let (width, size) = thickness(arrow, most);
    let is_down = (before.0 - tip.0).abs() < 0.5;
    // The line ends inside of the head, or it would blunt its tip.
    let neck = if is_down { (tip.0, tip.1 - size * 0.8) } else { (tip.0 - size * 0.8, tip.1) };
    let points = line.iter().chain([before, &neck]).copied().collect();
    chart.marks.push(Mark {
        shape: Shape::Line { points, width, dashed: !arrow.waits },
        ink: Ink::Series(7),
        series: None,
    });
    let head = if is_down {
        vec![*tip, (tip.0 - size / 2.2, tip.1 - size), (tip.0 + size / 2.2, tip.1 - size)]
    } else {
        vec![*tip, (tip.0 - size, tip.1 - size / 2.2), (tip.0 - size, tip.1 + size / 2.2)]
    };
    chart.marks.push(Mark { shape: Shape::Solid(head), ink: Ink::Series(7), series: None });
}

/// How often: above the level end, where it stands beside its own arrow.
fn label(chart: &mut Chart, points: &[(f64, f64)], arrow: &Arrow, most: f64) {
    let text = format!("{}/s", human_count(arrow.calls_per_s));
    let [.., before, tip] = points else { return };
    let (width, size) = thickness(arrow, most);
    let wide = text_width(&text, SMALL);
    // Left and middle of the words.
    let (left, y) = if (before.0 - tip.0).abs() < 0.5 {
        (tip.0 + 8.0, tip.1 - 10.0)
    } else {
        (tip.0 - size * 0.6 - wide, tip.1 - width / 2.0 - SMALL * 0.7)
    };
    let taken = |mark: &Mark| match &mark.shape {
        Shape::Text(other) => {
            let beside = left + wide < other.at.0 || other.at.0 + text_width(&other.text, SMALL) < left;
            !beside && (other.at.1 - y).abs() < SMALL * 1.1
        }
        _ => false,
    };
    // Arrows that end too close would write over each other; their figures are in the table.
    if !chart.marks.iter().any(taken) {
        chart.label((left, y), &text, Anchor::Start, Ink::Text);
    }
}

// -- places --------------------------------------------------------------------------------------------------------------

fn place(nodes: usize, arrows: &[(usize, usize)]) -> Layout {
    let layer_of = layers(nodes, arrows);
    let count = layer_of.iter().copied().max().unwrap_or(0) + 1;
    let mut layers: Vec<Vec<Cell>> = vec![Vec::new(); count];
    for (node, layer) in layer_of.iter().enumerate() {
        layers[*layer].push(Cell::Node(node));
    }
    let mut links: Vec<(Cell, Cell)> = Vec::new();
    for (arrow, (from, to)) in arrows.iter().enumerate() {
        let mut before = Cell::Node(*from);
        let between = layers.iter_mut().enumerate().take(layer_of[*to]).skip(layer_of[*from] + 1);
        for (layer, cells) in between {
            let lane = Cell::Lane { arrow, layer };
            cells.push(lane);
            links.push((before, lane));
            before = lane;
        }
        if layer_of[*from] < layer_of[*to] {
            links.push((before, Cell::Node(*to)));
        }
    }
    for sweep in 0..SWEEPS {
        order(&mut layers, &links, sweep % 2 == 0);
    }
    let tall = |layer: &Vec<Cell>| layer.iter().map(height).sum::<f64>();
    let height = layers.iter().map(tall).fold(0.0, f64::max) + MARGIN * 2.0 + 12.0;
    let at = places(&layers, height);
    let ports = ports(&at, &layer_of, arrows);
    Layout { layers, at, layer_of, height, ports }
}

/// Where arrows leave and arrive: beneath each other in the order of their other ends, so that they do not cross there.
fn ports(at: &BTreeMap<Cell, (f64, f64)>, layer_of: &[usize], arrows: &[(usize, usize)]) -> Vec<(f64, f64)> {
    let forward = |arrow: &usize| layer_of[arrows[*arrow].0] < layer_of[arrows[*arrow].1];
    // Height of the cell beside the start of an arrow, and beside its end.
    let beside = |arrow: usize, is_start: bool| {
        let (from, to) = arrows[arrow];
        let (layer, far) = if is_start { (layer_of[from] + 1, to) } else { (layer_of[to] - 1, from) };
        let cell = if layer == layer_of[far] { Cell::Node(far) } else { Cell::Lane { arrow, layer } };
        at[&cell].1
    };
    let mut ports = vec![(0.0, 0.0); arrows.len()];
    for node in 0..layer_of.len() {
        for is_start in [true, false] {
            let end = |arrow: usize| if is_start { arrows[arrow].0 } else { arrows[arrow].1 };
            let mut own: Vec<usize> = (0..arrows.len()).filter(forward).filter(|arrow| end(*arrow) == node).collect();
            own.sort_by(|a, b| beside(*a, is_start).total_cmp(&beside(*b, is_start)));
            let between = (own.len().max(2) - 1) as f64;
            let apart = APART.min((NODE.1 - 14.0) / between);
            for (number, arrow) in own.iter().enumerate() {
                let down = (number as f64 - (own.len() - 1) as f64 / 2.0) * apart;
                if is_start { ports[*arrow].0 = down } else { ports[*arrow].1 = down }
            }
        }
    }
    ports
}

/// Of each node the longest way to it; arrows that would close a circle do not count.
fn layers(nodes: usize, arrows: &[(usize, usize)]) -> Vec<usize> {
    let mut forward: Vec<(usize, usize)> = Vec::new();
    for &(from, to) in arrows {
        if from != to && !reaches(&forward, to, from) {
            forward.push((from, to));
        }
    }
    let mut layer = vec![0; nodes];
    for _ in 0..nodes {
        for &(from, to) in &forward {
            layer[to] = layer[to].max(layer[from] + 1);
        }
    }
    layer
}

fn reaches(arrows: &[(usize, usize)], from: usize, to: usize) -> bool {
    let mut open = vec![from];
    let mut seen = Vec::new();
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if !seen.contains(&at) {
            seen.push(at);
            open.extend(arrows.iter().filter(|(source, _)| *source == at).map(|(_, next)| *next));
        }
    }
    false
}

/// Puts each cell at the mean place of those it is linked to in the layer before (or behind).
fn order(layers: &mut [Vec<Cell>], links: &[(Cell, Cell)], forward: bool) {
    let count = layers.len();
    for step in 1..count {
        let (at, fixed) = if forward { (step, step - 1) } else { (count - 1 - step, count - step) };
        let neighbours = layers[fixed].clone();
        let rank = |cell: &Cell, own: usize| {
            let linked = links.iter().filter_map(|(a, b)| match (a == cell, b == cell) {
                (true, _) => Some(b),
                (_, true) => Some(a),
                _ => None,
            });
            let places: Vec<f64> =
                linked.filter_map(|other| neighbours.iter().position(|n| n == other)).map(|at| at as f64).collect();
            let share = |at: f64, of: usize| (at + 0.5) / of.max(1) as f64;
            match places.len() {
                0 => share(own as f64, layers[at].len()),
                n => share(places.iter().sum::<f64>() / n as f64, neighbours.len()),
            }
        };
        let mut ranked: Vec<(f64, Cell)> =
            layers[at].iter().enumerate().map(|(own, cell)| (rank(cell, own), *cell)).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        layers[at] = ranked.into_iter().map(|(_, cell)| cell).collect();
    }
}

fn height(cell: &Cell) -> f64 {
    match cell {
        Cell::Node(_) => NODE.1 + GAP.1,
        Cell::Lane { .. } => LANE,
    }
}

/// Layers from left to right, each in the middle.
fn places(layers: &[Vec<Cell>], whole: f64) -> BTreeMap<Cell, (f64, f64)> {
    let mut at = BTreeMap::new();
    for (number, layer) in layers.iter().enumerate() {
        let x = MARGIN + NODE.0 / 2.0 + number as f64 * (NODE.0 + GAP.0);
        let mut top = (whole - layer.iter().map(height).sum::<f64>()) / 2.0;
        for cell in layer {
            at.insert(*cell, (x, top + height(cell) / 2.0));
            top += height(cell);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_follow_the_longest_way_and_circles_end() {
        let arrows = [(0, 1), (1, 2), (0, 2), (2, 1), (2, 3)];
        assert_eq!(layers(4, &arrows), [0, 1, 2, 3]);
    }

    #[test]
    fn nothing_stands_on_anything_else() {
        let arrows = [(0, 1), (1, 2), (1, 3), (1, 4), (0, 4), (3, 4), (2, 5), (4, 5)];
        let layout = place(6, &arrows);
        let nodes: Vec<(f64, f64)> = (0..6).map(|node| layout.at[&Cell::Node(node)]).collect();
        for (i, a) in nodes.iter().enumerate() {
            for b in &nodes[i + 1..] {
                assert!(NODE.0 <= (a.0 - b.0).abs() || NODE.1 <= (a.1 - b.1).abs(), "{a:?} {b:?}");
            }
            assert!(NODE.1 / 2.0 <= a.1 && a.1 <= layout.height - NODE.1 / 2.0);
        }
    }
}
