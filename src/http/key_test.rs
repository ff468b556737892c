//! "Test my key and seal": the whole way of a sign-in and of a seal, step by step, before the day when it matters.
//! Must not open anything, and must not tell more of a certificate to somebody who does not hold its key.

use super::certificates::Answered;
use super::challenges::{self, Purpose};
use super::problem::{Code, Problem};
use super::seals;
use super::state::AppState;
use crate::machine::Time;
use crate::seal::certificate::Certificate;
use crate::seal::report::Report;
use crate::seal::ses::Seal;
use crate::seal::trust::{self, Chain, Failure, Moment, TrustStore};
use crate::sealing;
use crate::store::challenge_rows;

/// Tries out a key, and a seal where one is given.
///
/// # Errors
/// `challenge_refused`; whatever is wrong with certificate and seal is in the report.
pub async fn run(
    state: &AppState,
    answer: Answered,
    seal: Option<Vec<u8>>,
    origin: Option<&str>,
) -> Result<Report, Problem> {
    let row = challenges::find(state, &answer.challenge, &[Purpose::Test], origin).await?;
    let (id, now) = (row.id.clone(), state.now());
    let used = move |conn: &mut _| challenge_rows::challenge_use(conn, &id, now.0);
    if !state.engine.write("test challenge", used).await? {
        return Err(Problem::new(Code::ChallengeRefused));
    }
    let store = state.trust.current();
    state
        .verifiers
        .run(move || judge(&store, &answer, seal.as_deref(), row.text.as_bytes(), now))
        .await
}

fn judge(store: &TrustStore, answer: &Answered, seal: Option<&[u8]>, text: &[u8], now: Time) -> Report {
    let mut report = Report::default();
    let certificate = match Certificate::from_any(&answer.held.certificate) {
        Ok(certificate) => certificate,
        Err(fault) => {
            report.fail("key.certificate", "malformed", format!("不是有效的证书：{fault}"));
            return report;
        }
    };
    report.ok("key.certificate", "证书可以读取");
    match certificate
        .public_key()
        .map(|key| key.verify_carried(text, &answer.held.signature))
    {
        Some(Ok(())) => report.ok("key.signature", "签名正确，密钥可用"),
        Some(Err(fault)) => {
            report.fail("key.signature", "bad_signature", format!("签名与挑战不符：{fault}"));
            return report;
        }
        None => {
            report.fail("key.signature", "wrong_curve", "公钥不是 SM2 密钥");
            return report;
        }
    }
    judge_certificate(&mut report, store, &certificate, now);
    if let Some(seal) = seal {
        judge_seal(&mut report, store, &certificate, seal, now);
    }
    report
}

fn judge_certificate(report: &mut Report, store: &TrustStore, certificate: &Certificate, now: Time) {
    let chain = match store.chain(certificate, trust::Purpose::Login, now) {
        Ok(chain) => chain,
        Err(failure) => return refuse(report, "key.path", &failure),
    };
    report.ok("key.path", "证书由名录内的机构签发");
    step(report, "key.period", "证书在有效期内", store.check_period(&chain, now));
    let moment = Moment::present(now);
    let login = store.check_revocation(&chain, trust::Purpose::Login, moment);
    let sealing = store.check_revocation(&chain, trust::Purpose::Seal, moment);
    match (login, sealing) {
        // Signing in would work today, sealing would not: better known now.
        (Ok(_), Err(failure)) => report.warn("key.revocation", failure.code.as_str(), failure.code.sentence()),
        (Ok(checked), Ok(_)) if !checked.unchecked.is_empty() => report.warn(
            "key.revocation",
            "revocation_not_checked",
            format!(
                "未核对吊销状态（没有或不发布吊销列表）：{}",
                checked.unchecked.join("、")
            ),
        ),
        (result, _) => step(report, "key.revocation", "未被吊销", result.map(|_| ())),
    }
    step(
        report,
        "key.listing",
        "发证机构在名录内",
        store.check_accepted(&chain, now),
    );
    subject(report, store, &chain);
}

fn subject(report: &mut Report, store: &TrustStore, chain: &Chain) {
    match store.subject(chain) {
        Ok(subject) => {
            let kind = match subject.kind {
                trust::Kind::Person => "个人",
                trust::Kind::Organisation => "机构",
            };
            report.ok("key.subject", format!("{kind}：{}（{}）", subject.name, subject.code));
        }
        Err(failure) => refuse(report, "key.subject", &failure),
    }
}

fn judge_seal(report: &mut Report, store: &TrustStore, holder: &Certificate, bytes: &[u8], now: Time) {
    let seal = match Seal::parse(bytes) {
        Ok(seal) => seal,
        Err(fault) => return report.fail("seal.format", fault.code(), fault.sentence()),
    };
    report.append(seal.verify(store, Moment::present(now)));
    match sealing::rehearse(&seal, now) {
        Ok(()) => report.ok("seal.drawing", "印章图形可以用于签章"),
        Err(fault) => report.fail("seal.drawing", fault.code, fault.sentence),
    }
    match seals::owner(store, &seal, now) {
        Ok(owner) => {
            let own = store.verify(holder, trust::Purpose::Seal, now);
            if own.is_ok_and(|own| (own.kind, own.code) == (owner.kind, owner.code.clone())) {
                report.ok("seal.owner", format!("印章属于证书的持有人：{}", owner.name));
            } else {
                report.fail("seal.owner", "wrong_holder", "证书的持有人不是印章的所有人");
            }
        }
        Err(fault) => report.fail("seal.owner", fault.code, fault.sentence),
    }
    if seal.holders().contain(holder) {
        report.ok("seal.holder", "证书在印章的证书列表中");
    } else {
        report.fail(
            "seal.holder",
            "not_a_holder",
            "证书不在印章的证书列表中，换发证书后须同时更换印章",
        );
    }
}

fn step(report: &mut Report, name: &'static str, passed: &str, result: Result<(), Failure>) {
    match result {
        Ok(()) => report.ok(name, passed),
        Err(failure) => refuse(report, name, &failure),
    }
}

fn refuse(report: &mut Report, name: &'static str, failure: &Failure) {
    let advice = failure.code.advice().unwrap_or_else(|| failure.code.sentence());
    report.fail(name, failure.code.as_str(), advice);
}
