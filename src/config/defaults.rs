//! What every key is where nobody sets it. Must say the same as the annotated file, to which a test holds it.

use std::path::PathBuf;

use super::{
    Certificates, Database, Http, Limits, Log, LogFormat, Login, Mail, Paths, Sealing, Sharing, Smtp, Tls, Tsa, Workers,
};

impl Default for Paths {
    fn default() -> Self {
        Self {
            data: "data".into(),
            files: PathBuf::new(),
            workflows: "workflows".into(),
            templates: "templates".into(),
            fonts: vec!["/usr/share/fonts".into()],
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: String::new(),
            readers: 4,
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            public_url: String::new(),
            workers: 2,
            trusted_proxy: String::new(),
        }
    }
}

impl Default for Login {
    fn default() -> Self {
        Self {
            jwt_secret: String::new(),
            access_minutes: 15,
            refresh_days: 7,
            attempts_per_minute: 10,
        }
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            from: "交易中心 <no-reply@localhost>".into(),
            folder: PathBuf::new(),
            token_hours: 72,
            smtp: Smtp::default(),
        }
    }
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 587,
            user: String::new(),
            password: String::new(),
            tls: Tls::Starttls,
        }
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self {
            trust: PathBuf::new(),
            challenge_seconds: 180,
            verifiers: 1,
            event_verifiers: 1,
            crl_fetch_minutes: 60,
            crl_hosts: Vec::new(),
            contact: String::new(),
        }
    }
}

impl Default for Sealing {
    fn default() -> Self {
        Self {
            job_minutes: 10,
            centre: String::new(),
            soft_token: PathBuf::new(),
            sharing: Sharing::default(),
            tsa: Tsa::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            upload_bytes: 20 * 1024 * 1024,
            verifications_per_minute: 20,
            queue: 10_000,
            batch: 256,
            commit_pause_ms: 0,
            commands_per_second: 20,
            events_per_second: 5,
            events_burst: 10,
            streams: 10_000,
            streams_per_address: 500,
            stalled_seconds: 30,
        }
    }
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            outbox: 2,
            lease_seconds: 60,
            attempts: 8,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Human,
            level: "info".into(),
        }
    }
}
