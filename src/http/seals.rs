//! Electronic seals of accounts: brought in after their maker's signature, their holders and their owner were verified.
//! Must not make seals, and must not show the picture of one that was not verified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};

use super::caller::Account;
use super::fresh;
use super::problem::Problem;
use super::sealing::{identities, parse_seal, problem};
use super::state::AppState;
use crate::machine::Time;
use crate::machine::step::Actor;
use crate::seal::certificate::Certificate;
use crate::seal::mark::{TEST_NOTICE, is_test};
use crate::seal::ses::{Holders, Seal, SesError};
use crate::seal::trust::{Moment, Purpose, Subject, TrustStore};
use crate::sealing::{Fault, TestKeys};
use crate::store::StoreError;
use crate::store::seal_rows::{self, SealRow};

/// Verifies a seal and keeps it for its owner. The same seal brought in again is the one that is there.
///
/// # Errors
/// `seal_refused` with the reason, `seal_not_yours`.
pub async fn bring_in(state: &AppState, account: &Account, der: Vec<u8>) -> Result<SealRow, Problem> {
    let (trust, now, id) = (state.trust.current(), state.now(), fresh::id()?);
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
    let kept = row.clone();
    let done = state.engine.write("bring in a seal", move |conn| {
        let known = seal_rows::seals_of(conn, &row.owner_kind, &row.owner)?;
        if let Some(known) = known.into_iter().find(|known| known.es_id == row.es_id) {
            return Ok(known);
        }
        seal_rows::seal_insert(conn, &row)?;
        Ok(row)
    });
    match done.await {
        Ok(row) if row.der == kept.der => Ok(row),
        Ok(_) | Err(crate::engine::EngineError::Store(StoreError::Duplicate(_))) => {
            Err(problem(&Fault::new("seal_number_taken", "已有同一编号的另一枚印章")))
        }
        Err(error) => Err(error.into()),
    }
}

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
    let owner = owner(trust, &seal, now)?;
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
    })
}

/// Whose seal it is: all its holders' certificates name the same one, and at least one of them is good today.
fn owner(trust: &TrustStore, seal: &Seal, now: Time) -> Result<Subject, Fault> {
    let Holders::Certificates(list) = seal.holders() else {
        return Err(Fault::new("seal_digests", "印章只列出证书的杂凑值，无法确定所有人"));
    };
    let mut found: Option<Subject> = None;
    let mut last = None;
    for der in list {
        let certificate = Certificate::from_der(der).map_err(|_| Fault::new("seal_refused", "印章中的证书无法读取"))?;
        match trust.verify(&certificate, Purpose::Seal, now) {
            Ok(subject) => match &found {
                Some(known) if (known.kind, &known.code) != (subject.kind, &subject.code) => {
                    return Err(Fault::new("seal_owners_differ", "印章的证书列表中有不同的持有人"));
                }
                _ => found = Some(subject),
            },
            Err(failure) => last = Some(failure),
        }
    }
    found.ok_or_else(|| {
        let why = last.map_or("没有证书", |failure| failure.code.sentence());
        Fault::new("seal_refused", format!("印章的签章证书不可用：{why}"))
    })
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
