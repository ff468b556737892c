//! A trade through the API alone, with machines the program never saw.

use serde_json::json;

use super::fair::{PLACE, SECRET, complete, fair, member, offer, open_app, published, todo_of, upload};
use crate::support::app::Request;

#[test]
fn a_trade_from_its_draft_to_its_end() {
    let app = open_app();
    let clerk = app.sign_in("clerk");
    let id = fair(&clerk, "春季集市", "甲");
    app.anyone()
        .get(&format!("/api/v1/listings/{id}"))
        .problem(404, "not_found");
    let todo = todo_of(&clerk, &id);
    let detail = clerk.get(&format!("/api/v1/todos/{todo}")).expect(200).json();
    assert_eq!(detail["pages"][0]["fields"][0]["name"], "secret");
    assert_eq!(detail["pages"][0]["fields"][1]["type"], "file");
    clerk
        .command(&format!("/api/v1/todos/{todo}/claim"), &json!({}))
        .expect(200);
    clerk
        .command(&format!("/api/v1/todos/{todo}/release"), &json!({}))
        .expect(200);
    let plan = upload(&clerk, "方案.pdf", b"%PDF-1.7 plan").expect(201).json()["id"].clone();
    complete(&clerk, &id, "publish", &json!({"secret": SECRET, "plan": plan})).expect(200);

    let seen = app.anyone().get(&format!("/api/v1/listings/{id}")).expect(200);
    assert!(!String::from_utf8_lossy(&seen.bytes).contains(SECRET));
    let seen = seen.json();
    assert_eq!(seen["data"]["name"], "春季集市");
    assert!(seen["data"].get("secret").is_none() && seen.get("due").is_none());
    let plan = plan.as_str().unwrap();
    app.anyone()
        .get(&format!("/api/v1/files/{plan}"))
        .problem(404, "not_found");
    let file = app
        .anyone()
        .get(&format!("/api/v1/files/{plan}?instance={id}"))
        .expect(200);
    assert_eq!(file.headers["content-type"], "application/pdf");
    assert!(file.headers["content-disposition"].contains("filename*=UTF-8''%E6%96%B9%E6%A1%88.pdf"));

    let zhang = member(&app, "zhang", 1);
    let own = offer(&zhang, &id, 500);
    let again = zhang.command(&format!("/api/v1/instances/{id}/events/offer"), &json!({}));
    let refused = again.problem(409, "already_started");
    assert_eq!(refused["title"], "您已报名");
    let mine = zhang.get("/api/v1/my/trades").expect(200).json();
    assert_eq!(mine["items"][0]["id"], own.as_str());
    assert_eq!(mine["items"][0]["about"]["name"], "春季集市");
    let raise = |by: i64| zhang.command(&format!("/api/v1/instances/{own}/events/raise"), &json!({"by": by}));
    raise(99).problem(409, "too_low");
    raise(100).expect(200);
    assert_eq!(
        zhang.get(&format!("/api/v1/instances/{own}")).json()["data"]["amount"],
        600
    );
    clerk.get(&format!("/api/v1/instances/{own}")).problem(404, "not_found");
    clerk
        .command(&format!("/api/v1/instances/{id}/events/close"), &json!({}))
        .expect(200);
    assert_eq!(
        clerk.get(&format!("/api/v1/instances/{own}")).expect(200).json()["data"]["amount"],
        600
    );
    let course = app
        .anyone()
        .get(&format!("/api/v1/instances/{id}/history"))
        .expect(200)
        .json();
    let last = course["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["to"][0]["title"], "结束");
    assert!(last.get("seq").is_none());
    let all = app
        .sign_in("root")
        .get(&format!("/api/v1/instances/{id}/history"))
        .expect(200)
        .json();
    assert!(
        all["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["event"] == "offer")
    );
}

#[test]
fn a_command_is_done_once_per_key() {
    let app = open_app();
    let id = published(&app.sign_in("clerk"), "集市", "甲");
    let zhang = member(&app, "zhang", 1);
    let own = offer(&zhang, &id, 500);
    let path = format!("/api/v1/instances/{own}/events/raise");
    let send = |by: i64| {
        zhang.send(
            Request::new("POST", &path)
                .header("Idempotency-Key", "once")
                .json(&json!({"by": by})),
        )
    };
    let first = send(100).expect(200).json();
    assert_eq!(send(100).expect(200).json(), first);
    send(200).problem(409, "idempotency_key_reused");
    assert_eq!(
        zhang.get(&format!("/api/v1/instances/{own}")).json()["data"]["amount"],
        600
    );
    zhang
        .send(Request::new("POST", &path).json(&json!({"by": 100})))
        .problem(400, "idempotency_key_required");
}

#[test]
fn lists_are_filtered_searched_and_paged() {
    let app = open_app();
    let clerk = app.sign_in("clerk");
    for (name, category) in [("一号铺面", "甲"), ("二号铺面", "乙"), ("Garage 100%", "甲")] {
        published(&clerk, name, category);
        app.advance(1_000);
    }
    let names = |query: &str| {
        let page = app.anyone().get(&format!("/api/v1/listings{query}")).expect(200).json();
        let items = page["items"].as_array().unwrap().iter();
        (
            items
                .map(|item| item["data"]["name"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>(),
            page["next"].clone(),
        )
    };
    assert_eq!(names("").0, ["Garage 100%", "二号铺面", "一号铺面"]);
    assert_eq!(names("?category=%E4%B9%99").0, ["二号铺面"]);
    assert_eq!(names("?q=%E9%93%BA%E9%9D%A2&category=%E7%94%B2").0, ["一号铺面"]);
    assert_eq!(names("?q=garage").0, ["Garage 100%"]);
    assert_eq!(names("?q=100%25").0, ["Garage 100%"]);
    assert!(names("?q=0_%25").0.is_empty(), "wildcards mean nothing");
    // A listed field that the public may not read is no oracle.
    assert!(names(&format!("?secret={SECRET}")).0.is_empty());
    assert!(names(&format!("?q={SECRET}")).0.is_empty());
    app.anyone().get("/api/v1/listings?place=x").problem(400, "bad_request");
    let (first, next) = names("?limit=2");
    let (rest, end) = names(&format!("?limit=2&after={}", next.as_str().unwrap()));
    assert_eq!([first, rest].concat(), ["Garage 100%", "二号铺面", "一号铺面"]);
    assert!(end.is_null());
}

#[test]
fn a_draft_is_kept_until_it_is_sent_and_never_overwritten_unseen() {
    let app = open_app();
    let clerk = app.sign_in("clerk");
    let id = fair(&clerk, "集市", "甲");
    let todo = todo_of(&clerk, &id);
    let path = format!("/api/v1/todos/{todo}/draft");
    let put = |body: &serde_json::Value| Request::new("PUT", &path).json(body);
    clerk.send(put(&json!({"name": "x"}))).problem(422, "invalid");
    let saved = clerk.send(put(&json!({"secret": "eins"}))).expect(204);
    clerk
        .send(put(&json!({"secret": "zwei"})))
        .problem(428, "precondition_required");
    clerk
        .send(put(&json!({"secret": "zwei"})).header("If-Match", "\"v7\""))
        .problem(412, "precondition_failed");
    clerk
        .send(put(&json!({"secret": "zwei"})).header("If-Match", saved.headers["etag"].clone()))
        .expect(204);
    let shown = clerk.get(&format!("/api/v1/todos/{todo}")).expect(200);
    assert_eq!(shown.headers["etag"], "\"v2\"");
    assert_eq!(shown.json()["draft"], json!({"secret": "zwei"}));
}

#[test]
fn nobody_opens_or_attaches_in_another_name() {
    let app = open_app();
    app.account("stranger", &["clerk@centre"]);
    app.account("other", &[]);
    let data = json!({"name": "集市", "category": "甲", "place": PLACE});
    let open = json!({"bundle": "fair", "data": data});
    app.sign_in("other")
        .command("/api/v1/trades", &open)
        .problem(403, "forbidden");
    app.sign_in("root")
        .command("/api/v1/trades", &open)
        .problem(403, "forbidden");
    app.sign_in("watch")
        .command("/api/v1/trades", &open)
        .problem(403, "forbidden");
    let clerk = app.sign_in("clerk");
    let foreign = upload(&app.sign_in("stranger"), "x.pdf", b"%PDF-1.7 foreign")
        .expect(201)
        .json()["id"]
        .clone();
    let id = fair(&clerk, "集市", "甲");
    complete(&clerk, &id, "publish", &json!({"secret": "", "plan": foreign})).problem(422, "invalid");
    let child = json!({"bundle": "fair", "machine": "offer", "data": {}});
    clerk.command("/api/v1/trades", &child).problem(422, "invalid");
    clerk
        .command("/api/v1/trades", &json!({"bundle": "none", "data": {}}))
        .problem(422, "invalid");
}

#[test]
fn uploads_are_told_by_content_and_limited() {
    let app = open_app();
    let clerk = app.sign_in("clerk");
    upload(&clerk, "a.pdf", b"<html><script>alert(1)</script></html>").problem(415, "unsupported_media_type");
    upload(&clerk, "a.pdf", b"MZ\x90\x00\x03").problem(415, "unsupported_media_type");
    upload(&clerk, "empty.txt", b"").problem(415, "unsupported_media_type");
    let named = upload(&clerk, "..%2f..\u{202e}/决议.txt", "决议".as_bytes())
        .expect(201)
        .json();
    assert_eq!(named["name"], "决议.txt");
    assert_eq!(named["media_type"], "text/plain");
    let big = vec![b'a'; 20 * 1024 * 1024 + 1];
    upload(&clerk, "big.txt", &big).problem(413, "too_large");
    let other = Request::new("POST", "/api/v1/files")
        .header("Idempotency-Key", "x")
        .json(&json!({}));
    clerk.send(other).problem(400, "bad_request");
}
