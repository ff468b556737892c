//! Test keys that a server for development signs with: 测试签章 无法律效力. Must not exist where the configuration says
//! production: there is no way to make one.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::Fault;
use super::judge::Answer;
use super::provider::{Asked, Provider, Request};
use crate::config::{Config, Environment};
use crate::seal::certificate::Certificate;
use crate::seal::mark::is_test;
use crate::seal::sm2::SecretKey;

/// A folder of keys by their owners' numbers.
#[derive(Clone, Debug)]
pub struct SoftToken {
    folder: PathBuf,
}

impl SoftToken {
    /// None in production, and where no folder is configured.
    #[must_use]
    pub fn new(config: &Config) -> Option<Self> {
        let folder = config.sealing.soft_token.clone();
        let allowed = config.environment == Environment::Development && !folder.as_os_str().is_empty();
        allowed.then_some(Self { folder })
    }
}

impl SoftToken {
    /// The test certificates whose key lies beside them, by the name of their file.
    #[must_use]
    pub fn certificates(&self) -> Vec<(String, Certificate)> {
        let entries = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .filter_map(Result::ok);
        let mut found: Vec<_> = entries
            .filter_map(|entry| {
                let name = entry.file_name().to_str()?.strip_suffix(".key.pem")?.to_owned();
                let certificate = self.certificate(&name)?;
                Some((name, certificate))
            })
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// Signs with a test key.
    ///
    /// # Errors
    /// `no_test_key`.
    pub fn sign(&self, name: &str, message: &[u8]) -> Result<Answer, Fault> {
        let missing = || Fault::new("no_test_key", "没有该持有人的测试密钥");
        let certificate = self.certificate(name).ok_or_else(missing)?;
        let pem = std::fs::read_to_string(self.folder.join(format!("{name}.key.pem"))).map(Zeroizing::new);
        let key = SecretKey::from_pem(&pem.map_err(|_| missing())?);
        let signature = key.and_then(|key| key.sign(message)).map_err(|_| missing())?;
        Ok(Answer {
            certificate: certificate.der().to_vec(),
            signature,
        })
    }

    /// A real certificate in this folder would be somebody's key on a server: only marked ones are used.
    fn certificate(&self, name: &str) -> Option<Certificate> {
        let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let bytes = plain.then(|| std::fs::read(self.folder.join(format!("{name}.pem"))).ok())??;
        Certificate::from_any(&bytes).ok().filter(is_test)
    }
}

impl Provider for SoftToken {
    fn name(&self) -> &'static str {
        "soft"
    }

    fn title(&self) -> &'static str {
        "软证书（测试签章 无法律效力）"
    }

    fn ask(&self, request: &Request<'_>) -> Result<Asked, Fault> {
        self.sign(request.owner, request.to_sign).map(Asked::Signed)
    }
}
