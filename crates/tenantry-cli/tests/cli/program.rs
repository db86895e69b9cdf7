//! The program on a store of its own, and what it said.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The binary under test.
pub(crate) const TENANTRY: &str = env!("CARGO_BIN_EXE_tenantry");

/// A store in a folder that goes with it.
pub(crate) struct Program {
    folder: TempDir,
}

/// What a run of the program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// A folder without a store.
    pub(crate) fn without_store() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A new store.
    pub(crate) fn new() -> Self {
        let program = Self::without_store();
        program.run(&["init"]).ok();
        program
    }

    /// A new store with the tenant acme.
    pub(crate) fn with_acme() -> Self {
        let program = Self::new();
        program.run(&["tenant", "create", "acme", "--name", "Acme Bakery"]).ok();
        program
    }

    /// The folder of the store.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// A file in the folder with this text.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    /// The URL of the store.
    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.path("tenantry.db").display())
    }

    /// The program, ready to be run. Nothing of the caller's environment reaches it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(TENANTRY);
        command.args(arguments).current_dir(self.folder()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.folder()).env("USER", "grace").env("TENANTRY_STORE", self.url());
        command
    }

    /// Runs the program without any input.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Runs the program with a text at its standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that ends before it reads is right to do so.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Ran::from(child.wait_with_output().unwrap())
    }

    /// Sets a secret by standard input.
    pub(crate) fn set_secret(&self, scope: &str, key: &str, secret: &str) {
        self.run_with(&["-t", scope, "set", key, "-"], secret).ok();
    }

    /// Hides what differs from run to run: the folder, times, fingerprints, ids and random texts.
    pub(crate) fn redact(&self, text: &str) -> String {
        let folder = self.folder().canonicalize().unwrap().display().to_string();
        redact(&text.replace(&folder, "[folder]").replace(&self.folder().display().to_string(), "[folder]"))
    }
}

impl Ran {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// Standard output of a run that must have succeeded.
    #[track_caller]
    pub(crate) fn ok(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        &self.stdout
    }

    /// Standard error of a run that must have ended with this code and printed nothing.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.stdout, "", "a refusal is no answer");
        &self.stderr
    }

    /// The JSON document of a run that must have succeeded.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.ok()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// All that was said.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl From<std::process::Output> for Ran {
    fn from(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// Replaces times, and words of many hexadecimal digits, wherever they stand.
fn redact(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = time_at(rest) {
            out.push_str("[time]");
            rest = &rest[length..];
            continue;
        }
        let word: usize = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').map(char::len_utf8).sum();
        if word == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        out.push_str(if is_random(&rest[..word]) { "[random]" } else { &rest[..word] });
        rest = &rest[word..];
    }
    out
}

/// Whether a word looks drawn at random: fingerprints have six or twelve digits, ids sixteen, and tokens begin with an id.
fn is_random(word: &str) -> bool {
    let first = word.strip_prefix("tny_").unwrap_or(word).split('_').next().unwrap_or(word);
    let is_hex = first.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex && matches!(first.len(), 6 | 12 | 16)
}

/// The length of a time such as `2026-11-23 18:07:59` or `2026-11-23T18:07:59.123Z` at the beginning of a text.
fn time_at(text: &str) -> Option<usize> {
    let shape = "dddd-dd-dd?dd:dd:dd";
    let bytes = text.as_bytes();
    let fits = shape.bytes().enumerate().all(|(at, expected)| {
        bytes.get(at).is_some_and(|found| match expected {
            b'd' => found.is_ascii_digit(),
            b'?' => matches!(found, b' ' | b'T'),
            other => *found == other,
        })
    });
    let tail = |bytes: &[u8]| bytes.iter().take_while(|byte| matches!(byte, b'.' | b'Z' | b'0'..=b'9')).count();
    fits.then(|| shape.len() + tail(&bytes[shape.len()..]))
}

/// Compares what people read with its snapshot.
#[track_caller]
pub(crate) fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
