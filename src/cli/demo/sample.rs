//! Turns a sample listing into what the API takes: amounts in fen, times in milliseconds, and what the one who lists adds.
//! Must not hold a price or a duration: these stand in the sample.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::Failure;
use super::cast::{AUCTION_FIRM, AUTHORITY, TRANSFEROR};
use crate::machine::Time;

/// Which papers each category asks for, after the bundle's form of attachments.
const PAPERS: [(&str, &[&str]); 3] = [
    (
        "实物资产",
        &["photos", "decision", "approval", "valuation", "ownership"],
    ),
    (
        "特许经营权",
        &["photos", "decision", "approval", "valuation", "granting_document"],
    ),
    (
        "未来经营权",
        &["photos", "decision", "approval", "valuation", "ownership"],
    ),
];

/// Reads a sample; registration opens the day after `now`.
pub fn load(workflows: &Path, name: &str, now: Time) -> Result<Value, Failure> {
    const DAY: i64 = 24 * 3_600_000;
    let path = workflows.join("asset-sale/samples").join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(&path).map_err(|error| Failure(format!("{}: {error}", path.display())))?;
    let yaml: Value = serde_yaml::from_str(&text).map_err(|error| Failure(format!("{}: {error}", path.display())))?;
    let mut data = match in_fen(yaml) {
        Value::Object(data) => data,
        _ => return Err(Failure(format!("{} is no listing", path.display()))),
    };
    let category = data.get("category").and_then(Value::as_str).unwrap_or_default();
    let papers = PAPERS
        .iter()
        .find(|(of, _)| *of == category)
        .map_or(&[][..], |(_, papers)| papers);
    let papers: Map<_, _> = papers
        .iter()
        .map(|paper| ((*paper).to_owned(), json!(["paper"])))
        .collect();
    data.insert("materials".into(), Value::Object(papers));
    data.insert("transferor".into(), json!(TRANSFEROR));
    data.insert("authority".into(), json!(AUTHORITY));
    if data.get("mode").is_some_and(|mode| mode == "auction") {
        data.insert("auction_firm".into(), json!(AUCTION_FIRM));
    }
    data.insert("registration_start".into(), json!(now.plus_millis(DAY).0));
    Ok(Value::Object(data))
}

/// `96800.00元` becomes 9680000, wherever it stands.
fn in_fen(value: Value) -> Value {
    match value {
        Value::String(text) => match fen(&text) {
            Some(fen) => json!(fen),
            None => Value::String(text),
        },
        Value::Array(items) => items.into_iter().map(in_fen).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, in_fen(value))).collect(),
        other => other,
    }
}

fn fen(text: &str) -> Option<i64> {
    let (yuan, cents) = text.strip_suffix('元')?.split_once('.')?;
    let (yuan, cents): (i64, i64) = (yuan.parse().ok()?, cents.parse().ok().filter(|_| cents.len() == 2)?);
    Some(yuan * 100 + cents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_become_fen_wherever_they_stand() {
        let value = in_fen(json!({"a": "96800.00元", "b": ["0.05元", "五元", "1.5元"]}));
        assert_eq!(value, json!({"a": 9_680_000, "b": [5, "五元", "1.5元"]}));
    }
}
