//! Electronic seals and seal signatures after GB/T 38540: parsed from and verified over the original bytes, and built.
//! Must not know the carrier (PDF, OFD) in which they travel.

mod build;
mod maker;
mod seal;
mod signature;
mod steps;
mod verify;

pub use build::{SealDraft, ToSign, assemble_seal, assemble_signature};
pub use seal::{Holders, Picture, Seal};
pub use signature::Signature;
pub use verify::{CLAIMED, MAX_CLOCK_SKEW, UNPROVEN};

use super::asn1::Asn1Error;

/// The largest picture of a seal, in bytes.
pub const MAX_PICTURE: usize = 64 * 1024;

/// Why bytes are no seal or signature that can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SesError {
    #[error(transparent)]
    Asn1(#[from] Asn1Error),
    /// Versions 1 to 3 (GM/T 0031-2014 and before) sign other bytes; they are named and not judged.
    #[error("version {0} is not supported")]
    Version(u32),
    #[error("the picture is larger than {MAX_PICTURE} bytes")]
    Picture,
}

impl SesError {
    /// A stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Asn1(Asn1Error::Size | Asn1Error::Depth) | Self::Picture => "too_large",
            Self::Asn1(_) => "malformed",
            Self::Version(_) => "version_not_supported",
        }
    }

    /// For people, in Chinese.
    #[must_use]
    pub fn sentence(self) -> String {
        match self {
            Self::Asn1(Asn1Error::Size | Asn1Error::Depth) | Self::Picture => "数据过大或嵌套过深".to_owned(),
            Self::Asn1(_) => "不是 GB/T 38540 的结构".to_owned(),
            Self::Version(version) => format!("版本 {version} 不受支持（仅支持 V4、V5）"),
        }
    }
}
