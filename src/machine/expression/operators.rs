//! Which types the operators join, and what they yield. Must not know CEL's syntax tree.

use super::kind::Kind;

/// What an arithmetic operator yields, or `None` where it cannot join the two.
pub fn arithmetic(operator: &str, left: &Kind, right: &Kind) -> Option<Kind> {
    use Kind::{Any, Duration, Int, List, Money, Time, Zero};
    if left.is_textual() && right.is_textual() && operator == "+" {
        return Some(if matches!((left, right), (Any, Any)) {
            Any
        } else {
            Kind::Text
        });
    }
    Some(match (operator, left, right) {
        ("+", List(_), List(_)) => return left.join(right),
        (_, Any, other) | (_, other, Any) if other.is_number() => Any,
        ("+" | "-", Zero, Zero) => Zero,
        ("+" | "-", Int | Zero, Int | Zero) => Int,
        ("+" | "-", Money | Zero, Money | Zero) => Money,
        ("+" | "-", Duration | Zero, Duration | Zero) | ("-", Time, Time) => Duration,
        ("+" | "-", Time, Duration | Zero) | ("+", Duration | Zero, Time) => Time,
        ("*", Money, Int | Zero) | ("*", Int | Zero, Money) | ("/" | "%", Money, Int) | ("%", Money, Money) => Money,
        ("*", Duration, Int | Zero) | ("*", Int | Zero, Duration) | ("/" | "%", Duration, Int) => Duration,
        ("%", Duration, Duration) => Duration,
        ("/", Money, Money) | ("/", Duration, Duration) => Int,
        ("*" | "/" | "%", Int | Zero, Int | Zero) => Int,
        _ => return None,
    })
}

/// True where `<` and its kin make sense between the two.
pub fn ordered(left: &Kind, right: &Kind) -> bool {
    if left.is_number() && right.is_number() {
        return left.fits(right) || right.fits(left);
    }
    matches!(left, Kind::Text | Kind::Any) && matches!(right, Kind::Text | Kind::Any)
}

/// How to write what was probably meant.
pub fn hint(left: &Kind, right: &Kind) -> Option<String> {
    let pair = |a: &Kind, b: &Kind| (left == a && right == b) || (left == b && right == a);
    if pair(&Kind::Money, &Kind::Int) {
        Some("write an amount as `yuan(100)` or `fen(100)`; a number without unit is no amount".into())
    } else if pair(&Kind::Time, &Kind::Int) || pair(&Kind::Duration, &Kind::Int) {
        Some("write a length of time as `minutes(4)`, `hours(1)` or `days(1)`".into())
    } else {
        None
    }
}
