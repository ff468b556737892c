//! `luochui ca`: an authority for development, whose certificates and seals all say 测试. Must not run where trades are real.

mod folder;
mod tsa;

use std::path::{Path, PathBuf};

use self::folder::{Folder, Issued, Revoked};
use super::Failure;
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::identity;
use crate::machine::Time;
use crate::performers::typeset;
use crate::seal::authority::{Authority, Holder, Party, Period, SealOrder, Use};
use crate::seal::stamp::{self, Face, Shape};
use crate::seal::trust::Kind;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Make a root, an issuing CA, a seal maker and a TSA, with `trust/` for whoever shall trust them.
    Init {
        /// Folder that is made.
        folder: PathBuf,
        /// What the authority is called.
        #[arg(long, default_value = "落槌")]
        name: String,
    },
    /// Issue a pair of certificates: one to sign with, one to encrypt to.
    Issue(Issue),
    /// Revoke a certificate, and issue the revocation list anew.
    Revoke {
        folder: PathBuf,
        /// The holder's code, or a serial number in hex.
        holder: String,
        /// From when on; now where absent.
        #[arg(long, value_parser = super::verify::time)]
        at: Option<Time>,
    },
    /// Serve time stamps (RFC 3161 over HTTP, SM2 with SM3) of the authority's TSA in the foreground.
    Tsa(tsa::Options),
    /// Make the seal of a holder, with a red picture that says 测试.
    Seal {
        folder: PathBuf,
        /// The holder's code.
        holder: String,
        /// The seal's name, and the text along it; the holder's name where absent.
        #[arg(long)]
        name: Option<String>,
        /// How many days it is good for.
        #[arg(long, default_value_t = 365)]
        days: i64,
    },
}

#[derive(clap::Args)]
pub struct Issue {
    folder: PathBuf,
    /// 统一社会信用代码 of an organisation, or 公民身份号码 of a person.
    #[arg(long)]
    code: String,
    #[arg(long)]
    name: String,
    /// How many days the certificates are good for.
    #[arg(long, default_value_t = 90)]
    days: i64,
}

pub fn run(config: Option<&Path>, command: &Command) -> Result<(), Failure> {
    let config = Config::load(config).map_err(|error| Failure(error.to_string()))?;
    if config.environment == Environment::Production {
        let hint = "set `environment: development` (LUOCHUI_ENVIRONMENT=development) where nothing is real";
        return Err(Failure(format!("test certificates do not exist in production; {hint}")));
    }
    let now = Clock::system().now();
    match command {
        Command::Init { folder, name } => init(folder, name, now),
        Command::Issue(options) => issue(options, now),
        Command::Revoke { folder, holder, at } => revoke(folder, holder, at.unwrap_or(now), now),
        Command::Tsa(options) => tsa::run(options),
        Command::Seal {
            folder,
            holder,
            name,
            days,
        } => seal(&config, folder, holder, name.as_deref(), Period::days(now, *days)),
    }
}

/// What the authority issues counts from a minute ago: clocks differ.
const BEFORE: i64 = 60_000;

/// Makes an authority with certificates and seals for these holders (number and name), without a word.
pub(super) fn furnish(config: &Config, path: &Path, holders: &[(&str, &str)], now: Time) -> Result<(), Failure> {
    const DAYS: i64 = 365;
    found(path, "落槌演示", now)?;
    for (code, name) in holders {
        certify(path, code, name, DAYS, now)?;
        make_seal(config, path, code, None, Period::days(now.plus_millis(-BEFORE), DAYS))?;
    }
    Ok(())
}

fn init(path: &Path, name: &str, now: Time) -> Result<(), Failure> {
    found(path, name, now)?;
    println!(
        "made a test authority in {}; trust it with --trust {0}/trust",
        path.display()
    );
    Ok(())
}

fn found(path: &Path, name: &str, now: Time) -> Result<(), Failure> {
    let authority = Authority::new(name, now.plus_millis(-BEFORE), &mut random).map_err(|error| failed(&error))?;
    let mut folder = Folder::create(path)?;
    for (party, name) in [
        (&authority.root, "root"),
        (&authority.issuing, "issuing"),
        (&authority.maker, "maker"),
        (&authority.tsa, "tsa"),
    ] {
        folder.keep_party(name, party)?;
    }
    folder.keep_trust(&authority)?;
    folder.list(&authority, now)
}

fn issue(options: &Issue, now: Time) -> Result<(), Failure> {
    certify(&options.folder, &options.code, &options.name, options.days, now)?;
    println!(
        "issued {} {} in {}/holders",
        options.code,
        options.name,
        options.folder.display()
    );
    Ok(())
}

fn certify(path: &Path, code: &str, name: &str, days: i64, now: Time) -> Result<(), Failure> {
    let mut folder = Folder::open(path)?;
    let authority = folder.authority()?;
    let holder = Holder {
        kind: kind_of(code)?,
        code: code.to_owned(),
        name: name.to_owned(),
    };
    let period = Period {
        from: now.plus_millis(-BEFORE),
        until: Period::days(now, days).until,
    };
    for (purpose, ending) in [(Use::Signing, ""), (Use::Encryption, ".enc")] {
        let party = authority
            .issue(&holder, purpose, period, &mut random)
            .map_err(|error| failed(&error))?;
        folder.keep_party(&format!("holders/{}{ending}", holder.code), &party)?;
        folder.note(Issued::of(&holder, purpose, &party.certificate))?;
    }
    folder.list(&authority, now)
}

fn revoke(path: &Path, holder: &str, at: Time, now: Time) -> Result<(), Failure> {
    let mut folder = Folder::open(path)?;
    let authority = folder.authority()?;
    let found = folder.serials(holder);
    if found.is_empty() {
        return Err(Failure(format!("no certificate of {holder} is in force here")));
    }
    for serial in &found {
        folder.revoke(Revoked {
            serial: serial.clone(),
            from: at,
        })?;
    }
    folder.list(&authority, now)?;
    println!("revoked {} certificates of {holder}", found.len());
    Ok(())
}

fn seal(config: &Config, path: &Path, code: &str, name: Option<&str>, period: Period) -> Result<(), Failure> {
    let id = make_seal(config, path, code, name, period)?;
    println!("made the seal {id} in {}/seals", path.display());
    Ok(())
}

/// Returns the seal's number.
fn make_seal(config: &Config, path: &Path, code: &str, name: Option<&str>, period: Period) -> Result<String, Failure> {
    let folder = Folder::open(path)?;
    let authority = folder.authority()?;
    let holder: Party = folder.party(&format!("holders/{code}"))?;
    let shown = holder.certificate.subject().shown().to_owned();
    let name = name.unwrap_or(&shown);
    let (file, index) = typeset::bold_face(&config.paths.fonts).map_err(|error| failed(&error))?;
    let bytes = std::fs::read(&file).map_err(|error| failed(&error))?;
    let shape = match kind_of(code)? {
        Kind::Organisation => Shape::Round,
        Kind::Person => Shape::Square,
    };
    let face = Face { file: &bytes, index };
    let picture = stamp::draw(shape, name, face).map_err(|error| failed(&error))?;
    let order = SealOrder {
        id: &format!("TEST-{code}-{}", period.from.0 / 1_000),
        name,
        holders: vec![holder.certificate],
        period,
        picture: picture.clone(),
        width_mm: shape.millimetres(),
        height_mm: shape.millimetres(),
    };
    let seal = authority.seal(&order).map_err(|error| failed(&error))?;
    folder.keep(&format!("seals/{code}.esl"), &seal)?;
    folder.keep(&format!("seals/{code}.png"), &picture)?;
    Ok(order.id.to_owned())
}

fn kind_of(code: &str) -> Result<Kind, Failure> {
    if identity::check_organisation_code(code).is_ok() {
        return Ok(Kind::Organisation);
    }
    match identity::check_person_number(code) {
        Ok(()) => Ok(Kind::Person),
        Err(_) => Err(Failure(format!(
            "{code} is neither a 统一社会信用代码 nor a 公民身份号码"
        ))),
    }
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure(format!("the authority failed: {error}"))
}

/// A failing system source leaves zeros, which no key is made of.
fn random(bytes: &mut [u8; 32]) {
    if getrandom::fill(bytes).is_err() {
        bytes.fill(0);
    }
}
