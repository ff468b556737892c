//! The sample listings fit the shipped bundle: each becomes a trade whose draft is accepted once the attachments are there.

use std::collections::BTreeMap;
use std::path::Path;

use luochui::machine::calendar::Calendars;
use luochui::machine::scenario::literal::root_data;
use luochui::machine::step::{Act, Actor, Answer, Cause, Context, Input, Outside, decide};
use luochui::machine::value::{Map, Value};
use luochui::machine::{Bundle, Time, Trade};

use super::{asset_sale, calendars, texts};

fn clerk() -> Actor {
    Actor {
        account: "clerk".into(),
        posts: vec![("clerk".into(), "unit".into())],
        ..Actor::default()
    }
}

fn offer(bundle: &Bundle, calendars: &Calendars, trade: Option<&Trade>, cause: Cause) -> (Trade, Answer) {
    let input = Input {
        instance: "sample".into(),
        cause,
        at: Time(1_788_000_000_000),
    };
    let context = Context {
        actor: clerk(),
        seed: "00".repeat(32).into(),
        outage: 0,
        late: 0,
        broken: false,
        calendar_version: 0,
        slots: Vec::new(),
    };
    let decision = decide(bundle, trade, &input, &context, calendars, Outside::nobody());
    (decision.trade, decision.answer)
}

/// A file for each required attachment of the category.
fn attachments(category: &str) -> Value {
    let files = |name: &str| (name.into(), Value::List(vec![Value::from("F1")]));
    let mut all = Map::from(["decision", "approval", "valuation"].map(files));
    let more: &[&str] = match category {
        "实物资产" | "未来经营权" => &["photos", "ownership"],
        "特许经营权" => &["photos", "granting_document"],
        other => panic!("no sample is of category {other}"),
    };
    all.extend(more.iter().map(|name| files(name)));
    Value::Map(all)
}

#[test]
fn each_sample_becomes_a_listing_that_can_be_handed_in() {
    let bundle = asset_sale().0.unwrap();
    let calendars = calendars();
    let mut samples = BTreeMap::new();
    texts(Path::new("workflows/asset-sale/samples"), "", &|_| true, &mut samples);
    assert_eq!(samples.len(), 3);
    for (name, text) in &samples {
        let mut data = root_data(&bundle, name, text).unwrap();
        for organisation in ["transferor", "authority", "auction_firm"] {
            data.insert(organisation.into(), Value::from("unit"));
        }
        let category = data["category"].as_text().unwrap().to_owned();
        let start = Cause::Start { machine: None, data };
        let (trade, answer) = offer(&bundle, &calendars, None, start);
        assert!(matches!(answer, Answer::Taken { .. }), "{name}: {answer:?}");
        let todo = trade.root().unwrap().todos.keys().next().unwrap().clone();
        let missing = Cause::Todo {
            todo: todo.clone(),
            act: Act::complete(
                "submit",
                Map::from([("registration_start".into(), Value::Int(1_789_000_000_000))]),
            ),
        };
        let (_, answer) = offer(&bundle, &calendars, Some(&trade), missing);
        assert!(
            matches!(&answer, Answer::Refused(refusal) if &*refusal.code == "invalid"),
            "{name} without attachments: {answer:?}"
        );
        let complete = Cause::Todo {
            todo,
            act: Act::complete(
                "submit",
                Map::from([
                    ("registration_start".into(), Value::Int(1_789_000_000_000)),
                    ("materials".into(), attachments(&category)),
                ]),
            ),
        };
        let (trade, answer) = offer(&bundle, &calendars, Some(&trade), complete);
        assert!(matches!(answer, Answer::Taken { .. }), "{name}: {answer:?}");
        assert_eq!(&*trade.root().unwrap().states[0], "preparing.centre");
    }
}

#[test]
fn a_sample_with_a_wrong_value_says_where() {
    let bundle = asset_sale().0.unwrap();
    let faults = root_data(&bundle, "s.yaml", "name: 甲\nstart_price: 96800.00\n").unwrap_err();
    assert_eq!(faults[0].line, 2);
    assert!(faults[0].message.contains("96800.00元"), "{}", faults[0].message);
}
