//! `luochui workflow test`.

use super::super::Failure;
use super::Place;

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    place: Place,
}

pub fn run(options: &Options) -> Result<(), Failure> {
    let folder = options.place.folder.display();
    Err(Failure(format!("{folder} cannot be tested yet")))
}
