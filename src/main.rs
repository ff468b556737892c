//! Arguments to one command. Must not hold logic.

use std::process::ExitCode;

fn main() -> ExitCode {
    luochui::cli::run()
}
