//! Who may call what: every route of the list, as everybody, against what the list says.

use luochui::http::routes;
use luochui::http::{Allowed, Keyed};
use serde_json::json;

use super::fair::{member, offer, open_app, published};
use crate::support::app::{Client, Reply, Request, TestApp};

#[derive(Clone, Copy, PartialEq, Debug)]
enum Who {
    Anonymous,
    Bidder,
    OtherBidder,
    Staff,
    Oversight,
    Admin,
}

/// True where the route's standing lets them in. What they are answered then is the route's own business.
fn admits(allowed: Allowed, who: Who) -> bool {
    match allowed {
        Allowed::Anyone | Allowed::Signature | Allowed::MailLink => true,
        Allowed::SignedIn => who != Who::Anonymous,
        Allowed::Ordinary => matches!(who, Who::Bidder | Who::OtherBidder | Who::Staff),
        Allowed::Admin => who == Who::Admin,
        Allowed::Supervision => matches!(who, Who::Admin | Who::Oversight),
    }
}

#[test]
fn every_route_lets_in_whom_the_list_says() {
    let app = open_app();
    let fair = published(&app.sign_in("clerk"), "集市", "甲");
    let owner = member(&app, "owner", 1);
    let id = offer(&owner, &fair, 500);
    member(&app, "other", 2);
    let before = state(&app, &id);
    for (who, name) in [
        (Who::Anonymous, None),
        (Who::OtherBidder, Some("other")),
        (Who::Staff, Some("clerk")),
        (Who::Oversight, Some("watch")),
        (Who::Admin, Some("root")),
        (Who::Bidder, Some("owner")),
    ] {
        for route in routes::all() {
            let client = name.map_or_else(|| app.anyone(), |name| client(&app, name));
            let path = route
                .path
                .replace("{id}", &id)
                .replace("{outcome}", "submit")
                .replace("{job}", &id)
                .replace("{file:.*}", "")
                .replace("{file}", "page.css");
            let path = path
                .replace(
                    "{name}",
                    if route.path.contains("hooks") {
                        "money"
                    } else {
                        "nothing"
                    },
                )
                .replace("{token}", "x");
            let reply = client.send(request(route.method.as_str(), &path, route.keyed));
            let code = code(&reply);
            let place = format!("{} {} as {who:?}: {} {code}", route.method, route.path, reply.status);
            assert!(reply.status != 500, "{place}");
            if admits(route.allowed, who) {
                // `login_failed` and the like: empty bodies are refused for what they lack, not for who sends them.
                let own_no = route.path == "/api/v1/trades" || code == "bad_signature";
                assert!(
                    own_no || !matches!(code.as_str(), "unauthenticated" | "forbidden"),
                    "{place}"
                );
            } else {
                let expected = if who == Who::Anonymous {
                    (401, "unauthenticated")
                } else {
                    (403, "forbidden")
                };
                assert_eq!((reply.status, code.as_str()), expected, "{place}");
            }
        }
    }
    assert_eq!(state(&app, &id), before, "nothing was written to the instance");
}

fn client<'a>(app: &'a TestApp, name: &str) -> Client<'a> {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    // One sign-in each, renewed where a route has ended the session.
    thread_local! { static TOKENS: RefCell<BTreeMap<String, String>> = RefCell::default(); }
    let known = TOKENS.with_borrow(|tokens| tokens.get(name).cloned());
    if let Some(token) = known {
        let client = Client {
            app,
            token: Some(token),
        };
        if client.get("/api/v1/me").status == 200 {
            return client;
        }
    }
    let client = app.sign_in(name);
    TOKENS.with_borrow_mut(|tokens| tokens.insert(name.to_owned(), client.token.clone().unwrap()));
    client
}

fn state(app: &TestApp, id: &str) -> luochui::machine::Instance {
    let snapshot = crate::support::engine::run(app.engine.trade(&luochui::machine::Name::from(id))).unwrap();
    luochui::machine::Instance::clone(&snapshot.trade.instances[id])
}

fn request<'a>(method: &'a str, path: &'a str, keyed: Keyed) -> Request<'a> {
    let request = Request::new(method, path);
    let request = if method == "GET" {
        request
    } else {
        request.json(&json!({}))
    };
    if keyed != Keyed::No {
        request.header("Idempotency-Key", format!("{method}-{}", path.replace('/', "-")))
    } else {
        request
    }
}

fn code(reply: &Reply) -> String {
    let problem = reply
        .headers
        .get("content-type")
        .is_some_and(|kind| kind == "application/problem+json");
    if problem {
        reply.json()["code"].as_str().unwrap_or_default().to_owned()
    } else {
        String::new()
    }
}
