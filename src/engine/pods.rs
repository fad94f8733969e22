//! Hosts whose instances are promised a part of the cores and limited to another, as the pods of Kubernetes are.
//!
//! Each instance may use as many cores as it has jobs, up to its limit. Where the host has fewer than all of them together
//! may use, they share by what they were promised; what one leaves unused goes to the others (weighted max-min fairness,
//! as cgroups do it with `cpu.weight` and `cpu.max`). The jobs of one instance have equal parts of what it gets. Every job
//! that comes or goes changes all rates, so each time the work done is settled and the next end planned anew.

use crate::engine::timer::Timer;
use crate::engine::world::{Ns, RELEASE, World};
use crate::model::{Model, NONE};

/// The cores of one host and who uses them.
#[derive(Clone, Debug)]
pub(super) struct Pods {
    cores: f64,
    jobs: Vec<Job>,
    shares: Vec<Share>,
    last: Ns,
    /// Counts plans: a timer of an earlier one is stale.
    plan: u32,
    paused: bool,
}

#[derive(Clone, Copy, Debug)]
struct Job {
    frame: u32,
    share: u32,
    /// Nanoseconds of a core still to do.
    left: f64,
}

/// One instance.
#[derive(Clone, Copy, Debug)]
struct Share {
    station: u32,
    weight: f64,
    limit: f64,
    jobs: u32,
    /// Cores each of its jobs has now.
    rate: f64,
    /// Core time used, ns.
    used: f64,
}

impl Pods {
    /// Of a host on which an instance has a share of the cores; others there have the weight of one core and no limit.
    pub(super) fn of(m: &Model, host: usize, stations: &[u32]) -> Option<Box<Pods>> {
        let pod = |station: u32| m.components[m.stations[station as usize].component as usize].pod;
        let cores = m.hosts[host].cores;
        if cores == NONE || stations.iter().all(|&station| pod(station).is_none()) {
            return None;
        }
        let share = |&station: &u32| {
            let (weight, limit) = pod(station).map_or((1.0, f64::INFINITY), |pod| (pod.request, pod.limit));
            Share { station, weight, limit, jobs: 0, rate: 0.0, used: 0.0 }
        };
        let shares = stations.iter().map(share).collect();
        Some(Box::new(Pods { cores: f64::from(cores), jobs: Vec::new(), shares, last: 0, plan: 0, paused: false }))
    }

    /// Core time used by all up to now, ns.
    pub(super) fn busy_by(&self, now: Ns) -> u128 {
        self.shares.iter().map(|share| self.used_by(share, now)).sum::<f64>() as u128
    }

    /// The same of one instance.
    pub(super) fn busy_of(&self, station: u32, now: Ns) -> u128 {
        let share = self.shares.iter().find(|share| share.station == station);
        share.map_or(0, |share| self.used_by(share, now) as u128)
    }

    fn used_by(&self, share: &Share, now: Ns) -> f64 {
        let dt = if self.paused { 0.0 } else { (now - self.last) as f64 };
        share.used + dt * share.rate * f64::from(share.jobs)
    }

    /// Settles what was done up to now.
    fn age(&mut self, now: Ns) {
        let dt = if self.paused { 0.0 } else { (now - self.last) as f64 };
        self.last = now;
        for job in &mut self.jobs {
            job.left -= dt * self.shares[job.share as usize].rate;
        }
        for share in &mut self.shares {
            share.used += dt * share.rate * f64::from(share.jobs);
        }
    }

    /// What each may use now.
    fn divide(&mut self) {
        let mut open: Vec<usize> = (0..self.shares.len()).filter(|&at| 0 < self.shares[at].jobs).collect();
        let mut cores = self.cores;
        loop {
            let weights: f64 = open.iter().map(|&at| self.shares[at].weight).sum();
            let most = |share: &Share| share.limit.min(f64::from(share.jobs));
            let (mut rest, mut given) = (Vec::new(), 0.0);
            for &at in &open {
                let share = &mut self.shares[at];
                let part = cores * share.weight / weights;
                if most(share) <= part {
                    share.rate = most(share) / f64::from(share.jobs);
                    given += most(share);
                } else {
                    share.rate = part / f64::from(share.jobs);
                    rest.push(at);
                }
            }
            cores -= given;
            if rest.is_empty() || rest.len() == open.len() {
                return;
            }
            open = rest;
        }
    }

    fn take_out(&mut self, at: usize) -> Job {
        let job = self.jobs.remove(at);
        self.shares[job.share as usize].jobs -= 1;
        job
    }

    /// Nanoseconds until the next job is done.
    fn next_end(&self) -> Option<Ns> {
        let ends = self.jobs.iter().map(|job| job.left.max(0.0) / self.shares[job.share as usize].rate);
        let next = ends.fold(f64::INFINITY, f64::min);
        (next.is_finite() && !self.paused).then(|| libm::ceil(next) as Ns)
    }
}

impl World<'_> {
    /// The frame wants a core of a host whose instances have shares.
    #[cold]
    pub(super) fn submit_to_pod(&mut self, host: u32, id: u32, demand: u64) {
        let (now, station) = (self.now, self.frames[id as usize].station);
        let pods = self.hosts[host as usize].pods.as_mut().expect("the caller has looked");
        pods.age(now);
        let share = pods.shares.iter().position(|share| share.station == station).expect("who stands here has a share");
        pods.shares[share].jobs += 1;
        pods.jobs.push(Job { frame: id, share: share as u32, left: demand as f64 });
        self.plan_pods(host);
    }

    /// The rates have changed: the next end is another.
    fn plan_pods(&mut self, host: u32) {
        let pods = self.hosts[host as usize].pods.as_mut().expect("the caller has looked");
        pods.divide();
        pods.plan = pods.plan.wrapping_add(1);
        let plan = pods.plan;
        if let Some(after) = pods.next_end() {
            self.set_timer(self.now + after, RELEASE, Timer::Pods { host, plan });
        }
    }

    /// A job is done, unless others have come or gone since this was planned.
    pub(super) fn pods_due(&mut self, host: u32, plan: u32) -> u32 {
        let now = self.now;
        let pods = self.hosts[host as usize].pods.as_mut().expect("only such hosts plan");
        if pods.plan != plan {
            self.events -= 1;
            return NONE;
        }
        pods.age(now);
        let left = |at: &usize| pods.jobs[*at].left;
        let next = (0..pods.jobs.len()).min_by(|a, b| left(a).total_cmp(&left(b)));
        let Some(next) = next.filter(|at| left(at) < 1.0) else {
            self.plan_pods(host);
            return NONE;
        };
        let id = pods.take_out(next).frame;
        self.plan_pods(host);
        self.worked(id)
    }

    /// The frame stops working.
    pub(super) fn leave_pod(&mut self, host: u32, id: u32) {
        let now = self.now;
        let pods = self.hosts[host as usize].pods.as_mut().expect("the caller has looked");
        pods.age(now);
        if let Some(at) = pods.jobs.iter().position(|job| job.frame == id) {
            pods.take_out(at);
        }
        self.plan_pods(host);
    }

    /// The instance may use so many cores from now on.
    pub(super) fn limit_pod(&mut self, station: u32, cores: f64) {
        let (now, host) = (self.now, self.stations[station as usize].host);
        let pods = self.hosts[host as usize].pods.as_mut().expect("who has a limit has a share");
        pods.age(now);
        for share in pods.shares.iter_mut().filter(|share| share.station == station) {
            share.limit = cores;
        }
        self.plan_pods(host);
    }

    /// The instance is promised so many cores from now on, and may use so many.
    pub(super) fn share_pod(&mut self, station: u32, request: f64, limit: f64) {
        let host = self.stations[station as usize].host;
        let pods = self.hosts[host as usize].pods.as_mut().expect("who has a limit has a share");
        for share in pods.shares.iter_mut().filter(|share| share.station == station) {
            share.weight = request;
        }
        self.limit_pod(station, limit);
    }

    /// The machine stops, or goes on.
    pub(super) fn stop_pods(&mut self, host: u32, paused: bool) {
        let now = self.now;
        let pods = self.hosts[host as usize].pods.as_mut().expect("the caller has looked");
        pods.age(now);
        pods.paused = paused;
        self.plan_pods(host);
    }

    /// Core time of an instance that has a share of a host, ns.
    pub(super) fn pod_ns(&self, station: usize) -> u128 {
        let host = self.hosts.get(self.stations[station].host as usize);
        let pods = host.and_then(|host| host.pods.as_ref());
        pods.map_or(0, |pods| pods.busy_of(station as u32, self.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(cores: f64, shares: &[(f64, f64, u32)]) -> Pods {
        let share = |(station, &(weight, limit, jobs)): (usize, &(f64, f64, u32))| Share {
            station: station as u32,
            weight,
            limit,
            jobs,
            rate: 0.0,
            used: 0.0,
        };
        let shares = shares.iter().enumerate().map(share).collect();
        let mut pods = Pods { cores, jobs: Vec::new(), shares, last: 0, plan: 0, paused: false };
        pods.divide();
        pods
    }

    fn cores_of(pods: &Pods) -> Vec<f64> {
        pods.shares.iter().map(|share| share.rate * f64::from(share.jobs)).collect()
    }

    #[test]
    fn cores_go_by_promise_up_to_the_limit_and_what_is_left_to_the_others() {
        let none = f64::INFINITY;
        assert_eq!(vec![0.5, 2.0], cores_of(&pods(8.0, &[(1.0, 0.5, 3), (1.0, none, 2)])));
        assert_eq!(vec![3.0, 1.0], cores_of(&pods(4.0, &[(3.0, none, 9), (1.0, none, 9)])));
        assert_eq!(vec![1.0, 2.0, 1.0], cores_of(&pods(4.0, &[(1.0, 1.0, 9), (2.0, none, 9), (1.0, none, 9)])));
        assert_eq!(vec![1.0, 3.0], cores_of(&pods(4.0, &[(9.0, none, 1), (1.0, none, 9)])), "one job uses one core");
        assert_eq!(vec![0.0, 1.0], cores_of(&pods(4.0, &[(9.0, none, 0), (1.0, none, 1)])));
    }
}
