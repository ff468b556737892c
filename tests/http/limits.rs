//! How often one account may send events: enough for people, too seldom for machines.

use serde_json::json;

use super::fair::{member, offer, open_app_with, published};
use crate::support::app::{Client, Request, TestApp};

#[test]
fn events_of_one_account_to_one_instance_are_slowed_down_and_reading_is_not() {
    let app = TestApp::start_with(|config| {
        config.limits.events_per_second = 1;
        config.limits.events_burst = 2;
    });
    app.account("wang", &[]);
    app.account("li", &[]);
    let (wang, li) = (app.sign_in("wang"), app.sign_in("li"));
    let path = "/api/v1/instances/0LOT/events/offer";
    for _ in 0..2 {
        wang.command(path, &json!({})).problem(404, "not_found");
    }
    let refused = wang.command(path, &json!({}));
    assert_eq!(refused.headers.get("retry-after").map(String::as_str), Some("1"));
    refused.problem(429, "too_many_requests");
    wang.command("/api/v1/instances/1LOT/events/offer", &json!({}))
        .problem(404, "not_found");
    li.command(path, &json!({})).problem(404, "not_found");
    wang.get("/api/v1/me").expect(200);
}

#[test]
fn a_lost_reply_is_given_again_although_no_more_may_come() {
    let app = open_app_with(|config| {
        config.limits.events_per_second = 1;
        config.limits.events_burst = 2;
    });
    let fair = published(&app.sign_in("clerk"), "集市", "甲");
    let ann = member(&app, "ann", 1);
    let own = offer(&ann, &fair, 500);
    let path = format!("/api/v1/instances/{own}/events/raise");
    let raise = |client: &Client<'_>, key: &str| {
        let request = Request::new("POST", &path).header("Idempotency-Key", key);
        client.send(request.json(&json!({"by": 100})))
    };
    let first = raise(&ann, "one").expect(200).json();
    for _ in 0..5 {
        assert_eq!(raise(&ann, "one").expect(200).json(), first);
    }
    raise(&ann, "two").expect(200);
    raise(&ann, "three").problem(429, "too_many_requests");
    assert_eq!(raise(&ann, "one").expect(200).json(), first);
}
