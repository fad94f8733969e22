//! What time it is in the well-known cloud regions.
//!
//! Standard time, without summer time, by the city that a region is named after; facts of geography, not figures that
//! go out of date. A region that is missing here is not wrong, only unknown: it says its own with `utc`.

/// How far the clocks of a region are ahead of UTC, seconds; `None` if nothing is known of it.
pub fn ahead_of_utc(region: &str) -> Option<f64> {
    CLOCKS.iter().find(|(name, _)| *name == region).map(|(_, hours)| hours * 3600.0)
}

const CLOCKS: [(&str, f64); 18] = [
    ("us-east-1", -5.0),
    ("us-east-2", -5.0),
    ("us-west-1", -8.0),
    ("us-west-2", -8.0),
    ("ca-central-1", -5.0),
    ("sa-east-1", -3.0),
    ("eu-west-1", 0.0),
    ("eu-west-2", 0.0),
    ("eu-west-3", 1.0),
    ("eu-central-1", 1.0),
    ("eu-north-1", 1.0),
    ("ap-south-1", 5.5),
    ("ap-southeast-1", 8.0),
    ("ap-southeast-2", 10.0),
    ("ap-northeast-1", 9.0),
    ("ap-northeast-2", 9.0),
    ("ap-northeast-3", 9.0),
    ("ap-east-1", 8.0),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::latency;

    #[test]
    fn every_region_with_a_latency_has_a_clock() {
        for region in latency::regions() {
            let ahead = ahead_of_utc(region).unwrap_or_else(|| panic!("{region}"));
            assert!((-12.0..=14.0).contains(&(ahead / 3600.0)), "{region}");
        }
    }
}
