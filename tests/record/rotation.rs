//! A new key of the platform's: what the former ones signed still verifies, and nobody else's does.

use luochui::cli::platform_key;
use luochui::config::Config;
use luochui::machine::Time;
use luochui::record::signer::read_keys;
use luochui::record::verify::{Held, Status, verify};
use luochui::record::{Checkpoint, PlatformSigner, Reach};
use luochui::seal::sm2::PublicKey;

use super::world::{key, played};
use crate::support::engine::{Place, run, still};

/// How a checkpoint by a signer comes out against keys.
fn judged(file: &str, signer: &dyn PlatformSigner, keys: &[PublicKey]) -> Status {
    let plain = verify(file, &Held::default());
    let (instance, head) = (plain.instance.unwrap(), plain.head.unwrap());
    let held = Held {
        checkpoints: vec![Checkpoint::sign(signer, &instance, &head, (Time(1), Reach::SoFar)).unwrap()],
        keys: keys.to_vec(),
        ..Held::default()
    };
    let report = verify(file, &held);
    let step = report.steps.iter().find(|step| step.name == "checkpoint at hand");
    step.unwrap().status
}

#[test]
fn what_former_keys_signed_still_verifies() {
    let file = run(async { played(&Place::sqlite(), &still()).await.file });
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.record.key = folder.path().join("platform.key.pem");
    assert!(platform_key::rotate(&config).is_err(), "there is no key to follow");
    let first = platform_key::signer(&config).unwrap();
    let second = platform_key::rotate(&config).unwrap();
    let third = platform_key::rotate(&config).unwrap();
    assert_eq!(platform_key::signer(&config).unwrap().key_id(), third.key_id());
    assert_eq!(third.former(), [second.public_key(), first.public_key()]);

    let current = [third.public_key()];
    let pem: String = current
        .iter()
        .chain(third.former())
        .map(|key| key.to_pem().unwrap())
        .collect();
    let keys = read_keys(&pem).unwrap();
    for signer in [&first, &second, &third] {
        assert_eq!(judged(&file, &**signer, &keys), Status::Ok);
        assert_eq!(judged(&file, &**signer, &[]), Status::Warning);
        assert_eq!(judged(&file, &**signer, &[key(7)]), Status::Failed);
    }
    assert_eq!(judged(&file, &*first, &current), Status::Failed);

    let kept = std::fs::read_to_string(folder.path().join("platform.key.former.pem")).unwrap();
    assert!(!kept.contains("PRIVATE"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    for bad in ["", "text", &format!("x{pem}"), &pem.replace("PUBLIC", "PUBLICK")] {
        assert!(read_keys(bad).is_err());
    }
}
