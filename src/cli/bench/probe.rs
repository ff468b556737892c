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
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The process's name stands in parentheses and may hold anything; user and system time are the 12th and 13th after it.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(2);
    let ticks: f64 = fields.filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks * 1_000.0 / TICKS_PER_SECOND
}
