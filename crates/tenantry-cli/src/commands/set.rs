//! `tenantry set`: sets values and secrets of one scope in one change.

use std::path::PathBuf;

use clap::Args;
use tenantry_admin::service::Changed;
use tenantry_core::catalog::{Catalog, Sensitivity, SpellingError};
use tenantry_core::change::ChangeSet;
use tenantry_core::json::parse;
use tenantry_core::key::Key;
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_core::validate::{Violation, ViolationCode};
use tenantry_core::value::Value;

use crate::exit::{InvalidValues, Trouble};
use crate::input::{
    looks_like_secret, secret_from_prompt, secret_in_argument, stray_secret, value_from_file, value_from_stdin,
};
use crate::session::Session;
use crate::shown;

/// Set values and secrets, all in one change
#[derive(Debug, Args)]
#[command(after_help = "\
A VALUE is JSON if it can be read as JSON, and otherwise a text; a parameter that takes a text
gets it as it stands. A secret is never taken from an argument, because arguments are visible to
other users.
`-` reads standard input, of which one line break at the end is dropped. Words that begin with a
dash stand behind `--`.

Examples:
  tenantry -t acme set persona.name Ada ai.default.temperature 0.4
  tenantry -t acme set company.facts '{\"opening_hours\": \"6 to 18\"}'
  tenantry -t acme set prompts.chitchat --from-file chitchat.txt
  tenantry -t acme set openai.api_key              (asks without showing what is typed)
  pass show acme/openai | tenantry -t acme set openai.api_key -
  tenantry --global set persona.language en --reason 'most companies want it' --expected 7")]
pub(crate) struct Set {
    /// A key, and its value or `-`; more pairs may follow
    #[arg(required = true, value_names = ["KEY", "VALUE"], num_args = 1.., allow_negative_numbers = true)]
    words: Vec<String>,
    /// Read the value of the one KEY from a file
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
}

impl Set {
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let scope = session.global.scope()?;
        let wanted = changes(session.catalog(), &self.words, self.from_file)?;
        let changed = session.service.change(&scope, &wanted, session.global.expected(), &session.context()).await?;
        show_changed(session, &scope, &changed)
    }
}

/// Prints what a change made.
pub(super) fn show_changed(session: &Session, scope: &Scope, changed: &Changed) -> anyhow::Result<()> {
    let document = serde_json::json!({
        "scope": shown::scope(scope),
        "revision": changed.revision,
        "changes": changed.differences,
    });
    session.output.show(&document, |output| {
        let revision = format!("{}, revision {}", shown::scope(scope), changed.revision);
        if changed.differences.is_empty() {
            return format!("{revision}: nothing to change, all is so already");
        }
        let mut lines = vec![revision];
        lines.extend(changed.differences.iter().map(|d| format!("  {}", shown::difference(d, output.paint()))));
        lines.join("\n")
    })
}

/// Reads the pairs of the command line.
pub(super) fn changes(catalog: &Catalog, words: &[String], from_file: Option<PathBuf>) -> anyhow::Result<ChangeSet> {
    let mut changes = ChangeSet::default();
    if let (Some(file), words) = (from_file, words) {
        if words.len() > 1 {
            return Err(Trouble::usage("--from-file takes one KEY and no VALUE").into());
        }
        for key in keys(catalog, words)? {
            changes = add(catalog, changes, key, Given::Text(value_from_file(&file)?))?;
        }
        return Ok(changes);
    }
    if words.len() % 2 == 1 && words.len() > 1 {
        let trouble = Trouble::usage("each KEY needs its VALUE")
            .help("quote a value with spaces in it; a secret is set by a command of its own");
        return Err(trouble.into());
    }
    if words.iter().skip(1).step_by(2).filter(|word| *word == "-").count() > 1 {
        return Err(Trouble::usage("standard input can be the value of one KEY alone").into());
    }
    let keys = keys(catalog, words.iter().step_by(2))?;
    for (pair, key) in words.chunks(2).zip(keys) {
        if changes.keys().any(|other| *other == key) {
            return Err(Trouble::usage(format!("{key} is set twice")).into());
        }
        let given = given(catalog, &key, pair.get(1))?;
        changes = add(catalog, changes, key, given)?;
    }
    Ok(changes)
}

/// Reads the keys of a change. Those that are unknown are violations like those of values, all told at once.
pub(super) fn keys<'a>(catalog: &Catalog, spellings: impl IntoIterator<Item = &'a String>) -> anyhow::Result<Vec<Key>> {
    let (mut keys, mut unknown) = (Vec::new(), Vec::new());
    for spelling in spellings {
        match crate::session::key(catalog, spelling) {
            Ok(key) => keys.push(key),
            Err(error) => match error.downcast::<SpellingError>()? {
                SpellingError::Unknown { spelling, nearest } => unknown.push(unknown_parameter(&spelling, nearest)),
                other => return Err(other.into()),
            },
        }
    }
    if unknown.is_empty() { Ok(keys) } else { Err(InvalidValues(unknown).into()) }
}

fn unknown_parameter(spelling: &str, nearest: Vec<String>) -> Violation {
    let message = format!("there is no such parameter; nearest: {}", nearest.join(", "));
    Violation { nearest, ..Violation::new(spelling, ViolationCode::UnknownParameter, message) }
}

/// A value on its way in.
pub(super) enum Given {
    Text(String),
    Secret(SecretText),
}

pub(super) fn given(catalog: &Catalog, key: &Key, word: Option<&String>) -> anyhow::Result<Given> {
    let is_secret = sensitivity(catalog, key) == Some(Sensitivity::Secret);
    match word.map(String::as_str) {
        Some("-") => value_from_stdin().map(Given::Text),
        Some(_) if is_secret => Err(secret_in_argument(key).into()),
        Some(word) if looks_like_secret(word) => Err(stray_secret(key).into()),
        Some(word) => Ok(Given::Text(word.to_owned())),
        None if is_secret => match secret_from_prompt(key)? {
            Some(secret) => Ok(Given::Secret(secret)),
            None => Err(Trouble::usage(format!("{key} needs a value, and there is no terminal to ask at"))
                .help(format!("`tenantry set {key} -` reads standard input, --from-file FILE a file"))
                .into()),
        },
        None => Err(Trouble::usage(format!("{key} needs a value"))
            .help(format!("`tenantry set {key} VALUE`, or `-` for standard input"))
            .into()),
    }
}

pub(super) fn add(catalog: &Catalog, changes: ChangeSet, key: Key, given: Given) -> anyhow::Result<ChangeSet> {
    let text = match (sensitivity(catalog, &key), given) {
        (Some(Sensitivity::Secret | Sensitivity::Credential), Given::Text(text)) => {
            return Ok(changes.set_secret(key, SecretText::new(text)));
        }
        (_, Given::Secret(secret)) => return Ok(changes.set_secret(key, secret)),
        (Some(Sensitivity::Plain) | None, Given::Text(text)) => text,
    };
    let value = value(catalog, &key, text)?;
    Ok(changes.set(key, value))
}

fn sensitivity(catalog: &Catalog, key: &Key) -> Option<Sensitivity> {
    catalog.parameter(key).map(|parameter| parameter.sensitivity)
}

/// JSON if it can be read as JSON, else a text. Where the parameter takes a text alone it is one, so that a name may be
/// `true` or `42`; a JSON string is unquoted there, too.
fn value(catalog: &Catalog, key: &Key, text: String) -> anyhow::Result<Value> {
    let takes_text = catalog.parameter(key).is_some_and(|parameter| parameter.schema["type"] == "string");
    match parse(&text) {
        Ok(value) if !takes_text || value.as_str().is_some() => Ok(value),
        // It is JSON, but not such as can be stored: the place would be lost if it were taken for a text.
        Err(error) if !takes_text && is_json(&text) => {
            Err(InvalidValues(vec![Violation::unreadable(key, &error)]).into())
        }
        Ok(_) | Err(_) => Ok(Value::String(text)),
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        Catalog::of::<assistant::settings::Settings>().unwrap()
    }

    fn read(words: &[&str]) -> anyhow::Result<ChangeSet> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        changes(&catalog(), &words, None)
    }

    fn one(key: &str, text: &str) -> Value {
        value(&catalog(), &Key::parse(key).unwrap(), text.to_owned()).unwrap()
    }

    #[test]
    fn a_value_is_json_if_it_can_be_read_as_json_and_else_a_text() {
        assert_eq!(one("ai.default.temperature", "0.5").to_json(), "0.5");
        assert_eq!(one("ai.default.temperature", "warm").to_json(), r#""warm""#);
        assert_eq!(one("company.facts", r#"{"a":"b"}"#).to_json(), r#"{"a":"b"}"#);
    }

    #[test]
    fn a_parameter_that_takes_a_text_gets_it_as_it_stands() {
        assert_eq!(one("persona.name", "42"), "42".into());
        assert_eq!(one("persona.name", "null"), "null".into());
        assert_eq!(one("persona.name", r#""Ada""#), "Ada".into());
    }

    #[test]
    fn json_that_cannot_be_stored_is_no_text() {
        let key = Key::parse("ai.default.temperature").unwrap();
        for text in ["null", r#"{"a":1,"a":2}"#, "1e999"] {
            assert!(value(&catalog(), &key, text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn pairs_make_one_change_and_keys_may_be_flat() {
        let changes = read(&["persona_name", "Ada", "odoo_url", "https://odoo.example"]).unwrap();
        assert_eq!(changes.values.keys().map(Key::as_str).collect::<Vec<_>>(), ["persona.name"]);
        assert_eq!(changes.secrets.keys().map(Key::as_str).collect::<Vec<_>>(), ["odoo.url"]);
    }

    #[test]
    fn a_secret_in_an_argument_is_refused_and_not_repeated() {
        for words in [["openai.api_key", "CANARY"], ["persona.name", "sk-CANARY-12345678"], ["sk-CANARY-12345678", "x"]]
        {
            let error = format!("{:?}", read(&words).unwrap_err());
            assert!(!error.contains("CANARY"), "{error}");
        }
    }

    #[test]
    fn words_that_are_no_pairs_are_refused() {
        assert!(read(&["persona.name", "Ada", "persona.language"]).is_err());
        assert!(read(&["persona.name", "Ada", "persona_name", "Eve"]).is_err());
        assert!(read(&["persona.name", "-", "persona.language", "-"]).is_err());
    }
}
