//! Whoever signs for a holder, behind one interface. Must not judge what is signed.

use super::Fault;
use super::judge::Answer;
use crate::machine::Time;

/// What is to be signed.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub job: &'a str,
    /// TBS_Sign.
    pub to_sign: &'a [u8],
    /// The seal's own number (esID).
    pub seal: &'a str,
    /// 统一社会信用代码 or 公民身份号码 of the seal's owner.
    pub owner: &'a str,
    /// What the holder is shown.
    pub title: &'a str,
    pub expires: Time,
    /// Where the answer is posted.
    pub callback: &'a str,
}

/// What asking came to.
#[derive(Clone, Debug)]
pub enum Asked {
    /// The holder is to sign; by the address, as a QR code, where the provider gives one.
    Waiting {
        reference: Option<String>,
        address: Option<String>,
    },
    Signed(Answer),
}

/// A way to reach the holder's key.
pub trait Provider: Send + Sync {
    /// As requests and the tables name it.
    fn name(&self) -> &'static str;

    /// For people.
    fn title(&self) -> &'static str;

    /// Asks for a signature. May block for seconds.
    ///
    /// # Errors
    /// `provider_failed`, or what speaks against this holder.
    fn ask(&self, request: &Request<'_>) -> Result<Asked, Fault>;
}

/// The browser, with the authority's middleware and a key in a reader: it fetches what is to be signed and posts the answer.
#[derive(Clone, Copy, Debug)]
pub struct ClientToken;

impl Provider for ClientToken {
    fn name(&self) -> &'static str {
        "client"
    }

    fn title(&self) -> &'static str {
        "本机 CA 数字证书（USB Key）"
    }

    fn ask(&self, _: &Request<'_>) -> Result<Asked, Fault> {
        Ok(Asked::Waiting {
            reference: None,
            address: None,
        })
    }
}
