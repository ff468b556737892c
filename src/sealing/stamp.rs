//! Asks a time-stamping authority (RFC 3161 over HTTP) and verifies its answer before anything is built on it.
//! Must not take a token that answers another request, or that a verification of the finished file would refuse.

use std::time::Duration;

use crate::config::Tsa;
use crate::ids;
use crate::machine::Time;
use crate::seal::ses::MAX_CLOCK_SKEW;
use crate::seal::trust::TrustStore;
use crate::seal::tsa;

use super::Fault;

const TIMEOUT: Duration = Duration::from_secs(10);
/// A token carries the authority's certificates, seldom more than 10 KB.
const LARGEST: u64 = 256 * 1024;

/// Where the time of a signature comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSource {
    Authority,
    /// The platform's own clock; shown as 平台时间.
    Platform,
}

impl TimeSource {
    /// As the table says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authority => "tsa",
            Self::Platform => "platform",
        }
    }
}

/// A configured authority.
#[derive(Clone, Debug)]
pub struct Stamper {
    settings: Tsa,
    agent: ureq::Agent,
}

impl Stamper {
    /// None where no authority is configured.
    #[must_use]
    pub fn new(settings: &Tsa) -> Option<Self> {
        if settings.url.is_empty() {
            return None;
        }
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .build();
        Some(Self {
            settings: settings.clone(),
            agent: agent.into(),
        })
    }

    /// A verified token over a signature's value that was made now, or the platform's time where none can be had and none is
    /// required.
    ///
    /// # Errors
    /// `time_stamp_failed`.
    pub fn stamp(
        &self,
        signature: &[u8],
        trust: &TrustStore,
        now: Time,
    ) -> Result<(Option<Vec<u8>>, TimeSource), Fault> {
        match self.ask(signature, trust, now) {
            Ok(token) => Ok((Some(token), TimeSource::Authority)),
            Err(why) if self.settings.required => {
                tracing::error!(why, "no time stamp could be had");
                Err(Fault::new("time_stamp_failed", "时间戳服务暂不可用，请稍后再签"))
            }
            Err(why) => {
                tracing::warn!(why, "no time stamp could be had; the platform's time stands");
                Ok((None, TimeSource::Platform))
            }
        }
    }

    fn ask(&self, signature: &[u8], trust: &TrustStore, now: Time) -> Result<Vec<u8>, String> {
        let mut nonce = ids::random::<8>().map_err(|error| error.to_string())?;
        // An INTEGER's first byte is no zero, and the nonce comes back as the same number.
        nonce[0] = nonce[0] & 0x3f | 0x40;
        let sent = self
            .agent
            .post(&self.settings.url)
            .content_type("application/timestamp-query")
            .send(tsa::request(signature, &nonce).as_slice());
        let mut response = sent.map_err(|error| error.to_string())?;
        let bytes = response.body_mut().with_config().limit(LARGEST).read_to_vec();
        let bytes = bytes.map_err(|error| error.to_string())?;
        let token = tsa::token_of(&bytes).map_err(|error| error.to_string())?;
        let stamp = tsa::verify(&token, signature, trust, now).map_err(|error| error.to_string())?;
        if stamp.nonce.as_deref() != Some(&nonce) {
            return Err("the token answers another request".to_owned());
        }
        if stamp.time.millis_since(now).abs() > MAX_CLOCK_SKEW {
            return Err(format!("the token is of {}, now is {}", stamp.time.0, now.0));
        }
        Ok(token)
    }
}
