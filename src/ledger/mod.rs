//! Double entry: money only moves between accounts, so that all balances of a trade add up to zero. Pure; must not store.

use std::collections::BTreeMap;

/// One line of a posting, in fen; what arrives on the account is positive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub account: String,
    pub amount: i64,
}

/// The two lines of one movement. A negative amount is a movement back.
#[must_use]
pub fn lines(from: &str, to: &str, amount: i64) -> Option<[Line; 2]> {
    let line = |account: &str, amount| Line {
        account: account.to_owned(),
        amount,
    };
    Some([line(from, amount.checked_neg()?), line(to, amount)])
}

/// Balances by account, in fen.
///
/// # Errors
/// An overflow, named by its account: no real sum comes near.
pub fn balances<'a>(lines: impl IntoIterator<Item = (&'a str, i64)>) -> Result<BTreeMap<String, i64>, Overflow> {
    let mut balances: BTreeMap<String, i64> = BTreeMap::new();
    for (account, amount) in lines {
        let balance = balances.entry(account.to_owned()).or_default();
        *balance = balance
            .checked_add(amount)
            .ok_or_else(|| Overflow(account.to_owned()))?;
    }
    Ok(balances)
}

/// An account whose balance cannot be written in 64 bits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the balance of account {0} overflows")]
pub struct Overflow(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_movement_leaves_the_sum_at_zero() {
        let lines: Vec<Line> = [("bank", "held", 500), ("held", "centre", 200), ("held", "bank", 300)]
            .into_iter()
            .flat_map(|(from, to, amount)| lines(from, to, amount).unwrap())
            .collect();
        let balances = balances(lines.iter().map(|line| (line.account.as_str(), line.amount))).unwrap();
        assert_eq!(
            balances,
            BTreeMap::from([("bank".into(), -200), ("centre".into(), 200), ("held".into(), 0)])
        );
        assert_eq!(balances.values().sum::<i64>(), 0);
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_not_a_wrong_sum() {
        assert!(lines("bank", "held", i64::MIN).is_none());
        assert_eq!(balances([("a", i64::MAX), ("a", 1)]), Err(Overflow("a".into())));
    }
}
