//! Signing in: tokens, refresh with reuse detection, lockout, the end of sessions.

use serde_json::json;

use crate::support::app::{Client, PASSWORD, Reply, Request, TestApp};

#[test]
fn a_session_from_sign_in_to_sign_out() {
    let app = TestApp::start();
    app.account("wang", &["reviewer@centre"]);
    let client = app.sign_in("wang");
    let me = client.get("/api/v1/me").expect(200).json();
    assert_eq!(me["name"], "wang");
    assert_eq!(me["posts"], json!([{"post": "reviewer", "organisation": "centre"}]));
    client.post("/api/v1/auth/logout", &json!({})).expect(204);
    client.get("/api/v1/me").problem(401, "token_expired");
}

#[test]
fn an_access_token_ends_by_our_clock() {
    let app = TestApp::start_with(|config| config.login.access_minutes = 10);
    app.account("wang", &[]);
    let client = app.sign_in("wang");
    app.advance(599_999);
    client.get("/api/v1/me").expect(200);
    app.advance(1);
    client.get("/api/v1/me").problem(401, "token_expired");
}

/// A signed-in account's first pair of tokens.
fn pair(app: &TestApp) -> serde_json::Value {
    app.account("wang", &[]);
    let login = json!({"name": "wang", "password": PASSWORD});
    app.anyone().post("/api/v1/auth/login", &login).expect(200).json()
}

fn renew(app: &TestApp, pair: &serde_json::Value) -> Reply {
    let held = json!({"refresh_token": pair["refresh_token"]});
    app.anyone().post("/api/v1/auth/refresh", &held)
}

fn holder<'a>(app: &'a TestApp, pair: &serde_json::Value) -> Client<'a> {
    Client {
        token: pair["access_token"].as_str().map(ToOwned::to_owned),
        ..app.anyone()
    }
}

#[test]
fn a_refresh_token_that_comes_back_ends_the_session() {
    let app = TestApp::start();
    let first = pair(&app);
    let second = renew(&app, &first).expect(200).json();
    let third = renew(&app, &second).expect(200).json();
    holder(&app, &third).get("/api/v1/me").expect(200);
    // Its successor is used: two have it.
    renew(&app, &first).problem(401, "token_expired");
    holder(&app, &third).get("/api/v1/me").problem(401, "token_expired");
    renew(&app, &third).problem(401, "token_expired");
}

#[test]
fn a_lost_answer_to_a_renewal_is_given_again_for_a_minute() {
    let app = TestApp::start();
    let first = pair(&app);
    let lost = renew(&app, &first).expect(200).json();
    app.advance(59_999);
    let again = renew(&app, &first).expect(200).json();
    assert_eq!(again["refresh_token"], lost["refresh_token"]);
    holder(&app, &again).get("/api/v1/me").expect(200);
    app.advance(1);
    renew(&app, &first).problem(401, "token_expired");
    holder(&app, &again).get("/api/v1/me").problem(401, "token_expired");
    renew(&app, &again).problem(401, "token_expired");
}

#[test]
fn renewals_that_come_at_once_get_the_same_answer() {
    let app = TestApp::start();
    let first = pair(&app);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| renew(&app, &first))).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    let next: Vec<_> = answers.into_iter().map(|answer| answer.expect(200).json()).collect();
    assert!(
        next.iter()
            .all(|pair| pair["refresh_token"] == next[0]["refresh_token"])
    );
    holder(&app, &next[3]).get("/api/v1/me").expect(200);
}

#[test]
fn guessing_locks_the_account_for_a_while() {
    let app = TestApp::start();
    app.account("wang", &[]);
    let wrong = json!({"name": "wang", "password": "wrong horse 1"});
    let right = json!({"name": "wang", "password": PASSWORD});
    for _ in 0..5 {
        app.anyone()
            .post("/api/v1/auth/login", &wrong)
            .problem(401, "login_failed");
    }
    let locked = app.anyone().post("/api/v1/auth/login", &right);
    assert!(locked.headers.contains_key("retry-after"));
    locked.problem(429, "locked");
    app.advance(30_000);
    app.anyone().post("/api/v1/auth/login", &right).expect(200);
    let unknown = json!({"name": "nobody", "password": PASSWORD});
    app.anyone()
        .post("/api/v1/auth/login", &unknown)
        .problem(401, "login_failed");
}

#[test]
fn a_new_password_ends_all_sessions() {
    let app = TestApp::start();
    app.account("wang", &[]);
    let login = json!({"name": "wang", "password": PASSWORD});
    let other = app.anyone().post("/api/v1/auth/login", &login).expect(200).json();
    let client = app.sign_in("wang");
    let change =
        |old: &str| Request::new("PUT", "/api/v1/me/password").json(&json!({"old": old, "new": "another horse 2"}));
    client.send(change("wrong horse 9")).problem(422, "invalid");
    client.send(change(PASSWORD)).expect(204);
    client.get("/api/v1/me").problem(401, "token_expired");
    let refresh = json!({"refresh_token": other["refresh_token"]});
    app.anyone()
        .post("/api/v1/auth/refresh", &refresh)
        .problem(401, "token_expired");
}

#[test]
fn one_address_may_not_try_for_ever() {
    let app = TestApp::start_with(|config| config.login.attempts_per_minute = 3);
    let wrong = json!({"name": "nobody", "password": "x"});
    for _ in 0..3 {
        app.anyone()
            .post("/api/v1/auth/login", &wrong)
            .problem(401, "login_failed");
    }
    app.anyone()
        .post("/api/v1/auth/login", &wrong)
        .problem(429, "too_many_requests");
}
