//! The server as a process: it starts, says where it listens, stops when told, and refuses what it must. Must not test the API.

mod benches;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

const BUNDLE: &str = "language: 1\nname: door\nversion: 1.0.0\ntitle: 门\ntimezone: Asia/Shanghai\ncalendar: cn-gov\nroot: door\n\
machines: [door]\nroles: {keeper: {title: 门卫, post: keeper}}\n";
const MACHINE: &str = "machine: door\ntitle: 门\nread: [keeper]\nevents:\n  close: {title: 关, from: [keeper]}\ninitial: open\nstates:\n  \
open: {title: 开, on: {close: closed}}\n  closed: {title: 关, type: final}\n";

/// A started server and where it listens.
struct Server {
    child: Child,
    address: String,
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_luochui"));
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("LUOCHUI_PATHS_DATA", folder.join("data"))
        .env("LUOCHUI_PATHS_WORKFLOWS", folder.join("workflows"))
        .env("LUOCHUI_PATHS_TEMPLATES", folder.join("templates"))
        .env("LUOCHUI_LOG_FORMAT", "json")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn write_bundle(folder: &Path, machine: &str) {
    let bundle = folder.join("workflows/door");
    std::fs::create_dir_all(&bundle).unwrap();
    std::fs::write(bundle.join("bundle.yaml"), BUNDLE).unwrap();
    std::fs::write(bundle.join("door.yaml"), machine).unwrap();
}

impl Server {
    /// Starts and waits for the log line that names the address.
    fn start(folder: &Path) -> Self {
        let mut child = command(folder).spawn().unwrap();
        let mut said = String::new();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut lines = log.lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            let entry: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            said.push_str(&line);
            (entry["message"] == "serving").then(|| entry["address"].as_str().unwrap().to_owned())
        });
        let address = address.unwrap_or_else(|| panic!("the server did not start: {said}"));
        // The rest of the log is read to its end, or a full pipe would stop the server.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn status_of(&self, path: &str) -> u16 {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let answer = agent.get(format!("http://{}{path}", self.address)).call().unwrap();
        answer.status().as_u16()
    }

    fn end(mut self, signal: &str) -> ExitStatus {
        let told = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(told.success());
        self.child.wait().unwrap()
    }
}

#[test]
fn it_serves_until_it_is_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path(), MACHINE);
    for signal in ["-TERM", "-INT"] {
        let server = Server::start(folder.path());
        assert_eq!(server.status_of("/healthz"), 200);
        assert_eq!(server.status_of("/readyz"), 200);
        assert_eq!(server.end(signal).code(), Some(0), "after {signal}");
    }
}

#[test]
fn a_published_version_with_other_content_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path(), MACHINE);
    Server::start(folder.path()).end("-TERM");
    write_bundle(folder.path(), &MACHINE.replace("{title: 开,", "{title: 敞开,"));
    let (status, said) = fails(folder.path());
    assert_eq!(status.code(), Some(1));
    assert!(
        said.contains("workflows/door") && said.contains("published with other content"),
        "{said}"
    );
}

#[test]
fn a_bundle_with_faults_ends_the_start_and_names_them() {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path(), &MACHINE.replace("close: closed", "close: clsoed"));
    let (status, said) = fails(folder.path());
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("door.yaml:8:"), "{said}");
}

#[test]
fn production_does_not_start_with_test_keys() {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path(), MACHINE);
    let mut command = command(folder.path());
    command
        .env("LUOCHUI_ENVIRONMENT", "production")
        .env("LUOCHUI_SEALING_SOFT_TOKEN", folder.path());
    let ended = command.output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("sealing.soft_token"), "{said}");
}

#[test]
fn a_second_process_on_one_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path(), MACHINE);
    let server = Server::start(folder.path());
    let (status, said) = fails(folder.path());
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("luochui.db"), "{said}");
    server.end("-TERM");
}

/// Starts a server that is to fail, and returns how and with which words.
fn fails(folder: &Path) -> (ExitStatus, String) {
    let mut child = command(folder).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap(), said)
}
