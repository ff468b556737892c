//! Accounts, profiles and organisations: what may be registered and by whom.

use serde_json::json;

use crate::support::app::{Request, TestApp, person_number};

#[test]
fn somebody_registers_and_becomes_a_member() {
    let app = TestApp::start();
    let body =
        json!({"name": "zhang", "display_name": "张三", "email": "z@example.test", "password": "correct horse 1"});
    let send = |key: &str, body: &serde_json::Value| {
        app.anyone().send(
            Request::new("POST", "/api/v1/accounts")
                .header("Idempotency-Key", key)
                .json(body),
        )
    };
    let id = send("k1", &body).expect(201).json()["id"].clone();
    assert_eq!(
        send("k1", &body).expect(201).json()["id"],
        id,
        "the same key gives the same answer"
    );
    send("k2", &body).problem(409, "name_taken");
    let client = app.sign_in("zhang");
    assert_eq!(client.get("/api/v1/me").json()["member"], false);
    let me = client.complete_profile(123);
    assert_eq!(me["member"], true);
    assert_eq!(
        me["party"]["code"].as_str().unwrap().trim_start_matches('*'),
        &person_number(123)[14..]
    );
}

#[test]
fn an_identity_is_checked_unique_and_for_good() {
    let app = TestApp::start();
    app.account("zhang", &[]);
    app.account("li", &[]);
    let (zhang, li) = (app.sign_in("zhang"), app.sign_in("li"));
    let profile = |code: &str, name: &str| json!({"kind": "person", "name": name, "code": code, "email": "a@b.test", "phone": "13800000000"});
    let put = |etag: &str, body: &serde_json::Value| {
        Request::new("PUT", "/api/v1/me/profile")
            .header("If-Match", etag)
            .json(body)
    };
    zhang
        .send(put("\"v1\"", &profile("433101199001011235", "张三")))
        .problem(422, "invalid");
    let sound = profile(&person_number(7), "张三");
    zhang
        .send(Request::new("PUT", "/api/v1/me/profile").json(&sound))
        .problem(428, "precondition_required");
    zhang.send(put("\"v9\"", &sound)).problem(412, "precondition_failed");
    zhang.send(put("\"v1\"", &sound)).expect(200);
    zhang.send(put("\"v1\"", &sound)).problem(412, "precondition_failed");
    let other = profile(&person_number(8), "张三");
    zhang.send(put("\"v2\"", &other)).problem(409, "identity_unavailable");
    li.send(put("\"v1\"", &sound)).problem(409, "identity_unavailable");
    assert_eq!(li.get("/api/v1/me").json()["member"], false);
}

#[test]
fn an_admin_makes_organisations_and_accounts_with_posts() {
    let app = TestApp::start();
    app.account("root", &["admin"]);
    let admin = app.sign_in("root");
    let unit = json!({"code": "91110000600037341L", "name": "某某单位"});
    admin
        .command(
            "/api/v1/admin/organisations",
            &json!({"code": "91110000600037341M", "name": "x"}),
        )
        .problem(422, "invalid");
    admin.command("/api/v1/admin/organisations", &unit).expect(201);
    admin
        .command("/api/v1/admin/organisations", &unit)
        .problem(409, "conflict");
    let account = |name: &str, at: &str| {
        json!({"name": name, "email": "a@b.test", "password": "correct horse 1",
            "posts": [{"post": "clerk", "organisation": at}]})
    };
    admin
        .command("/api/v1/admin/accounts", &account("clerk", "91110000600037341L"))
        .expect(201);
    admin
        .command("/api/v1/admin/accounts", &account("other", "123456789012345678"))
        .problem(422, "invalid");
    let id = app.sign_in("clerk").get("/api/v1/me").json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let clerk = app.sign_in("clerk");
    admin
        .command(&format!("/api/v1/admin/accounts/{id}/disable"), &json!({}))
        .expect(200);
    clerk.get("/api/v1/me").problem(401, "token_expired");
    let page = admin.get("/api/v1/admin/accounts?limit=1").expect(200).json();
    let next = page["next"].as_str().unwrap();
    let rest = admin
        .get(&format!("/api/v1/admin/accounts?after={next}"))
        .expect(200)
        .json();
    assert_ne!(page["items"][0]["id"], rest["items"][0]["id"]);
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
}
