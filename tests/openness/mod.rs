//! The built server runs a trade it never saw: a bundle that arrives through the admin's API is driven by REST and mail alone.

mod mailbox;
pub mod process;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use mailbox::mails;
use process::{Person, Server};

/// How long the workers may take; PDF needs its fonts loaded once.
const PATIENCE: Duration = Duration::from_secs(60);

/// The files of the bundle as an admin would upload them.
fn bundle_files() -> BTreeMap<String, String> {
    fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                collect(&path, &format!("{name}/"), files);
            } else if !name.ends_with(".test.yaml") {
                files.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    collect(Path::new("tests/openness/archive-loan"), "", &mut files);
    files
}

/// Asks again until there is an answer.
fn eventually<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn states(person: &Person<'_>, instance: &str) -> Vec<String> {
    let shown = person.get(&format!("/api/v1/instances/{instance}"), 200);
    let states = shown["states"].as_array().unwrap().iter();
    states
        .map(|state| state.as_str().or(state["path"].as_str()).unwrap().to_owned())
        .collect()
}

fn wait_for_state(person: &Person<'_>, instance: &str, state: &str) {
    eventually(state, || {
        states(person, instance).contains(&state.to_owned()).then_some(())
    });
}

#[test]
fn a_trade_nobody_foresaw_is_driven_by_rest_and_mail() {
    let folder = tempfile::tempdir().unwrap();
    process::add_admin(folder.path());
    let server = Server::start(folder.path());
    let admin = server.sign_in("admin");

    let department = "91110000600037341L";
    admin.command(
        "/api/v1/admin/organisations",
        &json!({"code": department, "name": "档案利用处"}),
        201,
    );
    for (name, post, at) in [("keeper", "keeper", "centre"), ("borrower", "borrower", department)] {
        let account = json!({"name": name, "email": format!("{name}@example.test"), "password": process::PASSWORD,
            "posts": [{"post": post, "organisation": at}]});
        admin.command("/api/v1/admin/accounts", &account, 201);
    }
    admin.command("/api/v1/admin/definitions", &json!({"files": bundle_files()}), 201);

    // The borrower opens the trade; the keeper may not, because the machine says who may.
    let (keeper, borrower) = (server.sign_in("keeper"), server.sign_in("borrower"));
    let opening = json!({"bundle": "archive-loan", "data": {"volume": "一九八七年第三卷", "copies": 1, "department": department}});
    keeper.command("/api/v1/trades", &opening, 403);
    let opened = borrower.command("/api/v1/trades", &opening, 201);
    let loan = opened["instance"].as_str().unwrap().to_owned();
    borrower.command(
        &format!("/api/v1/instances/{loan}/events/extend"),
        &json!({"copies": 2}),
        409,
    );

    // The to-do comes by mail, and its link does it: looking at the page changes nothing, pressing the button does.
    let link = eventually("the keeper's mail", || {
        let mails = mails(folder.path());
        let mail = mails.iter().find(|mail| mail.to == "keeper@example.test")?;
        assert_eq!(mail.subject, "您有一件待办：待管理员取卷");
        mail.link_to("lend")
    });
    let page = server.anyone().page("GET", &link, 200);
    assert!(page.contains("待管理员取卷"), "{page}");
    assert_eq!(states(&keeper, &loan), ["asked"]);
    server.anyone().page("POST", &link, 200);
    server.anyone().page("POST", &link, 410);

    // The document is rendered, numbered and can be fetched by those who may read it.
    wait_for_state(&borrower, &loan, "lent");
    let documents = borrower.get(&format!("/api/v1/instances/{loan}/documents"), 200);
    let slip = &documents["items"][0];
    assert_eq!((&slip["name"], &slip["title"]), (&json!("slip"), &json!("借阅单")));
    assert!(slip["number"].as_str().unwrap().starts_with("JY"), "{slip}");
    let pdf = borrower.bytes(&format!("/api/v1/documents/{}", slip["id"].as_str().unwrap()));
    assert!(pdf.starts_with(b"%PDF-"));

    // A declared refusal has its own sentence; the event within bounds restarts the timer.
    let extend = format!("/api/v1/instances/{loan}/events/extend");
    let refused = borrower.command(&extend, &json!({"copies": 4}), 409);
    assert_eq!(refused["code"], "too_many");
    assert!(refused.to_string().contains("一次最多借三卷"), "{refused}");
    borrower.command(&extend, &json!({"copies": 2}), 200);

    // The timer starts the child; its to-do, completed, hands its output to the parent, which ends.
    wait_for_state(&keeper, &loan, "missing");
    eventually("the borrower's mail", || {
        mails(folder.path())
            .into_iter()
            .find(|mail| mail.to == "borrower@example.test" && mail.subject.contains("一九八七年第三卷"))
    });
    let todos = keeper.get("/api/v1/todos", 200);
    let todo = todos["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|todo| todo["title"] == "查找卷宗")
        .unwrap();
    let id = todo["id"].as_str().unwrap();
    assert_eq!(borrower.get("/api/v1/todos", 200)["items"], json!([]));
    keeper.command(&format!("/api/v1/todos/{id}/claim"), &json!({}), 200);
    let unfilled = keeper.command(&format!("/api/v1/todos/{id}/outcomes/found"), &json!({}), 422);
    assert_eq!(unfilled["code"], "invalid", "{unfilled}");
    keeper.command(
        &format!("/api/v1/todos/{id}/outcomes/found"),
        &json!({"place": "阅览室"}),
        200,
    );
    wait_for_state(&borrower, &loan, "returned");
    let shown = borrower.get(&format!("/api/v1/instances/{loan}"), 200);
    assert_eq!(field(&shown, "found_at"), json!("阅览室"));
    let incidents = admin.get("/api/v1/admin/incidents", 200);
    assert_eq!(incidents["items"], json!([]));
}

fn field(shown: &Value, name: &str) -> Value {
    shown["data"][name].clone()
}
