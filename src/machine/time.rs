//! A point in time as the machine sees it. Must not read a clock: `crate::clock` is the one place that does.

use serde::{Deserialize, Serialize};

/// How far China's clocks are ahead of UTC, in milliseconds: one zone, without summer time since 1991. For what belongs to no bundle,
/// which tells its own.
pub const CHINA_MILLIS: i64 = 8 * 3_600_000;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// Adds milliseconds, stopping at the ends of the range instead of wrapping.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to `self`; negative where `self` is the earlier one.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// As people in China read it, to the second: `2026-09-01 09:00:00`. Empty beyond the years that a calendar has.
    #[must_use]
    pub fn in_china(self) -> String {
        let local = chrono::DateTime::from_timestamp_millis(self.plus_millis(CHINA_MILLIS).0);
        local.map_or_else(String::new, |local| local.format("%Y-%m-%d %H:%M:%S").to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_china() {
        assert_eq!(Time(1_788_224_400_000).in_china(), "2026-09-01 09:00:00");
        assert_eq!(Time(i64::MAX).in_china(), "");
    }
}
