//! Every "no" the API can say: one table from code to status and titles, presented as RFC 9457 problems.
//! Must not hold what caused a failure: that goes to the log, the client gets a request id.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use crate::engine::EngineError;
use crate::machine::step::{Answer, Refusal};
use crate::machine::value::{Map, Value};

/// What went wrong, by stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    BadRequest,
    InvalidJson,
    Invalid,
    InvalidCursor,
    InvalidKey,
    KeyRequired,
    KeyReused,
    Unauthenticated,
    LoginFailed,
    TokenExpired,
    Locked,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    TooLarge,
    UnsupportedMedia,
    PreconditionRequired,
    PreconditionFailed,
    NameTaken,
    IdentityUnavailable,
    Conflict,
    LinkUsed,
    DefinitionInvalid,
    VersionExists,
    NotRendered,
    BadSignature,
    TooManyRequests,
    Overloaded,
    Unavailable,
    Incident,
    Internal,
}

/// All codes, for the documentation and the test that every row is complete.
pub const CODES: [Code; 32] = [
    Code::BadRequest,
    Code::InvalidJson,
    Code::Invalid,
    Code::InvalidCursor,
    Code::InvalidKey,
    Code::KeyRequired,
    Code::KeyReused,
    Code::Unauthenticated,
    Code::LoginFailed,
    Code::TokenExpired,
    Code::Locked,
    Code::Forbidden,
    Code::NotFound,
    Code::MethodNotAllowed,
    Code::NotAcceptable,
    Code::TooLarge,
    Code::UnsupportedMedia,
    Code::PreconditionRequired,
    Code::PreconditionFailed,
    Code::NameTaken,
    Code::IdentityUnavailable,
    Code::Conflict,
    Code::LinkUsed,
    Code::DefinitionInvalid,
    Code::VersionExists,
    Code::NotRendered,
    Code::BadSignature,
    Code::TooManyRequests,
    Code::Overloaded,
    Code::Unavailable,
    Code::Incident,
    Code::Internal,
];

/// One row of the table.
pub struct Row {
    pub code: &'static str,
    pub status: u16,
    pub zh: &'static str,
    pub en: &'static str,
}

impl Code {
    /// The code's row: its name in answers, its status, its titles.
    #[must_use]
    pub const fn row(self) -> Row {
        let (code, status, zh, en) = match self {
            Self::BadRequest => ("bad_request", 400, "请求有误", "The request is malformed"),
            Self::InvalidJson => (
                "invalid_json",
                400,
                "请求内容不是有效的 JSON",
                "The body is not acceptable JSON",
            ),
            Self::Invalid => ("invalid", 422, "填写内容有误", "Some of the content is not valid"),
            Self::InvalidCursor => ("invalid_cursor", 400, "翻页标记无效", "The page cursor is not valid"),
            Self::InvalidKey => (
                "invalid_idempotency_key",
                400,
                "幂等键无效",
                "The Idempotency-Key is not valid",
            ),
            Self::KeyRequired => (
                "idempotency_key_required",
                400,
                "缺少幂等键",
                "An Idempotency-Key is required",
            ),
            Self::KeyReused => (
                "idempotency_key_reused",
                409,
                "幂等键已用于其他请求",
                "The Idempotency-Key was used with another request",
            ),
            Self::Unauthenticated => ("unauthenticated", 401, "请先登录", "Sign in first"),
            Self::LoginFailed => ("login_failed", 401, "用户名或密码不正确", "Wrong name or password"),
            Self::TokenExpired => (
                "token_expired",
                401,
                "登录已过期，请重新登录",
                "The sign-in has expired",
            ),
            Self::Locked => (
                "locked",
                429,
                "登录失败次数过多，请稍后再试",
                "Too many failed sign-ins, try again later",
            ),
            Self::Forbidden => ("forbidden", 403, "无权进行此操作", "You may not do this"),
            Self::NotFound => ("not_found", 404, "未找到", "Not found"),
            Self::MethodNotAllowed => (
                "method_not_allowed",
                405,
                "不支持此方法",
                "This method is not allowed here",
            ),
            Self::NotAcceptable => (
                "not_acceptable",
                406,
                "无法提供所要求的格式",
                "No acceptable representation",
            ),
            Self::TooLarge => ("too_large", 413, "内容过大", "The content is too large"),
            Self::UnsupportedMedia => (
                "unsupported_media_type",
                415,
                "不支持的内容类型",
                "This kind of content is not accepted",
            ),
            Self::PreconditionRequired => (
                "precondition_required",
                428,
                "须注明所修改的版本",
                "Say which version you edit (If-Match)",
            ),
            Self::PreconditionFailed => (
                "precondition_failed",
                412,
                "内容已被他人修改，请刷新后重试",
                "The content has changed since you read it",
            ),
            Self::NameTaken => (
                "name_taken",
                409,
                "该登录名不可用",
                "This sign-in name is not available",
            ),
            Self::IdentityUnavailable => (
                "identity_unavailable",
                409,
                "该证件号码不可用，请联系交易中心",
                "This identity cannot be used, ask the centre",
            ),
            Self::Conflict => ("conflict", 409, "与现有内容冲突", "In conflict with what is there"),
            Self::LinkUsed => (
                "link_used",
                410,
                "链接已使用或已过期",
                "The link has been used or has expired",
            ),
            Self::DefinitionInvalid => (
                "definition_invalid",
                422,
                "流程定义有误",
                "The definitions are not valid",
            ),
            Self::VersionExists => (
                "version_exists",
                409,
                "该版本已发布，内容不可更改",
                "This version is published with other content",
            ),
            Self::NotRendered => ("not_rendered", 404, "文书尚未生成", "The document is not rendered yet"),
            Self::BadSignature => ("bad_signature", 401, "签名无效", "The signature is not valid"),
            Self::TooManyRequests => ("too_many_requests", 429, "请求过于频繁", "Too many requests"),
            Self::Overloaded => ("overloaded", 503, "系统繁忙，请稍后再试", "Overloaded, try again"),
            Self::Unavailable => ("unavailable", 503, "服务暂不可用", "Not available"),
            Self::Incident => (
                "incident",
                409,
                "处理未能完成，已通知管理员",
                "This could not be completed, the administrator has been told",
            ),
            Self::Internal => ("internal", 500, "系统内部错误", "Internal error"),
        };
        Row { code, status, zh, en }
    }
}

/// A problem on its way to the client. Its text is chosen when the response leaves (`middleware`), by Accept-Language.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: u16,
    pub code: String,
    zh: String,
    en: String,
    pub detail: Option<String>,
    /// Further members: `tell` of a refusal, `diagnostics`, `retry_after`.
    pub members: Map,
    pub retry_after_seconds: Option<u32>,
    pub allow: Option<String>,
}

impl Problem {
    #[must_use]
    pub fn new(code: Code) -> Self {
        let row = code.row();
        Self {
            status: row.status,
            code: row.code.to_owned(),
            zh: row.zh.to_owned(),
            en: row.en.to_owned(),
            detail: None,
            members: Map::new(),
            retry_after_seconds: None,
            allow: None,
        }
    }

    /// Says more about this occurrence. Must not tell what the client may not know.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// A field of a form that cannot be taken as it is.
    #[must_use]
    pub fn field(name: &str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self::new(Code::Invalid)
            .detail(format!("`{name}` {why}"))
            .member("field", name)
    }

    /// A failure of the machinery: logged here with its cause, opaque outside.
    #[must_use]
    pub fn internal(doing: &str, cause: &dyn std::fmt::Display) -> Self {
        tracing::error!("failed to {doing}: {cause}");
        Self::new(Code::Internal)
    }

    /// A lawful no of a machine, with its own sentence.
    #[must_use]
    pub fn refused(refusal: &Refusal) -> Self {
        let status = match &*refusal.code {
            "forbidden" | "same_person" => 403,
            "unknown_event" => 404,
            "invalid" => 422,
            _ => 409,
        };
        let mut problem = Self::new(Code::Conflict);
        problem.status = status;
        problem.code = refusal.code.to_string();
        problem.zh.clone_from(&refusal.text);
        problem.en.clone_from(&refusal.text);
        if !refusal.tell.is_empty() {
            problem.members.insert("tell".into(), Value::Map(refusal.tell.clone()));
        }
        problem
    }

    /// What an engine's answer says to the client, where it is not a yes.
    ///
    /// # Errors
    /// The refusal or the incident.
    pub fn check(answer: &Answer) -> Result<(), Self> {
        match answer {
            Answer::Taken { .. } | Answer::Repeated => Ok(()),
            Answer::Refused(refusal) => Err(Self::refused(refusal)),
            Answer::Failed(_) => Err(Self::new(Code::Incident)),
        }
    }

    /// The body in the language asked for.
    #[must_use]
    pub fn body(&self, language: Language, request: &str) -> Vec<u8> {
        let title = match language {
            Language::Chinese => &self.zh,
            Language::English => &self.en,
        };
        let mut body = self.members.clone();
        body.insert("type".into(), format!("/api/docs/problems#{}", self.code).into());
        body.insert("title".into(), title.as_str().into());
        body.insert("status".into(), i64::from(self.status).into());
        body.insert("code".into(), self.code.as_str().into());
        body.insert("request".into(), request.into());
        if let Some(detail) = &self.detail {
            body.insert("detail".into(), detail.as_str().into());
        }
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

/// The languages problems are told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Chinese,
    English,
}

impl Language {
    /// The first language of an Accept-Language header that is known, by weight; Chinese where none is.
    #[must_use]
    pub fn negotiate(header: &str) -> Self {
        let mut best = (0u32, Self::Chinese);
        for part in header.split(',').take(16) {
            let mut pieces = part.trim().split(';');
            let language = match pieces.next().map(|tag| tag.trim().to_ascii_lowercase()) {
                Some(tag) if tag == "zh" || tag.starts_with("zh-") => Self::Chinese,
                Some(tag) if tag == "en" || tag.starts_with("en-") => Self::English,
                _ => continue,
            };
            let weight = pieces
                .find_map(|piece| piece.trim().strip_prefix("q="))
                .map_or(1_000, thousandths);
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }
}

/// A weight such as `0.8` in thousandths; 0 where it is none.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
    let whole: u32 = whole.parse().unwrap_or(0);
    whole.min(1) * 1_000 + if whole >= 1 { 0 } else { padded.parse().unwrap_or(0) }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The body is written by the middleware, which knows the language; it finds the problem in the extensions.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NotFound => Self::new(Code::NotFound),
            EngineError::UnknownBundle(name) => Self::field("bundle", format!("names no published bundle: {name}")),
            EngineError::KeyReused => Self::new(Code::KeyReused),
            EngineError::Overloaded { retry_after_seconds } => {
                Self::new(Code::Overloaded).retry_after(retry_after_seconds)
            }
            EngineError::Stopping => Self::new(Code::Unavailable).retry_after(5),
            EngineError::Store(cause) => Self::internal("use the store", &cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_chosen_by_weight() {
        assert_eq!(Language::negotiate(""), Language::Chinese);
        assert_eq!(Language::negotiate("fr"), Language::Chinese);
        assert_eq!(Language::negotiate("en-GB"), Language::English);
        assert_eq!(Language::negotiate("zh-CN,en;q=0.9"), Language::Chinese);
        assert_eq!(Language::negotiate("zh;q=0.3, en;q=0.35"), Language::English);
        assert_eq!(Language::negotiate("en;q=0"), Language::Chinese);
    }

    #[test]
    fn every_code_is_unique_and_told_in_both_languages() {
        let mut seen = std::collections::BTreeSet::new();
        for code in CODES {
            let row = code.row();
            assert!(seen.insert(row.code), "{} stands twice", row.code);
            assert!((400..600).contains(&row.status));
            assert!(!row.zh.is_ascii() && row.en.is_ascii());
        }
    }
}
