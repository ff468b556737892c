//! The OpenAPI 3.1 document, made from the list of routes, and the page that shows it without a network.
//! Must not describe what is not in the list.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::{HttpResponse, web};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::response::{Response, ResponseBuilder, ResponsesBuilder};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, Required, Schema,
};

use super::guard::{Allowed, Keyed};
use super::problem::{CODES, Code, Problem};
use super::routes::{Answer, Body, Route, Shape, all};

const DESCRIPTION: &str = "金额为整数分，时间为 1970 年以来的毫秒（UTC）。每个命令须带 `Idempotency-Key`；\
同一键与同一内容得到同一回答。问题按 RFC 9457 返回，`code` 固定不变，文字随 `Accept-Language`。";

static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| serde_json::to_vec(&build()).unwrap_or_default());
static PAGE: LazyLock<Arc<utoipa_swagger_ui::Config<'static>>> =
    LazyLock::new(|| Arc::new(utoipa_swagger_ui::Config::from("/api/openapi.json").try_it_out_enabled(true)));

/// `GET /api/openapi.json`
pub async fn document() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(DOCUMENT.clone())
}

/// `GET /api/docs/…`
///
/// # Errors
/// No such file.
pub async fn page(path: web::Path<String>) -> Result<HttpResponse, Problem> {
    if path.as_str() == "index" {
        return Ok(HttpResponse::PermanentRedirect()
            .insert_header((LOCATION, "/api/docs/"))
            .finish());
    }
    let file = utoipa_swagger_ui::serve(&path, Arc::clone(&PAGE))
        .map_err(|error| Problem::internal("serve a page", &error))?;
    let file = file.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(HttpResponse::Ok()
        .content_type(file.content_type)
        .body(file.bytes.into_owned()))
}

/// The document.
#[must_use]
pub fn build() -> OpenApi {
    let mut schemas: Vec<(String, RefOr<Schema>)> = vec![("Problem".to_owned(), problem().into())];
    let mut paths = PathsBuilder::new();
    for route in all().iter().filter(|route| !route.path.starts_with("/api/docs")) {
        let shapes = [body_shape(&route.body), answer_shape(&route.answer)];
        for shape in shapes.into_iter().flatten() {
            schemas.push((shape.name.clone(), (shape.schema)()));
            (shape.parts)(&mut schemas);
        }
        let item = utoipa::openapi::PathItem::new(method(route), operation(route));
        paths = paths.path(route.path, item);
    }
    let bearer = SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build(),
    );
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme("bearer", bearer);
    let title = InfoBuilder::new()
        .title("落槌 Luochui")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION));
    OpenApiBuilder::new()
        .info(title)
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

/// What a live stream sends.
const EVENTS: &str = "事件：snapshot（同实况）；published `{number, at, data}`，编号即 id，凭 Last-Event-ID 续接；time `{now}`；\
    dropped `{reason, last}`；closing `{reason, last}`。data 的字段同实况";

fn body_shape(body: &Body) -> Option<&Shape> {
    match body {
        Body::Json(shape) => Some(shape),
        Body::None | Body::Fields | Body::Upload => None,
    }
}

fn answer_shape(answer: &Answer) -> Option<&Shape> {
    match answer {
        Answer::Json(shape) => Some(shape),
        Answer::Object | Answer::Bytes(_) | Answer::Nothing => None,
    }
}

fn method(route: &Route) -> HttpMethod {
    match route.method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(route: &Route) -> utoipa::openapi::path::Operation {
    let who = match route.allowed {
        Allowed::Anyone => "任何人",
        Allowed::SignedIn => "已登录",
        Allowed::Ordinary => "参与交易的账号",
        Allowed::Admin => "平台管理员",
        Allowed::Supervision => "平台管理员与监督账号",
        Allowed::Signature => "签名的外部系统",
        Allowed::MailLink => "持邮件链接者",
    };
    let mut operation = OperationBuilder::new()
        .summary(Some(route.title))
        .description(Some(format!("权限：{who}")))
        .tag(tag(route.path))
        .responses(responses(route));
    for parameter in parameters(route) {
        operation = operation.parameter(parameter);
    }
    if let Some(body) = body(&route.body) {
        operation = operation.request_body(Some(body));
    }
    let open = matches!(route.allowed, Allowed::Anyone | Allowed::Signature | Allowed::MailLink);
    if !open {
        operation = operation.security(SecurityRequirement::new("bearer", Vec::<String>::new()));
    }
    operation.build()
}

/// The first word of the path below `/api/v1`.
fn tag(path: &str) -> &str {
    path.trim_start_matches("/api/v1")
        .trim_start_matches('/')
        .split('/')
        .next()
        .filter(|tag| !tag.is_empty())
        .unwrap_or("platform")
}

fn parameters(route: &Route) -> Vec<Parameter> {
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    let named = |name: &str, place: ParameterIn, required: Required| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(required)
            .schema(Some(text()))
    };
    let mut parameters: Vec<_> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            named(
                name.split(':').next().unwrap_or(name),
                ParameterIn::Path,
                Required::True,
            )
            .build()
        })
        .collect();
    for (name, meaning) in route.query {
        parameters.push(
            named(name, ParameterIn::Query, Required::False)
                .description(Some(*meaning))
                .build(),
        );
    }
    if route.keyed != Keyed::No {
        parameters.push(named("Idempotency-Key", ParameterIn::Header, Required::True).build());
    }
    parameters
}

fn body(body: &Body) -> Option<RequestBody> {
    let required = RequestBodyBuilder::new().required(Some(Required::True));
    match body {
        Body::None => None,
        Body::Json(shape) => {
            let schema = Ref::from_schema_name(&shape.name);
            Some(
                required
                    .content("application/json", ContentBuilder::new().schema(Some(schema)).build())
                    .build(),
            )
        }
        Body::Fields => {
            let schema = ObjectBuilder::new().description(Some("流程定义所声明的字段")).build();
            Some(
                required
                    .content("application/json", ContentBuilder::new().schema(Some(schema)).build())
                    .build(),
            )
        }
        Body::Upload => {
            let file = ObjectBuilder::new().schema_type(Type::String).build();
            let schema = ObjectBuilder::new().property("file", file).required("file").build();
            Some(
                required
                    .content(
                        "multipart/form-data",
                        ContentBuilder::new().schema(Some(schema)).build(),
                    )
                    .build(),
            )
        }
    }
}

fn responses(route: &Route) -> utoipa::openapi::Responses {
    let good = match &route.answer {
        Answer::Nothing => ResponseBuilder::new().description("完成").build(),
        Answer::Bytes(kind) => {
            let schema = ObjectBuilder::new().schema_type(Type::String).build();
            let what = if *kind == "text/event-stream" { EVENTS } else { "内容" };
            content(what, kind, schema.into())
        }
        Answer::Object => content("回答", "application/json", ObjectBuilder::new().build().into()),
        Answer::Json(shape) => content("回答", "application/json", Ref::from_schema_name(&shape.name).into()),
    };
    let status = if matches!(route.answer, Answer::Nothing) {
        "204"
    } else {
        "2XX"
    };
    let problem = content(
        "问题",
        "application/problem+json",
        Ref::from_schema_name("Problem").into(),
    );
    ResponsesBuilder::new()
        .response(status, good)
        .response("default", problem)
        .build()
}

fn content(description: &str, kind: &str, schema: RefOr<Schema>) -> Response {
    ResponseBuilder::new()
        .description(description)
        .content(kind, ContentBuilder::new().schema(Some(schema)).build())
        .build()
}

fn problem() -> Schema {
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    let codes: Vec<_> = CODES.iter().map(|code| code.row().code).collect();
    let code = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(format!("平台的代码：{}；流程定义可另行声明", codes.join("、"))))
        .build();
    let diagnostics = ArrayBuilder::new().items(ObjectBuilder::new().build()).build();
    Schema::Object(
        ObjectBuilder::new()
            .property("type", text())
            .property("title", text())
            .property("status", ObjectBuilder::new().schema_type(Type::Integer).build())
            .property("code", code)
            .property("detail", text())
            .property("request", text())
            .property("tell", ObjectBuilder::new().build())
            .property("diagnostics", diagnostics)
            .required("type")
            .required("title")
            .required("status")
            .required("code")
            .build(),
    )
}
