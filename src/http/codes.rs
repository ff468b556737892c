//! The one table of codes: status and titles in both languages. Must not know how a problem is presented.

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
    ChallengeRefused,
    CertificateRefused,
    TooManyRequests,
    Overloaded,
    Unavailable,
    Incident,
    Internal,
}

/// All codes, for the documentation and the test that every row is complete.
pub const CODES: [Code; 34] = [
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
    Code::ChallengeRefused,
    Code::CertificateRefused,
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
            Self::ChallengeRefused => (
                "challenge_refused",
                401,
                "登录挑战无效、已使用或已过期，请重新开始",
                "The challenge is not valid, was used or is over, start again",
            ),
            Self::CertificateRefused => (
                "certificate_refused",
                403,
                "证书不能使用",
                "This certificate cannot be used",
            ),
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

#[cfg(test)]
mod tests {
    use super::*;

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
