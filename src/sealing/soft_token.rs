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

impl Provider for SoftToken {
    fn name(&self) -> &'static str {
        "soft"
    }

    fn title(&self) -> &'static str {
        "软证书（测试签章 无法律效力）"
    }

    fn ask(&self, request: &Request<'_>) -> Result<Asked, Fault> {
        let missing = || Fault::new("no_test_key", "没有该持有人的测试密钥");
        if !request.owner.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(missing());
        }
        let read = |suffix: &str| std::fs::read(self.folder.join(format!("{}{suffix}", request.owner)));
        let certificate = read(".pem").map_err(|_| missing())?;
        let key = Zeroizing::new(read(".key.pem").map_err(|_| missing())?);
        let key = std::str::from_utf8(&key).map_err(|_| missing())?;
        // A real certificate in this folder would be somebody's key on a server: it is not used.
        let marked = Certificate::from_any(&certificate).is_ok_and(|certificate| is_test(&certificate));
        if !marked {
            return Err(Fault::new("no_test_key", "该证书不是测试证书，不能由服务器代签"));
        }
        let value = SecretKey::from_pem(key).and_then(|key| key.sign(request.to_sign));
        let signature = value.map_err(|_| missing())?;
        Ok(Asked::Signed(Answer { certificate, signature }))
    }
}
