//! Others verify with tools of their own: the recipe of docs/record.md as it stands there, sha256sum, and OpenSSL's SM2.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use luochui::record::dossier::verify_dossier;
use luochui::record::verify::{Expected, Held, Status, verify};

use super::world::{key, played};
use crate::support::engine::{Place, run, still};

/// True where a tool is installed; under `CI` it must be.
fn has(tool: &str) -> bool {
    let found = Command::new(tool)
        .arg("--version")
        .output()
        .is_ok_and(|out| out.status.success());
    let found = found
        || Command::new(tool)
            .arg("version")
            .output()
            .is_ok_and(|out| out.status.success());
    assert!(found || std::env::var_os("CI").is_none(), "{tool} is not installed");
    if !found {
        eprintln!("SKIPPED: {tool} is not installed");
    }
    found
}

#[test]
fn the_documented_recipe_computes_the_same_head_and_finds_a_change() {
    if !has("python3") || !has("openssl") {
        return;
    }
    let docs = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/record.md")).unwrap();
    let recipe = docs.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let file = run(async { played(&Place::sqlite(), &still()).await.file });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record");
    let python = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Command::new("python3")
            .args(["-c", recipe])
            .arg(&path)
            .output()
            .unwrap()
    };
    let out = python(&file);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let head = verify(&file, &Held::default()).head.unwrap();
    let told = format!("{} {} {}\n", head.size, head.sha256, head.sm3);
    assert_eq!(String::from_utf8(out.stdout).unwrap(), told);
    let changed = python(&file.replacen("20000", "20001", 1));
    assert!(!changed.status.success());
    assert!(String::from_utf8_lossy(&changed.stderr).contains("AssertionError: line "));
}

#[test]
fn sha256sum_and_openssl_agree_on_the_last_line_and_the_signature() {
    if !has("sha256sum") || !has("openssl") {
        return;
    }
    let file = run(async { played(&Place::sqlite(), &still()).await.file });
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let last = file
        .lines()
        .rfind(|line| !line.starts_with("{\"checkpoint\":"))
        .unwrap();
    std::fs::write(at("line"), last).unwrap();
    let first_word = |command: &mut Command| {
        let out = command.output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let head = verify(&file, &Held::default()).head.unwrap();
    let sum = first_word(Command::new("sha256sum").arg(at("line")));
    assert_eq!(sum.split_whitespace().next(), Some(&*head.sha256));
    let sum = first_word(Command::new("openssl").args(["dgst", "-sm3"]).arg(at("line")));
    assert_eq!(sum.split_whitespace().last(), Some(&*head.sm3));

    let whole = file.lines().last().unwrap();
    let json: serde_json::Value = serde_json::from_str(whole).unwrap();
    let told = |name: &str| match &json["checkpoint"][name] {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let signed = ["instance", "size", "sm3", "sha256", "at", "reach", "key"].map(told);
    let signed = format!("luochui-checkpoint/1\n{}\n", signed.join("\n"));
    let signature = base64::engine::general_purpose::STANDARD
        .decode(told("signature"))
        .unwrap();
    std::fs::write(at("signed"), signed).unwrap();
    std::fs::write(at("signature.der"), signature).unwrap();
    std::fs::write(at("platform.pem"), key(7).to_pem().unwrap()).unwrap();
    let verified = Command::new("openssl")
        .args(["dgst", "-sm3", "-sigopt", "distid:1234567812345678", "-verify"])
        .arg(at("platform.pem"))
        .arg("-signature")
        .arg(at("signature.der"))
        .arg(at("signed"))
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&verified.stdout).into_owned() + &String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && out.contains("Verified OK"), "{out}");
}

#[test]
fn a_long_record_is_verified_fast_and_its_middle_is_not_skipped() {
    use luochui::machine::step::{Line, Outcome};
    let line = |number: i64| Line {
        instance: "I".into(),
        arrived: luochui::machine::Time(number),
        decided: luochui::machine::Time(number),
        event: "call".into(),
        of: None,
        by: Some("K7QM".into()),
        data: [("amount".into(), number.into())].into(),
        outcome: Outcome::Accepted,
        facts: Vec::new(),
        phase: vec!["calling".into()],
        due: [("countdown".into(), luochui::machine::Time(number + 240_000))].into(),
        frozen: false,
        done: false,
        after: false,
        signature: None,
        history: "0".repeat(64).into(),
    };
    let count = if std::env::var_os("LUOCHUI_LONG").is_some() {
        400_000
    } else {
        5_000
    };
    let origin = r#"{"format":"luochui-record/1","instance":"I","machine":"m","trade":"T","bundle":"b","version":"1.0.0","bundle_sha256":"0"}"#;
    let mut head = luochui::record::Head::at(0, origin);
    let mut file = format!("{origin}\n");
    for number in 1..=count {
        let appended = head.append(&line(number));
        file.push_str(&appended.text);
        file.push('\n');
        head = appended.head;
    }
    if let Some(path) = std::env::var_os("LUOCHUI_KEEP_RECORD") {
        std::fs::write(path, &file).unwrap();
    }
    let held = Held {
        expected: Expected::SoFar,
        ..Held::default()
    };
    let report = verify(&file, &held);
    assert!(report.holds(), "{report:#?}");
    assert_eq!(report.head.as_ref(), Some(&head));
    let middle = format!("\"amount\":{},", count / 2).replace(',', "}");
    let bent = file.replacen(&middle, &middle.replace("amount", "amaunt"), 1);
    assert_ne!(bent, file);
    let found = verify(&bent, &held);
    let step = found.steps.iter().find(|step| step.status == Status::Failed).unwrap();
    assert_eq!(step.line, Some(u64::try_from(count / 2).unwrap() + 2));
}

#[test]
fn a_dossier_is_decided_again_and_any_other_history_is_told() {
    let (dossier, winner) = run(async {
        let played = played(&Place::sqlite(), &still()).await;
        let snapshot = played.engine.trade(&played.hall).await.unwrap();
        (
            super::receipts::dossier(&played).await,
            snapshot.trade.instances[&played.hall].output["winner"].clone(),
        )
    });
    let held = Held {
        keys: vec![key(7)],
        ..Held::default()
    };
    let report = verify_dossier(&dossier, &held);
    assert!(report.holds(), "{report:#?}");
    let replay = report.steps.iter().find(|step| step.name == "replay").unwrap();
    assert!(replay.text.contains(winner.as_text().unwrap()), "{replay:?}");
    // Another amount in the private part, another rule, another line of the record.
    for (from, to) in [
        ("\"amount\":90000", "\"amount\":90001"),
        ("event.amount <= data.price", "event.amount < data.price"),
        ("\\\"n\\\":3,", "\\\"n\\\":4,"),
    ] {
        let forged = dossier.replacen(from, to, 1);
        assert_ne!(forged, dossier, "{from}");
        assert!(!verify_dossier(&forged, &held).holds(), "{from}");
    }
}
