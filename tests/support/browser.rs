//! A real Chromium without a window, told what to do over a pipe. Must not know any page
//! but for the form of the sign-in, which all have.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

/// How long a page may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// The browser's protocol goes over descriptors 3 and 4, which the shell makes of the standard ones.
const START: &str = "exec \"$0\" \"$@\" --remote-debugging-pipe 3<&0 4>&1 </dev/null >/dev/null 2>&1";

pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    asked: u64,
    _profile: tempfile::TempDir,
}

/// One tab.
pub struct Page<'a> {
    browser: &'a mut Browser,
    session: String,
}

/// A tab that stays open while another is looked at.
pub struct Tab(String);

impl Browser {
    /// Starts it, or returns `None`, with a message, where it is not installed. Under `CI` that is a failure.
    pub fn start() -> Option<Self> {
        let Some(program) = installed() else {
            assert!(std::env::var_os("CI").is_none(), "chromium is not installed");
            eprintln!("skipped: chromium is not installed");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", START])
            .arg(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--window-size=1000,1100",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, received) = channel();
        std::thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut message = Vec::new();
            while from.read_until(0, &mut message).is_ok_and(|count| count > 0) {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else {
                    return;
                };
                if sender.send(value).is_err() {
                    return;
                }
                message.clear();
            }
        });
        Some(Self {
            child,
            to,
            from: received,
            asked: 0,
            _profile: profile,
        })
    }

    /// An empty tab in which `script` runs before every page's own scripts.
    pub fn page(&mut self, script: &str) -> Page<'_> {
        let target = self.ask(None, "Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.ask(None, "Target.attachToTarget", attach)["sessionId"]
            .as_str()
            .unwrap()
            .to_owned();
        let mut page = Page { browser: self, session };
        page.ask("Page.enable", json!({}));
        page.ask("Page.addScriptToEvaluateOnNewDocument", json!({"source": script}));
        page
    }

    /// A tab that was left to itself.
    pub fn tab(&mut self, left: Tab) -> Page<'_> {
        Page {
            browser: self,
            session: left.0,
        }
    }

    fn ask(&mut self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        let answer = self.answer(session, method, parameters);
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    fn answer(&mut self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let answer = self
                .from
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("no answer to {method}"));
            if answer["id"] == self.asked {
                return answer;
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

impl Page<'_> {
    pub fn ask(&mut self, method: &str, parameters: Value) -> Value {
        let session = self.session.clone();
        self.browser.ask(Some(&session), method, parameters)
    }

    /// Looks at the page through a telephone from now on.
    pub fn phone(&mut self) {
        let metrics = json!({"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true});
        self.ask("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Closes the tab. One that is open holds one of the six connections that a browser has to a server.
    pub fn close(mut self) {
        self.ask("Page.close", json!({}));
    }

    /// Leaves the tab open.
    pub fn leave(self) -> Tab {
        Tab(self.session)
    }

    /// Presses (`mousePressed`) or lets go (`mouseReleased`) the mouse in the middle of what a selector finds.
    pub fn mouse(&mut self, kind: &str, selector: &str) {
        let middle = self.value(&format!(
            "(() => {{ const found = document.querySelector('{selector}'); found.scrollIntoView({{block: 'center'}}); const box = found.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        let event = json!({"type": kind, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1});
        self.ask("Input.dispatchMouseEvent", event);
    }

    pub fn click(&mut self, selector: &str) {
        self.mouse("mousePressed", selector);
        self.mouse("mouseReleased", selector);
    }

    pub fn open(&mut self, url: &str) {
        self.ask("Page.navigate", json!({"url": url}));
    }

    /// The value of an expression, awaited where it is a promise.
    pub fn value(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.ask("Runtime.evaluate", asked);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {}",
            result["exceptionDetails"]
        );
        result["result"]["value"].clone()
    }

    /// True where an expression is; a page that is just being left for another one holds nothing.
    fn holds(&mut self, expression: &str) -> bool {
        let asked = json!({"expression": expression, "returnByValue": true});
        let session = self.session.clone();
        let answer = self.browser.answer(Some(&session), "Runtime.evaluate", asked);
        answer["result"]["result"]["value"] == true
    }

    /// Waits until an expression is true.
    pub fn until(&mut self, expression: &str) {
        let begun = Instant::now();
        let guarded = format!("(() => {{ try {{ return !!({expression}); }} catch (error) {{ return false; }} }})()");
        while !self.holds(&guarded) {
            if begun.elapsed() > PATIENCE {
                let text = self.value("document.body.innerText");
                panic!("never: {expression}; the page says {text}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types into a field, so that the page hears of it.
    pub fn fill(&mut self, id: &str, text: &str) {
        self.value(&format!(
            "(() => {{ const field = document.getElementById('{id}'); field.value = '{text}'; field.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"
        ));
    }

    /// Signs in by the form that every page of ours shows to strangers.
    pub fn sign_in(&mut self, name: &str, password: &str) {
        self.until("!document.getElementById('login').hidden");
        self.value(&format!(
            "(() => {{ const form = document.getElementById('login'); form.elements[0].value = '{name}'; form.elements[1].value = '{password}'; form.requestSubmit(); }})()"
        ));
    }

    /// What an element says.
    pub fn text(&mut self, id: &str) -> String {
        self.value(&format!("document.getElementById('{id}').innerText"))
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Keeps a picture of the page where people can look at it: `target/pictures/NAME.png`.
    pub fn picture(&mut self, name: &str) {
        let shot = self.ask(
            "Page.captureScreenshot",
            json!({"format": "png", "captureBeyondViewport": true}),
        );
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(shot["data"].as_str().unwrap())
            .unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }
}

fn installed() -> Option<PathBuf> {
    let named = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| named.map(|name| folder.join(name)))
        .find(|program| program.exists())
}
