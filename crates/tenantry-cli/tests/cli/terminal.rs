//! What is different on a terminal: colours, and questions. `script` (util-linux) stands in for one.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::program::{Program, Ran, TENANTRY};

/// A program that runs on a terminal, and what it said so far.
struct Session {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    said: String,
}

impl Session {
    fn start(program: &Program, arguments: &str, variables: &[(&str, &str)]) -> Self {
        let line = format!("{TENANTRY} {arguments}");
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(program.folder()).env_clear();
        script.env("TERM", "xterm-256color").env("PATH", "/usr/bin:/bin").env("SHELL", "/bin/sh");
        script.env("HOME", program.folder()).env("TENANTRY_STORE", program.url()).envs(variables.iter().copied());
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output, said: String::new() }
    }

    fn keys(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads on until this was said once more, or the program ends; tells whether it was said.
    fn hears(&mut self, text: &str) -> bool {
        let before = self.said.matches(text).count();
        let (mut bytes, mut byte) = (std::mem::take(&mut self.said).into_bytes(), [0]);
        let mut heard = false;
        while !heard && self.output.read(&mut byte).unwrap() == 1 {
            bytes.push(byte[0]);
            heard = bytes.ends_with(text.as_bytes());
        }
        self.said = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!heard || self.said.matches(text).count() > before);
        heard
    }

    fn end(mut self) -> Ran {
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest).unwrap();
        let code = self.child.wait().unwrap().code().unwrap();
        Ran { code, stdout: self.said + &String::from_utf8_lossy(&rest), stderr: String::new() }
    }
}

#[test]
fn there_are_colours_on_a_terminal_unless_they_are_not_wanted() {
    let program = Program::with_acme();
    let shown =
        |variables: &[(&str, &str)]| Session::start(&program, "-t acme explain persona", variables).end().stdout;
    assert!(shown(&[]).contains("\u{1b}["));
    assert!(!shown(&[("NO_COLOR", "1")]).contains("\u{1b}["));
    assert!(!shown(&[("TERM", "dumb")]).contains("\u{1b}["));
    assert!(shown(&[("NO_COLOR", "")]).contains("\u{1b}["), "an empty NO_COLOR says nothing");
}

#[test]
fn what_cannot_be_undone_is_asked_for() {
    let program = Program::with_acme();
    program.run(&["tenant", "suspend", "acme"]).ok();
    let answer = |keys: &str| {
        let mut session = Session::start(&program, "tenant delete acme", &[]);
        assert!(session.hears("[y/N]"), "{}", session.said);
        session.keys(keys);
        session.end().code
    };
    assert_eq!(answer("n\r"), 6);
    program.run(&["tenant", "show", "acme"]).ok();
    assert_eq!(answer("y\r"), 0);
    program.run(&["tenant", "show", "acme"]).refused(3);
}

#[test]
fn a_secret_is_asked_for_and_not_shown() {
    let program = Program::with_acme();
    let mut session = Session::start(&program, "-t acme set openai.api_key", &[]);
    assert!(session.hears("openai.api_key (not shown)"), "{}", session.said);
    // What is typed before the terminal is told to be silent is shown by the terminal, and thrown away by the program;
    // then it is typed again.
    loop {
        session.keys("sk-1234567890\r");
        if !session.hears("sk-1234567890") {
            break;
        }
    }
    let ran = session.end();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("set (v1, fingerprint"), "{ran:?}");
}

#[test]
fn copying_shows_how_far_it_is() {
    let program = Program::with_acme();
    program.run(&["--store", "sqlite:other.db", "init"]).ok();
    let ran = Session::start(&program, "copy --from sqlite:tenantry.db --to sqlite:other.db", &[]).end();
    assert!(ran.stdout.contains("0/1 acme") && ran.stdout.contains("1 scope (acme)"), "{ran:?}");
}
