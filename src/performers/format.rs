//! How values are written for people: amounts, Chinese capitals, dates, lengths of time. Must not know templates.

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};

use crate::machine::period::Period;

const DIGITS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];
const WAN: u64 = 10_000;
const YI: u64 = 100_000_000;

/// Fen as `96,800.00`.
pub fn money(fen: i64) -> String {
    let amount = fen.unsigned_abs();
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", grouped(amount / 100), amount % 100)
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Fen in the capitals of legal papers: `玖万陆仟捌佰元整`. 整 closes an amount without 角 and 分 (票据法 practice).
pub fn capitals(fen: i64) -> String {
    let amount = fen.unsigned_abs();
    let (yuan, jiao, rest) = (amount / 100, amount / 10 % 10, amount % 10);
    let mut text = String::from(if fen < 0 { "负" } else { "" });
    if yuan > 0 || amount == 0 {
        text.push_str(&spelled(yuan));
        text.push('元');
    }
    match (jiao, rest) {
        (0, 0) => text.push('整'),
        (0, _) if yuan > 0 => text.push('零'),
        (0, _) => {}
        _ => text.extend([digit(jiao), '角']),
    }
    if rest > 0 {
        text.extend([digit(rest), '分']);
    }
    text
}

fn digit(number: u64) -> char {
    usize::try_from(number)
        .ok()
        .and_then(|index| DIGITS.get(index).copied())
        .unwrap_or('零')
}

/// A whole number in capitals. 亿 and 万 each split it in two halves that are spelled alike; a gap of zeros between the
/// halves is one 零.
fn spelled(number: u64) -> String {
    for (unit, name) in [(YI, '亿'), (WAN, '万')] {
        if number >= unit {
            let (high, low) = (number / unit, number % unit);
            let gap = if low > 0 && low < unit / 10 { "零" } else { "" };
            let low = if low > 0 { spelled(low) } else { String::new() };
            return format!("{}{name}{gap}{low}", spelled(high));
        }
    }
    below_ten_thousand(number)
}

fn below_ten_thousand(number: u64) -> String {
    if number == 0 {
        return "零".into();
    }
    let mut text = String::new();
    let mut gap = false;
    for (unit, name) in [(1_000, "仟"), (100, "佰"), (10, "拾"), (1, "")] {
        let here = number / unit % 10;
        if here == 0 {
            gap = !text.is_empty();
            continue;
        }
        if std::mem::take(&mut gap) {
            text.push('零');
        }
        text.push(digit(here));
        text.push_str(name);
    }
    text
}

/// A date in local time: `2026年9月16日`.
pub fn date(millis: i64, offset_millis: i64) -> Option<String> {
    let local = local(millis, offset_millis)?;
    Some(format!("{}年{}月{}日", local.year(), local.month(), local.day()))
}

/// Date and time in local time: `2026年9月16日09:34`, with seconds where they are not zero.
pub fn datetime(millis: i64, offset_millis: i64) -> Option<String> {
    let time = local(millis, offset_millis)?;
    let seconds = match time.second() {
        0 => String::new(),
        seconds => format!(":{seconds:02}"),
    };
    let date = date(millis, offset_millis)?;
    Some(format!("{date}{:02}:{:02}{seconds}", time.hour(), time.minute()))
}

/// Date and time to the millisecond, as records are written.
pub fn moment(millis: i64, offset_millis: i64) -> Option<String> {
    let time = local(millis, offset_millis)?;
    Some(time.format("%Y-%m-%d %H:%M:%S%.3f").to_string())
}

/// The year in local time, for document numbers.
pub fn year(millis: i64, offset_millis: i64) -> Option<i32> {
    local(millis, offset_millis).map(|local| local.year())
}

/// The point in local time.
pub fn local(millis: i64, offset_millis: i64) -> Option<NaiveDateTime> {
    let local = millis.checked_add(offset_millis)?;
    DateTime::from_timestamp_millis(local).map(|time| time.naive_utc())
}

/// A period as a rule states it: `7个工作日`, `4分钟`, `10天`.
pub fn period(period: Period) -> String {
    match period {
        Period::Workdays(days) => format!("{days}个工作日"),
        Period::Millis(millis) => duration(millis),
    }
}

/// Milliseconds in the largest unit that divides them: `4分钟`, `90秒`, `2小时`.
pub fn duration(millis: i64) -> String {
    let units = [(86_400_000, "天"), (3_600_000, "小时"), (60_000, "分钟"), (1_000, "秒")];
    let fits = |length: i64| millis != 0 && millis % length == 0;
    match units.iter().find(|(length, _)| fits(*length)) {
        Some((length, unit)) => format!("{}{unit}", millis / length),
        None => format!("{millis}毫秒"),
    }
}

/// Basis points as a percentage: `33.34%`.
pub fn percent(basis_points: i64) -> String {
    let whole = basis_points / 100;
    match basis_points.unsigned_abs() % 100 {
        0 => format!("{whole}%"),
        rest => format!("{whole}.{rest:02}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_and_keep_their_fen() {
        assert_eq!(money(9_680_000), "96,800.00");
        assert_eq!(money(5), "0.05");
        assert_eq!(money(-123_456_789), "-1,234,567.89");
        assert_eq!(money(i64::MIN), "-92,233,720,368,547,758.08");
    }

    #[test]
    fn capitals_follow_the_rules_for_zeros() {
        let vectors = [
            (0, "零元整"),
            (5, "伍分"),
            (50, "伍角"),
            (100, "壹元整"),
            (101, "壹元零壹分"),
            (110, "壹元壹角"),
            (1_000, "壹拾元整"),
            (10_100, "壹佰零壹元整"),
            (100_100, "壹仟零壹元整"),
            (9_680_000, "玖万陆仟捌佰元整"),
            (1_640_902, "壹万陆仟肆佰零玖元零贰分"),
            (32_504, "叁佰贰拾伍元零肆分"),
            (10_000_100, "壹拾万零壹元整"),
            (60_000_000, "陆拾万元整"),
            (100_000_000, "壹佰万元整"),
            (1_000_000_000_000, "壹佰亿元整"),
            (10_000_000_100, "壹亿零壹元整"),
            (1_010_000_000_000, "壹佰零壹亿元整"),
            (100_000_000_000_000, "壹万亿元整"),
            (-9_680_050, "负玖万陆仟捌佰元伍角"),
        ];
        for (fen, text) in vectors {
            assert_eq!(capitals(fen), text, "{fen}");
        }
    }

    #[test]
    fn periods_read_as_rules_do() {
        assert_eq!(period(Period::Workdays(7)), "7个工作日");
        assert_eq!(duration(240_000), "4分钟");
        assert_eq!(duration(90_000), "90秒");
        assert_eq!(percent(3_334), "33.34%");
        assert_eq!(percent(10_000), "100%");
    }

    #[test]
    fn times_are_local() {
        let offset = crate::machine::time::CHINA_MILLIS;
        assert_eq!(datetime(1_789_522_440_000, offset).unwrap(), "2026年9月16日09:34");
        assert_eq!(date(1_789_488_000_000, offset).unwrap(), "2026年9月16日");
        assert_eq!(year(1_798_732_800_000, offset).unwrap(), 2027);
    }
}
