//! Signed messages to outside systems that the configuration names. Must not call anything else, and follows no redirect.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::{PerformError, Work};
use crate::clock::Clock;
use crate::config::Webhook;
use crate::machine::value::Map;
use crate::machine::{Name, Time};
use crate::shared_secret;

/// How long an outside system may take for everything.
const PATIENCE: Duration = Duration::from_secs(20);

/// Calls outside systems.
#[derive(Clone)]
pub struct Webhooks {
    agent: ureq::Agent,
    clock: Clock,
    targets: BTreeMap<String, Webhook>,
}

impl Webhooks {
    pub fn new(targets: BTreeMap<String, Webhook>, clock: Clock) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .build();
        Self {
            agent: config.into(),
            clock,
            targets,
        }
    }

    /// Posts `{hook, instance, at, data}`, signed like the messages that come in (`shared_secret`), with the second of this
    /// attempt. The outbox row's id is the `Idempotency-Key`: the receiver may get a message twice.
    ///
    /// # Errors
    /// A hook that is not configured, a refusal (lasting), a system that cannot be reached or is busy (passing).
    pub async fn perform(&self, work: &Work, hook: &Name, data: &Map, at: Time) -> Result<(), PerformError> {
        let target = self.targets.get(&**hook).cloned();
        let target = target.ok_or_else(|| PerformError::lasting(format!("no webhook `{hook}` is configured")))?;
        let body = json!({"hook": hook, "instance": work.instance, "at": at, "data": data}).to_string();
        let second = self.clock.now().0.div_euclid(1_000);
        let signature = shared_secret::value(&target.secret, second, body.as_bytes());
        let (agent, id) = (self.agent.clone(), work.id.clone());
        let call = move || {
            let request = agent
                .post(&target.url)
                .header("Content-Type", "application/json")
                .header("Idempotency-Key", &id)
                .header(shared_secret::HEADER, &signature);
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
