//! The binary as a service that tells its address on its standard output. Must not know what is served.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A service that ends with its test.
pub struct Service {
    child: Child,
    /// `http://…/`
    pub url: String,
}

impl Service {
    /// Starts the binary with these arguments and waits for the line that names the address.
    pub fn start(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_luochui"))
            .args(arguments)
            .current_dir(folder)
            .env("LUOCHUI_ENVIRONMENT", "development")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.find_map(|line| line.unwrap().split_once(" at ").map(|(_, url)| url.to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        let url = url.unwrap_or_else(|| panic!("the service did not start: {arguments:?}"));
        Self { child, url }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
