//! `luochui bench seals`: what one core verifies and seals in a second. Must not keep anything warm that a server would not.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::probe::cpu_millis;
use super::rows::print_row;
use crate::cli::Failure;
use crate::clock::Clock;
use crate::config::Config;
use crate::machine::Time;
use crate::performers::typeset;
use crate::seal::authority::{Authority, Holder, Party, Period, SealOrder, Use};
use crate::seal::pdf::{self, Edges, Place, Sealing};
use crate::seal::ses::{Seal, Signature, ToSign, assemble_signature};
use crate::seal::sm3;
use crate::seal::stamp::{self, Face, Shape};
use crate::seal::trust::{Kind, Purpose, TrustStore};

#[derive(clap::Args)]
pub struct Options {
    /// How long each row is measured.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Size of the document that is sealed, in KiB.
    #[arg(long, default_value_t = 60)]
    document_kib: usize,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Figures {
    bench: &'static str,
    /// One certificate with its path, period and revocation: what a login costs.
    chains_per_second: f64,
    /// One SES_Signature: its value, the signer's chain, the seal and its maker's chain.
    seals_per_second: f64,
    /// One sealed PDF from its bytes.
    documents_per_second: f64,
    /// SM2 signatures by a key in memory.
    signatures_per_second: f64,
    /// Sealing one document with a key in memory: preparing, signing, assembling.
    sealing_ms: f64,
    document_bytes: usize,
    signature_bytes: usize,
    picture_bytes: usize,
}

pub fn run(config: &Config, options: &Options) -> Result<(), Failure> {
    let bench = Bench::new(config, options.document_kib, Clock::system().now())?;
    let time = Duration::from_secs(options.seconds);
    let (trust, now) = (&bench.trust, bench.now);
    let certificate = &bench.party.certificate;
    let prepared = bench.prepare()?;
    let ses = bench.sign(&prepared)?;
    let file = pdf::assemble(&prepared, &ses).map_err(|error| failed(&error))?;
    let signature = Signature::parse(&ses).map_err(|error| failed(&error))?;
    let digest = Some(prepared.digest);
    let figures = Figures {
        bench: "seals",
        chains_per_second: rate(time, || trust.verify(certificate, Purpose::Seal, now).is_ok())?,
        seals_per_second: rate(time, || signature.verify(trust, digest, now).holds())?,
        documents_per_second: rate(time, || {
            pdf::verify(&file, trust, now).verdict == crate::seal::document::Verdict::Valid
        })?,
        signatures_per_second: rate(time, || bench.party.key.sign(&prepared.digest).is_ok())?,
        sealing_ms: 1_000.0 / rate(time, || bench.seal_once().is_ok())?,
        document_bytes: bench.base.len(),
        signature_bytes: ses.len(),
        picture_bytes: bench.seal.raw_picture().data.len(),
    };
    print_row(&figures, options.json)
}

/// How often the work is done in a second of processor time, so that what else runs does not count; every time it must come
/// out right.
fn rate(time: Duration, work: impl Fn() -> bool) -> Result<f64, Failure> {
    let (started, used) = (Instant::now(), cpu_millis());
    let mut count = 0_u32;
    while started.elapsed() < time || count == 0 {
        if !work() {
            return Err(Failure("what is measured does not verify".into()));
        }
        count += 1;
    }
    let used = (cpu_millis() - used) / 1_000.0;
    let seconds = if used > 0.0 {
        used
    } else {
        started.elapsed().as_secs_f64()
    };
    Ok(f64::from(count) / seconds)
}

struct Bench {
    trust: TrustStore,
    party: Party,
    seal: Seal,
    base: Vec<u8>,
    now: Time,
}

impl Bench {
    fn new(config: &Config, document_kib: usize, now: Time) -> Result<Self, Failure> {
        let mut random = |bytes: &mut [u8; 32]| {
            if getrandom::fill(bytes).is_err() {
                bytes.fill(0);
            }
        };
        let begun = now.plus_millis(-60_000);
        let period = Period::days(begun, 30);
        let authority = Authority::new("测量", begun, &mut random).map_err(|error| failed(&error))?;
        let holder = Holder {
            kind: Kind::Organisation,
            code: "91110000600037341L".into(),
            name: "某某公共资源交易中心".into(),
        };
        let party = authority
            .issue(&holder, Use::Signing, period, &mut random)
            .map_err(|error| failed(&error))?;
        let (file, index) = typeset::bold_face(&config.paths.fonts).map_err(|error| failed(&error))?;
        let font = std::fs::read(file).map_err(|error| failed(&error))?;
        let face = Face { file: &font, index };
        let order = SealOrder {
            id: "BENCH",
            name: &holder.name,
            holders: vec![party.certificate.clone()],
            period,
            picture: stamp::draw(Shape::Round, &holder.name, face).map_err(|error| failed(&error))?,
            width_mm: 42,
            height_mm: 42,
        };
        let seal = authority.seal(&order).map_err(|error| failed(&error))?;
        let list = authority.revocations(&[], 1, period).map_err(|error| failed(&error))?;
        Ok(Self {
            trust: authority.trust(vec![list]),
            seal: Seal::parse(&seal).map_err(|error| failed(&error))?,
            party,
            base: document(document_kib * 1_024),
            now,
        })
    }

    fn prepare(&self) -> Result<pdf::Prepared, Failure> {
        let sealing = Sealing {
            base: &self.base,
            place: Place {
                page: 1,
                x_mm: 120.0,
                y_mm: 200.0,
                width_mm: 42.0,
                height_mm: 42.0,
            },
            picture: &self.seal.raw_picture().data,
            edges: Edges::Plain,
            signer: "某某公共资源交易中心",
            reason: "",
            location: "",
            at: self.now.0,
        };
        pdf::prepare(&sealing).map_err(|error| failed(&error))
    }

    fn sign(&self, prepared: &pdf::Prepared) -> Result<Vec<u8>, Failure> {
        let property = prepared.property();
        let to_sign = ToSign {
            seal: &self.seal,
            time: self.now,
            data_hash: prepared.digest,
            property: &property,
        };
        let to_sign = to_sign.to_der();
        let value = self.party.key.sign(&to_sign).map_err(|error| failed(&error))?;
        Ok(assemble_signature(&to_sign, &self.party.certificate, &value, None))
    }

    fn seal_once(&self) -> Result<Vec<u8>, Failure> {
        let prepared = self.prepare()?;
        pdf::assemble(&prepared, &self.sign(&prepared)?).map_err(|error| failed(&error))
    }
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure(format!("failed to measure: {error}"))
}

/// A PDF of one page with as many bytes in a stream beside it, as fonts and pictures are.
fn document(bytes: usize) -> Vec<u8> {
    let filling: Vec<u8> = (0_u32..)
        .flat_map(|number| sm3(&number.to_be_bytes()))
        .take(bytes)
        .collect();
    let objects = [
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>/Filling 4 0 R>>".to_vec(),
        [
            format!("<</Length {bytes}>>\nstream\n").as_bytes(),
            &filling,
            b"\nendstream",
        ]
        .concat(),
    ];
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (object, number) in objects.iter().zip(1..) {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.extend(format!("{number} 0 obj\n").into_bytes());
        file.extend(object);
        file.extend(b"\nendobj\n");
    }
    let start = file.len();
    let size = objects.len() + 1;
    file.extend(format!("{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n").into_bytes());
    file
}
