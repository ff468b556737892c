//! Bad input: the right 4xx, never a 5xx, nothing written.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::fair::{member, offer, open_app, published};
use crate::support::app::{Client, Request};

#[test]
fn malformed_bodies_are_refused_and_write_nothing() {
    let app = open_app();
    let fair = published(&app.sign_in("clerk"), "集市", "甲");
    let zhang = member(&app, "zhang", 1);
    let own = offer(&zhang, &fair, 500);
    let path = format!("/api/v1/instances/{own}/events/raise");
    let history = |id: &str| {
        let snapshot = crate::support::engine::run(app.engine.trade(&luochui::machine::Name::from(id)));
        snapshot.unwrap().trade.seq
    };
    let before = history(&own);
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let long = format!("{{\"by\":\"{}\"}}", "x".repeat(2 << 20));
    let json = "application/json";
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        (json, b"{".to_vec(), 400),
        (json, b"{\"by\":100,\"by\":200}".to_vec(), 400),
        (json, b"{\"by\":1.5}".to_vec(), 400),
        (json, b"{\"by\":1e308}".to_vec(), 400),
        (json, b"{\"by\":-0}".to_vec(), 400),
        (json, b"{\"by\":NaN}".to_vec(), 400),
        (json, b"{\"by\":99999999999999999999}".to_vec(), 400),
        (json, b"{\"by\":\"\\u0000\"}".to_vec(), 400),
        (json, b"{\"by\":\"\xff\"}".to_vec(), 400),
        (json, b"{\"by\":\"\\ud800\"}".to_vec(), 400),
        (json, b"\xef\xbb\xbf{\"by\":100}".to_vec(), 400),
        (json, deep.into_bytes(), 400),
        (json, long.into_bytes(), 413),
        (json, b"[]".to_vec(), 422),
        (json, b"null".to_vec(), 422),
        (json, b"{}".to_vec(), 422),
        (json, b"{\"by\":\"100\"}".to_vec(), 422),
        (json, b"{\"by\":null}".to_vec(), 422),
        (json, b"{\"by\":100,\"state\":\"left\"}".to_vec(), 422),
        ("text/plain", b"{\"by\":100}".to_vec(), 415),
        ("application/json; charset=gbk", b"{\"by\":100}".to_vec(), 415),
        ("application/x-www-form-urlencoded", b"by=100".to_vec(), 415),
    ];
    for (at, (kind, body, status)) in cases.into_iter().enumerate() {
        let shown: String = String::from_utf8_lossy(&body).chars().take(60).collect();
        let request = Request::new("POST", &path)
            .header("Idempotency-Key", format!("bad-{at}"))
            .bytes(kind, body);
        let reply = zhang.send(request);
        assert_eq!(
            reply.status,
            status,
            "{shown}: {}",
            String::from_utf8_lossy(&reply.bytes)
        );
        assert_eq!(reply.headers["content-type"], "application/problem+json", "{shown}");
    }
    assert_eq!(history(&own), before);
    assert_eq!(
        zhang.get(&format!("/api/v1/instances/{own}")).json()["data"]["amount"],
        500
    );
}

#[test]
fn keys_ids_cursors_and_queries_are_checked() {
    let app = open_app();
    let zhang = member(&app, "zhang", 1);
    let long = "k".repeat(129);
    for key in ["", " ", "a b", &long, "schlüssel"] {
        let request = Request::new("POST", "/api/v1/trades")
            .header("Idempotency-Key", key)
            .json(&json!({}));
        let status = zhang.send(request).status;
        assert_eq!(status, 400, "{key:?}");
    }
    for id in [
        "%00",
        "%0d%0aX-Evil:1",
        "..%2f..%2fetc%2fpasswd",
        "%ff%fe",
        "'%20OR%201=1--",
        "😀",
        "A%2500",
        &"A".repeat(5_000),
    ] {
        for kind in ["instances", "todos", "files", "documents", "listings"] {
            let reply = zhang.get(&format!("/api/v1/{kind}/{}", urlencoded(id)));
            assert!((400..500).contains(&reply.status), "{kind}/{id}: {}", reply.status);
            assert_eq!(reply.headers["content-type"], "application/problem+json");
            assert!(!reply.headers.contains_key("x-evil"));
        }
    }
    let foreign = URL_SAFE_NO_PAD.encode("1:x:y");
    for query in [
        "after=%%",
        "after=",
        "after=AAAA",
        &format!("after={foreign}"),
        "limit=0",
        "limit=-1",
        "limit=1000000000",
        "limit=x",
        "limit=1&limit=2",
        "sort=password_hash",
        "q=%00",
        "q=%ff",
    ] {
        for path in ["/api/v1/listings", "/api/v1/todos", "/api/v1/my/trades"] {
            let reply = zhang.get(&format!("{path}?{query}"));
            assert!((400..500).contains(&reply.status), "{path}?{query}: {}", reply.status);
        }
    }
}

fn urlencoded(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii() {
                c.to_string()
            } else {
                c.to_string().bytes().map(|b| format!("%{b:02X}")).collect()
            }
        })
        .collect()
}

#[test]
fn foreign_tokens_open_nothing() {
    let app = open_app();
    let clerk = app.sign_in("clerk");
    let token = clerk.token.clone().unwrap();
    let (header, rest) = token.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let decoded: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let root = app.sign_in("root").get("/api/v1/me").json()["id"].clone();
    let mut bent = decoded.clone();
    bent["sub"] = root;
    let bent = URL_SAFE_NO_PAD.encode(bent.to_string());
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let tokens = [
        format!("{header}.{bent}.{signature}"),
        format!("{none}.{claims}."),
        format!("{none}.{bent}."),
        format!("{none}.{claims}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{token}x"),
        String::new(),
        "null".into(),
        "A".repeat(6_000),
    ];
    for token in tokens {
        let client = Client {
            app: &app,
            token: Some(token.clone()),
        };
        for path in ["/api/v1/me", "/api/v1/admin/accounts", "/api/v1/listings"] {
            let reply = client.get(path);
            assert_eq!(
                reply.status,
                401,
                "{path} with {}",
                token.chars().take(80).collect::<String>()
            );
        }
    }
    let basic = Request::new("GET", "/api/v1/me").header("Authorization", "Basic cm9vdDpyb290");
    app.anyone().send(basic).problem(401, "unauthenticated");
}

#[test]
fn accounts_take_no_tricks() {
    let app = open_app();
    let register = |body: &serde_json::Value, key: &str| {
        let reply = app.anyone().send(
            Request::new("POST", "/api/v1/accounts")
                .header("Idempotency-Key", key)
                .json(body),
        );
        reply.status
    };
    let sound =
        json!({"name": "wang", "display_name": "王五", "email": "w@example.test", "password": "correct horse 1"});
    let bends = [
        ("name", json!("WANG")),
        ("name", json!("wang\r\nBcc: x")),
        ("name", json!(7)),
        ("display_name", json!("王\u{202e}五")),
        ("email", json!("w@example.test\r\nBcc: all@example.test")),
        ("email", json!("a@b, c@d")),
        ("password", json!("short")),
        ("standing", json!("admin")),
        ("posts", json!([{"post": "chief", "organisation": "centre"}])),
        ("member", json!(true)),
    ];
    for (at, (field, value)) in bends.into_iter().enumerate() {
        let mut body = sound.clone();
        body[field] = value;
        assert_eq!(register(&body, &format!("bend-{at}")), 422, "{body}");
    }
    assert_eq!(register(&sound, "good"), 201);
    assert_eq!(app.sign_in("wang").get("/api/v1/me").json()["standing"], "ordinary");
}
