//! Of a machine with `one_per: owner` that is a trade of its own, a party has one open at a time.

use std::collections::BTreeMap;

use luochui::engine::{Engine, Receipt, Request};
use luochui::machine::step::Answer;
use luochui::machine::value::Map;

use crate::support::engine::{event, member, on_both, start, still, submit};

const BUNDLE: &str = "language: 1
name: solo
version: 1.0.0
title: 独
timezone: Asia/Shanghai
calendar: cn-gov
root: round
machines: [round]
roles: {member: {title: 用户, account: complete}}
";

const ROUND: &str = "machine: round
title: 一场
one_per: owner
visible: [member]
read: [member]
data:
  length: {type: int, title: 长, default: 1}
events:
  start: {title: 开始, from: [member], form: [length], refuse: [{guard: event.length < 1, reject: not_now}]}
  leave: {title: 离开, from: [member]}
initial: going
states:
  going:
    title: 进行中
    on: {leave: gone}
  gone: {title: 完, type: final}
";

async fn begin(engine: &Engine, who: &str, data: Map) -> Receipt {
    let request = Request::Open {
        bundle: "solo".into(),
        machine: None,
        data,
    };
    submit(engine, member(who), request, None).await
}

fn code(receipt: &Receipt) -> &str {
    match &receipt.answer {
        Answer::Taken { .. } => "taken",
        Answer::Refused(refusal) => &refusal.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_party_has_one_open_at_a_time() {
    on_both(|place| async move {
        let (engine, handle) = start(&place, &still());
        let files = [("bundle.yaml", BUNDLE), ("round.yaml", ROUND)];
        let files: BTreeMap<String, String> = files
            .into_iter()
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .collect();
        engine.library().publish(files, "admin").await.unwrap();
        let bad = begin(&engine, "ann", Map::from([("length".into(), 0.into())])).await;
        assert_eq!(code(&bad), "not_now", "with such data none is opened");
        let first = begin(&engine, "ann", Map::new()).await;
        assert_eq!(code(&first), "taken");
        assert_eq!(code(&begin(&engine, "ann", Map::new()).await), "already_open");
        assert_eq!(code(&begin(&engine, "bob", Map::new()).await), "taken");
        let left = submit(&engine, member("ann"), event(&first.trade, "leave", &[]), None).await;
        assert_eq!(code(&left), "taken");
        assert_eq!(code(&begin(&engine, "ann", Map::new()).await), "taken");
        drop(engine);
        handle.join();
        // What is open is found in the store, not remembered.
        let (engine, handle) = start(&place, &still());
        assert_eq!(code(&begin(&engine, "ann", Map::new()).await), "already_open");
        // Of many sent at once, within one batch, one is opened.
        let many = (0..20).map(|_| begin(&engine, "eve", Map::new()));
        let answers = futures_util::future::join_all(many).await;
        let taken = answers.iter().filter(|receipt| code(receipt) == "taken").count();
        assert_eq!(taken, 1, "were opened");
        drop(engine);
        handle.join();
    });
}
