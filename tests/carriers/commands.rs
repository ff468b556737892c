//! `luochui ca` and `luochui verify` as a developer uses them, through the binary.

use std::path::Path;
use std::process::{Command, Output};

use luochui::seal::certificate::Certificate;
use luochui::seal::pdf::{self, Edges, Place, Sealing};
use luochui::seal::ses::{Seal, ToSign, assemble_signature};
use luochui::seal::sm2::SecretKey;

use super::world;

const CODE: &str = "91110000600037341L";
const PERSON: &str = "360426199101010071";

fn luochui(folder: &Path, environment: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_luochui"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("LUOCHUI_ENVIRONMENT", environment);
    command.output().unwrap()
}

fn done(folder: &Path, arguments: &[&str]) {
    let out = luochui(folder, "development", arguments);
    assert!(
        out.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
}

fn seal_file(folder: &Path) {
    let read = |name: &str| std::fs::read(folder.join("ca").join(name)).unwrap();
    let text = |name: &str| String::from_utf8(read(name)).unwrap();
    let certificate = Certificate::from_pem(&text(&format!("holders/{CODE}.pem"))).unwrap();
    let key = SecretKey::from_pem(&text(&format!("holders/{CODE}.key.pem"))).unwrap();
    let seal = Seal::parse(&read(&format!("seals/{CODE}.esl"))).unwrap();
    let at = luochui::clock::Clock::system().now();
    let base = world::pages(2);
    let prepared = pdf::prepare(&Sealing {
        base: &base,
        place: Place {
            width_mm: 42.0,
            height_mm: 42.0,
            ..world::PLACE
        },
        picture: &seal.raw_picture().data,
        edges: Edges::Sealed,
        signer: "某某公共资源交易中心",
        reason: "",
        location: "",
        at: at.0,
    });
    let prepared = prepared.unwrap();
    let property = prepared.property();
    let to_sign = ToSign {
        seal: &seal,
        time: at,
        data_hash: prepared.digest,
        property: &property,
    };
    let to_sign = to_sign.to_der();
    let ses = assemble_signature(&to_sign, &certificate, &key.sign(&to_sign).unwrap(), None);
    std::fs::write(folder.join("sealed.pdf"), pdf::assemble(&prepared, &ses).unwrap()).unwrap();
}

#[test]
#[cfg(feature = "pdf")]
fn an_authority_is_made_used_and_verified_against() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    done(folder, &["ca", "init", "ca", "--name", "某某"]);
    done(
        folder,
        &["ca", "issue", "ca", "--code", CODE, "--name", "某某公共资源交易中心"],
    );
    done(folder, &["ca", "issue", "ca", "--code", PERSON, "--name", "张三"]);
    done(folder, &["ca", "seal", "ca", CODE]);
    done(folder, &["ca", "seal", "ca", PERSON]);
    for name in [
        "root.key.pem",
        "issuing.key.pem",
        "maker.key.pem",
        "tsa.key.pem",
        &format!("holders/{CODE}.key.pem"),
    ] {
        let mode = std::fs::metadata(folder.join("ca").join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    seal_file(folder);

    let verify = |arguments: &[&str]| {
        let out = luochui(folder, "production", &[&["verify"], arguments].concat());
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    let (code, text) = verify(&["sealed.pdf", "--trust", "ca/trust"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("结论：验证通过") && text.contains("测试签章 无法律效力"),
        "{text}"
    );
    let seal = format!("ca/seals/{PERSON}.esl");
    assert_eq!(verify(&[&seal, "--trust", "ca/trust"]).0, Some(0));
    let (code, text) = verify(&["sealed.pdf", "--trust", "ca/trust", "--at", "2001-01-01", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, report["verdict"].as_str()), (Some(1), Some("invalid")), "{text}");
    assert_eq!(verify(&["sealed.pdf"]).0, Some(1));
    std::fs::write(folder.join("plain.pdf"), world::pages(1)).unwrap();
    assert_eq!(verify(&["plain.pdf", "--trust", "ca/trust"]).0, Some(2));
    assert_eq!(verify(&["absent.pdf"]).0, Some(2));

    done(folder, &["ca", "revoke", "ca", CODE, "--at", "2020-01-01"]);
    let (code, text) = verify(&["sealed.pdf", "--trust", "ca/trust"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("失败  signature.revocation"), "{text}");
}

#[test]
fn production_has_no_test_authority() {
    let folder = tempfile::tempdir().unwrap();
    let out = luochui(folder.path(), "production", &["ca", "init", "ca"]);
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("do not exist in production"));
    assert!(!folder.path().join("ca").exists());
}
