//! The one table of codes: status and titles in both languages. Must not know how a problem is presented.

/// One row of the table.
pub struct Row {
    pub code: &'static str,
    pub status: u16,
    pub zh: &'static str,
    pub en: &'static str,
}

macro_rules! table {
    ($($name:ident: $status:literal $code:literal, $zh:literal, $en:literal;)+) => {
        /// What went wrong, by stable code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($name),+
        }

        /// All codes, for the documentation and the test that every row is complete.
        pub const CODES: &[Code] = &[$(Code::$name),+];

        impl Code {
            /// The code's row: its name in answers, its status, its titles.
            #[must_use]
            pub const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row { code: $code, status: $status, zh: $zh, en: $en }),+
                }
            }
        }
    };
}

table! {
    BadRequest: 400 "bad_request", "请求有误", "The request is malformed";
    InvalidJson: 400 "invalid_json", "请求内容不是有效的 JSON", "The body is not acceptable JSON";
    Invalid: 422 "invalid", "填写内容有误", "Some of the content is not valid";
    InvalidCursor: 400 "invalid_cursor", "翻页标记无效", "The page cursor is not valid";
    InvalidKey: 400 "invalid_idempotency_key", "幂等键无效", "The Idempotency-Key is not valid";
    KeyRequired: 400 "idempotency_key_required", "缺少幂等键", "An Idempotency-Key is required";
    KeyReused: 409 "idempotency_key_reused", "幂等键已用于其他请求", "The Idempotency-Key was used with another request";
    Unauthenticated: 401 "unauthenticated", "请先登录", "Sign in first";
    LoginFailed: 401 "login_failed", "用户名或密码不正确", "Wrong name or password";
    TokenExpired: 401 "token_expired", "登录已过期，请重新登录", "The sign-in has expired";
    Locked: 429 "locked", "登录失败次数过多，请稍后再试", "Too many failed sign-ins, try again later";
    Forbidden: 403 "forbidden", "无权进行此操作", "You may not do this";
    NotFound: 404 "not_found", "未找到", "Not found";
    MethodNotAllowed: 405 "method_not_allowed", "不支持此方法", "This method is not allowed here";
    NotAcceptable: 406 "not_acceptable", "无法提供所要求的格式", "No acceptable representation";
    TooLarge: 413 "too_large", "内容过大", "The content is too large";
    UnsupportedMedia: 415 "unsupported_media_type", "不支持的内容类型", "This kind of content is not accepted";
    PreconditionRequired: 428 "precondition_required", "须注明所修改的版本", "Say which version you edit (If-Match)";
    PreconditionFailed: 412 "precondition_failed", "内容已被他人修改，请刷新后重试", "The content has changed since you read it";
    NameTaken: 409 "name_taken", "该登录名不可用", "This sign-in name is not available";
    IdentityUnavailable: 409 "identity_unavailable", "该证件号码不可用，请联系交易中心", "This identity cannot be used, ask the centre";
    Conflict: 409 "conflict", "与现有内容冲突", "In conflict with what is there";
    LinkUsed: 410 "link_used", "链接已使用或已过期", "The link has been used or has expired";
    DefinitionInvalid: 422 "definition_invalid", "流程定义有误", "The definitions are not valid";
    VersionExists: 409 "version_exists", "该版本已发布，内容不可更改", "This version is published with other content";
    NotRendered: 404 "not_rendered", "文书尚未生成", "The document is not rendered yet";
    BadSignature: 401 "bad_signature", "签名无效", "The signature is not valid";
    ChallengeRefused: 401 "challenge_refused", "登录挑战无效、已使用或已过期，请重新开始", "The challenge is not valid, was used or is over, start again";
    CertificateRefused: 403 "certificate_refused", "证书不能使用", "This certificate cannot be used";
    TooManyRequests: 429 "too_many_requests", "请求过于频繁", "Too many requests";
    Overloaded: 503 "overloaded", "系统繁忙，请稍后再试", "Overloaded, try again";
    Unavailable: 503 "unavailable", "服务暂不可用", "Not available";
    Incident: 409 "incident", "处理未能完成，已通知管理员", "This could not be completed, the administrator has been told";
    Internal: 500 "internal", "系统内部错误", "Internal error";
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
