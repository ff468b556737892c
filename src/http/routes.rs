//! The one flat list of routes: method, path, who may call it, handler. The server and the documentation are made from it.
//! Must not hold behaviour.

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::middleware::{Next, from_fn};
use actix_web::{ResponseError, dev::ServiceRequest, web};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::api::{accounts, auth, health, me, organisations};
use super::guard::{Allowed, Keyed, guard};
use super::openapi;
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
    handler: fn() -> actix_web::Route,
}

fn shape<T: ToSchema>() -> Shape {
    Shape {
        name: T::name().into_owned(),
        schema: T::schema,
        parts: T::schemas,
    }
}

impl Route {
    fn new(
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

    fn takes<T: ToSchema>(mut self) -> Self {
        self.body = Body::Json(shape::<T>());
        self
    }

    fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    fn gives<T: ToSchema>(mut self) -> Self {
        self.answer = Answer::Json(shape::<T>());
        self
    }

    fn answers(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }

    fn query(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        self.query = query;
        self
    }

    fn keyed(mut self) -> Self {
        self.keyed = Keyed::Required;
        self
    }

    fn build(&self) -> actix_web::Route {
        let (allowed, keyed) = (self.allowed, self.keyed);
        let layer = from_fn(move |request: ServiceRequest, next: Next<_>| guard(allowed, keyed, request, next));
        (self.handler)().method(self.method.clone()).wrap(layer)
    }
}

const PAGED: &[(&str, &str)] = &[
    ("after", "翻页标记，取自上一页的 `next`"),
    ("limit", "每页条数，1 至 100"),
];

macro_rules! to {
    ($handler:path) => {
        || web::to($handler)
    };
}

fn get(path: &'static str, allowed: Allowed, title: &'static str, handler: fn() -> actix_web::Route) -> Route {
    Route::new(Method::GET, path, allowed, title, handler)
}

fn post(path: &'static str, allowed: Allowed, title: &'static str, handler: fn() -> actix_web::Route) -> Route {
    Route::new(Method::POST, path, allowed, title, handler)
}

fn put(path: &'static str, allowed: Allowed, title: &'static str, handler: fn() -> actix_web::Route) -> Route {
    Route::new(Method::PUT, path, allowed, title, handler)
}

/// All routes.
#[must_use]
pub fn all() -> Vec<Route> {
    [platform(), accounts()].concat()
}

fn platform() -> Vec<Route> {
    vec![
        get("/healthz", Allowed::Anyone, "进程在运行", to!(health::alive)),
        get(
            "/readyz",
            Allowed::Anyone,
            "可以受理请求；否则说明缺什么",
            to!(health::ready),
        ),
        get("/metrics", Allowed::Anyone, "Prometheus 指标", to!(health::metrics)).answers(Answer::Bytes("text/plain")),
        get("/api/openapi.json", Allowed::Anyone, "本文档", to!(openapi::document)),
        get(
            "/api/docs/{file:.*}",
            Allowed::Anyone,
            "接口文档页面",
            to!(openapi::page),
        )
        .answers(Answer::Bytes("text/html")),
    ]
}

fn accounts() -> Vec<Route> {
    use Allowed::{Admin, Anyone, Ordinary, SignedIn};
    vec![
        post("/api/v1/auth/login", Anyone, "登录", to!(auth::login))
            .takes::<auth::Login>()
            .gives::<auth::Signed>(),
        post("/api/v1/auth/refresh", Anyone, "换发令牌", to!(auth::refresh))
            .takes::<auth::Refresh>()
            .gives::<auth::Signed>(),
        post("/api/v1/auth/logout", SignedIn, "退出登录", to!(auth::logout)).answers(Answer::Nothing),
        post("/api/v1/accounts", Anyone, "注册", to!(accounts::register))
            .takes::<accounts::Register>()
            .gives::<accounts::Created>()
            .keyed(),
        get("/api/v1/me", SignedIn, "我的账号", to!(me::show)).gives::<me::Me>(),
        put("/api/v1/me/profile", Ordinary, "完善资料", to!(me::complete))
            .takes::<me::Profile>()
            .gives::<me::Me>(),
        put("/api/v1/me/password", SignedIn, "修改密码", to!(me::change_password))
            .takes::<me::ChangePassword>()
            .answers(Answer::Nothing),
        get("/api/v1/admin/accounts", Admin, "账号列表", to!(accounts::list)).query(PAGED),
        post("/api/v1/admin/accounts", Admin, "新建账号", to!(accounts::create))
            .takes::<accounts::Create>()
            .gives::<accounts::Created>()
            .keyed(),
        post(
            "/api/v1/admin/accounts/{id}/disable",
            Admin,
            "停用账号",
            to!(accounts::disable),
        )
        .keyed(),
        get(
            "/api/v1/admin/organisations",
            Admin,
            "单位列表",
            to!(organisations::list),
        )
        .query(PAGED),
        post(
            "/api/v1/admin/organisations",
            Admin,
            "登记单位",
            to!(organisations::create),
        )
        .takes::<organisations::Organisation>()
        .gives::<organisations::Organisation>()
        .keyed(),
    ]
}

/// Puts the list into an actix application.
pub fn configure(config: &mut web::ServiceConfig) {
    let mut by_path: Vec<(&'static str, Vec<Route>)> = Vec::new();
    let mut places = BTreeMap::new();
    for route in all() {
        let place = *places.entry(route.path).or_insert_with(|| {
            by_path.push((route.path, Vec::new()));
            by_path.len() - 1
        });
        if let Some((_, routes)) = by_path.get_mut(place) {
            routes.push(route);
        }
    }
    for (path, routes) in by_path {
        let allow: Vec<_> = routes.iter().map(|route| route.method.as_str().to_owned()).collect();
        let allow = allow.join(", ");
        let mut resource = web::resource(path);
        for route in &routes {
            resource = resource.route(route.build());
        }
        let refuse = move || {
            let mut problem = Problem::new(Code::MethodNotAllowed);
            problem.allow = Some(allow.clone());
            std::future::ready(problem.error_response())
        };
        config.service(resource.default_service(web::to(refuse)));
    }
}
