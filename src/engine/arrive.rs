//! Loads: when a request comes, which one it is, and what a client does with the answer.

use crate::distribution::sampler::Samplers;
use crate::engine::timer::Timer;
use crate::engine::world::{CLAIM, Client, Context, Entry, Frame, Ns, Request, TIMER, World, flag};
use crate::model::loads::Demand;
use crate::model::region::{Daylight, Origin};
use crate::model::{NONE, NONE16, Scope};
use crate::policy::daylight::shares_at;
use crate::random::{bits, mix, occasion};
use crate::units::Time;

/// The stream that stands beside the calendar, one draw ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beside {
    pub(super) stream: Steady,
    /// Of the source.
    pub(super) key: u64,
    /// Address of the next arrival.
    pub(super) address: u64,
    /// Arrivals planned; the same two figures of the one after them.
    pub(super) count: u64,
    pub(super) next_address: u64,
    pub(super) next_gap: Ns,
}

/// A stationary Poisson stream of arrivals. The first of them stands beside the calendar; the others draw the same gaps, so
/// that a load keeps its arrivals when another joins it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steady {
    pub(super) source: u16,
    pub(super) gap: f64,
    /// Seeded stream of the gaps.
    pub(super) key: u64,
}

/// Purposes of a source's draws, told apart by these words.
const CHOICE: u64 = 0x6368_6f69;
const THINK: u64 = 0x7468_696e;
const TIMES: u64 = 0x7469_6d65;
const PLACE: u64 = 0x706c_6163;

impl World<'_> {
    /// The first arrivals of all loads.
    pub(super) fn begin_sources(&mut self) {
        for s in 0..self.m.sources.len() as u16 {
            match &self.m.sources[s as usize].demand {
                Demand::Closed { clients, .. } => self.begin_clients(s, *clients),
                Demand::Open { .. } if self.is_beside(s) => self.begin_beside(),
                _ => self.plan_source(s),
            }
        }
    }

    /// The stationary stream beside the calendar: the next arrival is known, the gap after it is drawn now, because what
    /// comes next must not wait for the draw.
    #[inline(always)]
    fn plan_beside(&mut self) {
        let Some(beside) = &mut self.beside else { return };
        if self.course.created >= self.course.request_limit {
            self.next_arrival = (Ns::MAX, u64::MAX);
            return;
        }
        self.next_arrival = (self.now + beside.next_gap, self.calendar.order(CLAIM));
        beside.address = beside.next_address;
        beside.count += 1;
        let occasion = occasion(beside.count);
        beside.next_gap = gap(&beside.stream, self.samplers, occasion);
        beside.next_address = bits(beside.key, occasion);
    }

    /// The stream's first gap.
    fn begin_beside(&mut self) {
        if let Some(beside) = &mut self.beside {
            beside.next_gap = gap(&beside.stream, self.samplers, occasion(0));
            beside.next_address = bits(beside.key, occasion(0));
        }
        self.plan_beside();
    }

    #[inline(always)]
    pub(super) fn arrive_beside(&mut self) -> u32 {
        let beside = self.beside.as_ref().expect("only that stream's arrivals come here");
        let (source, address) = (beside.stream.source, beside.address);
        let n = self.sources[source as usize].count;
        self.sources[source as usize].count = n + 1;
        let class = self.choose_request(source, address) + self.origin(source, address);
        let frame = self.issue(class, address, n, NONE, NONE);
        self.plan_beside();
        frame
    }

    /// Whether the source stands beside the calendar.
    pub(super) fn is_beside(&self, source: u16) -> bool {
        self.beside.as_ref().is_some_and(|beside| beside.stream.source == source)
    }

    /// A source of the calendar: its next arrival takes its own slot.
    fn plan_source(&mut self, s: u16) {
        let n = self.sources[s as usize].count;
        let at = self.next_of_source(s, n);
        let at = if self.course.samples.is_some() { self.next_sampled(s, at) } else { at };
        let (slot, timer) = (self.sources[s as usize].slot, self.sources[s as usize].timer);
        match at {
            Some(at) if self.course.created < self.course.request_limit => {
                let order = self.calendar.order(CLAIM);
                self.calendar.reset(slot, at.max(self.now), order, TIMER | timer);
            }
            _ => {
                self.sources[s as usize].done = true;
                self.calendar.clear(slot);
            }
        }
    }

    /// When the n-th arrival of a source comes, if nobody sleeps.
    fn next_of_source(&mut self, s: u16, n: u64) -> Option<Ns> {
        match &self.m.sources[s as usize].demand {
            Demand::Every { first, every } => Some(first.0 + every.0 * n),
            Demand::Trace { times } => times.get(n as usize).map(|t| t.0),
            _ if self.sources[s as usize].steady.is_some() => {
                let stream = self.sources[s as usize].steady.as_ref();
                stream.map(|stream| self.now + gap(stream, self.samplers, occasion(n)))
            }
            _ => {
                let source = &mut self.sources[s as usize];
                let arrivals = source.arrivals.as_mut().expect("open loads and sessions have arrivals");
                arrivals.next(n, self.samplers.ziggurat()).map(|t| t.0)
            }
        }
    }

    /// The arrival that takes the place of one that would come while the loads sleep: of a plain stream the same after
    /// the awakening, of one whose rate follows the clock the next from then on, of background work and traces the
    /// next that is not slept through.
    #[cold]
    fn next_sampled(&mut self, s: u16, at: Option<Ns>) -> Option<Ns> {
        let mut at = at?;
        if self.sources[s as usize].steady.is_some() {
            return self.when_awake(at);
        }
        for again in 1.. {
            let awake = self.next_awake(at)?;
            if awake == at {
                break;
            }
            if matches!(self.m.sources[s as usize].demand, Demand::Every { .. } | Demand::Trace { .. }) {
                self.sources[s as usize].count += 1;
                at = self.next_of_source(s, self.sources[s as usize].count)?;
                continue;
            }
            let n = self.sources[s as usize].count | again << 48;
            let arrivals = self.sources[s as usize].arrivals.as_mut()?;
            arrivals.jump(Time(awake))?;
            at = arrivals.next(n, self.samplers.ziggurat())?.0;
        }
        Some(at)
    }

    /// The n-th arrival of a source of the calendar.
    pub(super) fn arrive(&mut self, s: u16) -> u32 {
        let n = self.sources[s as usize].count;
        self.sources[s as usize].count = n + 1;
        let frame = if matches!(self.m.sources[s as usize].demand, Demand::Sessions { .. }) {
            self.open_session(s, n)
        } else {
            self.ask(s, n)
        };
        self.plan_source(s);
        frame
    }

    /// The n-th request of a source, with no client that waits for it.
    #[inline(always)]
    fn ask(&mut self, source: u16, n: u64) -> u32 {
        let address = bits(self.sources[source as usize].key, occasion(n));
        let class = self.choose_request(source, address) + self.origin(source, address);
        self.issue(class, address, n, NONE, NONE)
    }

    /// Which of the load's requests it is; `origin` says from which of its places.
    #[inline(always)]
    pub(super) fn choose_request(&self, source: u16, address: u64) -> u16 {
        let requests = &self.m.sources[source as usize].requests;
        if requests.len() == 1 {
            return requests[0].1;
        }
        let draw = mix(address ^ CHOICE) >> 32;
        requests.iter().find(|(share, _)| draw < *share).map_or(requests[0].1, |r| r.1)
    }

    /// Which of the load's places the asker is at, where that is a draw.
    #[inline(always)]
    pub(super) fn origin(&self, source: u16, address: u64) -> u16 {
        match &self.m.sources[source as usize].origin {
            Origin::Shares(shares) => {
                let draw = mix(address ^ PLACE) >> 32;
                shares.iter().position(|share| draw < *share).unwrap_or(0) as u16
            }
            Origin::Local(daylight) => self.origin_by_day(daylight, address),
            Origin::One | Origin::Key(_) => 0,
        }
    }

    /// The place by how much each asks at this time of its day.
    #[cold]
    fn origin_by_day(&self, daylight: &Daylight, address: u64) -> u16 {
        let draw = mix(address ^ PLACE) >> 32;
        let at_s = self.m.run.start_s + Time(self.now).secs();
        let mut shares = shares_at(&daylight.day, &daylight.places, at_s);
        shares.position(|share| draw < share).unwrap_or(0) as u16
    }

    /// A request whose place is the value of a key becomes one of the class of that place.
    #[cold]
    #[inline(never)]
    pub(super) fn origin_by_key(&mut self, key: u16, first: u16, request: u32) -> u16 {
        let class = first + self.key_value(key, request) as u16;
        self.requests[request as usize].class = class;
        class
    }

    /// A new request: straight to its target's door, or through a frame that stands for the load as a caller.
    #[inline(always)]
    fn issue(&mut self, class: u16, address: u64, number: u64, client: u32, context: u32) -> u32 {
        let spec = &self.m.classes[class as usize];
        let Entry { plain, priority, place_key } = self.entries[class as usize];
        self.course.created += 1;
        let arrived = self.now;
        let request = self.new_request(Request {
            occasion: address,
            arrived,
            number,
            context,
            client,
            class,
            priority,
            flags: 0,
        });
        let class = if place_key == NONE16 { class } else { self.origin_by_key(place_key, class, request) };
        let flow = &mut self.classes[class as usize];
        flow.offered += 1;
        if flow.tracked {
            flow.enter();
            self.enter_filtered(Scope::Class(class), request);
        }
        if self.is_sampled(address) {
            self.follow(request);
        }
        if plain {
            return self.visit(spec.operation, NONE, request, address, NONE);
        }
        let now = self.now;
        let id = self.new_frame(Frame {
            occasion: address,
            request,
            pc: spec.entry,
            operation: spec.operation,
            flags: flag::CLIENT,
            ..Frame::begun(now)
        });
        self.inherit(id, NONE);
        id
    }

    // -- clients who wait for the answer ---------------------------------------------------------------------------------

    /// Closed clients start thinking at time 0, so that they do not come all at once.
    fn begin_clients(&mut self, source: u16, clients: u32) {
        for i in 0..clients {
            let address = bits(self.sources[source as usize].key, occasion(u64::from(i)));
            let client =
                self.new_client(Client { occasion: address, count: 0, context: NONE, source, step: 0, left: 0 });
            self.think(client);
        }
    }

    fn new_client(&mut self, client: Client) -> u32 {
        if let Some(id) = self.clients.free.pop() {
            self.clients.all[id as usize] = client;
            return id;
        }
        self.clients.all.push(client);
        self.clients.all.len() as u32 - 1
    }

    fn think(&mut self, id: u32) {
        let client = self.clients.all[id as usize];
        let draw = match &self.m.sources[client.source as usize].demand {
            Demand::Closed { think_draw, .. } | Demand::Sessions { think_draw, .. } => *think_draw,
            _ => unreachable!("only clients and sessions think"),
        };
        let pause = self.samplers.draw_ns(draw, mix(client.occasion ^ mix(client.count ^ THINK)));
        if let Some(at) = self.when_awake(self.now + pause) {
            self.set_timer(at, CLAIM, Timer::Client(id));
        }
    }

    /// The client has thought: its next request.
    pub(super) fn ask_again(&mut self, id: u32) -> u32 {
        if self.course.request_limit <= self.course.created {
            return NONE;
        }
        let client = &mut self.clients.all[id as usize];
        let n = client.count;
        client.count += 1;
        let Client { source, occasion: own, context, step, .. } = *client;
        let address = mix(own ^ occasion(n + 1));
        let class = match &self.m.sources[source as usize].demand {
            Demand::Sessions { steps, .. } => steps[step as usize].class,
            _ => self.choose_request(source, address),
        };
        // A client stays where it is.
        let class = class + self.origin(source, own);
        let number = self.sources[source as usize].count;
        self.sources[source as usize].count += u64::from(context == NONE && step == 0);
        self.issue(class, address, number, id, context)
    }

    /// The client has its answer: it thinks, or its session is over.
    #[cold]
    #[inline(never)]
    pub(super) fn client_done(&mut self, id: u32) {
        let Client { source, .. } = self.clients.all[id as usize];
        if matches!(self.m.sources[source as usize].demand, Demand::Sessions { .. }) && !self.next_step(id) {
            let context = self.clients.all[id as usize].context;
            self.leave_context(context);
            self.clients.free.push(id);
            return;
        }
        self.think(id);
    }

    /// The n-th session begins with its first step; it keeps its values of the keys it names.
    fn open_session(&mut self, source: u16, n: u64) -> u32 {
        let Demand::Sessions { keep, .. } = &self.m.sources[source as usize].demand else {
            unreachable!("only sessions are opened")
        };
        let address = bits(self.sources[source as usize].key, occasion(n));
        let client = self.new_client(Client { occasion: address, count: 0, context: NONE, source, step: 0, left: 0 });
        let context = self.keep_keys(keep, source, address);
        self.clients.all[client as usize].context = context;
        self.clients.all[client as usize].left = self.repetitions(client);
        if self.clients.all[client as usize].left == 0 && !self.next_step(client) {
            self.leave_context(context);
            self.clients.free.push(client);
            return NONE;
        }
        self.ask_again(client)
    }

    /// Values of the kept keys, drawn from the session's own address through a row that lives only here.
    fn keep_keys(&mut self, keep: &[u16], source: u16, address: u64) -> u32 {
        let Demand::Sessions { steps, .. } = &self.m.sources[source as usize].demand else { return NONE };
        let class = steps[0].class;
        let row = self.new_request(Request { occasion: address, class, flags: 0, ..Request::detached(0) });
        let mut context = NONE;
        for &key in keep {
            let value = self.key_value(key, row);
            context = self.new_context(Context { parent: context, users: 1, value, key });
        }
        self.free_request(row);
        context
    }

    fn repetitions(&self, id: u32) -> u32 {
        let Client { source, step, occasion: own, .. } = self.clients.all[id as usize];
        let Demand::Sessions { steps, .. } = &self.m.sources[source as usize].demand else { return 0 };
        let draw = steps[step as usize].times_draw;
        if draw == NONE16 { 1 } else { self.whole(draw, mix(own ^ mix(u64::from(step) ^ TIMES))) }
    }

    /// Moves the session to its next request; false when it is over.
    fn next_step(&mut self, id: u32) -> bool {
        let Client { source, .. } = self.clients.all[id as usize];
        let Demand::Sessions { steps, .. } = &self.m.sources[source as usize].demand else { return false };
        let last = steps.len() as u16;
        let left = self.clients.all[id as usize].left;
        self.clients.all[id as usize].left = left.saturating_sub(1);
        while self.clients.all[id as usize].left == 0 {
            self.clients.all[id as usize].step += 1;
            if last <= self.clients.all[id as usize].step {
                return false;
            }
            self.clients.all[id as usize].left = self.repetitions(id);
        }
        true
    }
}

/// The gap of this occasion.
#[inline(always)]
fn gap(stream: &Steady, samplers: &Samplers, occasion: u64) -> Ns {
    nearest(stream.gap * samplers.ziggurat().exponential(bits(stream.key, occasion)))
}

/// Nearest whole ns of a gap below 52 days, without a saturating cast; longer ones are cut there.
#[inline(always)]
fn nearest(ns: f64) -> Ns {
    (ns.min(4.0e15) + 4_503_599_627_370_496.0).to_bits() & ((1 << 52) - 1)
}
