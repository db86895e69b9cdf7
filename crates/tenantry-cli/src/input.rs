//! What comes in: values and secrets from arguments, standard input, a file or a prompt, and yes-or-no answers.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;

use anyhow::Context as _;
use dialoguer::{Confirm, Password};
use tenantry_core::key::Key;
use tenantry_core::secret::SecretText;

use crate::exit::{Exit, Trouble};

/// The most that is read of a value: more than any value may be, so that what is too large is told by its rule.
const LARGEST_VALUE: u64 = 256 * 1024;
/// The most that is read of a file to apply, 64 MiB.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// Reads a value from standard input. One line break at its end is dropped: it is the shell's.
pub(crate) fn value_from_stdin() -> anyhow::Result<String> {
    let text = read_text(io::stdin().lock(), LARGEST_VALUE).context("standard input cannot be read")?;
    Ok(without_line_break(text))
}

/// Reads a value from a file, in the same way.
pub(crate) fn value_from_file(file: &Path) -> anyhow::Result<String> {
    read_file(file, LARGEST_VALUE).map(without_line_break)
}

/// Reads all of a file; `-` is standard input.
pub(crate) fn whole(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        return read_text(io::stdin().lock(), LARGEST_FILE).context("standard input cannot be read");
    }
    read_file(file, LARGEST_FILE)
}

fn read_file(file: &Path, limit: u64) -> anyhow::Result<String> {
    let cannot = || format!("{} cannot be read", file.display());
    let open = File::open(file).map_err(|error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        let exit = if missing { Exit::NotFound } else { Exit::Failure };
        Trouble::new(exit, cannot()).help("check the path, and who may read it").because(error)
    })?;
    read_text(open, limit).with_context(cannot)
}

fn read_text(from: impl Read, limit: u64) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    from.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Trouble::new(Exit::Invalid, format!("it is larger than {limit} bytes")).into());
    }
    // The error would show the bytes, which may be a secret.
    String::from_utf8(bytes).map_err(|_| Trouble::new(Exit::Invalid, "it is no UTF-8 text").into())
}

fn without_line_break(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

/// Whether there is somebody to ask.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a secret without showing what is typed; none if there is nobody to ask.
pub(crate) fn secret_from_prompt(key: &Key) -> anyhow::Result<Option<SecretText>> {
    if !can_ask() {
        return Ok(None);
    }
    let typed = Password::new().with_prompt(format!("{key} (not shown)")).allow_empty_password(true).interact();
    Ok(Some(SecretText::new(typed.context("the prompt was left")?)))
}

/// Asks before something that cannot be undone. Without a terminal nobody can answer, so `yes` must be said as a flag.
pub(crate) fn confirm(yes: bool, question: &str, flag: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !can_ask() {
        let trouble =
            Trouble::refused(format!("{question} Nobody can answer here")).help(format!("add {flag} if it is meant"));
        return Err(trouble.into());
    }
    let confirmed = Confirm::new().with_prompt(question).default(false).interact().context("the prompt was left")?;
    if confirmed { Ok(()) } else { Err(Trouble::refused("not confirmed, so nothing was done").into()) }
}

/// Whether a text looks like somebody's secret.
pub(crate) fn looks_like_secret(text: &str) -> bool {
    tenantry_core::validate::looks_like_secret(text).is_some()
}

/// The refusal of a secret in an argument. It names the key, and nothing of what stood behind it.
pub(crate) fn secret_in_argument(key: &Key) -> Trouble {
    Trouble::refused(format!(
        "{key}: arguments are visible to other users: use standard input, a prompt or --from-file"
    ))
    .help(format!("`tenantry set {key}` asks for it; `tenantry set {key} - < FILE` reads it"))
}

/// The refusal of what looks like a secret as the value of a parameter that is not kept secret.
pub(crate) fn stray_secret(key: &Key) -> Trouble {
    Trouble::refused(format!("{key}: this looks like a secret, and {key} is not kept secret; it is not shown here"))
        .help(
            "arguments are visible to other users, so change that secret; `tenantry catalog` lists what is kept secret",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_is_the_shells_and_more_are_the_values() {
        let check = |text: &str, expected: &str| assert_eq!(without_line_break(text.to_owned()), expected);
        check("x", "x");
        check("x\n", "x");
        check("x\r\n", "x");
        check("x\n\n", "x\n");
        check("\n", "");
    }

    #[test]
    fn what_is_too_large_or_no_text_is_refused_without_showing_it() {
        let too_large = read_text(&b"CANARY"[..], 3).unwrap_err();
        let no_text = read_text(&b"CANARY\xff"[..], 30).unwrap_err();
        for error in [too_large, no_text] {
            assert!(!format!("{error:?}").contains("CANARY"));
        }
    }
}
