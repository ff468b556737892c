//! The bank of the demo: tells of money by signed messages, as a real one would. Must not know what the money is for.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::super::Failure;
use super::player::{Player, Reply};
use crate::clock::Clock;

/// Signs messages with the secret it shares with the server.
pub struct Bank {
    player: Player,
    secret: String,
    clock: Clock,
}

impl Bank {
    pub fn new(base: &str, secret: &str, clock: Clock) -> Self {
        Self {
            player: Player::new(base, "银行", "bank", ""),
            secret: secret.into(),
            clock,
        }
    }

    /// Sends a message to a hook; anything but success is a failure.
    pub fn tell(&self, hook: &str, message: &Value) -> Result<Value, Failure> {
        let reply = self.send(hook, message)?;
        match reply.status {
            200..=299 => Ok(reply.body),
            status => Err(Failure(format!("hook {hook} gave {status}: {}", reply.body))),
        }
    }

    fn send(&self, hook: &str, message: &Value) -> Result<Reply, Failure> {
        let body = message.to_string();
        let stamp = (self.clock.now().0 / 1_000).to_string();
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).map_err(|error| Failure(error.to_string()))?;
        mac.update(format!("{stamp}.{body}").as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let headers = [("X-Luochui-Signature", format!("t={stamp},v1={signature}"))];
        self.player.anonymous(&format!("hooks/{hook}"), &headers, &body)
    }
}
