//! Why a certificate is refused: a stable code for programs and logs, and what its holder can do about it.
//! Must not tell more than the certificate's holder may know.

/// One reason each. The codes are part of the interface and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    Malformed,
    UnknownIssuer,
    BadSignature,
    WrongAlgorithm,
    WrongCurve,
    AlgorithmsDiffer,
    KeyIdentifiersDiffer,
    UnknownCritical,
    BadSerial,
    Loop,
    ChainTooLong,
    NotAnAuthority,
    MayNotIssue,
    PathTooLong,
    WrongUsage,
    EncryptionCertificate,
    NotYetValid,
    Expired,
    Revoked,
    RevocationUnknown,
    RevocationListExpired,
    RevocationListInvalid,
    NoProfile,
    Unlisted,
    NoSubjectCode,
    BadSubjectCode,
    SubjectCodesDiffer,
    NotASealMaker,
}

/// All codes, for documentation and for the test that each is proved.
pub const CODES: [Code; 28] = [
    Code::Malformed,
    Code::UnknownIssuer,
    Code::BadSignature,
    Code::WrongAlgorithm,
    Code::WrongCurve,
    Code::AlgorithmsDiffer,
    Code::KeyIdentifiersDiffer,
    Code::UnknownCritical,
    Code::BadSerial,
    Code::Loop,
    Code::ChainTooLong,
    Code::NotAnAuthority,
    Code::MayNotIssue,
    Code::PathTooLong,
    Code::WrongUsage,
    Code::EncryptionCertificate,
    Code::NotYetValid,
    Code::Expired,
    Code::Revoked,
    Code::RevocationUnknown,
    Code::RevocationListExpired,
    Code::RevocationListInvalid,
    Code::NoProfile,
    Code::Unlisted,
    Code::NoSubjectCode,
    Code::BadSubjectCode,
    Code::SubjectCodesDiffer,
    Code::NotASealMaker,
];

impl Code {
    /// The code as programs and logs see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// What it means, in Chinese.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        self.row().1
    }

    /// What the holder can do about it; nothing for those who may be no holder at all.
    #[must_use]
    pub const fn advice(self) -> Option<&'static str> {
        match self {
            Self::Expired => Some("证书已过期，请联系发证机构续期或换发"),
            Self::NotYetValid => Some("证书尚未生效，请在生效后使用"),
            Self::Revoked => Some("证书已被吊销或冻结，请联系发证机构"),
            Self::UnknownIssuer | Self::Unlisted | Self::NoProfile => Some("发证机构不在本平台认可的名录内"),
            Self::WrongAlgorithm | Self::WrongCurve => {
                Some("证书不是符合国家标准（GB/T 20518、GB/T 38540）的 SM2 证书，请联系发证机构免费更换")
            }
            Self::EncryptionCertificate => Some("这是加密证书，请选用同一介质中的签名证书"),
            Self::WrongUsage => Some("证书的密钥用途不含数字签名，请选用签名证书"),
            Self::NoSubjectCode | Self::BadSubjectCode | Self::SubjectCodesDiffer => {
                Some("证书中没有可核对的统一社会信用代码或公民身份号码，请联系发证机构更换")
            }
            Self::RevocationUnknown | Self::RevocationListExpired | Self::RevocationListInvalid => {
                Some("暂时无法核对证书的吊销状态，请稍后再试或联系交易中心")
            }
            Self::NotASealMaker => Some("请向名录内的制章机构换领印章"),
            _ => None,
        }
    }

    const fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Malformed => ("malformed", "不是有效的证书"),
            Self::UnknownIssuer => ("unknown_issuer", "发证机构不在名录内，或缺少中间证书"),
            Self::BadSignature => ("bad_signature", "证书的签名值与发证机构不符"),
            Self::WrongAlgorithm => ("wrong_algorithm", "签名算法不是 SM2/SM3"),
            Self::WrongCurve => ("wrong_curve", "公钥不在 SM2 曲线上"),
            Self::AlgorithmsDiffer => ("algorithms_differ", "证书内外的签名算法不一致"),
            Self::KeyIdentifiersDiffer => ("key_identifiers_differ", "颁发者密钥标识不符"),
            Self::UnknownCritical => ("unknown_critical", "含有无法识别的关键扩展"),
            Self::BadSerial => ("bad_serial", "序列号无效"),
            Self::Loop => ("loop", "证书链成环"),
            Self::ChainTooLong => ("chain_too_long", "证书链过长"),
            Self::NotAnAuthority => ("not_an_authority", "上级证书不是 CA 证书"),
            Self::MayNotIssue => ("may_not_issue", "上级证书无权签发证书"),
            Self::PathTooLong => ("path_too_long", "超出上级证书的路径长度限制"),
            Self::WrongUsage => ("wrong_usage", "密钥用途不符"),
            Self::EncryptionCertificate => ("encryption_certificate", "是加密证书，不能用于签名"),
            Self::NotYetValid => ("not_yet_valid", "证书尚未生效"),
            Self::Expired => ("expired", "证书已过期"),
            Self::Revoked => ("revoked", "证书已被吊销"),
            Self::RevocationUnknown => ("revocation_unknown", "没有该发证机构的吊销列表"),
            Self::RevocationListExpired => ("revocation_list_expired", "吊销列表已过期"),
            Self::RevocationListInvalid => ("revocation_list_invalid", "吊销列表无效"),
            Self::NoProfile => ("no_profile", "发证机构没有登记身份规则"),
            Self::Unlisted => ("unlisted", "发证机构已不再被接受"),
            Self::NoSubjectCode => ("no_subject_code", "证书中没有主体代码"),
            Self::BadSubjectCode => ("bad_subject_code", "证书中的主体代码校验不通过"),
            Self::SubjectCodesDiffer => ("subject_codes_differ", "证书中的主体代码互相矛盾"),
            Self::NotASealMaker => ("not_a_seal_maker", "不是名录内的制章机构"),
        }
    }
}

/// A refusal with the certificate at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} ({subject}{detail})", code.as_str())]
pub struct Failure {
    pub code: Code,
    /// The name in the certificate at fault, for logs.
    pub subject: String,
    /// What else there is to say, for logs; begins with a separator.
    pub detail: String,
}

impl Failure {
    #[must_use]
    pub fn new(code: Code, certificate: &crate::seal::certificate::Certificate) -> Self {
        Self {
            code,
            subject: certificate.subject().shown().to_owned(),
            detail: String::new(),
        }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl std::fmt::Display) -> Self {
        self.detail = format!("; {detail}");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_its_own() {
        let seen: std::collections::BTreeSet<_> = CODES.iter().map(|code| code.as_str()).collect();
        assert_eq!(seen.len(), CODES.len());
    }
}
