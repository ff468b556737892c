//! Every "no" the API can say, presented as an RFC 9457 problem.
//! Must not hold what caused a failure: that goes to the log, the client gets a request id.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

pub use super::codes::{CODES, Code};
pub use super::language::Language;
use crate::engine::EngineError;
use crate::ids::NoRandomness;
use crate::machine::step::{Answer, Refusal};
use crate::machine::value::{Map, Value};
use crate::store::StoreError;

/// A problem on its way to the client. Its text is chosen when the response leaves (`middleware`), by Accept-Language.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: u16,
    pub code: String,
    zh: Box<str>,
    en: Box<str>,
    pub detail: Option<String>,
    /// Further members: `tell` of a refusal, `diagnostics`, `retry_after`.
    pub members: Map,
    pub retry_after_seconds: Option<u32>,
}

impl Problem {
    #[must_use]
    pub fn new(code: Code) -> Self {
        let row = code.row();
        Self {
            status: row.status,
            code: row.code.to_owned(),
            zh: row.zh.into(),
            en: row.en.into(),
            detail: None,
            members: Map::new(),
            retry_after_seconds: None,
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
        problem.zh = refusal.text.as_str().into();
        problem.en = refusal.text.as_str().into();
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

    /// The sentence for a page, in Chinese.
    #[must_use]
    pub fn sentence(&self) -> &str {
        &self.zh
    }

    /// The body in the language asked for.
    #[must_use]
    pub fn body(&self, language: Language, request: &str) -> Vec<u8> {
        let title = match language {
            Language::Chinese => &self.zh,
            Language::English => &self.en,
        };
        let mut body = self.members.clone();
        body.insert("type".into(), format!("urn:luochui:problem:{}", self.code).into());
        body.insert("title".into(), Value::from(&**title));
        body.insert("status".into(), i64::from(self.status).into());
        body.insert("code".into(), self.code.as_str().into());
        body.insert("request".into(), request.into());
        if let Some(detail) = &self.detail {
            body.insert("detail".into(), detail.as_str().into());
        }
        serde_json::to_vec(&body).unwrap_or_default()
    }
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

impl From<NoRandomness> for Problem {
    fn from(error: NoRandomness) -> Self {
        Self::internal("draw randomness", &error)
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
            // Two at once wanted what only one can have; whoever asks again is told what it is.
            EngineError::Store(StoreError::Duplicate(_)) => Self::new(Code::Conflict),
            EngineError::Store(StoreError::Conflict) => Self::new(Code::Overloaded).retry_after(1),
            EngineError::Store(cause) => Self::internal("use the store", &cause),
            EngineError::Step(_) => Self::internal("decide", &error),
            EngineError::Signing(_) => Self::internal("sign", &error),
            EngineError::Panicked(_) | EngineError::Thread(_) => Self::internal("do what was asked", &error),
        }
    }
}
