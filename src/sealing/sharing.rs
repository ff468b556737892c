//! The province's sharing platform for certificates and seals (证书与电子签章资源共享平台). Its interface is not public: this is
//! the shape that an adapter in front of it has to speak. Must not trust a message that is not signed with the shared secret.
//!
//! ```text
//! POST {url}     X-Luochui-Signature: t={seconds since 1970},v1={hex of HMAC-SHA256(secret, t "." body)}
//!   {"job", "to_sign" (base64), "seal", "owner", "title", "expires" (ms), "callback"}
//! ◄ {"reference": "…", "address": "…" (for a QR code; may be absent)}
//! later, signed in the same way, from an allowed address:
//! POST {callback}  {"job", "reference", "certificate" (base64), "signature" (base64)}
//! ```

use std::time::Duration;

use base64::Engine as _;
use serde::Deserialize;

use super::Fault;
use super::provider::{Asked, Provider, Request};
use crate::clock::Clock;
use crate::config::Sharing;
use crate::shared_secret;

const TIMEOUT: Duration = Duration::from_secs(10);
const LARGEST: u64 = 64 * 1024;

/// The adapter's client.
pub struct SharingPlatform {
    settings: Sharing,
    clock: Clock,
    agent: ureq::Agent,
}

#[derive(Deserialize)]
struct Taken {
    reference: String,
    #[serde(default)]
    address: Option<String>,
}

impl SharingPlatform {
    /// None where it is not configured; a secret shorter than 32 bytes counts as none.
    #[must_use]
    pub fn new(settings: &Sharing, clock: Clock) -> Option<Self> {
        if settings.url.is_empty() {
            return None;
        }
        if settings.secret.len() < 32 {
            tracing::error!("sealing.sharing.secret has less than 32 bytes: the sharing platform is not used");
            return None;
        }
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .build();
        Some(Self {
            settings: settings.clone(),
            clock,
            agent: agent.into(),
        })
    }

    fn post(&self, request: &Request<'_>) -> Result<Taken, String> {
        let body = serde_json::json!({
            "job": request.job,
            "to_sign": base64::engine::general_purpose::STANDARD.encode(request.to_sign),
            "seal": request.seal,
            "owner": request.owner,
            "title": request.title,
            "expires": request.expires.0,
            "callback": request.callback,
        });
        let body = body.to_string();
        let signature = shared_secret::value(&self.settings.secret, self.clock.now().0 / 1_000, body.as_bytes());
        let sent = self
            .agent
            .post(&self.settings.url)
            .header(shared_secret::HEADER, signature)
            .content_type("application/json")
            .send(body.as_bytes());
        let mut response = sent.map_err(|error| error.to_string())?;
        let text = response.body_mut().with_config().limit(LARGEST).read_to_string();
        let text = text.map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }
}

impl Provider for SharingPlatform {
    fn name(&self) -> &'static str {
        "sharing"
    }

    fn title(&self) -> &'static str {
        "资源共享平台（手机扫码）"
    }

    fn ask(&self, request: &Request<'_>) -> Result<Asked, Fault> {
        match self.post(request) {
            Ok(taken) => Ok(Asked::Waiting {
                reference: Some(taken.reference),
                address: taken.address,
            }),
            Err(why) => {
                tracing::error!(why, job = request.job, "the sharing platform did not take a request");
                Err(Fault::new(
                    "provider_failed",
                    "资源共享平台暂不可用，请稍后再试或换一种方式",
                ))
            }
        }
    }
}
