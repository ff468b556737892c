//! The bank of the demo: tells of money by signed messages, as a real one would. Must not know what the money is for.

use serde_json::Value;

use super::super::Failure;
use super::player::{Player, Reply};
use crate::clock::Clock;
use crate::shared_secret;

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
        let signature = shared_secret::value(&self.secret, self.clock.now().0 / 1_000, body.as_bytes());
        let headers = [(shared_secret::HEADER, signature)];
        self.player.anonymous(&format!("hooks/{hook}"), &headers, &body)
    }
}
