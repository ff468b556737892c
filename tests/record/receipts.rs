//! Receipts, records and dossiers over HTTP: who gets which, and that they fit each other.

use std::collections::BTreeSet;

use luochui::machine::Name;
use luochui::record::dossier::{Whole, verify_dossier, write};
use luochui::record::verify::{Held, Status, verify};
use luochui::record::{Checkpoint, Issued, Receipt, Row};
use luochui::seal::sm2::PublicKey;
use luochui::store::history_rows::history_after;
use luochui::workers::checkpoints::tick;
use serde_json::{Value, json};

use super::world::{Played, files};
use crate::support::app::{Client, Request, TestApp};
use crate::support::engine::run;

/// The dossier of a played hall, written as the API writes it.
pub async fn dossier(played: &Played) -> String {
    let snapshot = played.engine.trade(&played.hall).await.unwrap();
    let trade = snapshot.trade.id.to_string();
    let rows = played
        .engine
        .read(move |conn| history_after(conn, &trade, 0, i64::MAX))
        .await
        .unwrap();
    let entries: Vec<_> = rows.iter().map(|row| row.entry().unwrap()).collect();
    let own = played.file.lines().filter(|line| !line.starts_with("{\"checkpoint\":"));
    write(Whole {
        instance: &played.hall,
        files: &snapshot.bundle.files,
        calendar: None,
        parties: &std::collections::BTreeMap::new(),
        entries: &entries,
        lines: &own.map(str::to_owned).collect::<Vec<_>>(),
        checkpoints: &checkpoints_in(&played.file),
    })
}

/// The checkpoints that stand in a record.
pub fn checkpoints_in(file: &str) -> Vec<Checkpoint> {
    let lines = file.lines().filter_map(|line| line.strip_prefix("{\"checkpoint\":"));
    lines
        .map(|rest| serde_json::from_str(rest.strip_suffix('}').unwrap()).unwrap())
        .collect()
}

pub fn open(app: &TestApp) -> String {
    run(app.engine.library().publish(files(), "admin")).unwrap();
    for (nth, name) in (1..).zip(["ann", "bob"]) {
        app.account(name, &[]);
        app.sign_in(name).complete_profile(nth);
    }
    app.account("watch", &["oversight@centre"]);
    app.account("root", &["admin"]);
    let opened = app
        .sign_in("ann")
        .command("/api/v1/trades", &json!({"bundle": "hall", "data": {}}));
    let hall = opened.expect(201).json()["instance"].as_str().unwrap().to_owned();
    for name in ["ann", "bob"] {
        app.sign_in(name)
            .command(&format!("/api/v1/instances/{hall}/events/join"), &json!({}))
            .expect(200);
    }
    hall
}

pub fn call(client: &Client<'_>, hall: &str, amount: i64) -> (u16, Value) {
    let reply = client.command(
        &format!("/api/v1/instances/{hall}/events/call"),
        &json!({"amount": amount}),
    );
    (reply.status, reply.json()["receipt"].clone())
}

#[test]
fn every_offer_gets_a_receipt_that_the_record_bears_out() {
    let app = TestApp::start();
    let hall = open(&app);
    let (ann, bob) = (app.sign_in("ann"), app.sign_in("bob"));
    let mut slips = Vec::new();
    for number in 1..=3 {
        app.advance(60_900);
        let (status, slip) = call(&ann, &hall, number * 1_000);
        assert_eq!((status, slip["outcome"].as_str()), (200, Some("accepted")));
        slips.push(slip);
        let (status, slip) = call(&bob, &hall, number * 1_000 - 1);
        assert_eq!((status, slip["reason"].as_str()), (409, Some("too_low")));
        slips.push(slip);
        run(tick(&app.engine, app.engine.now())).unwrap();
    }
    // One key gives one receipt.
    let path = format!("/api/v1/instances/{hall}/events/call");
    let again = || {
        let request = Request::new("POST", &path)
            .header("Idempotency-Key", "same")
            .json(&json!({"amount": 5_000}));
        ann.send(request).expect(200).json()
    };
    let first = again();
    run(tick(&app.engine, app.engine.now())).unwrap();
    app.advance(5_000);
    assert_eq!(first, again());
    slips.push(first["receipt"].clone());

    // Nobody but its sender gets a copy of a receipt, and nobody reads the record yet but whom the definition names.
    let of = |client: &Client<'_>| client.get(&copy_of(&hall, &slips[1]));
    for other in [&ann, &app.sign_in("root"), &app.sign_in("watch")] {
        of(other).problem(404, "not_found");
    }
    let own: Receipt = serde_json::from_slice(&of(&bob).expect(200).bytes).unwrap();
    assert_eq!((json!(own.line), own.issued), (slips[1]["line"].clone(), Issued::Copy));
    let altered = |text: &str| bob.get(&text.replace(&hall, "01ARZ3NDEKTSV4RRFFQ69G5FAV")).status;
    assert_eq!(altered(&copy_of(&hall, &slips[1])), 404);
    for wrong in [
        "1",
        "x-y",
        "1-zz",
        &copy_of(&hall, &slips[1]).split_once('-').unwrap().1.replace('a', "b"),
    ] {
        bob.get(&format!("/api/v1/instances/{hall}/receipts/{wrong}"))
            .problem(404, "not_found");
    }
    let record = format!("/api/v1/instances/{hall}/record");
    for client in [&app.anyone(), &ann, &app.sign_in("root")] {
        client.get(&record).problem(404, "not_found");
    }
    app.sign_in("watch").get(&record).expect(200);
    let dossier = format!("/api/v1/admin/instances/{hall}/dossier");
    app.sign_in("watch").get(&dossier).problem(404, "not_found");

    ann.command(&format!("/api/v1/instances/{hall}/events/stop"), &json!({}))
        .expect(200);
    let (status, slip) = call(&bob, &hall, 9_000);
    assert_eq!((status, slip["reason"].as_str()), (409, Some("ended")));
    slips.push(slip);
    let file = String::from_utf8(ann.get(&record).expect(200).bytes).unwrap();
    let pem = app.anyone().get("/api/v1/platform/key").expect(200).bytes;
    let mut held = Held {
        keys: vec![PublicKey::from_pem(std::str::from_utf8(&pem).unwrap()).unwrap()],
        ..Held::default()
    };
    held.receipts = slips
        .iter()
        .map(|slip| serde_json::from_value(slip.clone()).unwrap())
        .collect();
    assert!(held.receipts.iter().all(|receipt| receipt.opening.is_none()));
    held.receipts.push(own);
    // Now that the record is open, copies tell the number, and with which checkpoint each receipt was made out.
    for slip in &slips {
        let sender = if slip["by"] == slips[0]["by"] { &ann } else { &bob };
        let copy = sender.get(&copy_of(&hall, slip)).expect(200).bytes;
        held.receipts.push(serde_json::from_slice(&copy).unwrap());
    }
    let report = verify(&file, &held);
    let newest = report
        .steps
        .iter()
        .filter(|step| step.text.starts_with("is the one over"));
    assert!(newest.count() > 2, "{report:#?}");
    assert!(report.holds(), "{report:#?}");
    assert!(report.steps.iter().all(|step| step.status == Status::Ok), "{report:#?}");
    let own = file.lines().filter(|line| !line.starts_with("{\"checkpoint\":"));
    let ends: Vec<_> = own.skip(1).map(|line| Row::parse(line).unwrap()).collect();
    let ends = ends.iter().rev().take(2).map(|row| (row.done, row.after));
    assert!(ends.eq([(false, true), (true, false)]));

    ann.get(&dossier).problem(403, "forbidden");
    let whole = String::from_utf8(app.sign_in("watch").get(&dossier).expect(200).bytes).unwrap();
    let report = verify_dossier(&whole, &held);
    assert!(
        report.holds() && report.steps.iter().any(|step| step.name == "replay"),
        "{report:#?}"
    );
}

/// Where a copy of a receipt is asked for.
pub fn copy_of(hall: &str, slip: &Value) -> String {
    let (decided, line) = (&slip["decided_at"], slip["line"]["sm3"].as_str().unwrap());
    format!("/api/v1/instances/{hall}/receipts/{decided}-{line}")
}

/// What a bidder is told while others offer more or less than in another world: the same, but for digests of what it cannot know.
#[test]
fn a_receipt_tells_nothing_of_how_many_others_there_are() {
    let told = |others: i64| {
        let app = TestApp::start();
        let hall = open(&app);
        let (ann, bob) = (app.sign_in("ann"), app.sign_in("bob"));
        let mut told = Vec::new();
        for round in 1..=4 {
            for number in 0..others {
                call(&bob, &hall, 1 - number);
                app.advance(1);
            }
            app.advance(60_900 - others);
            run(tick(&app.engine, app.engine.now())).unwrap();
            let (_, slip) = call(&ann, &hall, 1_000 * round);
            let copy = ann.get(&copy_of(&hall, &slip)).expect(200);
            // However often it is asked for, and whatever was signed meanwhile.
            app.advance(70_000);
            call(&bob, &hall, 1);
            run(tick(&app.engine, app.engine.now())).unwrap();
            assert_eq!(copy.bytes, ann.get(&copy_of(&hall, &slip)).expect(200).bytes);
            told.extend([slip, copy.json()]);
        }
        told
    };
    const DIGESTS: [&str; 4] = ["/line/sm3", "/line/sha256", "/sealed_checkpoint", "/signed"];
    let (mut one, mut other) = (told(0), told(7));
    // All that differs are digests, and no two of them are the same: none can be compared with another.
    let digest = |slip: &Value, name: &str| slip.pointer(name).unwrap().to_string();
    let seals: BTreeSet<_> = one
        .iter()
        .chain(&other)
        .map(|slip| digest(slip, "/sealed_checkpoint"))
        .collect();
    assert_eq!(seals.len(), one.len() + other.len());
    for slip in one.iter_mut().chain(&mut other) {
        for name in ["/instance", "/by"].iter().chain(&DIGESTS) {
            *slip.pointer_mut(name).unwrap() = Value::Null;
        }
    }
    assert_eq!(one, other);
    let names: Vec<_> = one[0].as_object().unwrap().keys().map(String::as_str).collect();
    let known = [
        "arrived_at",
        "by",
        "data",
        "decided_at",
        "event",
        "instance",
        "issued",
        "line",
        "outcome",
        "sealed_checkpoint",
        "signed",
    ];
    assert_eq!(names, known);
}

#[test]
fn a_machine_without_a_record_gives_no_receipt() {
    let app = TestApp::start();
    let hall = open(&app);
    let snapshot = run(app.engine.trade(&Name::from(hall.as_str()))).unwrap();
    let guest = snapshot
        .trade
        .instances
        .values()
        .find(|instance| instance.parent.is_some())
        .unwrap();
    app.sign_in("watch")
        .get(&format!("/api/v1/instances/{}/record", guest.id))
        .problem(404, "not_found");
}
