//! Lengths of time as admins write them: `4 minutes`, `7 workdays`. Must not know a calendar: `calendar` counts working days.

use serde::{Deserialize, Serialize};

/// A length of time. Parsed from and printed as text, and kept as text in stored data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Period {
    /// Milliseconds, written in `ms`, `seconds`, `minutes` or `hours`; `days` are days of 24 hours.
    Millis(i64),
    /// Working days: the Nth working day after the start, at the start's clock time.
    Workdays(u32),
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl std::str::FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not a period such as `4 minutes` or `7 workdays`");
        let (count, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let count: i64 = count.parse().map_err(|_| wrong())?;
        let length: i64 = match unit.trim().trim_end_matches('s') {
            "m" if unit.trim() == "ms" => 1,
            "millisecond" => 1,
            "second" => 1_000,
            "minute" => 60_000,
            "hour" => 3_600_000,
            "day" => 86_400_000,
            "workday" => return u32::try_from(count).map(Self::Workdays).map_err(|_| wrong()),
            _ => return Err(wrong()),
        };
        count
            .checked_mul(length)
            .filter(|millis| *millis >= 0)
            .map(Self::Millis)
            .ok_or_else(wrong)
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [
            (86_400_000, "days"),
            (3_600_000, "hours"),
            (60_000, "minutes"),
            (1_000, "seconds"),
        ];
        match self {
            Self::Workdays(days) => write!(f, "{days} workdays"),
            Self::Millis(millis) => match units.iter().find(|(length, _)| *millis != 0 && millis % length == 0) {
                Some((length, unit)) => write!(f, "{} {unit}", millis / length),
                None => write!(f, "{millis} ms"),
            },
        }
    }
}
