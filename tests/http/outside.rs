//! What comes from outside: signed messages, links in mails, definitions, incidents.

use hmac::{Hmac, KeyInit, Mac};
use luochui::machine::Time;
use luochui::store::token_rows::{self, TokenRow};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::fair::{fair, files, member, offer, open_app, published, todo_of};
use crate::support::app::{Reply, Request, TestApp};

const BANK: &str = "a secret for tests only, 32 bytes";

fn tell(app: &TestApp, at: Time, secret: &str, body: &Value) -> Reply {
    let stamp = at.0 / 1_000;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{stamp}.{body}").as_bytes());
    let signature = format!("t={stamp},v1={}", hex::encode(mac.finalize().into_bytes()));
    app.anyone().send(
        Request::new("POST", "/api/v1/hooks/money")
            .header("X-Luochui-Signature", signature)
            .json(body),
    )
}

#[test]
fn money_finds_its_instance_or_becomes_a_case() {
    let app = open_app();
    let id = published(&app.sign_in("clerk"), "集市", "甲");
    let zhang = member(&app, "zhang", 1);
    let own = offer(&zhang, &id, 500);
    let now = app.clock.now();
    let body = json!({"reference": own, "payer": "竞买人 1", "amount": 300, "ref": "B1"});
    tell(&app, now, "another secret", &body).problem(401, "bad_signature");
    tell(&app, Time(now.0 - 90_000_000), BANK, &body).problem(401, "bad_signature");
    app.anyone()
        .send(Request::new("POST", "/api/v1/hooks/money").json(&body))
        .problem(401, "bad_signature");
    let unknown = json!({"reference": own, "payer": "x", "amount": 300, "ref": "B1", "admin": true});
    tell(&app, now, BANK, &unknown).problem(422, "invalid");
    assert_eq!(tell(&app, now, BANK, &body).expect(200).json()["matched"], true);
    assert_eq!(
        tell(&app, Time(now.0 + 5_000), BANK, &body).expect(200).json()["matched"],
        true
    );
    let data = zhang.get(&format!("/api/v1/instances/{own}")).json()["data"].clone();
    assert_eq!((&data["paid"], &data["own_money"]), (&json!(300), &json!(true)));
    let foreign = json!({"reference": own, "payer": "某某公司", "amount": 1, "ref": "B2"});
    tell(&app, now, BANK, &foreign).expect(200);
    assert_eq!(
        zhang.get(&format!("/api/v1/instances/{own}")).json()["data"]["own_money"],
        false
    );

    let lost = json!({"reference": "nowhere", "payer": "某某", "amount": 7, "ref": "B3"});
    assert_eq!(tell(&app, now, BANK, &lost).expect(200).json()["matched"], false);
    assert_eq!(tell(&app, now, BANK, &lost).expect(200).json()["matched"], false);
    zhang
        .command(&format!("/api/v1/instances/{own}/events/stop"), &json!({}))
        .expect(200);
    let late = json!({"reference": own, "payer": "竞买人1", "amount": 9, "ref": "B4"});
    assert_eq!(tell(&app, now, BANK, &late).expect(200).json()["matched"], false);
    let cases = app
        .sign_in("root")
        .get("/api/v1/admin/instances?machine=stray")
        .expect(200)
        .json();
    assert_eq!(cases["items"].as_array().unwrap().len(), 2, "{cases}");
}

#[test]
fn a_link_acts_once_by_post_and_never_by_get() {
    let app = open_app();
    let clerk = app.sign_in("clerk");
    let id = fair(&clerk, "集市", "甲");
    let todo = todo_of(&clerk, &id);
    let account = clerk.get("/api/v1/me").json()["id"].as_str().unwrap().to_owned();
    let mint = |token: &str, act: &str, hours: i64| {
        let now = app.clock.now().0;
        let row = TokenRow {
            token_sha256: hex::encode(Sha256::digest(token.as_bytes())),
            account: account.clone(),
            instance: id.clone(),
            todo: todo.clone(),
            act: act.into(),
            created_at: now,
            expires_at: now + hours * 3_600_000,
            used_at: None,
        };
        app.write(move |conn| token_rows::token_create(conn, &row));
    };
    mint("good", "claim", 1);
    mint("money", "publish", 1);
    let claimed = || clerk.get(&format!("/api/v1/todos/{todo}")).json()["claimed"].clone();
    let page = app.anyone().get("/t/good").expect(200);
    assert!(page.headers["content-type"].starts_with("text/html"));
    assert_eq!(claimed(), false, "a GET does nothing");
    let text = String::from_utf8_lossy(&page.bytes).into_owned();
    assert!(
        text.contains("集市") && !text.contains("claim"),
        "it names the lot, and no act by its code: {text}"
    );
    app.anyone().send(Request::new("POST", "/t/good")).expect(200);
    assert_eq!(claimed(), true);
    for token in ["good", "money", "unknown"] {
        app.anyone().get(&format!("/t/{token}")).expect(410);
        app.anyone()
            .send(Request::new("POST", &format!("/t/{token}")))
            .expect(410);
    }
    mint("old", "claim", 1);
    app.advance(3_600_000);
    app.anyone().send(Request::new("POST", "/t/old")).expect(410);
    let page = app.anyone().get(&format!("/todos/{todo}")).expect(200);
    assert!(String::from_utf8_lossy(&page.bytes).contains("/portal/todo.js"));
    for file in ["page.js", "todo.js", "instance.js", "page.css"] {
        app.anyone().get(&format!("/portal/{file}")).expect(200);
    }
}

#[test]
fn definitions_are_checked_published_and_immutable() {
    let app = open_app();
    let admin = app.sign_in("root");
    let mut changed = files();
    changed.insert("fair.yaml".into(), changed["fair.yaml"].replace("集市", "庙会"));
    let taken = admin.command("/api/v1/admin/definitions", &json!({"files": changed}));
    taken.problem(409, "version_exists");
    admin
        .command("/api/v1/admin/definitions", &json!({"files": files()}))
        .expect(201);
    let mut broken = files();
    broken.insert(
        "fair.yaml".into(),
        "machine: fair\ninitial: nowhere\nstates: {}\n".into(),
    );
    let check = Request::new("POST", "/api/v1/admin/definitions/check").json(&json!({"files": broken}));
    let checked = admin.send(check).expect(200).json();
    assert_eq!(checked["valid"], false);
    let refused = admin
        .command("/api/v1/admin/definitions", &json!({"files": broken}))
        .problem(422, "definition_invalid");
    assert!(
        refused["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["file"].is_string() && one["line"].is_i64())
    );
    let listed = admin.get("/api/v1/admin/definitions").expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

#[test]
fn readiness_says_what_is_missing() {
    let app = TestApp::start();
    let problem = app.anyone().get("/readyz").problem(503, "unavailable");
    assert_eq!(problem["missing"], json!(["no workflow is published"]));
    let bare = tempfile::tempdir().unwrap();
    let folder = bare.path().to_owned();
    // A file that is called a font is none.
    std::fs::write(folder.join("some.ttf"), "no font").unwrap();
    let app = TestApp::start_with(move |config| config.paths.fonts = vec![folder]);
    let problem = app.anyone().get("/readyz").problem(503, "unavailable");
    assert!(
        problem["missing"].to_string().contains("documents cannot be rendered"),
        "{problem}"
    );
    let app = open_app();
    app.anyone().get("/readyz").expect(200);
    assert_eq!(
        app.anyone().get("/api/v1/time").expect(200).json()["now"],
        app.clock.now().0
    );
}

#[test]
fn counts_of_requests_are_for_this_machine_alone() {
    let app = open_app();
    app.anyone().get("/metrics").expect(200);
    let passed_on = || Request::new("GET", "/metrics").header("X-Forwarded-For", "203.0.113.7");
    app.anyone().send(passed_on()).problem(403, "forbidden");
    member(&app, "zhang", 1);
    app.sign_in("zhang").send(passed_on()).problem(403, "forbidden");
    app.sign_in("root").send(passed_on()).problem(403, "forbidden");
}
