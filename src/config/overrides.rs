//! Lays environment variables over a configuration: `http.listen` is `LUOCHUI_HTTP_LISTEN`, for every key.
//! Must not know any key by name, so that a new one can be overridden without a line here.

use std::collections::BTreeMap;

use serde_yaml::Value;

use super::{Config, ConfigError};

/// Every key with its present value, by dotted path. The keys of `hooks` are given by whoever configures.
pub(super) fn leaves(config: &Config) -> Vec<(String, Value)> {
    fn walk(prefix: &str, value: &Value, found: &mut Vec<(String, Value)>) {
        match value {
            Value::Mapping(mapping) if prefix.is_empty() || !mapping.is_empty() => {
                for (key, value) in mapping {
                    let key = key.as_str().unwrap_or_default();
                    let path = if prefix.is_empty() {
                        key.to_owned()
                    } else {
                        format!("{prefix}.{key}")
                    };
                    walk(&path, value, found);
                }
            }
            _ => found.push((prefix.to_owned(), value.clone())),
        }
    }
    let mut found = Vec::new();
    walk("", &serde_yaml::to_value(config).unwrap_or_default(), &mut found);
    found
}

/// The variable of a dotted path.
pub(super) fn variable(path: &str) -> String {
    format!("LUOCHUI_{}", path.replace('.', "_").to_uppercase())
}

/// The configuration with the variables of `environment` laid over it. Lists are separated by colons, as in `PATH`.
pub(super) fn apply(config: &Config, environment: &BTreeMap<String, String>) -> Result<Config, ConfigError> {
    let mut config = config.clone();
    for (path, value) in leaves(&config) {
        let variable = variable(&path);
        if let Some(text) = environment.get(&variable) {
            config = with(&config, &path, read(text, &value)).map_err(|error| ConfigError::Environment {
                variable,
                message: error.to_string(),
            })?;
        }
    }
    // A hook's secret belongs in the environment rather than in a file, also for a hook that the file does not name.
    for (variable, text) in environment {
        if let Some(name) = variable.strip_prefix("LUOCHUI_HOOKS_").filter(|name| !name.is_empty()) {
            config.hooks.insert(name.to_lowercase(), text.clone());
        }
    }
    Ok(config)
}

/// Reads a variable as what the key holds now: text stays text, also where it looks like a number.
fn read(text: &str, present: &Value) -> Value {
    match present {
        Value::String(_) => Value::String(text.to_owned()),
        Value::Sequence(_) => text
            .split(':')
            .filter(|part| !part.is_empty())
            .map(|part| Value::String(part.to_owned()))
            .collect(),
        _ => serde_yaml::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    }
}

fn with(config: &Config, path: &str, value: Value) -> Result<Config, serde_yaml::Error> {
    let mut root = serde_yaml::to_value(config)?;
    let mut place = &mut root;
    for key in path.split('.') {
        let Some(inner) = place.get_mut(key) else {
            return serde_yaml::from_value(root);
        };
        place = inner;
    }
    *place = value;
    serde_yaml::from_value(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply_all(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        apply(&Config::default(), &environment)
    }

    #[test]
    fn variables_of_every_kind_arrive() {
        let config = apply_all(&[
            ("LUOCHUI_HTTP_LISTEN", "0.0.0.0:80"),
            ("LUOCHUI_HTTP_WORKERS", "7"),
            ("LUOCHUI_MAIL_SMTP_PASSWORD", "0123"),
            ("LUOCHUI_MAIL_SMTP_TLS", "implicit"),
            ("LUOCHUI_PATHS_FONTS", "/a:/b"),
            ("LUOCHUI_HOOKS_BANK", "s3cret"),
            ("LUOCHUI_LONG", "1"),
        ])
        .unwrap();
        assert_eq!(config.http.listen, "0.0.0.0:80");
        assert_eq!(config.http.workers, 7);
        assert_eq!(config.mail.smtp.password, "0123");
        assert_eq!(config.mail.smtp.tls, crate::config::Tls::Implicit);
        assert_eq!(config.paths.fonts, ["/a", "/b"].map(std::path::PathBuf::from));
        assert_eq!(config.hooks["bank"], "s3cret");
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        let fault = apply_all(&[("LUOCHUI_HTTP_WORKERS", "many")]).unwrap_err().to_string();
        assert!(fault.starts_with("LUOCHUI_HTTP_WORKERS: "), "{fault}");
    }
}
