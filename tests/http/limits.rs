//! How often one account may send events: enough for people, too seldom for machines.

use serde_json::json;

use crate::support::app::TestApp;

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
