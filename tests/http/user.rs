//! `luochui user`: accounts from the command line.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::app::PASSWORD;

fn user(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_luochui"));
    command
        .arg("user")
        .args(arguments)
        .current_dir(folder)
        .env("LUOCHUI_PASSWORD", PASSWORD);
    command.output().unwrap()
}

#[test]
fn accounts_are_added_listed_and_disabled() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| user(folder.path(), arguments);
    assert!(
        run(&["add", "--name", "first.admin", "--email", "a@example.test", "--admin"])
            .status
            .success()
    );
    let reviewer = [
        "add",
        "--name",
        "wang",
        "--email",
        "w@example.test",
        "--post",
        "reviewer@centre",
    ];
    assert!(run(&reviewer).status.success());
    let again = run(&reviewer);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("name_taken"));
    let unknown = run(&[
        "add",
        "--name",
        "zhao",
        "--email",
        "z@example.test",
        "--post",
        "clerk@nowhere",
    ]);
    assert!(!unknown.status.success());
    assert!(run(&["disable", "--name", "wang"]).status.success());
    assert!(!run(&["disable", "--name", "nobody"]).status.success());
    let list = String::from_utf8(run(&["list"]).stdout).unwrap();
    let mut lines: Vec<_> = list
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(_, rest)| rest)
        .collect();
    lines.sort_unstable();
    assert_eq!(lines, ["first.admin admin ", "wang ordinary disabled reviewer@centre"]);
}
