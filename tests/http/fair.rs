//! The stage of the trade tests: a small bundle published, an organisation, its clerk, an open fair, members.

use std::collections::BTreeMap;

use luochui::config::Config;
use luochui::store::account_rows::{self, OrganisationRow};
use serde_json::{Value, json};

use crate::support::app::{Client, Reply, Request, TestApp};

pub const PLACE: &str = "91110000600037341L";
pub const SECRET: &str = "canary-reserve-price";

pub fn files() -> BTreeMap<String, String> {
    let files = [
        ("bundle.yaml", include_str!("bundle/bundle.yaml")),
        ("fair.yaml", include_str!("bundle/fair.yaml")),
        ("offer.yaml", include_str!("bundle/offer.yaml")),
        ("stray.yaml", include_str!("bundle/stray.yaml")),
        ("templates/mail/todo_new/subject.txt.hbs", "{{todo.title}}"),
        ("templates/mail/todo_new/body.txt.hbs", "{{todo.title}}"),
    ];
    files
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect()
}

/// A server with the bundle published, and accounts `root`, `clerk`, `watch`, `finance`.
pub fn open_app() -> TestApp {
    open_app_with(|_| {})
}

pub fn open_app_with(change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::start_with(change);
    let row = OrganisationRow {
        code: PLACE.into(),
        name: "某某单位".into(),
        created_at: 0,
    };
    app.write(move |conn| account_rows::organisation_insert(conn, &row));
    app.account("root", &["admin"]);
    app.account("clerk", &[&format!("clerk@{PLACE}")]);
    app.account("watch", &["oversight@centre"]);
    app.account("finance", &["finance@centre"]);
    app.sign_in("root")
        .command("/api/v1/admin/definitions", &json!({"files": files()}))
        .expect(201);
    app
}

/// Opens a fair and, if asked for, publishes it. Returns its id.
pub fn fair(clerk: &Client<'_>, name: &str, category: &str) -> String {
    let data = json!({"name": name, "category": category, "place": PLACE});
    let reply = clerk
        .command("/api/v1/trades", &json!({"bundle": "fair", "data": data}))
        .expect(201)
        .json();
    reply["instance"].as_str().unwrap().to_owned()
}

pub fn todo_of(client: &Client<'_>, instance: &str) -> String {
    let list = client.get("/api/v1/todos").expect(200).json();
    let items = list["items"].as_array().unwrap();
    let found = items.iter().find(|todo| todo["instance"] == instance);
    found.unwrap_or_else(|| panic!("no to-do at {instance}: {list}"))["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

pub fn complete(client: &Client<'_>, instance: &str, outcome: &str, body: &Value) -> Reply {
    let todo = todo_of(client, instance);
    client.command(&format!("/api/v1/todos/{todo}/outcomes/{outcome}"), body)
}

pub fn published(clerk: &Client<'_>, name: &str, category: &str) -> String {
    let id = fair(clerk, name, category);
    complete(clerk, &id, "publish", &json!({"secret": SECRET})).expect(200);
    id
}

/// A member with this number.
pub fn member<'a>(app: &'a TestApp, name: &str, nth: u32) -> Client<'a> {
    app.account(name, &[]);
    let client = app.sign_in(name);
    client.complete_profile(nth);
    client
}

/// Starts an offer and submits it. Returns its id.
pub fn offer(client: &Client<'_>, fair: &str, amount: i64) -> String {
    let reply = client
        .command(&format!("/api/v1/instances/{fair}/events/offer"), &json!({}))
        .expect(200)
        .json();
    let id = reply["created"].as_str().unwrap().to_owned();
    complete(client, &id, "submit", &json!({"amount": amount})).expect(200);
    id
}

/// Uploads a file under a name.
pub fn upload(client: &Client<'_>, name: &str, content: &[u8]) -> Reply {
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"".to_vec();
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(b"\"\r\nContent-Type: application/octet-stream\r\n\r\n");
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--b--\r\n");
    let key = luochui_key();
    let request = Request::new("POST", "/api/v1/files").header("Idempotency-Key", key);
    client.send(request.bytes("multipart/form-data; boundary=b", body))
}

fn luochui_key() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static KEYS: AtomicU64 = AtomicU64::new(0);
    format!("upload-{}", KEYS.fetch_add(1, Ordering::Relaxed))
}
