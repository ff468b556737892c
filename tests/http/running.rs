//! What those who run the platform do: retry what failed, import a year of the calendar; and who gets which document.

use std::collections::BTreeMap;

use luochui::machine::Time;
use luochui::performers::files::Files;
use luochui::store::document_rows::{DocumentRow, document_insert};
use luochui::store::incident_rows::{IncidentRow, incident_open};
use luochui::store::outbox_payload::{Asked, Payload};
use luochui::store::outbox_rows::{OutboxRow, outbox_offer};
use serde_json::{Value, json};

use super::fair::{PLACE, files, member, open_app};
use crate::support::app::{Client, Request, TestApp};

const HOUR: i64 = 3_600_000;
const YEAR: &str = include_str!("../../workflows/calendars/cn-gov/2026.yaml");

/// The fair, with a timer that divides by a number that is zero until it is mended, and with two documents.
fn stall() -> BTreeMap<String, String> {
    let mut files = files();
    let mut change = |path: &str, from: &str, to: &str| {
        let text = files[path].replace(from, to);
        assert_ne!(text, files[path], "{from} stands in {path}");
        files.insert(path.to_owned(), text);
    };
    change("bundle.yaml", "name: fair", "name: stall");
    change(
        "bundle.yaml",
        "hooks:\n",
        "documents:\n  notice:  {title: 通知, read: public}\n  minutes: {title: 纪要, read: [clerk]}\nhooks:\n",
    );
    change(
        "fair.yaml",
        "events:\n",
        "  share:    {type: int, title: 份数, default: 0}\n\nevents:\n  mend: {title: 更正, from: [clerk]}\n",
    );
    change("fair.yaml", "due: 30 days", "due: 5 workdays");
    change(
        "fair.yaml",
        "then: over}",
        "then: {target: over, actions: [{assign: {share: 10 / data.share}}]}}",
    );
    change(
        "fair.yaml",
        "      close: over\n",
        "      close: over\n      mend: {actions: [{assign: {share: 2}}, {document: notice}, {document: minutes}]}\n",
    );
    for name in ["notice", "minutes"] {
        files.insert(format!("templates/documents/{name}.typ.hbs"), "通知".into());
    }
    files
}

fn open_stall(app: &TestApp) -> String {
    open_of(app, &stall())
}

fn open_of(app: &TestApp, files: &BTreeMap<String, String>) -> String {
    let published = app
        .sign_in("root")
        .command("/api/v1/admin/definitions", &json!({"files": files}));
    published.expect(201);
    let data = json!({"name": "摊位", "category": "甲", "place": PLACE});
    let opened = app
        .sign_in("clerk")
        .command("/api/v1/trades", &json!({"bundle": "stall", "data": data}))
        .expect(201)
        .json();
    opened["instance"].as_str().unwrap().to_owned()
}

fn publish(clerk: &Client<'_>, id: &str) {
    super::fair::complete(clerk, id, "publish", &json!({"secret": "x"})).expect(200);
}

fn incidents(app: &TestApp) -> Vec<Value> {
    let listed = app.sign_in("root").get("/api/v1/admin/incidents").expect(200).json();
    let open = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["closed_at"].is_null());
    open.cloned().collect()
}

fn retry(app: &TestApp, id: &Value) -> crate::support::app::Reply {
    let path = format!("/api/v1/admin/incidents/{}/retry", id.as_str().unwrap());
    app.sign_in("root").command(&path, &json!({}))
}

#[test]
fn a_failed_effect_is_queued_again_once() {
    let app = open_app();
    let now = app.clock.now();
    let payload = Payload {
        asked: Asked::Digest(json!({})),
        snapshot: json!({}),
    };
    let row = OutboxRow {
        attempts: 8,
        failed_at: Some(now.0),
        error: Some("refused".into()),
        ..OutboxRow::waiting("EFFECT1".into(), &payload, now).unwrap()
    };
    let incident = IncidentRow {
        id: "INCIDENT1".into(),
        trade: None,
        instance: None,
        kind: "outbox".into(),
        place: row.id.clone(),
        text: "refused".into(),
        opened_at: now.0,
        closed_at: None,
        closed_by: None,
    };
    app.write(move |conn| {
        outbox_offer(conn, &row)?;
        incident_open(conn, &incident)
    });
    let waiting = || app.write(move |conn| luochui::store::lease_rows::lease_wanted(conn, now));
    assert!(!waiting());
    retry(&app, &json!("INCIDENT1")).expect(200);
    assert!(waiting() && incidents(&app).is_empty());
    retry(&app, &json!("INCIDENT1")).problem(409, "conflict");
    retry(&app, &json!("INCIDENT2")).problem(404, "not_found");
}

#[test]
fn a_timer_that_could_not_fire_does_once_its_cause_is_mended() {
    let app = open_app();
    let id = open_stall(&app);
    publish(&app.sign_in("clerk"), &id);
    app.advance(HOUR);
    let send = |event: &str| {
        let path = format!("/api/v1/instances/{id}/events/{event}");
        app.sign_in("clerk").command(&path, &json!({})).expect(200);
    };
    // Any event fires what is due before it: the timer fails, is held, and the stall stays as it is.
    send("mend");
    let state = || app.sign_in("clerk").get(&format!("/api/v1/instances/{id}")).json()["states"][0]["path"].clone();
    assert_eq!(state(), "open");
    let open = incidents(&app);
    assert_eq!(open.len(), 1, "{open:?}");
    retry(&app, &open[0]["id"]).expect(200);
    assert_eq!(state(), "over");
    assert!(incidents(&app).is_empty());
}

#[test]
fn a_published_year_makes_provisional_deadlines_final() {
    let app = open_app();
    let root = app.sign_in("root");
    let import = |text: &str| root.command("/api/v1/admin/calendars", &json!({"text": text}));
    import("calendar: cn-gov\nyear: soon\n").problem(422, "invalid");
    let id = open_stall(&app);
    let clerk = app.sign_in("clerk");
    let provisional = || {
        let todo = super::fair::todo_of(&clerk, &id);
        clerk.get(&format!("/api/v1/todos/{todo}")).json()["provisional"].clone()
    };
    assert_eq!(provisional(), true);
    let first = import(YEAR).expect(200).json();
    assert_eq!((&first["calendar"], &first["trades"]), (&json!("cn-gov"), &json!(1)));
    assert_eq!(provisional(), false);
    let again = import(YEAR).expect(200).json();
    assert_eq!((&again["version"], &again["trades"]), (&first["version"], &json!(0)));
    let known = root.get("/api/v1/admin/calendars").expect(200).json();
    assert_eq!(known["items"][0]["years"][0]["year"], 2026, "{known}");
}

#[test]
fn a_document_is_for_those_who_may_read_it() {
    let folder = std::sync::Arc::new(std::sync::Mutex::new(std::path::PathBuf::new()));
    let own = std::sync::Arc::clone(&folder);
    let app = super::fair::open_app_with(move |config| *own.lock().unwrap() = config.files_folder());
    let id = open_stall(&app);
    publish(&app.sign_in("clerk"), &id);
    let sha256 = Files::open(folder.lock().unwrap().clone())
        .unwrap()
        .put(b"%PDF-1.7")
        .unwrap()
        .sha256;
    let row = |document: &str, name: &str, sha256: Option<&String>| DocumentRow {
        id: document.into(),
        trade: id.clone(),
        instance: id.clone(),
        machine: "fair".into(),
        name: name.into(),
        title: name.into(),
        revision: 1,
        number: None,
        sha256: sha256.cloned(),
        bytes: None,
        created_at: 0,
        ready_at: Some(Time(0).0),
    };
    let rows = [row("D1", "notice", Some(&sha256)), row("D2", "minutes", Some(&sha256))];
    app.write(move |conn| rows.iter().try_for_each(|row| document_insert(conn, row)));
    member(&app, "zhang", 1);
    let status = |client: &Client<'_>, id: &str| {
        client
            .send(Request::new("GET", &format!("/api/v1/documents/{id}")))
            .status
    };
    let listed = |client: &Client<'_>| {
        let list = client
            .get(&format!("/api/v1/instances/{id}/documents"))
            .expect(200)
            .json();
        list["items"].as_array().unwrap().len()
    };
    for (client, both) in [
        (app.anyone(), false),
        (app.sign_in("zhang"), false),
        (app.sign_in("finance"), false),
        (app.sign_in("clerk"), true),
        (app.sign_in("root"), false),
    ] {
        assert_eq!(status(&client, "D1"), 200);
        assert_eq!(status(&client, "D2"), if both { 200 } else { 404 });
        assert_eq!(status(&client, "D3"), 404);
        assert_eq!(listed(&client), if both { 2 } else { 1 });
    }
}

#[test]
fn the_course_is_silent_about_internal_states() {
    let app = open_app();
    let mut files = stall();
    let inside = "    tags: [open]\n    initial: calm\n    states:\n      calm: {title: 平静, on: {stir: stirred}}\n      stirred: {title: 内情, tags: [internal]}\n";
    let fair = files["fair.yaml"].replace("    tags: [open]\n", inside).replace(
        "  close: {title",
        "  stir:  {title: 搅动, from: [clerk]}\n  close: {title",
    );
    files.insert("fair.yaml".into(), fair);
    let id = open_of(&app, &files);
    let clerk = app.sign_in("clerk");
    publish(&clerk, &id);
    let course = |client: &Client<'_>| {
        client
            .get(&format!("/api/v1/instances/{id}/history"))
            .expect(200)
            .json()
    };
    let before = course(&clerk);
    clerk
        .command(&format!("/api/v1/instances/{id}/events/stir"), &json!({}))
        .expect(200);
    assert!(course(&clerk).to_string().contains("内情"));
    let after = course(&app.anyone()).to_string();
    assert!(!after.contains("内情") && !after.contains("stirred"), "{after}");
    assert_ne!(before, course(&clerk));
}
