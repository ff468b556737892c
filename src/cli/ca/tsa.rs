//! `luochui ca tsa`: the test authority's time stamps over HTTP. Must not stamp with any other certificate than the folder's TSA.

use std::path::PathBuf;

use super::folder::Folder;
use crate::cli::Failure;
use crate::cli::desk::{self, Reply};
use crate::clock::Clock;
use crate::ids;
use crate::machine::Time;
use crate::seal::authority::Party;
use crate::seal::tsa::{self, Request};

#[derive(clap::Args)]
pub struct Options {
    folder: PathBuf,
    /// Address and port; port 0 takes a free one, which is printed.
    #[arg(long, default_value = "127.0.0.1:8318")]
    listen: String,
    /// The time to begin with, from which it runs on; now where absent. To try out a server whose clock is set.
    #[arg(long, value_name = "TIME", value_parser = crate::cli::verify::time)]
    at: Option<Time>,
}

pub fn run(options: &Options) -> Result<(), Failure> {
    let party = Folder::open(&options.folder)?.party("tsa")?;
    let clock = options.at.map_or_else(Clock::system, |at| Clock::virtual_from(at, 1));
    desk::serve("time stamps", &options.listen, move |posted| {
        let body = stamp(&party, posted.body, clock.now()).unwrap_or_else(|why| {
            eprintln!("luochui: a request for a time stamp was refused: {why}");
            tsa::refuse()
        });
        Reply {
            status: 200,
            content_type: "application/timestamp-reply",
            body,
        }
    })
}

fn stamp(party: &Party, request: &[u8], now: Time) -> Result<Vec<u8>, String> {
    let request = Request::parse(request).map_err(|error| error.to_string())?;
    let mut serial = ids::random::<16>().map_err(|error| error.to_string())?;
    // Positive, and never shorter than it looks.
    serial[0] = serial[0] & 0x3f | 0x40;
    tsa::grant(&request, (&party.certificate, &party.key), &serial, now).map_err(|error| error.to_string())
}
