//! The configuration: one YAML file, each key overridable by the environment, built once and passed by value.
//! Must not be read from a global, and must not know what any room does with its part.

mod certificates;
mod defaults;
mod overrides;
mod record;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use certificates::Certificates;
pub use record::{Record, SigningServer};

/// The annotated example, which states every key with its default; a test holds it to `Config::default()`.
pub const ANNOTATED: &str = include_str!("../deploy/luochui.yaml");

/// Everything that differs between two installations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub environment: Environment,
    pub paths: Paths,
    pub database: Database,
    pub http: Http,
    pub login: Login,
    pub mail: Mail,
    /// Secrets of the signed webhooks that outside systems call, by the hook's name.
    pub hooks: BTreeMap<String, String>,
    /// Outside systems that workflows may call, by the webhook's name; nothing else is ever called.
    pub webhooks: BTreeMap<String, Webhook>,
    pub certificates: Certificates,
    pub sealing: Sealing,
    pub record: Record,
    pub limits: Limits,
    pub workers: Workers,
    pub log: Log,
}

/// What an installation is for. Test keys and test seals exist only where it is `development`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    #[default]
    Production,
    Development,
}

/// How documents are sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sealing {
    /// How long a signature is waited for.
    pub job_minutes: u32,
    /// 统一社会信用代码 of the trading centre, whose posts are at `centre`; empty: the centre cannot seal.
    pub centre: String,
    /// Folder of test keys that the server itself signs with (`CODE.pem` and `CODE.key.pem`); empty: none. Development only.
    pub soft_token: PathBuf,
    pub sharing: Sharing,
    pub tsa: Tsa,
}

/// The province's sharing platform for certificates and seals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sharing {
    /// Where requests to sign are posted; empty: not connected.
    pub url: String,
    /// Signs requests and callbacks, at least 32 bytes.
    pub secret: String,
    /// Addresses that may call back.
    pub allow: Vec<String>,
}

/// The time-stamping authority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tsa {
    /// Where requests after RFC 3161 are posted; empty: signatures carry the platform's time, and say so.
    pub url: String,
    /// Without a stamp no document is sealed.
    pub required: bool,
}

/// Where things lie on this machine. Relative paths count from the working directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Paths {
    /// Database, secret, mail folder; made if absent.
    pub data: PathBuf,
    /// Uploads and rendered documents; empty for `files` in the data folder.
    pub files: PathBuf,
    /// One folder per bundle, and `calendars/`.
    pub workflows: PathBuf,
    pub templates: PathBuf,
    /// Searched recursively for .ttf, .otf and .ttc.
    pub fonts: Vec<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `postgres://…` or the path of an SQLite file; empty for `luochui.db` in the data folder.
    pub url: String,
    /// Connections for reading, besides the writer's own.
    pub readers: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    pub listen: String,
    /// How people reach the server, for links in mails; empty for `http://` and the listen address.
    pub public_url: String,
    pub workers: usize,
    /// The proxy in front whose `X-Forwarded-For` is believed; empty for none.
    pub trusted_proxy: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Login {
    /// Signs access tokens; empty for one that is generated into the data folder.
    pub jwt_secret: String,
    pub access_minutes: u32,
    pub refresh_days: u32,
    /// Password guesses per account and address in a minute.
    pub attempts_per_minute: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    pub from: String,
    /// Where mails go without SMTP, as .eml files; empty for `mail` in the data folder.
    pub folder: PathBuf,
    /// How long an act from a mail's link is possible.
    pub token_hours: u32,
    pub smtp: Smtp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {
    /// Empty for no SMTP.
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub tls: Tls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Only for a relay on the same machine or in a closed network.
    None,
    Starttls,
    Implicit,
}

/// An outside system that is told of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    pub url: String,
    /// Signs what is sent.
    pub secret: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest JSON body, in bytes.
    pub body_bytes: usize,
    /// Largest upload, in bytes.
    pub upload_bytes: usize,
    /// Files that one address may have verified in a minute.
    pub verifications_per_minute: u32,
    /// Commands that may wait for the writer before others are told to come back.
    pub queue: usize,
    /// Commands committed together at most.
    pub batch: usize,
    /// Milliseconds that the writer rests after each commit: 0, but where an overload is tried out.
    pub commit_pause_ms: u32,
    /// Commands per account in a second.
    pub commands_per_second: u32,
    /// Events per party and instance in a second, in the long run: a bidder in a live room sends a few.
    pub events_per_second: u32,
    /// How many of them may come at once after a pause.
    pub events_burst: u32,
    /// Live streams that are open at the same time.
    pub streams: usize,
    /// Live streams of one address; an office behind one address has many watchers.
    pub streams_per_address: usize,
    /// A connection whose other end takes nothing for so long is closed.
    pub stalled_seconds: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Workers {
    /// Effects performed at the same time.
    pub outbox: usize,
    /// How long a worker may take for one effect before another takes it over.
    pub lease_seconds: u32,
    /// Attempts before an effect becomes an incident.
    pub attempts: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub format: LogFormat,
    /// A `tracing` filter: `info`, `luochui=debug,warn`.
    pub level: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Human,
    Json,
}

/// What is wrong with the configuration, ready to be shown.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {error}")]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("{path}{place}: {message}", place = Place(*.location))]
    Invalid {
        path: PathBuf,
        location: Option<(usize, usize)>,
        message: String,
    },
    #[error("{variable}: {message}")]
    Environment { variable: String, message: String },
}

/// `:line:column`, where known.
struct Place(Option<(usize, usize)>);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |(line, column)| write!(f, ":{line}:{column}"))
    }
}

impl Config {
    /// Reads the file, or starts from the defaults without one, and lays the process's environment over it.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let read = |path: &Path| {
            let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
                path: path.into(),
                error,
            })?;
            Self::parse(&text, path)
        };
        let config = path.map(read).transpose()?.unwrap_or_default();
        overrides::apply(&config, &std::env::vars().collect())
    }

    /// Parses a file's text; `path` is only named in faults.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let invalid = |error: serde_yaml::Error| ConfigError::Invalid {
            path: path.into(),
            location: error.location().map(|at| (at.line(), at.column())),
            message: error.to_string(),
        };
        // Read once as a plain value, because only that reports duplicate keys of maps.
        let value: serde_yaml::Value = serde_yaml::from_str(text).map_err(invalid)?;
        if value.is_null() {
            return Ok(Self::default());
        }
        serde_yaml::from_str(text).map_err(invalid)
    }

    /// A configuration whose every file lies in `folder`, on a free port, with the shipped workflows.
    pub fn for_testing(folder: &Path) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut config = Self {
            environment: Environment::Development,
            ..Self::default()
        };
        config.paths.data = folder.into();
        config.paths.workflows = root.join("workflows");
        config.paths.templates = root.join("templates");
        config.http.listen = "127.0.0.1:0".into();
        config
            .hooks
            .insert("bank".into(), "a secret for tests only, 32 bytes".into());
        config.limits.commands_per_second = 10_000;
        config.limits.events_per_second = 10_000;
        config.limits.events_burst = 10_000;
        config.limits.streams_per_address = 10_000;
        config.login.attempts_per_minute = 10_000;
        config
    }

    /// The database's address, with the default filled in.
    pub fn database_url(&self) -> String {
        match self.database.url.as_str() {
            "" => self.paths.data.join("luochui.db").to_string_lossy().into_owned(),
            url => url.to_owned(),
        }
    }

    /// The folder of uploads and rendered documents, with the default filled in.
    pub fn files_folder(&self) -> PathBuf {
        self.under_data(&self.paths.files, "files")
    }

    /// The folder of .eml files, with the default filled in.
    pub fn mail_folder(&self) -> PathBuf {
        self.under_data(&self.mail.folder, "mail")
    }

    /// The file of the platform's key, with the default filled in.
    pub fn platform_key(&self) -> PathBuf {
        self.under_data(&self.record.key, "platform.key.pem")
    }

    /// The address in links, without a slash at its end.
    pub fn public_url(&self) -> String {
        match self.http.public_url.trim_end_matches('/') {
            "" => format!("http://{}", self.http.listen),
            url => url.to_owned(),
        }
    }

    fn under_data(&self, path: &Path, name: &str) -> PathBuf {
        if path.as_os_str().is_empty() {
            self.paths.data.join(name)
        } else {
            path.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_annotated_file_states_every_default() {
        let annotated = Config::parse(ANNOTATED, Path::new("deploy/luochui.yaml")).unwrap();
        assert_eq!(annotated, Config::default());
        for (path, _) in overrides::leaves(&Config::default()) {
            let key = path.rsplit('.').next().unwrap();
            let variable = overrides::variable(&path);
            assert!(
                ANNOTATED.contains(&format!("{key}:")),
                "{path} is not in the annotated file"
            );
            assert!(ANNOTATED.contains(&variable), "{variable} is not in the annotated file");
        }
    }

    #[test]
    fn a_fault_names_line_and_column() {
        let fault = Config::parse("http:\n  listen: 127.0.0.1:1\n  lisen: x\n", Path::new("a.yaml")).unwrap_err();
        let text = fault.to_string();
        assert!(text.starts_with("a.yaml:3:3: "), "{text}");
        assert!(text.contains("unknown field `lisen`"), "{text}");
    }

    #[test]
    fn a_key_given_twice_is_a_fault() {
        for text in ["http: {}\nhttp: {}\n", "hooks: {bank: a, bank: b}\n"] {
            assert!(
                Config::parse(text, Path::new("a.yaml"))
                    .unwrap_err()
                    .to_string()
                    .contains("duplicate"),
                "{text}"
            );
        }
    }
}
