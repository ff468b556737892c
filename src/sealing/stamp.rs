//! Asks a time-stamping authority (RFC 3161 over HTTP). Must not verify its token: the judgement of the finished file does.

use std::time::Duration;

use crate::config::Tsa;
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

    /// A token over a signature's value, or the platform's time where the authority fails and is not required.
    ///
    /// # Errors
    /// `time_stamp_failed`.
    pub fn stamp(&self, signature: &[u8]) -> Result<(Option<Vec<u8>>, TimeSource), Fault> {
        match self.ask(signature) {
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

    fn ask(&self, signature: &[u8]) -> Result<Vec<u8>, String> {
        let mut nonce = [0u8; 8];
        getrandom::fill(&mut nonce).map_err(|error| error.to_string())?;
        let sent = self
            .agent
            .post(&self.settings.url)
            .content_type("application/timestamp-query")
            .send(tsa::request(signature, &nonce).as_slice());
        let mut response = sent.map_err(|error| error.to_string())?;
        let bytes = response.body_mut().with_config().limit(LARGEST).read_to_vec();
        let bytes = bytes.map_err(|error| error.to_string())?;
        tsa::token_of(&bytes).map_err(|error| error.to_string())
    }
}
