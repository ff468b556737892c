//! Signed messages to outside systems that the configuration names. Must not call anything else, and follows no redirect.

use std::collections::BTreeMap;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

use super::{PerformError, Work};
use crate::config::Webhook;
use crate::machine::value::Map;
use crate::machine::{Name, Time};

/// How long an outside system may take for everything.
const PATIENCE: Duration = Duration::from_secs(20);

/// Calls outside systems.
#[derive(Clone)]
pub struct Webhooks {
    agent: ureq::Agent,
    targets: BTreeMap<String, Webhook>,
}

impl Webhooks {
    pub fn new(targets: BTreeMap<String, Webhook>) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .build();
        Self {
            agent: config.into(),
            targets,
        }
    }

    /// Posts `{hook, instance, at, data}`, signed like the messages that come in: `X-Signature: sha256=<hex>` is the HMAC of the
    /// body. The outbox row's id is the `Idempotency-Key`: the receiver may get a message twice.
    ///
    /// # Errors
    /// A hook that is not configured, a refusal (lasting), a system that cannot be reached or is busy (passing).
    pub async fn perform(&self, work: &Work, hook: &Name, data: &Map, at: Time) -> Result<(), PerformError> {
        let target = self.targets.get(&**hook).cloned();
        let target = target.ok_or_else(|| PerformError::lasting(format!("no webhook `{hook}` is configured")))?;
        let body = json!({"hook": hook, "instance": work.instance, "at": at, "data": data}).to_string();
        let signature = sign(&target.secret, &body)?;
        let (agent, id) = (self.agent.clone(), work.id.clone());
        let call = move || {
            let request = agent
                .post(&target.url)
                .header("Content-Type", "application/json")
                .header("Idempotency-Key", &id)
                .header("X-Signature", &signature);
            request.send(&body).map(|response| response.status().as_u16())
        };
        let called = tokio::task::spawn_blocking(call).await.map_err(PerformError::lasting)?;
        match called {
            Ok(200..=299) => Ok(()),
            Ok(status) => Err(PerformError::lasting(format!("{hook} answered {status}"))),
            Err(ureq::Error::StatusCode(status @ (408 | 425 | 429 | 500..=599))) => {
                Err(PerformError::passing(format!("{hook} answered {status}")))
            }
            Err(ureq::Error::StatusCode(status)) => Err(PerformError::lasting(format!("{hook} answered {status}"))),
            Err(error) => Err(PerformError::passing(error)),
        }
    }
}

/// The value of `X-Signature` over a body.
fn sign(secret: &str, body: &str) -> Result<String, PerformError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(PerformError::lasting)?;
    mac.update(body.as_bytes());
    Ok(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}
