//! The client on the other end of the pipe: sends, and writes down what was acknowledged in a file of its own, flushed
//! before the next command. Must not look into the store.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Commands on their way at once, for each process.
const WINDOW: usize = 16;

pub struct Client {
    url: String,
    trades: Vec<String>,
    wanted: usize,
    processes: [Option<Process>; 2],
    /// Sent and not acknowledged: number and trade. Sent again after a kill, under the same key.
    doubtful: Vec<(String, i64)>,
    next: i64,
    log: File,
    acknowledged: BTreeSet<(String, i64)>,
    /// How many each process acknowledged.
    counts: [usize; 2],
    _folder: tempfile::TempDir,
}

struct Process {
    child: Child,
    input: ChildStdin,
    output: Receiver<String>,
    waiting: Vec<(String, i64)>,
}

impl Client {
    pub fn new(url: &str, trades: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            url: url.into(),
            trades: Vec::new(),
            wanted: trades,
            processes: [None, None],
            doubtful: Vec::new(),
            next: 1,
            log: File::create(folder.path().join("acknowledged.log")).unwrap(),
            acknowledged: BTreeSet::new(),
            counts: [0; 2],
            _folder: folder,
        }
    }

    pub fn acknowledged(&self) -> &BTreeSet<(String, i64)> {
        &self.acknowledged
    }

    /// How many of them each process gave.
    pub fn counts(&self) -> [usize; 2] {
        self.counts
    }

    /// Starts a process and opens the trades if there are none yet.
    pub fn start(&mut self, index: usize) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_luochui"))
            .args([
                "bench",
                "pipe",
                "--database",
                &self.url,
                "--bundle",
                "tests/kill/bundle",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, output) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut process = Process {
            child,
            input,
            output,
            waiting: Vec::new(),
        };
        assert_eq!(process.output.recv_timeout(PATIENCE).unwrap(), "ready");
        while self.trades.len() < self.wanted {
            let key = self.trades.len();
            writeln!(process.input, "open open-{key} counter").unwrap();
            let answer = process.output.recv_timeout(PATIENCE).unwrap();
            let words: Vec<_> = answer.split(' ').collect();
            assert_eq!(words[0], "ok", "{answer}");
            self.trades.push(words[2].into());
        }
        self.processes[index] = Some(process);
    }

    /// Keeps all running processes busy for a while.
    pub fn work(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            for index in 0..self.processes.len() {
                self.fill(index);
                self.take(index, Duration::from_millis(2));
            }
        }
    }

    /// Sends what is in doubt again and waits until everything is acknowledged.
    pub fn finish(&mut self) {
        let end = Instant::now() + PATIENCE;
        loop {
            while let Some(command) = self.doubtful.pop() {
                self.send(0, command);
            }
            let process = self.processes[0].as_ref().unwrap();
            if process.waiting.is_empty() {
                return;
            }
            assert!(Instant::now() < end, "not acknowledged: {:?}", process.waiting);
            self.take(0, Duration::from_millis(50));
        }
    }

    /// SIGKILL: no handler runs, nothing is flushed. What was acknowledged before it died still counts.
    pub fn kill(&mut self, index: usize) {
        let Some(mut process) = self.processes[index].take() else {
            return;
        };
        process.child.kill().unwrap();
        process.child.wait().unwrap();
        while let Ok(line) = process.output.recv_timeout(PATIENCE) {
            self.note(index, &mut process.waiting, &line);
        }
        self.doubtful.append(&mut process.waiting);
    }

    fn fill(&mut self, index: usize) {
        while self.processes[index]
            .as_ref()
            .is_some_and(|process| process.waiting.len() < WINDOW)
        {
            let command = self.doubtful.pop().unwrap_or_else(|| {
                let trade = self.trades[usize::try_from(self.next).unwrap() % self.trades.len()].clone();
                self.next += 1;
                (trade, self.next)
            });
            self.send(index, command);
        }
    }

    fn send(&mut self, index: usize, command: (String, i64)) {
        let process = self.processes[index].as_mut().unwrap();
        let (trade, number) = &command;
        writeln!(process.input, "send {number} {trade} add {number}").unwrap();
        process.waiting.push(command);
    }

    fn take(&mut self, index: usize, patience: Duration) {
        let Some(mut process) = self.processes[index].take() else {
            return;
        };
        if let Ok(first) = process.output.recv_timeout(patience) {
            let lines: Vec<_> = std::iter::once(first).chain(process.output.try_iter()).collect();
            lines
                .iter()
                .for_each(|line| self.note(index, &mut process.waiting, line));
        }
        self.processes[index] = Some(process);
    }

    fn note(&mut self, index: usize, waiting: &mut Vec<(String, i64)>, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        // A line that death cut short acknowledges nothing.
        let (Some(&"ok"), Some(number), Some(_), Some(_)) = (words.first(), words.get(1), words.get(2), words.get(3))
        else {
            assert!(!line.starts_with("no "), "{line}");
            return;
        };
        let number: i64 = number.parse().unwrap();
        let place = waiting.iter().position(|(_, waits)| *waits == number).unwrap();
        let command = waiting.swap_remove(place);
        writeln!(self.log, "{number}").unwrap();
        self.log.sync_data().unwrap();
        self.acknowledged.insert(command);
        self.counts[index] += 1;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().flatten() {
            // Already dead is as good.
            let _dead = process.child.kill();
            let _reaped = process.child.wait();
        }
    }
}
