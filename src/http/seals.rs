//! Electronic seals of accounts: brought in after their maker's signature, their holders and their owner were verified.
//! Must not make seals, and must not show the picture of one that was not verified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::caller::Account;
use super::once::once;
use super::problem::{Code, Problem};
use super::sealing::{identities, parse_seal, problem};
use super::state::AppState;
use crate::engine::IdempotencyKey;
use crate::ids;
use crate::machine::Time;
use crate::machine::step::Actor;
use crate::seal::certificate::Certificate;
use crate::seal::mark::{TEST_NOTICE, is_test};
use crate::seal::ses::{Holders, Seal, SesError};
use crate::seal::trust::{Moment, Purpose, Subject, TrustStore};
use crate::sealing::{Fault, TestKeys, rehearse};
use crate::store::seal_rows::{self, SealRow};
use crate::store::{Connection, StoreError};

/// Verifies a seal and keeps it for its owner. The same seal brought in again is the one that is there.
///
/// # Errors
/// `seal_refused` and `seal_picture` with the reason, `seal_name_differs`, `seal_not_yours`, `seal_withdrawn`, `seal_superseded`.
pub async fn bring_in(state: &AppState, account: &Account, der: Vec<u8>) -> Result<SealRow, Problem> {
    let (trust, now, id) = (state.trust.current(), state.now(), ids::id()?);
    let (by, tests) = (account.id.clone(), TestKeys::of(state.config.environment));
    let judging = move || judge(&trust, &der, (id, by), (tests, now));
    let judged = state.verifiers.run(judging).await?;
    let row = judged.map_err(|fault| problem(&fault))?;
    let mine = identities(state, &account.actor).await?;
    if !mine.iter().any(|identity| identity.owns(&row)) {
        return Err(problem(&Fault::new(
            "seal_not_yours",
            "印章的所有人不是您本人或您所代表的单位",
        )));
    }
    keep(state, row).await
}

async fn keep(state: &AppState, row: SealRow) -> Result<SealRow, Problem> {
    let done = state.engine.write("bring in a seal", move |conn| put(conn, row)).await;
    match done {
        Ok(kept) => kept.map_err(|fault| problem(&fault)),
        // The same seal at the same time: asked again it is there.
        Err(crate::engine::EngineError::Store(StoreError::Duplicate(_))) => {
            Err(Problem::new(Code::Overloaded).retry_after(1))
        }
        Err(error) => Err(error.into()),
    }
}

/// Keeps a seal. A newer one of the same maker and number takes the place of the one before; the number alone is nobody's.
fn put(conn: &mut Connection, row: SealRow) -> Result<Result<SealRow, Fault>, StoreError> {
    let known = seal_rows::seals_numbered(conn, (&row.owner_kind, &row.owner), &row.es_id)?;
    let ones: Vec<_> = known.into_iter().filter(|known| known.maker == row.maker).collect();
    if let Some(same) = ones.iter().find(|known| known.der == row.der) {
        return Ok(match same.withdrawn_at {
            None => Ok(same.clone()),
            Some(_) => Err(Fault::new("seal_withdrawn", "该印章已停用或已换领，不能再次导入")),
        });
    }
    if ones.iter().any(|known| known.made_at > row.made_at) {
        return Ok(Err(Fault::new("seal_superseded", "已有同一编号、制作时间更晚的印章")));
    }
    for before in &ones {
        seal_rows::seal_withdraw(conn, &before.id, row.imported_at)?;
    }
    seal_rows::seal_insert(conn, &row)?;
    Ok(Ok(row))
}

/// Takes one of one's own seals out of use, for good: what it has sealed stays sealed.
///
/// # Errors
/// `not_found` for another's, and where it is out of use already.
pub async fn withdraw(state: &AppState, account: &Account, key: IdempotencyKey, id: String) -> Result<(), Problem> {
    let mine = identities(state, &account.actor).await?;
    let at = state.now().0;
    tracing::info!(seal = id, by = account.id, "a seal is withdrawn");
    let run = move |conn: &mut Connection| {
        let row = seal_rows::seal_get(conn, &id)?;
        let own = row.is_some_and(|row| mine.iter().any(|identity| identity.owns(&row)));
        Ok(if own && seal_rows::seal_withdraw(conn, &id, at)? {
            Ok(())
        } else {
            Err(Problem::new(Code::NotFound))
        })
    };
    once(state, &account.id, key, "withdraw a seal", run).await
}

/// Judges a seal for whoever brings it in; also what it takes to draw it.
fn judge(
    trust: &TrustStore,
    der: &[u8],
    (id, by): (String, String),
    (tests, now): (TestKeys, Time),
) -> Result<SealRow, Fault> {
    let refused = |why: String| Fault::new("seal_refused", format!("印章未通过验证：{why}"));
    let seal = Seal::parse(der).map_err(|error| match error {
        SesError::Version(version) => Fault::new("seal_version", format!("不支持第 {version} 版的印章")),
        other => refused(other.to_string()),
    })?;
    let report = seal.verify(trust, Moment::present(now));
    if let Some(fault) = report.fault() {
        return Err(refused(fault.reason.clone()));
    }
    tests.check(&seal)?;
    if let Err(failure) = seal.check_maker_today(trust, now) {
        return Err(refused(format!("制章人证书：{}", failure.code.sentence())));
    }
    rehearse(&seal, now)?;
    let owner = owner(trust, &seal, now)?;
    if !seal.bears_the_name_of(&owner.name) {
        let text = format!("印章名称“{}”与所有人“{}”不符", seal.name(), owner.name);
        return Err(Fault::new("seal_name_differs", text));
    }
    let (from, to) = seal.period();
    Ok(SealRow {
        id,
        es_id: seal.id().to_owned(),
        owner_kind: owner.kind.as_str().to_owned(),
        owner: owner.code,
        name: seal.name().to_owned(),
        maker: seal.maker().subject().shown().to_owned(),
        maker_sha256: seal.maker().sha256(),
        version: i64::from(seal.version()),
        picture_type: seal.raw_picture().kind.to_ascii_lowercase(),
        der: BASE64.encode(seal.der()),
        valid_from: from.0,
        valid_to: to.0,
        test: is_test(seal.maker()),
        imported_by: by,
        imported_at: now.0,
        withdrawn_at: None,
        digest: hex::encode(Sha256::digest(seal.der())),
        made_at: seal.created().0,
    })
}

/// Whose seal it is: all its holders' certificates name the same one, also those that are over, and at least one is good today.
///
/// # Errors
/// `seal_refused`, `seal_digests`, `seal_owners_differ`.
pub(super) fn owner(trust: &TrustStore, seal: &Seal, now: Time) -> Result<Subject, Fault> {
    let Holders::Certificates(list) = seal.holders() else {
        return Err(Fault::new("seal_digests", "印章只列出证书的杂凑值，无法确定所有人"));
    };
    let unreadable = |_| Fault::new("seal_refused", "印章中的证书无法读取");
    let list = list.iter().map(|der| Certificate::from_der(der).map_err(unreadable));
    let list = list.collect::<Result<Vec<_>, _>>()?;
    let judged: Vec<_> = list
        .iter()
        .map(|certificate| trust.verify(certificate, Purpose::Seal, now))
        .collect();
    let Some(owner) = judged.iter().find_map(|judged| judged.as_ref().ok()) else {
        let last = judged.iter().rev().find_map(|judged| judged.as_ref().err());
        let why = last.map_or("没有证书", |failure| failure.code.sentence());
        return Err(Fault::new("seal_refused", format!("印章的签章证书不可用：{why}")));
    };
    if list.iter().all(|certificate| names(trust, certificate, owner, now)) {
        return Ok(owner.clone());
    }
    Err(Fault::new("seal_owners_differ", "印章的证书列表中有不同的持有人"))
}

/// Whether a certificate is of the owner, whatever has become of it since; of one from an authority that is not listed, whose
/// rules nobody knows, whether it has the owner's number in it at all.
fn names(trust: &TrustStore, certificate: &Certificate, owner: &Subject, now: Time) -> bool {
    let subject = trust
        .chain(certificate, Purpose::Seal, now)
        .and_then(|chain| trust.subject(&chain));
    match subject {
        Ok(subject) => (subject.kind, &subject.code) == (owner.kind, &owner.code),
        Err(_) => {
            let number = owner.code.as_bytes();
            certificate.der().windows(number.len()).any(|bytes| bytes == number)
        }
    }
}

/// The seals of all as whom the actor may seal.
///
/// # Errors
/// A failing store.
pub async fn own(state: &AppState, actor: &Actor) -> Result<Vec<SealRow>, Problem> {
    let mine = identities(state, actor).await?;
    let rows = state.engine.read(move |conn| {
        let mut rows = Vec::new();
        for identity in &mine {
            rows.extend(seal_rows::seals_of(conn, identity.kind.as_str(), &identity.code)?);
        }
        Ok(rows)
    });
    Ok(rows.await?)
}

/// A seal as its owner sees it. Its picture was verified when it was brought in.
#[must_use]
pub fn present(row: &SealRow) -> Json {
    let picture = parse_seal(&row.der)
        .ok()
        .map(|seal| BASE64.encode(&seal.raw_picture().data));
    json!({
        "id": row.id, "es_id": row.es_id, "name": row.name, "owner": row.owner, "owner_kind": row.owner_kind,
        "maker": row.maker, "version": row.version, "valid_from": row.valid_from, "valid_to": row.valid_to,
        "picture_type": row.picture_type, "picture": picture,
        "test": row.test, "mark": row.test.then_some(TEST_NOTICE),
    })
}
