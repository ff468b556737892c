//! What proves a seal years later beside the file: authorities, revocation lists and profiles as they were at the sealing.
//! Must not judge, and must not make anybody trust an authority for standing in it.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;

use crate::machine::Time;
use crate::seal::certificate::Certificate;
use crate::seal::ses::Signature;
use crate::seal::trust::{CaProfile, Moment, Purpose, TrustStore};
use crate::seal::tsa;

/// Whose certificate something proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    Signer,
    /// 制章人
    Maker,
    /// 时间戳机构
    Tsa,
}

/// What one certificate of a seal was judged with. Bytes are base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    pub of: Of,
    /// From its issuer to the anchor, DER.
    pub authorities: Vec<String>,
    pub profiles: Vec<CaProfile>,
    /// Revocation lists, DER.
    pub lists: Vec<String>,
}

/// Takes together what a signature that was made now is judged with: for its signer, its seal's maker, and who stamped it.
#[must_use]
pub fn gather(trust: &TrustStore, signature: &Signature, now: Time) -> Vec<Proof> {
    let seal = signature.seal();
    let made = Moment {
        at: seal.created(),
        now,
    };
    let stamper = signature.time_stamp().and_then(|token| tsa::signer_of(token).ok());
    let stamper = stamper.as_ref();
    let claims = [
        Some((Of::Signer, signature.signer(), Purpose::Seal, Moment::present(now))),
        Some((Of::Maker, seal.maker(), Purpose::SealMaker, made)),
        stamper.map(|stamper| (Of::Tsa, stamper, Purpose::TimeStamp, Moment::present(now))),
    ];
    let claims = claims.into_iter().flatten();
    claims
        .filter_map(|(of, certificate, purpose, moment)| proof(trust, of, certificate, (purpose, moment)))
        .collect()
}

fn proof(trust: &TrustStore, of: Of, certificate: &Certificate, (purpose, moment): (Purpose, Moment)) -> Option<Proof> {
    let chain = trust.chain(certificate, purpose, moment.at).ok()?;
    // Where no list can be had the authorities alone are kept: a verification says then what it could not check.
    let checked = trust.check_revocation(&chain, purpose, moment);
    let lists = checked.map(|checked| checked.evidence).unwrap_or_default();
    let authorities = chain.authorities();
    Some(Proof {
        of,
        profiles: authorities
            .iter()
            .filter_map(|authority| trust.profile(authority).cloned())
            .collect(),
        authorities: authorities
            .iter()
            .map(|authority| BASE64.encode(authority.der()))
            .collect(),
        lists: lists.iter().map(|kept| BASE64.encode(&kept.list)).collect(),
    })
}

/// One seal on a file, as it was kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// SES_Signature.
    pub signature: Vec<u8>,
    /// The steps of its verification at the sealing, JSON.
    pub report: String,
    pub proofs: Vec<Proof>,
}

/// Why no archive could be made.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("what was kept is not base64")]
    Encoding(#[from] base64::DecodeError),
    #[error("a profile cannot be written: {0}")]
    Profile(#[from] serde_json::Error),
    #[error("the archive cannot be written: {0}")]
    Zip(#[from] zip::result::ZipError),
    #[error("the archive cannot be written: {0}")]
    Writing(#[from] std::io::Error),
}

/// The file with all that its seals were judged with, as a ZIP that is verified offline: `trust/` is what
/// `luochui verify document.pdf --trust trust` takes. The same file gives the same bytes.
///
/// # Errors
/// Something kept that cannot be read back.
pub fn archive(document: &[u8], seals: &[Kept]) -> Result<Vec<u8>, ArchiveError> {
    let mut files = BTreeMap::from([("document.pdf".to_owned(), document.to_vec())]);
    let mut profiles: Vec<&CaProfile> = Vec::new();
    for (number, kept) in (1..).zip(seals) {
        files.insert(format!("seals/{number}.dat"), kept.signature.clone());
        files.insert(format!("seals/{number}.json"), kept.report.clone().into_bytes());
        let parsed = Signature::parse(&kept.signature).ok();
        if let Some(token) = parsed.as_ref().and_then(Signature::time_stamp) {
            files.insert(format!("seals/{number}.tst"), token.to_vec());
        }
        for proof in &kept.proofs {
            for (ending, contents) in [("cer", &proof.authorities), ("crl", &proof.lists)] {
                for content in contents {
                    let der = BASE64.decode(content)?;
                    let digest = hex::encode(Sha256::digest(&der));
                    files.insert(format!("trust/{digest}.{ending}"), der);
                }
            }
            for profile in &proof.profiles {
                if !profiles.contains(&profile) {
                    profiles.push(profile);
                }
            }
        }
    }
    files.insert("trust/profiles.json".into(), serde_json::to_vec_pretty(&profiles)?);
    let said = readme(&files);
    files.insert("README.txt".into(), said.into_bytes());
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in &files {
        zip.start_file(path.as_str(), SimpleFileOptions::default())?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// What stands in the archive and what it proves, for people.
fn readme(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut text = String::from(
        "签章证据包\n\n\
         document.pdf  签章文书\n\
         seals/        每枚签章：签章数据（.dat）、时间戳（.tst，如有）、签章时的验证步骤（.json）\n\
         trust/        签章时据以验证的发证机构证书（.cer）、吊销列表（.crl）与机构规则（profiles.json）\n\n\
         离线验证：luochui verify document.pdf --trust trust\n\n\
         本包随文书提供，不能自证其中的机构可信：请先将根证书与发证机构或国家根公布的证书核对一致。\n\n\
         SHA-256：\n",
    );
    for (path, content) in files {
        text.push_str(&format!("{}  {path}\n", hex::encode(Sha256::digest(content))));
    }
    text
}
