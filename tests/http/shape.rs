//! What every route has in common: problems, headers, methods, the OpenAPI document.

use std::collections::BTreeSet;

use luochui::http::routes;
use luochui::http::{Allowed, Keyed};

use crate::support::app::{Request, TestApp};

#[test]
fn nothing_answers_plain_text() {
    let app = TestApp::start();
    let anyone = app.anyone();
    let title = anyone.get("/nowhere").problem(404, "not_found")["title"].clone();
    assert_eq!(title, "未找到");
    let english = anyone
        .send(Request::new("GET", "/nowhere").header("Accept-Language", "en"))
        .problem(404, "not_found");
    assert_eq!(english["title"], "Not found");
    let reply = anyone.send(Request::new("DELETE", "/api/v1/me"));
    assert_eq!(reply.headers.get("allow").map(String::as_str), Some("GET"));
    reply.problem(405, "method_not_allowed");
    let reply = anyone.get("/healthz").expect(200);
    assert_eq!(
        reply.headers.get("x-content-type-options").map(String::as_str),
        Some("nosniff")
    );
    assert!(reply.headers.contains_key("x-request-id"));
    assert!(
        !reply.headers.contains_key("access-control-allow-origin"),
        "CORS is closed"
    );
}

#[test]
fn the_document_and_the_list_name_the_same_routes() {
    let app = TestApp::start();
    let document = app.anyone().get("/api/openapi.json").expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(
                operation["summary"].is_string() && operation["description"].is_string(),
                "{method} {path}"
            );
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let all = routes::all();
    let listed: BTreeSet<_> = all
        .iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let pages: BTreeSet<_> = listed.difference(&described).cloned().collect();
    assert_eq!(pages, BTreeSet::from(["GET /api/docs/{file:.*}".to_owned()]));
    assert!(described.is_subset(&listed));
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for reference in references(&document) {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.contains_key(name), "{reference} leads nowhere");
    }
}

fn references(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(map) => {
            let own = map.get("$ref").and_then(|target| target.as_str()).map(str::to_owned);
            own.into_iter().chain(map.values().flat_map(references)).collect()
        }
        serde_json::Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_pages_of_the_document_need_no_network() {
    let app = TestApp::start();
    let page = app.anyone().get("/api/docs/").expect(200);
    let text = String::from_utf8(page.bytes).unwrap();
    assert!(!text.contains("http://") && !text.contains("https://"), "{text}");
    app.anyone().get("/api/docs/swagger-ui-bundle.js").expect(200);
    app.anyone().get("/api/docs/nothing.js").problem(404, "not_found");
}

#[test]
fn every_route_says_who_may_call_it_and_commands_carry_keys() {
    // Sessions are no commands, and a check or a verification changes nothing. A challenge is used once whatever key it came with.
    let open_posts = [
        "/api/v1/auth/login",
        "/api/v1/auth/refresh",
        "/api/v1/auth/logout",
        "/api/v1/auth/challenges",
        "/api/v1/auth/challenges/{id}/answer",
        "/api/v1/auth/challenges/{id}/collect",
        "/api/v1/auth/certificate",
        "/api/v1/auth/certificate/test",
        "/api/v1/soft-token/sign",
        // The job decides once, whatever answers come.
        "/api/v1/sealings/{job}",
        "/api/v1/admin/definitions/check",
        "/api/v1/verify",
    ];
    for route in routes::all() {
        let writes = route.method != "GET";
        if writes && route.method == "POST" && !open_posts.contains(&route.path) {
            let signed = matches!(route.allowed, Allowed::Signature | Allowed::MailLink);
            assert!(
                signed || route.keyed != Keyed::No,
                "{} {} takes no key",
                route.method,
                route.path
            );
        }
        if route.path.starts_with("/api/v1/admin/") {
            assert!(
                matches!(route.allowed, Allowed::Admin | Allowed::Supervision),
                "{}",
                route.path
            );
            assert!(!writes || route.allowed == Allowed::Admin, "{}", route.path);
        }
    }
}
