//! How far the well-known cloud regions are from each other.
//!
//! Round trips between AWS regions as public measurement sites showed them in [`DATE`] (medians over days, TCP between
//! virtual machines), **from memory**, rounded to whole milliseconds and not fetched. One way is half of that. What can go wrong:
//! routes change, and a pair may be off by a tenth or more; whoever decides by them states the own ones under `links:`,
//! which win. A pair that is missing here is not wrong, only unknown.

/// The year the figures were current.
pub const DATE: &str = "2024";

/// Mean one-way latency between two regions, seconds; `None` if nothing is known of the pair.
pub fn one_way(from: &str, to: &str) -> Option<f64> {
    let place = |name: &str| REGIONS.iter().position(|known| *known == name);
    let (from, to) = (place(from)?, place(to)?);
    let (less, more) = (from.min(to), from.max(to));
    // Row `more` holds the round trips to all regions before it.
    let round_trip_ms = (less < more).then(|| ROUND_TRIPS_MS[more * (more - 1) / 2 + less])?;
    Some(f64::from(round_trip_ms) / 2.0 * 1e-3)
}

/// Every region that something is known of.
pub fn regions() -> impl Iterator<Item = &'static str> {
    REGIONS.iter().copied()
}

const REGIONS: [&str; 18] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "sa-east-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-east-1",
];

/// One row for each region, in the order above: the round trips to those before it.
#[rustfmt::skip]
const ROUND_TRIPS_MS: [u16; 18 * 17 / 2] = [
    /* us-east-2 */      14,
    /* us-west-1 */      62,  52,
    /* us-west-2 */      66,  50,  22,
    /* ca-central-1 */   15,  26,  80,  62,
    /* sa-east-1 */     114, 125, 175, 176, 125,
    /* eu-west-1 */      70,  80, 130, 120,  68, 177,
    /* eu-west-2 */      76,  86, 138, 128,  77, 185,  11,
    /* eu-west-3 */      82,  92, 143, 135,  82, 193,  18,   9,
    /* eu-central-1 */   90, 100, 150, 142,  92, 202,  25,  16,  10,
    /* eu-north-1 */    110, 120, 170, 157, 107, 215,  40,  31,  29,  22,
    /* ap-south-1 */    190, 200, 230, 218, 188, 300, 122, 114, 106, 122, 140,
    /* ap-southeast-1 */ 220, 206, 172, 162, 213, 325, 176, 168, 160, 162, 180,  58,
    /* ap-southeast-2 */ 200, 190, 140, 140, 197, 312, 255, 264, 278, 285, 300, 150,  92,
    /* ap-northeast-1 */ 150, 135, 108,  98, 143, 257, 202, 210, 217, 225, 245, 125,  68, 105,
    /* ap-northeast-2 */ 176, 160, 135, 123, 170, 283, 227, 235, 240, 228, 250, 130,  75, 138,  34,
    /* ap-northeast-3 */ 156, 142, 112, 102, 150, 264, 210, 218, 224, 232, 250, 130,  74, 112,   9,  26,
    /* ap-east-1 */     200, 187, 157, 147, 195, 308, 200, 192, 184, 185, 205,  93,  37, 128,  52,  40,  48,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_are_the_same_and_unknown_is_unknown() {
        assert_eq!(Some(0.035), one_way("us-east-1", "eu-west-1"));
        assert_eq!(one_way("ap-south-1", "ap-southeast-1"), one_way("ap-southeast-1", "ap-south-1"));
        assert_eq!(Some(0.024), one_way("ap-east-1", "ap-northeast-3"), "the last one");
        assert_eq!((None, None), (one_way("us-east-1", "us-east-1"), one_way("us-east-1", "mars-1")));
    }

    /// A way round may be shorter than the direct one by a little (cables do not follow straight lines), but not by much.
    #[test]
    fn no_pair_is_much_farther_than_a_way_round() {
        for from in regions() {
            for to in regions().filter(|to| *to != from) {
                let direct = one_way(from, to).expect("all pairs are known");
                let legs = |via| Some(one_way(from, via)? + one_way(via, to)?);
                let round = regions().filter_map(legs).fold(f64::INFINITY, f64::min);
                assert!(direct < 1.35 * round + 2e-3, "{from} to {to}: {direct} s, but {round} s by a way round");
            }
        }
    }
}
