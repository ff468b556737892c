//! What a route is, and how a list of them becomes an actix application. Must not name a route.

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::{ResponseError, dev::ServiceRequest, web};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::guard::{Allowed, Keyed, guard};
use super::problem::{Code, Problem};

/// A schema with its name and those it refers to.
#[derive(Clone)]
pub struct Shape {
    pub name: String,
    pub schema: fn() -> RefOr<Schema>,
    pub parts: fn(&mut Vec<(String, RefOr<Schema>)>),
}

/// What a request carries.
#[derive(Clone)]
pub enum Body {
    None,
    Json(Shape),
    /// A JSON object whose fields the workflow declares.
    Fields,
    /// `multipart/form-data` with one part `file`.
    Upload,
}

/// What a good answer is.
#[derive(Clone)]
pub enum Answer {
    /// A JSON object described in words.
    Object,
    Json(Shape),
    Bytes(&'static str),
    Nothing,
}

/// One route.
#[derive(Clone)]
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub allowed: Allowed,
    pub keyed: Keyed,
    pub title: &'static str,
    pub body: Body,
    pub answer: Answer,
    /// Query parameters with what they mean.
    pub query: &'static [(&'static str, &'static str)],
    pub(super) handler: fn() -> actix_web::Route,
}

fn shape<T: ToSchema>() -> Shape {
    Shape {
        name: T::name().into_owned(),
        schema: T::schema,
        parts: T::schemas,
    }
}

impl Route {
    pub(super) fn new(
        method: Method,
        path: &'static str,
        allowed: Allowed,
        title: &'static str,
        handler: fn() -> actix_web::Route,
    ) -> Self {
        Self {
            method,
            path,
            allowed,
            keyed: Keyed::No,
            title,
            body: Body::None,
            answer: Answer::Object,
            query: &[],
            handler,
        }
    }

    pub(super) fn takes<T: ToSchema>(mut self) -> Self {
        self.body = Body::Json(shape::<T>());
        self
    }

    pub(super) fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    pub(super) fn gives<T: ToSchema>(mut self) -> Self {
        self.answer = Answer::Json(shape::<T>());
        self
    }

    pub(super) fn answers(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }

    pub(super) fn query(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        self.query = query;
        self
    }

    pub(super) fn keyed(mut self) -> Self {
        self.keyed = Keyed::Required;
        self
    }

    pub(super) fn timed(mut self) -> Self {
        self.keyed = Keyed::Timed;
        self
    }

    fn build(&self) -> actix_web::Route {
        let (allowed, keyed) = (self.allowed, self.keyed);
        let layer = from_fn(move |request: ServiceRequest, next: Next<_>| guard(allowed, keyed, request, next));
        (self.handler)().method(self.method.clone()).wrap(layer)
    }
}

pub(super) fn get(
    path: &'static str,
    allowed: Allowed,
    title: &'static str,
    handler: fn() -> actix_web::Route,
) -> Route {
    Route::new(Method::GET, path, allowed, title, handler)
}

pub(super) fn post(
    path: &'static str,
    allowed: Allowed,
    title: &'static str,
    handler: fn() -> actix_web::Route,
) -> Route {
    Route::new(Method::POST, path, allowed, title, handler)
}

pub(super) fn put(
    path: &'static str,
    allowed: Allowed,
    title: &'static str,
    handler: fn() -> actix_web::Route,
) -> Route {
    Route::new(Method::PUT, path, allowed, title, handler)
}

/// Puts routes into an actix application, those of one path together.
pub fn configure(routes: Vec<Route>, config: &mut web::ServiceConfig) {
    let mut by_path: Vec<(&'static str, Vec<Route>)> = Vec::new();
    let mut places = BTreeMap::new();
    for route in routes {
        let place = *places.entry(route.path).or_insert_with(|| {
            by_path.push((route.path, Vec::new()));
            by_path.len() - 1
        });
        if let Some((_, routes)) = by_path.get_mut(place) {
            routes.push(route);
        }
    }
    // Each path that is tried costs a match, so those that a deadline waits for come first.
    by_path.sort_by_key(|(_, routes)| !routes.iter().any(|route| route.keyed == Keyed::Timed));
    for (path, routes) in by_path {
        let allow: Vec<_> = routes.iter().map(|route| route.method.as_str().to_owned()).collect();
        let allow = allow.join(", ");
        let mut resource = web::resource(path);
        for route in &routes {
            resource = resource.route(route.build());
        }
        let refuse = move || {
            let mut response = Problem::new(Code::MethodNotAllowed).error_response();
            if let Ok(allow) = HeaderValue::from_str(&allow) {
                response.headers_mut().insert(ALLOW, allow);
            }
            std::future::ready(response)
        };
        config.service(resource.default_service(web::to(refuse)));
    }
}
