//! What machines one can rent: cores, memory, network, disk and price by type.
//!
//! The figures are public list prices and published baselines of [`DATE`], **from memory of the providers' price lists**
//! and not fetched: Linux, on demand, us-east-1 for AWS, us-central1 for GCP. They are there so that a scenario has a
//! sensible price from its first run; whoever decides about money states the own ones under `prices:`.
//!
//! A core is a vCPU and every type has speed 1, so generations differ only where a scenario says `speed:`. Network is the
//! baseline that a machine holds for ever, not the burst of its data sheet. The disk is one default gp3 volume, or the
//! local drives of `i3`. What can go wrong: a type that is missing here is not wrong, only unknown; it can be given as `hosts:`
//! or by overriding figures on the component.

pub mod clock;
pub mod latency;

/// The month the figures were current.
pub const DATE: &str = "2025-01";

/// What the prices mean, for reports.
pub const BASIS: &str = "list prices of 2025-01, us-east-1, Linux on demand";

/// Hours of a month, the providers' convention (365 x 24 / 12).
pub const HOURS_PER_MONTH: f64 = 730.0;

/// One type of machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MachineType {
    pub name: &'static str,
    /// Virtual CPUs.
    pub cores: f64,
    pub memory_bytes: f64,
    /// Baseline of the network, bytes per second.
    pub nic: f64,
    /// I/O operations per second of the disk it comes with; 0 where it has none.
    pub disk_iops: f64,
    /// Bytes per second of that disk.
    pub disk_bandwidth: f64,
    /// Dollars an hour on demand.
    pub price_per_hour: f64,
}

/// The type of that name.
pub fn find(name: &str) -> Option<&'static MachineType> {
    MACHINES.iter().find(|machine| machine.name == name)
}

/// Every name, for advice when one is misspelt.
pub fn names() -> impl Iterator<Item = &'static str> {
    MACHINES.iter().map(|machine| machine.name)
}

/// What a commitment leaves of the price on demand: about 37 % off for one year, 60 % off for three, and about 65 % off
/// for capacity that may be taken away.
pub fn term_factor(term: &str) -> Option<f64> {
    TERMS.iter().find(|(name, _)| *name == term).map(|(_, factor)| *factor)
}

/// The terms one can buy a machine on.
pub const TERMS: &[(&str, f64)] = &[("on_demand", 1.0), ("reserved_1y", 0.63), ("reserved_3y", 0.40), ("spot", SPOT)];

/// What spot capacity leaves of the price on demand; it moves with the market.
pub const SPOT: f64 = 0.35;

/// What a default gp3 volume does.
const GP3_IOPS: f64 = 3000.0;
const GP3_BANDWIDTH: f64 = 125e6;

/// A machine with a default gp3 volume: cores, GiB, Gbps, dollars an hour.
const fn ebs(name: &'static str, cores: f64, gib: f64, gbps: f64, price_per_hour: f64) -> MachineType {
    local(name, [cores, gib, gbps, GP3_IOPS, GP3_BANDWIDTH], price_per_hour)
}

/// A machine with the given disk: cores, GiB, Gbps, I/O operations per second, bytes per second.
const fn local(name: &'static str, figures: [f64; 5], price_per_hour: f64) -> MachineType {
    let [cores, gib, gbps, disk_iops, disk_bandwidth] = figures;
    let (memory_bytes, nic) = (gib * 1073741824.0, gbps * 125e6);
    MachineType { name, cores, memory_bytes, nic, disk_iops, disk_bandwidth, price_per_hour }
}

const MACHINES: &[MachineType] = &[
    // A load balancer as a service: an hour of it; what it carries is priced under `prices:`.
    local("alb", [64.0, 64.0, 25.0, 0.0, 0.0], 0.0225),
    // Burstable; what they hold without credits is less than their cores.
    local("t3.nano", [2.0, 0.5, 0.032, 250.0, 5.375e6], 0.0052),
    local("t3.micro", [2.0, 1.0, 0.064, 500.0, 10.875e6], 0.0104),
    local("t3.small", [2.0, 2.0, 0.128, 1000.0, 21.75e6], 0.0208),
    local("t3.medium", [2.0, 4.0, 0.256, 2000.0, 43.375e6], 0.0416),
    local("t3.large", [2.0, 8.0, 0.512, 3000.0, 86.875e6], 0.0832),
    local("t3.xlarge", [4.0, 16.0, 1.024, 3000.0, 86.875e6], 0.1664),
    local("t3.2xlarge", [8.0, 32.0, 2.048, 3000.0, 86.875e6], 0.3328),
    // General purpose.
    ebs("m5.large", 2.0, 8.0, 0.75, 0.096),
    ebs("m5.xlarge", 4.0, 16.0, 1.25, 0.192),
    ebs("m5.2xlarge", 8.0, 32.0, 2.5, 0.384),
    ebs("m5.4xlarge", 16.0, 64.0, 5.0, 0.768),
    ebs("m5.8xlarge", 32.0, 128.0, 10.0, 1.536),
    ebs("m5.12xlarge", 48.0, 192.0, 12.0, 2.304),
    ebs("m5.16xlarge", 64.0, 256.0, 20.0, 3.072),
    ebs("m5.24xlarge", 96.0, 384.0, 25.0, 4.608),
    ebs("m5.metal", 96.0, 384.0, 25.0, 4.608),
    ebs("m6i.large", 2.0, 8.0, 0.781, 0.096),
    ebs("m6i.xlarge", 4.0, 16.0, 1.562, 0.192),
    ebs("m6i.2xlarge", 8.0, 32.0, 3.125, 0.384),
    ebs("m6i.4xlarge", 16.0, 64.0, 6.25, 0.768),
    ebs("m6i.8xlarge", 32.0, 128.0, 12.5, 1.536),
    ebs("m6i.12xlarge", 48.0, 192.0, 18.75, 2.304),
    ebs("m6i.16xlarge", 64.0, 256.0, 25.0, 3.072),
    ebs("m6i.24xlarge", 96.0, 384.0, 37.5, 4.608),
    ebs("m6i.32xlarge", 128.0, 512.0, 50.0, 6.144),
    ebs("m6i.metal", 128.0, 512.0, 50.0, 6.144),
    // Compute.
    ebs("c5.large", 2.0, 4.0, 0.75, 0.085),
    ebs("c5.xlarge", 4.0, 8.0, 1.25, 0.17),
    ebs("c5.2xlarge", 8.0, 16.0, 2.5, 0.34),
    ebs("c5.4xlarge", 16.0, 32.0, 5.0, 0.68),
    ebs("c5.9xlarge", 36.0, 72.0, 12.0, 1.53),
    ebs("c5.12xlarge", 48.0, 96.0, 12.0, 2.04),
    ebs("c5.18xlarge", 72.0, 144.0, 25.0, 3.06),
    ebs("c5.24xlarge", 96.0, 192.0, 25.0, 4.08),
    ebs("c5.metal", 96.0, 192.0, 25.0, 4.08),
    ebs("c6i.large", 2.0, 4.0, 0.781, 0.085),
    ebs("c6i.xlarge", 4.0, 8.0, 1.562, 0.17),
    ebs("c6i.2xlarge", 8.0, 16.0, 3.125, 0.34),
    ebs("c6i.4xlarge", 16.0, 32.0, 6.25, 0.68),
    ebs("c6i.8xlarge", 32.0, 64.0, 12.5, 1.36),
    ebs("c6i.12xlarge", 48.0, 96.0, 18.75, 2.04),
    ebs("c6i.16xlarge", 64.0, 128.0, 25.0, 2.72),
    ebs("c6i.24xlarge", 96.0, 192.0, 37.5, 4.08),
    ebs("c6i.32xlarge", 128.0, 256.0, 50.0, 5.44),
    ebs("c6i.metal", 128.0, 256.0, 50.0, 5.44),
    // Memory.
    ebs("r5.large", 2.0, 16.0, 0.75, 0.126),
    ebs("r5.xlarge", 4.0, 32.0, 1.25, 0.252),
    ebs("r5.2xlarge", 8.0, 64.0, 2.5, 0.504),
    ebs("r5.4xlarge", 16.0, 128.0, 5.0, 1.008),
    ebs("r5.8xlarge", 32.0, 256.0, 10.0, 2.016),
    ebs("r5.12xlarge", 48.0, 384.0, 12.0, 3.024),
    ebs("r5.16xlarge", 64.0, 512.0, 20.0, 4.032),
    ebs("r5.24xlarge", 96.0, 768.0, 25.0, 6.048),
    ebs("r5.metal", 96.0, 768.0, 25.0, 6.048),
    ebs("r6g.medium", 1.0, 8.0, 0.5, 0.0504),
    ebs("r6g.large", 2.0, 16.0, 0.75, 0.1008),
    ebs("r6g.xlarge", 4.0, 32.0, 1.25, 0.2016),
    ebs("r6g.2xlarge", 8.0, 64.0, 2.5, 0.4032),
    ebs("r6g.4xlarge", 16.0, 128.0, 5.0, 0.8064),
    ebs("r6g.8xlarge", 32.0, 256.0, 12.0, 1.6128),
    ebs("r6g.12xlarge", 48.0, 384.0, 20.0, 2.4192),
    ebs("r6g.16xlarge", 64.0, 512.0, 25.0, 3.2256),
    ebs("r6g.metal", 64.0, 512.0, 25.0, 3.2256),
    ebs("r7g.medium", 1.0, 8.0, 0.52, 0.0536),
    ebs("r7g.large", 2.0, 16.0, 0.937, 0.1071),
    ebs("r7g.xlarge", 4.0, 32.0, 1.876, 0.2142),
    ebs("r7g.2xlarge", 8.0, 64.0, 3.75, 0.4284),
    ebs("r7g.4xlarge", 16.0, 128.0, 7.5, 0.8568),
    ebs("r7g.8xlarge", 32.0, 256.0, 15.0, 1.7136),
    ebs("r7g.12xlarge", 48.0, 384.0, 22.5, 2.5704),
    ebs("r7g.16xlarge", 64.0, 512.0, 30.0, 3.4272),
    ebs("r7g.metal", 64.0, 512.0, 30.0, 3.4272),
    // Storage: local NVMe, its figures for writes (reads do about three times as many).
    local("i3.large", [2.0, 15.25, 0.75, 35000.0, 200e6], 0.156),
    local("i3.xlarge", [4.0, 30.5, 1.25, 70000.0, 400e6], 0.312),
    local("i3.2xlarge", [8.0, 61.0, 2.5, 180000.0, 800e6], 0.624),
    local("i3.4xlarge", [16.0, 122.0, 5.0, 360000.0, 1600e6], 1.248),
    local("i3.8xlarge", [32.0, 244.0, 10.0, 720000.0, 3200e6], 2.496),
    local("i3.16xlarge", [64.0, 488.0, 25.0, 1400000.0, 6400e6], 4.992),
    local("i3.metal", [72.0, 512.0, 25.0, 1400000.0, 6400e6], 4.992),
    // GCP, us-central1.
    ebs("n2-standard-2", 2.0, 8.0, 10.0, 0.0971),
    ebs("n2-standard-4", 4.0, 16.0, 10.0, 0.1942),
    ebs("n2-standard-8", 8.0, 32.0, 16.0, 0.3885),
    ebs("n2-standard-16", 16.0, 64.0, 32.0, 0.7769),
    ebs("n2-standard-32", 32.0, 128.0, 32.0, 1.5539),
    ebs("n2-standard-48", 48.0, 192.0, 32.0, 2.3308),
    ebs("n2-standard-64", 64.0, 256.0, 32.0, 3.1078),
    ebs("n2-standard-80", 80.0, 320.0, 32.0, 3.8847),
];

/// Where telemetry is stored, and dollars a GB and month: fast disks with an index, object storage, an archive.
pub const STORAGE_TIERS: &[(&str, f64)] = &[("hot", 0.050), ("warm", 0.023), ("cold", 0.004)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_of_a_family_are_proportional_to_its_cores() {
        for family in ["t3.x", "t3.2x", "m5.", "m6i.", "c5.", "c6i.", "r5.", "r6g.", "r7g.", "i3.", "n2-"] {
            let members = || MACHINES.iter().filter(|m| m.name.starts_with(family) && !m.name.ends_with("metal"));
            let per_core: Vec<f64> = members().map(|m| m.price_per_hour / m.cores).collect();
            let (low, high) = per_core.iter().fold((f64::MAX, 0f64), |(l, h), p| (l.min(*p), h.max(*p)));
            assert!(0.0 < low && high / low < 1.005, "{family}: {low} to {high} dollars a core");
            let memory: Vec<f64> = members().map(|m| m.memory_bytes / m.cores).collect();
            assert!(memory.iter().all(|m| *m == memory[0]), "{family}: memory per core differs");
        }
    }

    #[test]
    fn names_are_unique_and_found() {
        for name in names() {
            assert_eq!(1, names().filter(|other| *other == name).count(), "{name} stands twice");
        }
        assert_eq!(Some(0.34), find("c5.2xlarge").map(|m| m.price_per_hour));
        assert_eq!(None, find("c5.2xlrage"));
        assert_eq!(Some(0.40), term_factor("reserved_3y"));
    }
}
