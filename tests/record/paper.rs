//! The record as a paper for the file: every offer to the millisecond, the price curve, the digests; the same bytes twice.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use luochui::cli::folder::read_bundle;
use luochui::machine::definition::compile;
use luochui::performers::rendering::Rendering;
use luochui::performers::typeset::{Imprint, Typesetter};
use serde_json::{Value as Json, json};

/// 2026-09-16, 10:00 in China.
const BEGIN: i64 = 1_789_524_000_000;

fn context(bids: i64) -> Json {
    let mut lines = vec![line(1, json!({"event": "start", "title": "开始", "phase": "询问期"}))];
    let mut facts = Vec::new();
    for bid in 0..bids {
        let n = i64::try_from(lines.len()).unwrap() + 1;
        let refused = bid % 5 == 3;
        let (amount, plate) = (
            9_680_000 + bid * 100_000 + bid % 3 * 50_000,
            ["7K2M", "Q4XZ", "M8PA"][usize::try_from(bid % 3).unwrap()],
        );
        let text = format!("{}.00", amount / 100);
        let reason = refused.then_some("报价低于当前价加增价幅度");
        lines.push(line(
            n,
            json!({"event": "bid", "title": "报价", "by": plate, "amounts": text, "reason": reason, "offered": true}),
        ));
        if !refused {
            facts.push(json!({"instance": "A", "ordinal": n, "kind": "bid", "at": BEGIN + n * 17_123, "data": {"plate": plate, "amount": amount}}));
        }
    }
    let n = i64::try_from(lines.len()).unwrap() + 1;
    lines.push(line(
        n,
        json!({"event": "timer.countdown", "title": "计时到期", "phase": if bids > 0 { "成交" } else { "流拍" }}),
    ));
    let digest = "0123456789abcdef".repeat(4);
    let root = json!({"machine": "listing", "data": {
        "name": "花垣县某事业单位公务车辆一批（3 辆）", "project_code": "XXCQ2026001", "mode": "bidding", "start_price": 9_680_000,
        "increment": 100_000, "inquiry": 240_000, "timed": 240_000, "extension": "every_bid",
        "winner": (bids > 0).then_some("7K2M"), "final_price": 9_680_000 + bids * 100_000, "cause": "流拍：无人有效报价",
    }});
    let checkpoint = json!({"instance": "A", "size": n, "sm3": digest, "sha256": digest, "at": BEGIN + n * 17_123, "reach": "whole",
        "key": "0123456789abcdef0123456789abcdef", "signature": "MEUCIQD".repeat(13), "json": ""});
    json!({
        "self": root, "root": root, "names": {"centre": {"name": "湘西州公共资源交易中心"}},
        "document": {"name": "room_record", "title": "竞价记录", "number": null, "revision": 1, "at": BEGIN, "verify": ""},
        "records": {"auction": facts},
        "record": {"auction": {"instance": "A", "head": {"size": n, "sm3": digest, "sha256": digest}, "checkpoint": checkpoint, "lines": lines}},
    })
}

fn line(n: i64, change: Json) -> Json {
    let mut line = json!({"n": n, "arrived": BEGIN + n * 17_123, "decided": BEGIN + n * 17_123, "by": null, "data": {}, "amounts": "",
        "outcome": "accepted", "reason": null, "phase": "限时竞价", "frozen": false, "facts": [], "offered": false});
    line.as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    line
}

fn pdf(bids: i64) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = read_bundle(&root.join("workflows/asset-sale"), &root.join("templates")).unwrap();
    let bundle = Arc::new(compile(&files).unwrap_or_else(|faults| panic!("{faults:#?}")));
    let markup = Rendering::new(&bundle)
        .unwrap()
        .document("room_record", &context(bids))
        .unwrap();
    let imprint = Imprint {
        identity: "A/room_record/1".into(),
        at: BEGIN,
        offset_minutes: 480,
    };
    let pdf = Typesetter::new(["/usr/share/fonts".into()])
        .pdf(&markup, &imprint)
        .unwrap();
    if let Ok(folder) = std::env::var("LUOCHUI_KEEP_PDF") {
        std::fs::write(format!("{folder}/room_record-{bids}.pdf"), &pdf).unwrap();
    }
    pdf
}

/// The text without spaces, and the number of pages.
fn read(pdf: &[u8]) -> (String, usize) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pdf).unwrap();
    let out = Command::new("pdftotext")
        .arg("-raw")
        .arg(file.path())
        .arg("-")
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    (text.split_whitespace().collect(), text.matches('\u{c}').count())
}

#[test]
fn a_record_is_printed_whole_however_long_it_is() {
    for (bids, least, most) in [(0, 1, 2), (1, 1, 2), (20, 2, 3), (500, 12, 30)] {
        let first = pdf(bids);
        assert_eq!(first, pdf(bids), "{bids} bids");
        let (text, pages) = read(&first);
        assert!((least..=most).contains(&pages), "{bids} bids on {pages} pages");
        let last = format!(
            "{:.3}",
            f64::from(i32::try_from((bids + 1) * 17_123 % 60_000).unwrap()) / 1_000.0
        );
        assert!(bids == 0 || text.contains(&last), "{last} of the last offer in {text}");
        assert!(text.contains("价格走势") && text.contains("末条SM3"), "{text}");
        assert_eq!(text.contains("没有被接受的公开报价"), bids == 0);
        assert_eq!(text.matches("未接受").count(), usize::try_from((bids + 1) / 5).unwrap());
    }
}
