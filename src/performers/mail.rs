//! One mail to one person: built, and handed to an SMTP server or laid into a folder as .eml. Must not know templates or trades.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::PerformError;
use crate::config::{Smtp, Tls};

/// How long an SMTP server may take for one command.
const PATIENCE: Duration = Duration::from_secs(30);
/// Connections kept; sends on one connection wait for each other.
const CONNECTIONS: u32 = 8;

/// A mail as it will be sent.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Of the addressee.
    pub name: String,
    pub address: String,
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
    /// The calendar file, where there is a due date.
    pub invite: Option<String>,
    /// A file of JSON lines, by its name.
    pub lines: Option<(String, String)>,
    /// Left of the `@` of the Message-ID: the same letter always has the same.
    pub id: String,
    /// Milliseconds since 1970 UTC.
    pub at: i64,
}

/// Where mails go.
#[derive(Clone)]
pub struct Post {
    from: Mailbox,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

/// What was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub message_id: String,
}

impl Post {
    /// By SMTP.
    ///
    /// # Errors
    /// A sender that is no mailbox, or a server name that TLS cannot check.
    pub fn smtp(from: &str, smtp: &Smtp) -> Result<Self, PerformError> {
        let relay = AsyncSmtpTransport::<Tokio1Executor>::relay;
        let starttls = AsyncSmtpTransport::<Tokio1Executor>::starttls_relay;
        let builder: AsyncSmtpTransportBuilder = match smtp.tls {
            Tls::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host),
            Tls::Starttls => starttls(&smtp.host).map_err(PerformError::lasting)?,
            Tls::Implicit => relay(&smtp.host).map_err(PerformError::lasting)?,
        };
        let mut builder = builder
            .port(smtp.port)
            .timeout(Some(PATIENCE))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS));
        if !smtp.user.is_empty() {
            builder = builder.credentials(Credentials::new(smtp.user.clone(), smtp.password.clone()));
        }
        Ok(Self {
            from: mailbox(from)?,
            way: Way::Smtp(builder.build()),
        })
    }

    /// Into a folder, one .eml file each.
    ///
    /// # Errors
    /// A sender that is no mailbox, or a folder that cannot be made.
    pub fn folder(from: &str, folder: PathBuf) -> Result<Self, PerformError> {
        std::fs::create_dir_all(&folder).map_err(PerformError::lasting)?;
        Ok(Self {
            from: mailbox(from)?,
            way: Way::Folder(folder),
        })
    }

    /// Hands a letter over.
    ///
    /// # Errors
    /// Lasting: a header that holds a line break, an address that is none, a server's final refusal. Passing: everything else.
    pub async fn send(&self, letter: &Letter) -> Result<Sent, PerformError> {
        let message_id = format!("<{}@{}>", letter.id, self.from.email.domain());
        let message = self.build(letter, &message_id)?;
        match &self.way {
            Way::Smtp(transport) => {
                let sent = transport.send(message).await;
                sent.map_err(|error| match error.is_permanent() {
                    true => PerformError::lasting(explain(&error)),
                    false => PerformError::passing(explain(&error)),
                })?;
            }
            Way::Folder(folder) => {
                // Named by time for whoever reads the folder, and by id, so that a repeated letter replaces itself.
                let path = folder.join(format!("{:013}-{}.eml", letter.at, letter.id));
                let bytes = message.formatted();
                let written = tokio::task::spawn_blocking(move || std::fs::write(path, bytes)).await;
                written.map_err(PerformError::passing)?.map_err(PerformError::passing)?;
            }
        }
        Ok(Sent { message_id })
    }

    fn build(&self, letter: &Letter, message_id: &str) -> Result<Message, PerformError> {
        for (header, value) in [
            ("subject", &letter.subject),
            ("name", &letter.name),
            ("address", &letter.address),
            ("id", &letter.id),
        ] {
            if value.chars().any(char::is_control) {
                return Err(PerformError::lasting(format!(
                    "the {header} of a mail holds a control character"
                )));
            }
        }
        let address: Address = letter.address.parse().map_err(PerformError::lasting)?;
        let seconds = u64::try_from(letter.at / 1_000).unwrap_or_default();
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(letter.name.clone()), address))
            .subject(&letter.subject)
            .message_id(Some(message_id.to_owned()))
            .date(UNIX_EPOCH + Duration::from_secs(seconds))
            .header(AutoSubmitted);
        message.multipart(parts(letter)?).map_err(PerformError::lasting)
    }
}

/// Text alone or with HTML beside it, and files with both.
fn parts(letter: &Letter) -> Result<MultiPart, PerformError> {
    let text = encoded(&letter.text, ContentType::TEXT_PLAIN)?;
    let body = match &letter.html {
        Some(html) => MultiPart::alternative()
            .singlepart(text)
            .singlepart(encoded(html, ContentType::TEXT_HTML)?),
        None => MultiPart::mixed().singlepart(text),
    };
    let mut attached = Vec::new();
    if let Some(invite) = &letter.invite {
        let kind = ContentType::parse("text/calendar; charset=utf-8; method=PUBLISH").map_err(PerformError::lasting)?;
        attached.push(Attachment::new("todo.ics".into()).body(base64(invite)?, kind));
    }
    if let Some((name, lines)) = &letter.lines {
        let kind = ContentType::parse("application/x-ndjson").map_err(PerformError::lasting)?;
        attached.push(Attachment::new(name.clone()).body(base64(lines)?, kind));
    }
    Ok(match attached.is_empty() {
        true => body,
        false => attached
            .into_iter()
            .fold(MultiPart::mixed().multipart(body), MultiPart::singlepart),
    })
}

fn encoded(text: &str, kind: ContentType) -> Result<SinglePart, PerformError> {
    Ok(SinglePart::builder().header(kind).body(base64(text)?))
}

/// Always encoded: nothing in a body can then be read as a line of the SMTP conversation.
fn base64(text: &str) -> Result<Body, PerformError> {
    let body = Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::Base64);
    body.map_err(|_| PerformError::lasting("a body cannot be encoded"))
}

fn mailbox(text: &str) -> Result<Mailbox, PerformError> {
    text.parse()
        .map_err(|error| PerformError::lasting(format!("`{text}` is no sender: {error}")))
}

fn explain(error: &lettre::transport::smtp::Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// Tells other machines not to answer (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
