//! What agents write down: lines, spans and readings, with the time on cores and the bytes that this takes where it is done.
//!
//! A visit writes its lines and its span when it begins, on the core that serves it; what it sends queues for the network
//! card of its machine, and the visit does not wait for that. Whether a request is sampled is a property of its address:
//! all of its visits are written down, or none. Under tail sampling all spans are sent and counted until the request is
//! over. Lines of failed visits that are kept besides are written by the agent, which takes its time on the same cores.

use rustc_hash::FxHashMap;

use crate::engine::timer::Timer;
use crate::engine::world::{Frame, Ns, Outcome, RELEASE, Request, World, gate, row};
use crate::model::telemetry::{Logs, Telemetry, Traces};
use crate::model::{Failure, Model, NONE, NONE16};
use crate::random::{bits, mix};
use crate::record::TelemetryTally;
use crate::units::Span;

/// What telemetries have counted, and the spans of requests that are not over.
#[derive(Debug, Default)]
pub(super) struct Telling {
    tallies: Vec<TelemetryTally>,
    /// By class, number and telemetry, because branches have rows of their own: spans and their bytes; never iterated.
    open: FxHashMap<(u16, u64, u16), (u32, f64)>,
}

/// What tells the draws of one visit apart.
const LOGS: u64 = 0x6c6f_6773;
const TRACES: u64 = 0x0074_7261_6365;

impl Telling {
    /// The figures of a component, if it is a telemetry.
    pub(super) fn tally(&self, m: &Model, component: usize) -> Option<Box<TelemetryTally>> {
        let number = m.telemetry.iter().position(|telemetry| usize::from(telemetry.component) == component)?;
        self.tallies.get(number).copied().map(Box::new)
    }
}

impl World<'_> {
    pub(super) fn begin_telling(&mut self) {
        self.incidents.telling.tallies = vec![TelemetryTally::default(); self.m.telemetry.len()];
        for (number, telemetry) in self.m.telemetry.iter().enumerate() {
            if let Some(metrics) = &telemetry.metrics {
                self.set_timer(metrics.every.0, RELEASE, Timer::Scrape(number as u16));
            }
        }
    }

    /// A visit begins: its lines and its span are written on its core.
    pub(super) fn tell(&mut self, id: u32, number: u16, cell: u16) -> u32 {
        let m = self.m;
        let telemetry = &m.telemetry[number as usize];
        let Frame { occasion, request, .. } = self.frames[id as usize];
        let asked = self.requests[request as usize].occasion;
        let (mut takes, mut bytes) = (0, 0.0);
        if let Some(logs) = &telemetry.logs {
            let lines = self.lines_of(telemetry, logs, occasion);
            let is_kept = bits(telemetry.key ^ LOGS, mix(asked)) >> 32 < logs.sample;
            self.incidents.telling.tallies[number as usize].lines += u64::from(lines);
            if is_kept {
                let (time, size) = self.write_lines(number, logs, lines, occasion);
                (takes, bytes) = (takes + time, bytes + size);
            }
        }
        if let Some(traces) = &telemetry.traces {
            let is_sampled = bits(telemetry.key ^ TRACES, mix(asked)) >> 32 < traces.sample;
            let (time, size) = self.write_span(number, traces, id, is_sampled);
            (takes, bytes) = (takes + time, bytes + size);
        }
        self.work_and_send(id, number, cell, (takes, bytes))
    }

    /// The frame spends the time on its core, and the bytes go out over its machine's card.
    fn work_and_send(&mut self, id: u32, number: u16, cell: u16, (takes, bytes): (Ns, f64)) -> u32 {
        let station = self.frames[id as usize].station;
        let scale = if station == NONE { 1.0 } else { self.stations[station as usize].scale };
        let demand = Span::from_secs_f64(takes as f64 * scale * 1e-9).0;
        let tally = &mut self.incidents.telling.tallies[number as usize];
        tally.sent_bytes += bytes;
        tally.core_ns += demand;
        if 0.0 < bytes {
            self.transmit(NONE16, [station, NONE], bytes);
        }
        if demand == 0 {
            return id;
        }
        self.frames[id as usize].cell = cell;
        self.submit(id, demand);
        NONE
    }

    fn lines_of(&self, telemetry: &Telemetry, logs: &Logs, occasion: u64) -> u32 {
        self.whole(logs.lines, mix(occasion ^ telemetry.key))
    }

    /// Counts lines that are kept; returns their time on a core and their bytes.
    fn write_lines(&mut self, number: u16, logs: &Logs, lines: u32, occasion: u64) -> (Ns, f64) {
        let address = mix(occasion ^ LOGS);
        let bytes = f64::from(lines) * self.samplers.draw(logs.bytes, address);
        let each = if logs.cpu == NONE16 { 0 } else { self.samplers.draw_ns(logs.cpu, address) };
        let tally = &mut self.incidents.telling.tallies[number as usize];
        tally.lines_kept += u64::from(lines);
        tally.log_bytes += bytes;
        self.keep_bytes(number, bytes);
        (each * u64::from(lines), bytes)
    }

    /// What a telemetry keeps are the bytes of its component.
    fn keep_bytes(&mut self, number: u16, bytes: f64) {
        let component = self.m.telemetry[number as usize].component;
        self.groups[component as usize].bytes_out += bytes;
    }

    /// A span of a visit, if it is sent at all.
    fn write_span(&mut self, number: u16, traces: &Traces, id: u32, is_sampled: bool) -> (Ns, f64) {
        let Frame { occasion, request, .. } = self.frames[id as usize];
        self.incidents.telling.tallies[number as usize].spans += 1;
        if !traces.tail && !is_sampled {
            return (0, 0.0);
        }
        let address = mix(occasion ^ TRACES);
        let bytes = self.samplers.draw(traces.bytes, address);
        let takes = if traces.cpu == NONE16 { 0 } else { self.samplers.draw_ns(traces.cpu, address) };
        let Request { class, number: nth, flags, .. } = self.requests[request as usize];
        let key = (class, nth, number);
        if is_sampled {
            self.keep_spans(number, 1, bytes);
        } else if flags & row::DETACHED == 0 {
            self.requests[request as usize].flags |= row::TOLD;
            let open = self.incidents.telling.open.entry(key).or_insert((0, 0.0));
            *open = (open.0 + 1, open.1 + bytes);
        } else if let Some(open) = self.incidents.telling.open.get_mut(&key) {
            // A branch; what goes on when the request is over comes too late for the decision.
            *open = (open.0 + 1, open.1 + bytes);
        }
        (takes, bytes)
    }

    fn keep_spans(&mut self, number: u16, spans: u32, bytes: f64) {
        let tally = &mut self.incidents.telling.tallies[number as usize];
        tally.spans_kept += u64::from(spans);
        tally.trace_bytes += bytes;
        self.keep_bytes(number, bytes);
    }

    /// A request is over whose spans wait for the decision.
    #[cold]
    #[inline(never)]
    pub(super) fn end_spans(&mut self, request: u32, took: Ns, outcome: Outcome) {
        let Request { class, number: nth, .. } = self.requests[request as usize];
        for number in 0..self.m.telemetry.len() as u16 {
            let Some((spans, bytes)) = self.incidents.telling.open.remove(&(class, nth, number)) else { continue };
            let Some(traces) = self.m.telemetry[number as usize].traces else { continue };
            let is_slow = traces.slow.is_some_and(|slow| slow.0 <= took);
            if is_slow || traces.keeps_errors && outcome.failure().is_some() {
                self.keep_spans(number, spans, bytes);
            }
        }
    }

    // -- failures -----------------------------------------------------------------------------------------------------

    /// A visit ends in a failure: that may be worth a line.
    #[cold]
    #[inline(never)]
    pub(super) fn conclude_badly(&mut self, id: u32, kind: Failure) -> u32 {
        if !self.m.telemetry.is_empty() {
            self.log_failure(id);
        }
        self.conclude(id, Outcome::failed(kind))
    }

    fn log_failure(&mut self, id: u32) {
        let m = self.m;
        let Frame { station, request, occasion, operation, flags, .. } = self.frames[id as usize];
        let is_visit = flags & super::world::flag::COUNTED != 0 && station != NONE;
        if !is_visit || self.stations[station as usize].gate & gate::DOWN != 0 {
            return;
        }
        let component = self.stations[station as usize].component;
        let asked = self.requests[request as usize].occasion;
        for (number, telemetry) in (0..).zip(&m.telemetry) {
            let Some(logs) = telemetry.logs.filter(|logs| logs.keeps_errors) else { continue };
            let is_sampled = bits(telemetry.key ^ LOGS, mix(asked)) >> 32 < logs.sample;
            if !telemetry.watched[component as usize] || is_sampled {
                continue;
            }
            if telemetry.late == NONE16 {
                let lines = self.lines_of(telemetry, &logs, occasion);
                let (_, bytes) = self.write_lines(number, &logs, lines, occasion);
                self.incidents.telling.tallies[number as usize].sent_bytes += bytes;
                self.transmit(NONE16, [station, NONE], bytes);
                continue;
            }
            let of = Request { occasion: asked, ..Request::detached(self.now) };
            self.begin_work(Frame { occasion, station, pc: telemetry.late, operation, ..Frame::begun(self.now) }, of);
        }
    }

    /// The agent writes the lines of a visit that failed.
    pub(super) fn tell_late(&mut self, id: u32, number: u16, cell: u16) -> u32 {
        let telemetry = &self.m.telemetry[number as usize];
        let Some(logs) = telemetry.logs else { return id };
        let occasion = self.frames[id as usize].occasion;
        let lines = self.lines_of(telemetry, &logs, occasion);
        let work = self.write_lines(number, &logs, lines, occasion);
        self.work_and_send(id, number, cell, work)
    }

    // -- metrics ------------------------------------------------------------------------------------------------------

    /// Everything that is up and watched is read.
    pub(super) fn scrape(&mut self, number: u16) {
        let m = self.m;
        let telemetry = &m.telemetry[number as usize];
        let Some(metrics) = telemetry.metrics else { return };
        for station in 0..self.stations.len() as u32 {
            let component = self.stations[station as usize].component;
            let is_up = self.stations[station as usize].gate & gate::DOWN == 0;
            if !is_up || !telemetry.watched[component as usize] {
                continue;
            }
            let bytes = metrics.points * metrics.bytes;
            let tally = &mut self.incidents.telling.tallies[number as usize];
            tally.points += metrics.points;
            tally.metric_bytes += bytes;
            tally.sent_bytes += bytes;
            self.keep_bytes(number, bytes);
            self.transmit(NONE16, [station, NONE], bytes);
            if metrics.program == NONE16 {
                continue;
            }
            let occasion = mix(telemetry.key ^ self.now ^ u64::from(station));
            let of = Request { occasion, ..Request::detached(self.now) };
            self.begin_work(Frame { occasion, station, pc: metrics.program, ..Frame::begun(self.now) }, of);
        }
        self.set_timer(self.now + metrics.every.0, RELEASE, Timer::Scrape(number));
    }
}
