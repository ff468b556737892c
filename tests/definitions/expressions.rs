//! Expressions: what they yield, what is refused when they are compiled, and what fails when they run.

use std::collections::BTreeMap;

use luochui::machine::Value;
use luochui::machine::expression::{Expression, Kind, Names, Reference, Scope, Unknown};

struct World;

impl Names for World {
    fn kind(&self, reference: &Reference) -> Result<Kind, Unknown> {
        let text = reference.to_string();
        let options = |words: &[&str]| Kind::Options(words.iter().map(|word| (*word).into()).collect());
        Ok(match text.as_str() {
            "data.price" | "event.amount" => Kind::Money,
            "data.bids" | "count.application.valid" => Kind::Int,
            "data.start" | "now" | "due.closes" => Kind::Time,
            "data.window" | "left.closes" => Kind::Duration,
            "data.mode" => options(&["bidding", "auction"]),
            "data.notice" => Kind::Period,
            "data.leader" | "sender.key" => Kind::Text,
            "data.open" => Kind::Bool,
            "tags" => Kind::List(Box::new(options(&["valid", "open"]))),
            "data.members" => Kind::List(Box::new(Kind::Record(vec![
                ("share".into(), Kind::Int),
                ("lead".into(), Kind::Bool),
            ]))),
            _ => return Err(Unknown::new(format!("there is no `{text}`"))),
        })
    }

    fn condition(&self, name: &str) -> Option<String> {
        Some(match name {
            "enough" => "count.application.valid >= 2".to_owned(),
            "round" => "round || enough".to_owned(),
            _ => return None,
        })
    }
}

struct Values(BTreeMap<&'static str, Value>);

impl Scope for Values {
    fn resolve(&self, reference: &Reference) -> Result<Value, String> {
        let text = reference.to_string();
        self.0
            .get(text.as_str())
            .cloned()
            .ok_or_else(|| format!("{text} is not here"))
    }
}

fn values() -> Values {
    let member = |share: i64, lead: bool| {
        Value::Map(
            [("share".into(), share.into()), ("lead".into(), lead.into())]
                .into_iter()
                .collect(),
        )
    };
    Values(BTreeMap::from([
        ("data.price", 9_680_000.into()),
        ("event.amount", 9_780_000.into()),
        ("data.bids", 0.into()),
        ("count.application.valid", 2.into()),
        ("data.start", 1_000.into()),
        ("now", 5_000.into()),
        ("data.window", 240_000.into()),
        ("data.mode", "bidding".into()),
        ("data.leader", Value::Null),
        ("data.open", true.into()),
        ("data.notice", "7 workdays".into()),
        ("tags", Value::List(vec!["valid".into()])),
        ("data.members", Value::List(vec![member(60, true), member(40, false)])),
    ]))
}

fn run(source: &str) -> Result<Value, String> {
    let expression = Expression::compile(source, &World).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
    expression.evaluate(&values())
}

fn refused(source: &str) -> (&'static str, Option<usize>) {
    match Expression::compile(source, &World) {
        Ok(expression) => panic!("{source} compiles to {}", expression.kind().name()),
        Err(faults) => (faults[0].code, faults[0].offset),
    }
}

#[test]
fn expressions_yield_exact_values() {
    let yields: [(&str, Value); 26] = [
        ("sum(data.members.map(m, m.share))", 100.into()),
        (
            "data.members.all(a, size(data.members.filter(b, b.share == a.share)) == 1)",
            true.into(),
        ),
        ("shortest(data.notice) == days(7)", true.into()),
        ("shortest(\"167 hours\") < days(7)", true.into()),
        ("data.price + yuan(1000)", 9_780_000.into()),
        ("event.amount >= data.price + fen(100000)", true.into()),
        ("data.price * 110 / 100", 10_648_000.into()),
        ("(event.amount - data.price) % yuan(1000) == 0", true.into()),
        ("data.bids + 1", 1.into()),
        ("now - data.start", 4_000.into()),
        ("data.start + minutes(4)", 241_000.into()),
        ("duration(\"1h30m\") > data.window", true.into()),
        ("data.mode == \"auction\" ? 1 : 2", 2.into()),
        ("data.leader == null", true.into()),
        ("data.leader == sender.key || data.leader == null", true.into()),
        ("\"valid\" in tags", true.into()),
        ("!(\"open\" in tags)", true.into()),
        ("enough && data.open", true.into()),
        ("min(data.price, event.amount)", 9_680_000.into()),
        ("max(data.bids, 3)", 3.into()),
        ("data.members.exists(m, m.lead)", true.into()),
        ("data.members.all(m, m.share > 0)", true.into()),
        ("size(data.members.filter(m, m.share > 50))", 1.into()),
        ("data.members.map(m, m.share)", Value::List(vec![60.into(), 40.into()])),
        ("data.members[1].share", 40.into()),
        ("data.mode.startsWith(\"bid\")", true.into()),
    ];
    for (source, value) in yields {
        assert_eq!(run(source), Ok(value), "{source}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_when_compiled() {
    let refusals = [
        ("data.price + 1", "type_mismatch", 11),
        ("data.price > 100", "type_mismatch", 11),
        ("data.price + data.start", "type_mismatch", 11),
        ("data.price * data.price", "type_mismatch", 11),
        ("now + 5", "type_mismatch", 4),
        ("data.bids + 1.5", "double_literal", 12),
        ("data.prise", "unknown_name", 0),
        ("price", "unknown_name", 0),
        ("data.mode == \"sealed\"", "unknown_option", 10),
        ("\"vaild\" in tags", "unknown_option", 8),
        ("data.open && data.bids", "type_mismatch", 10),
        ("round(data.price)", "unknown_function", 5),
        ("data.mode.matches(\"a+\")", "unknown_function", 17),
        ("has(data.leader)", "unsupported_expression", 3),
        ("{\"a\": 1}", "unsupported_expression", 0),
        ("data.mode.all(c, c == \"x\")", "map_iteration", 13),
        ("data.members.exists(m, m.shares > 1)", "unknown_name", 23),
        ("data.bids >", "expression_syntax", 11),
        ("round && data.open", "condition_cycle", 0),
        ("data.open ? 1 : \"a\"", "type_mismatch", 10),
        ("sum(data.members)", "type_mismatch", 3),
    ];
    for (source, code, offset) in refusals {
        assert_eq!(refused(source), (code, Some(offset)), "{source}");
    }
    let long = format!("data.open{}", " && data.open".repeat(200));
    assert_eq!(refused(&long).0, "expression_too_long");
}

#[test]
fn what_fails_at_run_time_says_so_in_a_sentence() {
    let fails = [
        ("data.bids / (data.bids - data.bids)", "division by zero"),
        (
            "data.bids + 9223372036854775807 + 1",
            "a number is larger than 64 bits can hold",
        ),
        (
            "sum([9223372036854775807, 1])",
            "a number is larger than 64 bits can hold",
        ),
        ("due.closes > now", "due.closes is not here"),
        ("data.members[5].share", "a list has no such row"),
        ("data.leader.startsWith(\"A\")", "null stands where a value is needed"),
    ];
    for (source, sentence) in fails {
        assert_eq!(run(source), Err(sentence.to_owned()), "{source}");
    }
    // A name without a value fails only where it is needed.
    assert_eq!(run("data.open || due.closes > now"), Ok(true.into()));
}

#[test]
fn a_place_that_wants_a_type_gets_it() {
    assert_eq!(
        Expression::compile_as("data.bids", &World, &Kind::Bool).unwrap_err()[0].code,
        "guard_not_bool"
    );
    assert_eq!(
        Expression::compile_as("1", &World, &Kind::Money).unwrap_err()[0].code,
        "type_mismatch"
    );
    assert!(Expression::compile_as("0", &World, &Kind::Money).is_ok());
    let expression = Expression::compile("enough && data.open", &World).unwrap();
    let read: Vec<String> = expression.references.iter().map(ToString::to_string).collect();
    assert_eq!(read, ["data.open", "count.application.valid"]);
}
