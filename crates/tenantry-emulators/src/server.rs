//! Starts a server as a process of its own, which ends when the process that started it ends.
//!
//! Statics are never dropped, and a killed process drops nothing. So the server is started by a shell that waits for the
//! end of its standard input, a pipe whose other end only the test process holds, and then kills the server by its id.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, PipeReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{io, thread};

/// `$@` is the server's command. The first `wait` ends with the server, whoever ended it, so that a server that could not
/// start is noticed at once.
const GUARD: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
trap 'kill -9 $server' INT TERM HUP
{ while read -r _ <&3; do :; done; kill -9 $server; } >/dev/null 2>&1 &
guard=$!
wait $server
status=$?
kill $guard
exit $status
"#;

/// Long, because a busy machine may need it; no test waits so long unless it fails.
const START_LIMIT: Duration = Duration::from_mins(2);

/// Another process may take a free port between its choice and the server's start.
const ATTEMPTS: usize = 5;

/// How many lines of its output a report shows.
const LAST_LINES: usize = 20;

/// A running server. Dropping it kills the server and waits for its end.
#[derive(Debug)]
pub(crate) struct Server {
    guard: Child,
    url: String,
}

impl Server {
    /// Starts the server that `command` makes of a port.
    ///
    /// # Panics
    ///
    /// If the server ends by itself at five ports, or does not take connections within two minutes.
    pub(crate) async fn start(name: &'static str, command: impl Fn(u16) -> Command + Send + 'static) -> Self {
        // On a thread of its own, because the runtime of a test may have a clock that stands still.
        let started = tokio::task::spawn_blocking(move || Self::start_at_some_port(name, &command)).await;
        started
            .expect("the thread that starts a server returns what went wrong")
            .unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn start_at_some_port(name: &str, command: &impl Fn(u16) -> Command) -> Result<Self, String> {
        let mut output = String::new();
        for _ in 0..ATTEMPTS {
            let port = free_port().map_err(|err| format!("no port of 127.0.0.1 is free: {err}"))?;
            let url = format!("http://127.0.0.1:{port}");
            let (guard, lines) = spawn(&command(port)).map_err(|err| format!("{name} could not be started: {err}"))?;
            let server = Self { guard, url };
            match lines.wait_for(&server.url) {
                Ok(()) => return Ok(server),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!(
                        "{name} took no connections within {START_LIMIT:?}; it wrote:\n{}",
                        lines.text()
                    ));
                }
                Err(RecvTimeoutError::Disconnected) => output = lines.text(),
            }
        }
        Err(format!("{name} ended by itself at {ATTEMPTS} ports; it wrote at last:\n{output}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // The guard ends as soon as it has killed the server. If it is gone already, so is the server.
        let _ = self.guard.wait();
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn spawn(server: &Command) -> io::Result<(Child, Lines)> {
    let (reader, writer) = io::pipe()?;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", GUARD, "guard"]).arg(server.get_program()).args(server.get_args());
    // In a group of its own, so that Ctrl-C ends the test process first, and this by the pipe.
    shell.process_group(0).stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer);
    let guard = shell.spawn()?;
    // Both copies of the writing end live in `shell`: closed, the reader sees the end when the server ends.
    drop(shell);
    Ok((guard, Lines::of(reader)))
}

/// The output of a server, read to its end so that the server never waits for a reader.
struct Lines {
    last: Arc<Mutex<VecDeque<String>>>,
    coming: mpsc::Receiver<String>,
}

impl Lines {
    fn of(reader: PipeReader) -> Self {
        let last = Arc::<Mutex<VecDeque<String>>>::default();
        let (sender, coming) = mpsc::channel();
        let kept = Arc::clone(&last);
        thread::spawn(move || read_to_end(reader, &kept, &sender));
        Self { last, coming }
    }

    /// Waits for the line that names `url`: both servers write it when they listen, and not before.
    fn wait_for(&self, url: &str) -> Result<(), RecvTimeoutError> {
        loop {
            if self.coming.recv_timeout(START_LIMIT)?.contains(url) {
                return Ok(());
            }
        }
    }

    fn text(&self) -> String {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

fn read_to_end(reader: PipeReader, last: &Mutex<VecDeque<String>>, coming: &Sender<String>) {
    for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        // Nobody waits for lines any more once the server runs.
        let _ = coming.send(line.clone());
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
}
