//! What a browser opens: the shells of the pages, their styles and scripts, and the two pages that the server draws itself, a mail
//! link's question and its answer. Must not hold scripts within pages: the policy forbids them.

use std::sync::LazyLock;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use handlebars::Handlebars;
use serde_json::{Value, json};

use super::extract;
use super::links;
use super::problem::{Code, Problem};
use super::state::AppState;

const TODO_SHELL: &str = include_str!("../../portal/todo.html");
const CERTIFICATE_SHELL: &str = include_str!("../../portal/certificate.html");
const INSTANCE_SHELL: &str = include_str!("../../portal/instance.html");
const ROOM_SHELL: &str = include_str!("../../portal/room.html");
const MINE_SHELL: &str = include_str!("../../portal/mine.html");
const HOME_SHELL: &str = include_str!("../../portal/home.html");
const PROFILE_SHELL: &str = include_str!("../../portal/profile.html");
const PRACTICE_SHELL: &str = include_str!("../../portal/practice.html");
const CALENDAR_SHELL: &str = include_str!("../../portal/calendar.html");
const VERIFY_SHELL: &str = include_str!("../../portal/verify.html");

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! portal {
    ($($name:literal: $kind:ident),+ $(,)?) => {
        &[$(($name, $kind, include_str!(concat!("../../portal/", $name)))),+]
    };
}

/// Styles and scripts: name, content type, text.
const ASSETS: &[(&str, &str, &str)] = portal! {
    "page.css": STYLE,
    "room.css": STYLE,
    "calendar.css": STYLE,
    "calendar.js": SCRIPT,
    "session.js": SCRIPT,
    "page.js": SCRIPT,
    "sealing.js": SCRIPT,
    "todo.js": SCRIPT,
    "instance.js": SCRIPT,
    "mine.js": SCRIPT,
    "clock.js": SCRIPT,
    "room.js": SCRIPT,
    "following.js": SCRIPT,
    "command.js": SCRIPT,
    "signing.js": SCRIPT,
    "bidding.js": SCRIPT,
    "certificate.js": SCRIPT,
    "certificate-page.js": SCRIPT,
    "verify.js": SCRIPT,
    "home.js": SCRIPT,
    "profile.js": SCRIPT,
    "practice.js": SCRIPT,
};

/// Everything that stands in a page is escaped, as handlebars does unless told otherwise; the templates tell nothing else.
static TEMPLATES: LazyLock<Result<Handlebars<'static>, String>> = LazyLock::new(|| {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    for (name, text) in [
        ("link", include_str!("../../portal/link.html.hbs")),
        ("said", include_str!("../../portal/said.html.hbs")),
    ] {
        registry
            .register_template_string(name, text)
            .map_err(|error| error.to_string())?;
    }
    Ok(registry)
});

/// `GET /t/{token}`: asks, and changes nothing.
///
/// # Errors
/// None that is not a page.
pub async fn ask(state: web::Data<AppState>, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    match links::look(&state, &path).await {
        Ok(offered) => {
            let page = json!({"title": offered.title, "trade": offered.trade, "act": offered.act});
            draw("link", &page, 200)
        }
        Err(problem) => said(&problem),
    }
}

/// `POST /t/{token}`: acts.
///
/// # Errors
/// None that is not a page.
pub async fn act(state: web::Data<AppState>, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    match links::perform(&state, &path).await {
        Ok(offered) => {
            let page = json!({"heading": "已办理", "text": offered.title, "href": format!("/todos/{}", offered.todo)});
            draw("said", &page, 200)
        }
        Err(problem) => said(&problem),
    }
}

/// `GET /todos/{id}`: the same page for every to-do; its script asks the API, and for the password where it must.
///
/// # Errors
/// An id that was never one.
pub async fn todo(path: web::Path<String>) -> Result<HttpResponse, Problem> {
    shell(&path, TODO_SHELL)
}

/// `GET /instances/{id}`: where mails about a trade lead; the same page for every instance, seen or not.
///
/// # Errors
/// An id that was never one.
pub async fn instance(path: web::Path<String>) -> Result<HttpResponse, Problem> {
    shell(&path, INSTANCE_SHELL)
}

/// `GET /rooms/{id}`: the room of an auction, the same page for everybody; its script follows the live stream.
///
/// # Errors
/// An id that was never one.
pub async fn room(path: web::Path<String>) -> Result<HttpResponse, Problem> {
    shell(&path, ROOM_SHELL)
}

/// `GET /mine` and `GET /login`: what one takes part in; asks for the password where it must.
pub async fn mine() -> HttpResponse {
    page(MINE_SHELL)
}

/// `GET /`: the public list.
pub async fn home() -> HttpResponse {
    page(HOME_SHELL)
}

/// `GET /profile`: registering, and completing who one is.
pub async fn profile() -> HttpResponse {
    page(PROFILE_SHELL)
}

/// `GET /practice`: starts a practice round and leads to its room.
pub async fn practice() -> HttpResponse {
    page(PRACTICE_SHELL)
}

/// `GET /calendar`: the announced sessions by day; knows nobody and asks for no password.
pub async fn calendar() -> HttpResponse {
    page(CALENDAR_SHELL)
}

/// `GET /verify`: asks for a file. Knows nothing of any document.
pub async fn verify() -> HttpResponse {
    page(VERIFY_SHELL)
}

/// `GET /verify/{id}`: where the code on a document leads; asks for the file all the same.
///
/// # Errors
/// An id that was never one.
pub async fn verify_document(path: web::Path<String>) -> Result<HttpResponse, Problem> {
    shell(&path, VERIFY_SHELL)
}

fn shell(id: &str, page: &'static str) -> Result<HttpResponse, Problem> {
    extract::id(id)?;
    Ok(self::page(page))
}

fn page(text: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(text)
}

/// `GET /certificate`: signing in with a certificate, and trying out key and seal.
pub async fn certificate() -> HttpResponse {
    page(CERTIFICATE_SHELL)
}

/// `GET /portal/{file}`
///
/// # Errors
/// No such file.
pub async fn asset(path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let found = ASSETS.iter().find(|(name, ..)| *name == path.as_str());
    let (_, kind, text) = *found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(text))
}

fn said(problem: &Problem) -> Result<HttpResponse, Problem> {
    let page = json!({"heading": "未能办理", "text": problem.sentence(), "href": ""});
    draw("said", &page, problem.status)
}

fn draw(name: &str, page: &Value, status: u16) -> Result<HttpResponse, Problem> {
    let registry = TEMPLATES
        .as_ref()
        .map_err(|error| Problem::internal("read the pages' templates", error))?;
    let text = registry
        .render(name, page)
        .map_err(|error| Problem::internal("draw a page", &error))?;
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    let mut response = HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(text);
    response.extensions_mut().insert(Drawn);
    Ok(response)
}

/// Marks an answer that is a page already, whatever its status.
pub struct Drawn;
