//! What the disk and the processor give: the floor under every durable write. Must not know the engine.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// As large as a page of the log.
const BLOCK: [u8; 4_096] = [0x5a; 4_096];

/// How far the probe writes before it begins again: a write-ahead log is overwritten in the same way.
const BLOCKS: u64 = 1_024;

/// Linux counts processor time in these for every process.
const TICKS_PER_SECOND: f64 = 100.0;

/// 4 KiB writes a second, each followed by `fdatasync`, in a file that has its size already.
///
/// # Errors
/// A folder that cannot be written.
pub fn fdatasync_per_second(folder: &Path, time: Duration) -> std::io::Result<f64> {
    let path = folder.join("fdatasync.probe");
    let file = File::create(&path)?;
    for block in 0..BLOCKS {
        file.write_all_at(&BLOCK, block * 4_096)?;
    }
    file.sync_all()?;
    let started = Instant::now();
    let mut count: u32 = 0;
    while started.elapsed() < time {
        file.write_all_at(&BLOCK, u64::from(count) % BLOCKS * 4_096)?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    drop(file);
    std::fs::remove_file(&path)?;
    Ok(rate)
}

/// Processor time this process has used, user and system, in milliseconds; 0 where the system does not tell.
pub fn cpu_millis() -> f64 {
    process_millis("self")
}

/// Processor time that a process has used, user and system, in milliseconds; 0 where the system does not tell.
pub fn process_millis(process: &str) -> f64 {
    fields(process)
        .get(11..13)
        .unwrap_or_default()
        .iter()
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        * 1_000.0
        / TICKS_PER_SECOND
}

/// Processor time of a process and of all its children that still run, in milliseconds.
pub fn family_millis(parent: &str) -> f64 {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = processes.filter_map(|entry| entry.file_name().into_string().ok());
    let children = names.filter(|name| fields(name).get(1).is_some_and(|of| of == parent));
    children.map(|child| process_millis(&child)).sum::<f64>() + process_millis(parent)
}

/// Memory of a process that lies in RAM, in KiB.
pub fn resident_kib(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// What the system tells of a process after its name, which stands in parentheses and may hold anything.
fn fields(process: &str) -> Vec<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let rest = stat.rsplit(')').next().unwrap_or_default();
    rest.split_whitespace().map(str::to_owned).collect()
}
