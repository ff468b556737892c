//! Fetches revocation lists from the addresses in the profiles, if the configuration allows their hosts.
//! Must not follow an address from a certificate or a redirect: both are whoever's who sent them.

use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use sha2::{Digest, Sha256};

use super::{EntryKind, Trust};
use crate::engine::Engine;
use crate::seal::ses::MAX_CLOCK_SKEW;
use crate::seal::trust::{RevocationList, TrustStore};
use crate::store::trust_rows::{self, TrustRow};
use crate::store::{Connection, StoreError};

/// The largest list that is fetched, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Who adds fetched lists and takes them out, in the table.
pub(super) const BY: &str = "fetch";
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why a list was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("the address is not http or https to an allowed host")]
    Forbidden,
    #[error("{0}")]
    Unreachable(String),
    #[error("is no revocation list: {0}")]
    Malformed(#[from] crate::seal::asn1::Asn1Error),
    #[error("no listed authority has signed it")]
    Unsigned,
    #[error("says that it was issued in the future")]
    Early,
    #[error(transparent)]
    Store(#[from] crate::engine::EngineError),
}

/// True for `http` and `https` addresses whose host, with the port where one is written, is in the list.
#[must_use]
pub fn allowed(url: &str, hosts: &[String]) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let authority = rest
        .and_then(|rest| rest.split(['/', '?', '#', '\\']).next())
        .unwrap_or("");
    // A name before an @ has been used to make one host look like another; a control character to make two of one line.
    let plain = !authority.contains('@') && url.chars().all(|c| c.is_ascii_graphic());
    plain && !authority.is_empty() && hosts.iter().any(|host| host.eq_ignore_ascii_case(authority))
}

/// Fetches every list that the profiles name; failures are logged, and the next round tries again.
pub(super) async fn all(trust: &Trust, engine: &Engine) {
    let store = trust.current();
    let urls: Vec<String> = store.profiles().flat_map(|profile| profile.crl_urls.clone()).collect();
    let mut fresh = false;
    for url in urls {
        match one(trust, engine, &store, &url).await {
            Ok(changed) => fresh |= changed,
            Err(error) => tracing::error!(url, %error, "failed to fetch a revocation list"),
        }
    }
    if fresh && let Err(error) = trust.refresh(engine).await {
        tracing::error!(%error, "failed to take in fetched revocation lists");
    }
}

async fn one(trust: &Trust, engine: &Engine, store: &TrustStore, url: &str) -> Result<bool, FetchError> {
    if !allowed(url, &trust.inner.hosts) {
        return Err(FetchError::Forbidden);
    }
    let address = url.to_owned();
    let bytes = tokio::task::spawn_blocking(move || get(&address))
        .await
        .map_err(|error| FetchError::Unreachable(error.to_string()))??;
    let list = RevocationList::from_any(&bytes)?;
    // A list that is not signed must not push out the good one.
    let Some(series) = series(store, &list) else {
        return Err(FetchError::Unsigned);
    };
    let now = engine.now();
    // Nor one that nothing could follow for years.
    if list.this_update().millis_since(now) > MAX_CLOCK_SKEW {
        return Err(FetchError::Early);
    }
    let Some(replaced) = older(engine, store, (series, &list)).await? else {
        return Ok(false);
    };
    let id = hex::encode(Sha256::digest(list.der()));
    let row = TrustRow {
        id: id.clone(),
        kind: EntryKind::List.as_str().to_owned(),
        sha256: id,
        title: list.issuer().shown().to_owned(),
        content: base64::engine::general_purpose::STANDARD.encode(list.der()),
        added_by: BY.to_owned(),
        added_at: now.0,
        removed_by: None,
        removed_at: None,
    };
    let put = move |conn: &mut Connection| replace(conn, row, &replaced);
    Ok(engine.write("revocation list", put).await?)
}

/// Which lists can take each other's place: see [`RevocationList::series`]. None where no listed authority has signed it.
fn series(store: &TrustStore, list: &RevocationList) -> Option<Vec<u8>> {
    let signer = store
        .authorities()
        .iter()
        .find(|authority| list.is_signed_by(authority))?;
    Some(list.series(signer))
}

/// The fetched lists that this one takes the place of. None where one of them is as new: a list that somebody kept and serves
/// again must not push out the newer one.
async fn older(
    engine: &Engine,
    store: &TrustStore,
    (wanted, list): (Vec<u8>, &RevocationList),
) -> Result<Option<Vec<String>>, FetchError> {
    let rows = engine.read(trust_rows::trust_current).await?;
    let (store, fresh) = (store.clone(), list.this_update());
    let judged = tokio::task::spawn_blocking(move || {
        let mut replaced = Vec::new();
        let fetched = rows
            .iter()
            .filter(|row| row.kind == EntryKind::List.as_str() && row.added_by == BY);
        for row in fetched {
            let Some(known) = kept(&row.content).filter(|known| series(&store, known).as_ref() == Some(&wanted)) else {
                continue;
            };
            if known.this_update() >= fresh {
                return None;
            }
            replaced.push(row.id.clone());
        }
        Some(replaced)
    });
    judged.await.map_err(|error| FetchError::Unreachable(error.to_string()))
}

/// The list that a row holds.
fn kept(content: &str) -> Option<RevocationList> {
    let der = base64::engine::general_purpose::STANDARD.decode(content).ok()?;
    RevocationList::from_der(&der).ok()
}

/// Puts a fetched list in the place of those before it, which stay to judge the past by. False where it counts already.
fn replace(conn: &mut Connection, mut row: TrustRow, replaced: &[String]) -> Result<bool, StoreError> {
    match trust_rows::trust_by_digest(conn, &row.sha256)? {
        Some(known) if known.removed_at.is_none() => return Ok(false),
        // One that was taken out and is taken in again gets a row of its own.
        Some(known) => row.id = hex::encode(Sha256::digest(known.id)),
        None => {}
    }
    trust_rows::trust_forget(conn, &row.sha256)?;
    for old in replaced {
        trust_rows::trust_remove(conn, old, BY, row.added_at)?;
    }
    trust_rows::trust_insert(conn, &row)?;
    Ok(true)
}

fn get(url: &str) -> Result<Vec<u8>, FetchError> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .http_status_as_error(true)
        .build()
        .new_agent();
    let told = |error: &dyn std::fmt::Display| FetchError::Unreachable(error.to_string());
    let mut answer = agent.get(url).call().map_err(|error| told(&error))?;
    if !answer.status().is_success() {
        return Err(FetchError::Unreachable(format!("answered {}", answer.status())));
    }
    let mut bytes = Vec::new();
    answer
        .body_mut()
        .as_reader()
        .take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| told(&error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn only_allowed_hosts_are_asked() {
        let hosts = ["crl.example.cn".to_owned(), "127.0.0.1:8999".to_owned()];
        for good in [
            "http://crl.example.cn/a.crl",
            "https://CRL.example.cn",
            "http://127.0.0.1:8999/x?y",
        ] {
            assert!(allowed(good, &hosts), "{good}");
        }
        for bad in [
            "http://crl.example.cn.evil.test/",
            "http://crl.example.cn@evil.test/",
            "http://evil.test/crl.example.cn",
            "http://evil.test\\@crl.example.cn/",
            "http://crl.example.cn:22/",
            "http://127.0.0.1/",
            "http://127.0.0.1:80/",
            "ldap://crl.example.cn/",
            "file:///etc/passwd",
            "gopher://crl.example.cn/",
            "http://",
            "http://crl.example.cn/\r\nX: y",
            "",
        ] {
            assert!(!allowed(bad, &hosts), "{bad}");
        }
    }
}
