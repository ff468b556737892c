//! The shipped documents, filled with data and read back from the PDF.

use std::process::Command;
use std::sync::Arc;

use luochui::machine::Bundle;
use luochui::machine::templates::document_of;
use luochui::performers::rendering::Rendering;
use luochui::performers::typeset::Imprint;
use serde_json::{Value as Json, json};

use super::world::{names, portrait, shipped, time, typesetter};

/// Rich text with everything that means something to Typst, and a document that must print it as it is.
const NASTY: &str = "第一段 \"引号\" #x [y] $z$ *a* _b_ `c` <d> @e \\ // 完\n第二段 ]) #eval(\"1\")";

fn context(bundle: &Bundle, mode: &str, change: Json) -> Json {
    let mut fields = json!({
        "name": "花垣县某事业单位公务车辆一批（3 辆）", "project_code": "XXCQ2026001", "mode": mode, "details": NASTY,
        "start_price": 9_680_000, "final_price": 10_000_050, "deposit": 1_500_000, "increment": 100_000,
        "notice_period": "10 workdays", "supplement_period": "7 workdays", "inquiry": 240_000, "timed": 240_000,
        "min_registrants": if mode == "bidding" { 2 } else { 1 }, "registration_end": time(9, 16, 17),
    });
    fields
        .as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    let root = portrait(bundle, "listing", fields);
    let child = portrait(bundle, "application", json!({"joint": false}));
    json!({
        "self": root, "parent": null, "root": root, "now": time(9, 1, 9), "names": names(),
        "children": {"application": [child], "auction": []},
        "records": {"listing": [], "application": [], "auction": [
            {"instance": "a", "ordinal": 1, "kind": "bid", "at": time(9, 16, 18), "data": {"plate": "7K2M", "amount": 9_680_000}},
            {"instance": "a", "ordinal": 1, "kind": "refused", "at": time(9, 16, 18), "data": {}},
        ]},
        "record": {"auction": null},
        "document": {"name": "x", "title": "标题", "number": "湘西产交告〔2026〕0001号", "revision": 1, "at": time(9, 1, 9),
            "verify": "http://127.0.0.1:8080/verify/x?h=0123456789abcdef"},
        "bundle": {},
    })
}

/// The same for a document of an application, whose parent is the listing.
fn of_application(bundle: &Bundle) -> Json {
    let mut context = context(bundle, "bidding", json!({}));
    context["parent"] = context["self"].take();
    context["self"] = context["children"]["application"][0].clone();
    context["children"] = json!({});
    context["records"] = json!({"application": []});
    context
}

#[test]
fn the_confirmation_says_where_each_side_seals() {
    let bundle = shipped();
    let context = context(&bundle, "auction", json!({"winner": "7K2M", "auction_firm": "T"}));
    let markup = Rendering::new(&bundle)
        .unwrap()
        .document("confirmation", &context)
        .unwrap();
    let imprint = Imprint {
        identity: "confirmation".into(),
        at: time(9, 1, 9),
        offset_minutes: 480,
    };
    let set = typesetter().set(&markup, &imprint).unwrap();
    let roles: Vec<&str> = set.places.iter().map(|place| place.role.as_str()).collect();
    assert_eq!(roles, ["winner", "head", "auctioneer", "chief"]);
    let (winner, head) = (&set.places[0], &set.places[1]);
    assert_eq!((winner.page, winner.y), (head.page, head.y), "side by side");
    assert!(
        head.x - winner.x > 60_000,
        "a seal's width and more apart: {:?}",
        set.places
    );
    for place in &set.places {
        assert!(
            (40_000..170_000).contains(&place.x) && (40_000..280_000).contains(&place.y),
            "{place:?}"
        );
    }
}

/// The same for a document of a practice round.
fn of_practice(bundle: &Bundle) -> Json {
    let mut context = context(bundle, "bidding", json!({}));
    let round = portrait(
        bundle,
        "practice",
        json!({"mark": "练习 无效力", "method": "ascending", "final_price": 9_680_000}),
    );
    context["self"] = round.clone();
    context["root"] = round;
    context["records"]["practice"] = json!([]);
    context
}

/// The same for a notice that the room itself gives.
fn of_room(bundle: &Bundle) -> Json {
    let mut context = context(bundle, "bidding", json!({}));
    context["parent"] = context["self"].take();
    context["self"] = portrait(
        bundle,
        "auction",
        json!({"reopen_at": time(9, 17, 14), "inquiry": 240_000, "timed": 240_000}),
    );
    context
}

fn pdf(bundle: &Arc<Bundle>, document: &str, context: &Json) -> Vec<u8> {
    let rendering = Rendering::new(bundle).unwrap();
    let markup = rendering
        .document(document, context)
        .unwrap_or_else(|error| panic!("{document}: {error}"));
    let imprint = Imprint {
        identity: document.into(),
        at: time(9, 1, 9),
        offset_minutes: 480,
    };
    typesetter()
        .pdf(&markup, &imprint)
        .unwrap_or_else(|error| panic!("{document}: {error}"))
}

/// The text without the spaces that typesetting puts between Chinese and Latin.
fn text(pdf: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pdf).unwrap();
    let out = Command::new("pdftotext")
        .args(["-raw"])
        .arg(file.path())
        .arg("-")
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().split_whitespace().collect()
}

fn contains(text: &str, wanted: &[&str]) {
    for part in wanted {
        let part: String = part.split_whitespace().collect();
        assert!(text.contains(&part), "{part} is not in {text}");
    }
}

#[test]
fn every_shipped_document_renders_twice_to_the_same_bytes() {
    let bundle = shipped();
    let mut rendered = 0;
    for path in bundle.files.keys() {
        let Some(document) = document_of(path) else { continue };
        let own = ["application_form", "commitment", "receipt"].contains(&document);
        for mode in ["bidding", "auction"] {
            let context = match document {
                "practice_record" => of_practice(&bundle),
                "interruption" | "reopening" => of_room(&bundle),
                _ if own => of_application(&bundle),
                _ => context(&bundle, mode, json!({})),
            };
            let first = pdf(&bundle, document, &context);
            assert_eq!(first, pdf(&bundle, document, &context), "{document}");
            if let Ok(folder) = std::env::var("LUOCHUI_KEEP_PDF") {
                std::fs::write(format!("{folder}/{document}-{mode}.pdf"), &first).unwrap();
            }
            rendered += 1;
        }
    }
    assert!(rendered >= 2 * 15, "{rendered}");
}

#[test]
fn a_practice_record_says_on_its_page_that_it_has_no_effect() {
    let bundle = shipped();
    let record = text(&pdf(&bundle, "practice_record", &of_practice(&bundle)));
    contains(
        &record,
        &["练习记录", "练习 无效力：本记录只供练习，不产生任何效力", "96,800.00"],
    );
}

#[test]
fn an_announcement_states_the_rules_from_the_parameters() {
    let bundle = shipped();
    let announcement = |mode: &str, change: Json| text(&pdf(&bundle, "announcement", &context(&bundle, mode, change)));
    let bidding = announcement("bidding", json!({}));
    contains(
        &bidding,
        &[
            "网上竞价公告",
            "XXCQ2026001",
            "¥96,800.00 元（大写：人民币玖万陆仟捌佰元整）",
            "自报名开始起10个工作日",
            "2026年9月16日17:00",
            "有效报名达到2人的，进入网上竞价",
            "公告自动延期7个工作日并发布补充公告",
            "进入4分钟询问期",
            "在4分钟倒计时内有新的报价的，自接受该报价起重新计时4分钟",
            "花垣县某事业单位",
            "（盖章处）",
            "第一段 \"引号\" #x [y] $z$ *a* _b_ `c` <d> @e \\ // 完",
            "第二段 ]) #eval(\"1\")",
        ],
    );
    let auction = announcement(
        "auction",
        json!({"inquiry": 360_000, "timed": 90_000, "extension": "in_window"}),
    );
    contains(
        &auction,
        &[
            "网上拍卖公告",
            "有效报名达到1人的，进入网上拍卖",
            "进入6分钟询问期",
            "倒计时最后4分钟内",
            "重新计时90秒",
        ],
    );
    assert!(!auction.contains("补充公告"), "{auction}");
}

#[test]
fn confirmation_and_contract_name_the_parties_and_the_price_in_capitals() {
    let bundle = shipped();
    for document in ["confirmation", "contract"] {
        let text = text(&pdf(&bundle, document, &context(&bundle, "bidding", json!({}))));
        contains(
            &text,
            &[
                "张三",
                "433101199001010011",
                "花垣县某事业单位",
                "¥100,000.50",
                "人民币壹拾万元伍角",
                "5个工作日",
            ],
        );
    }
    let notice = text(&pdf(&bundle, "result_notice", &context(&bundle, "bidding", json!({}))));
    contains(&notice, &["张*", "号牌7K2M"]);
    assert!(!notice.contains("张三"), "{notice}");
}

#[test]
fn a_receipt_tells_what_to_pay_until_when() {
    let bundle = shipped();
    let text = text(&pdf(&bundle, "receipt", &of_application(&bundle)));
    contains(
        &text,
        &[
            "申购回执单",
            "人民币壹万伍仟元整",
            "2026年9月16日17:00",
            "样例",
            "一个标的缴纳一笔",
        ],
    );
}

#[test]
fn a_paper_without_the_name_of_its_party_is_not_rendered() {
    let bundle = shipped();
    let mut context = context(&bundle, "bidding", json!({}));
    context["names"].as_object_mut().unwrap().remove("P1");
    let fault = Rendering::new(&bundle)
        .unwrap()
        .document("confirmation", &context)
        .unwrap_err();
    assert!(fault.to_string().contains("nothing is known of P1"), "{fault}");
}
