//! Exit codes, and what a failure says: the error, its causes, and the next step.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use tenantry_admin::service::ServiceError;
use tenantry_core::catalog::SpellingError;
use tenantry_core::validate::{Violation, ViolationCode};
use tenantry_store::StoreError;

use crate::output::{Paint, Tone};

/// How the program ends. The numbers are a promise to scripts; `tenantry --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It is done.
    Done = 0,
    /// It failed for a reason that has no number of its own.
    Failure = 1,
    /// The command line cannot be understood.
    Usage = 2,
    /// What it is about does not exist.
    NotFound = 3,
    /// Values are not valid; nothing was changed.
    Invalid = 4,
    /// Somebody else changed or took it meanwhile, or it is another than it should be.
    Conflict = 5,
    /// It is not allowed, or not safe.
    Refused = 6,
    /// The store is unavailable or cannot be opened.
    Store = 7,
}

/// The table of exit codes, for the help text.
pub(crate) const CODES: &str = "\
Exit codes:
  0  done
  1  failure
  2  usage: the command line cannot be understood
  3  not found: no such tenant, parameter, prompt, revision or token
  4  invalid: values break rules, all of which are listed; nothing was changed. Or what is
     stored cannot be used, and nothing is shown in its place
  5  conflict: changed meanwhile or by hand, in use already, or not the same in two stores
  6  denied or refused: not allowed, or not safe
  7  the store is unavailable or cannot be opened";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that the command line itself finds, with its exit code and the next step.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Trouble {
    exit: Exit,
    message: String,
    help: Option<String>,
    #[source]
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Trouble {
    /// An error that ends with this code.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: None, cause: None }
    }

    /// A command line that cannot be understood.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something that is not done because it is not safe.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// Adds the next step.
    #[must_use]
    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Adds what caused it.
    #[must_use]
    pub(crate) fn because(self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { cause: Some(Box::new(cause)), ..self }
    }
}

/// Values that break rules, found by the command line before it asks the store.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub(crate) struct InvalidValues(pub(crate) Vec<Violation>);

/// The exit code of an error: that of the first link of its chain that has one.
pub(crate) fn code(error: &anyhow::Error) -> Exit {
    error.chain().find_map(code_of).unwrap_or(Exit::Failure)
}

fn code_of(link: &(dyn std::error::Error + 'static)) -> Option<Exit> {
    if let Some(trouble) = link.downcast_ref::<Trouble>() {
        return Some(trouble.exit);
    }
    if let Some(InvalidValues(violations)) = link.downcast_ref() {
        return Some(code_of_violations(violations));
    }
    if let Some(error) = link.downcast_ref::<SpellingError>() {
        return Some(match error {
            SpellingError::Unknown { .. } => Exit::NotFound,
            SpellingError::Syntax(_) | SpellingError::Ambiguous { .. } => Exit::Usage,
        });
    }
    if let Some(error) = link.downcast_ref::<StoreError>() {
        return Some(code_of_store(error));
    }
    link.downcast_ref::<ServiceError>().map(code_of_service)
}

fn code_of_service(error: &ServiceError) -> Exit {
    match error {
        ServiceError::UnknownTenant(_)
        | ServiceError::AnotherTenant(_)
        | ServiceError::NoSuchRevision { .. }
        | ServiceError::NoSuchPrompt { .. }
        | ServiceError::NoSuchToken(_)
        | ServiceError::NotBehind(_)
        | ServiceError::NotBound { .. } => Exit::NotFound,
        ServiceError::TenantExists(_)
        | ServiceError::Conflict { .. }
        | ServiceError::PlanStale { .. }
        | ServiceError::DefaultMoved { .. }
        | ServiceError::NotMerged(_)
        | ServiceError::Taken(_) => Exit::Conflict,
        ServiceError::NeedsTenant | ServiceError::Unfit { .. } | ServiceError::BadRequest(_) => Exit::Usage,
        ServiceError::NotSuspended(_) | ServiceError::PlanBreaks { .. } | ServiceError::Full { .. } => Exit::Refused,
        ServiceError::Invalid(violations) => code_of_violations(violations),
        ServiceError::InvalidImport(_) | ServiceError::Render { .. } | ServiceError::Unusable(_) => Exit::Invalid,
        ServiceError::Interrupted { error, .. } => code_of_service(error),
        ServiceError::Store(error) => code_of_store(error),
    }
}

/// The exit code of a store's error.
pub(crate) fn code_of_store(error: &StoreError) -> Exit {
    match error {
        StoreError::Conflict { .. } | StoreError::SecretConflict | StoreError::Taken(_) => Exit::Conflict,
        StoreError::Missing(_) => Exit::NotFound,
        StoreError::Refused(_) | StoreError::Denied(_) => Exit::Refused,
        StoreError::TooLarge { .. } => Exit::Invalid,
        StoreError::Unavailable(_) | StoreError::Corrupt { .. } | StoreError::CannotOpen(_) => Exit::Store,
    }
}

/// What only the operator may set is denied to a tenant; everything else is invalid.
fn code_of_violations(violations: &[Violation]) -> Exit {
    let denied = |violation: &Violation| violation.code == ViolationCode::OperatorOnly;
    if !violations.is_empty() && violations.iter().all(denied) { Exit::Refused } else { Exit::Invalid }
}

/// Writes an error with all its causes and the next step to standard error.
pub(crate) fn report(error: &anyhow::Error) {
    let paint = Paint::when(std::io::stderr().is_terminal());
    crate::output::note(describe(error, paint).trim_end());
}

/// The text of an error: what went wrong, why, and what to do.
pub(crate) fn describe(error: &anyhow::Error, paint: Paint) -> String {
    let mut text = String::new();
    let mut links = error.chain();
    if let Some(first) = links.next() {
        write_link(&mut text, &paint.tone(Tone::Bad, "error:"), first);
    }
    for link in links {
        write_link(&mut text, &paint.tone(Tone::Warn, "cause:"), link);
    }
    for help in helps(error) {
        let _ = writeln!(text, "{} {help}", paint.tone(Tone::Strong, "help:"));
    }
    text
}

fn write_link(text: &mut String, label: &str, link: &(dyn std::error::Error + 'static)) {
    if let Some(violations) = violations(link) {
        let count = violations.len();
        let what = if count == 1 { "1 value is".to_owned() } else { format!("{count} values are") };
        let _ = writeln!(text, "{label} {what} not valid, so nothing was changed");
        for violation in violations {
            write_violation(text, violation);
        }
    } else if let Some(ServiceError::InvalidImport(scopes)) = link.downcast_ref() {
        let _ = writeln!(text, "{label} {link}");
        for scope in scopes {
            let _ = writeln!(text, "  {}", scope.scope);
            for violation in &scope.violations {
                write_violation(text, violation);
            }
        }
    } else {
        let _ = writeln!(text, "{label} {link}");
    }
}

fn write_violation(text: &mut String, violation: &Violation) {
    let _ = writeln!(text, "  - {violation}");
    if let Some(hint) = &violation.hint {
        let _ = writeln!(text, "    {hint}");
    }
}

fn violations<'a>(link: &'a (dyn std::error::Error + 'static)) -> Option<&'a [Violation]> {
    match (link.downcast_ref::<InvalidValues>(), link.downcast_ref::<ServiceError>()) {
        (Some(InvalidValues(violations)), _) | (_, Some(ServiceError::Invalid(violations))) => Some(violations),
        _ => None,
    }
}

/// The next steps, the nearest to the error first, each once.
fn helps(error: &anyhow::Error) -> Vec<String> {
    let mut helps: Vec<String> = error.chain().filter_map(help_of).collect();
    helps.dedup();
    if helps.is_empty() && code(error) == Exit::Usage {
        helps.push("the same command with --help shows examples".to_owned());
    }
    helps
}

fn help_of(link: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(trouble) = link.downcast_ref::<Trouble>() {
        return trouble.help.clone();
    }
    if let Some(error) = link.downcast_ref::<SpellingError>() {
        return Some(match error {
            SpellingError::Unknown { .. } => "`tenantry catalog` lists every parameter".to_owned(),
            SpellingError::Syntax(_) | SpellingError::Ambiguous { .. } => {
                "write keys with dots, like persona.name".to_owned()
            }
        });
    }
    if let Some(violations) = violations(link) {
        let denied = code_of_violations(violations) == Exit::Refused;
        let by_operator = "the operator sets it for every tenant: `tenantry --global set KEY VALUE`";
        return if denied { Some(by_operator.to_owned()) } else { help_of_violations(violations) };
    }
    if let Some(error) = link.downcast_ref::<StoreError>() {
        return help_of_store(error);
    }
    help_of_service(link.downcast_ref::<ServiceError>()?)
}

/// The next step for the first violation that has one. Links, connections and templates say in their own lines what to
/// do, and the catalog does not know more of them.
fn help_of_violations(violations: &[Violation]) -> Option<String> {
    violations.iter().find_map(|Violation { code, key, .. }| match code {
        ViolationCode::UnknownParameter => Some("`tenantry catalog` lists every parameter".to_owned()),
        ViolationCode::Null => Some(format!("`tenantry unset {key}` removes a value")),
        ViolationCode::TemplateInvalid { .. } => Some(format!("`tenantry catalog {key}` lists the variables")),
        ViolationCode::WrongType
        | ViolationCode::OutOfRange
        | ViolationCode::NotAllowed
        | ViolationCode::Pattern
        | ViolationCode::NotAParameter => Some(format!("`tenantry catalog {key}` tells what it takes")),
        _ => None,
    })
}

fn help_of_service(error: &ServiceError) -> Option<String> {
    Some(match error {
        ServiceError::UnknownTenant(tenant) => {
            format!("`tenantry tenant list` lists them; `tenantry tenant create {tenant} --name NAME` makes it")
        }
        ServiceError::TenantExists(tenant) => format!("`tenantry tenant show {tenant}` shows it"),
        ServiceError::AnotherTenant(_) => {
            "name the right store with --store; what a deleted tenant had is kept in backups alone".to_owned()
        }
        ServiceError::NeedsTenant => "name a tenant with -t ID".to_owned(),
        ServiceError::NotSuspended(tenant) => format!("`tenantry tenant suspend {tenant}`"),
        ServiceError::Unusable(_) => {
            "`tenantry validate --all` lists all of it; `tenantry -t ID set KEY VALUE` writes a good value over it"
                .to_owned()
        }
        ServiceError::InvalidImport(_) => "correct the file and apply it again".to_owned(),
        ServiceError::Interrupted { .. } => "apply the file again: what is done stays as it is".to_owned(),
        ServiceError::Conflict { scope, current, by, at, .. } => {
            let by = by.as_deref().unwrap_or("nobody");
            let at = at.map(crate::shown::time).unwrap_or_default();
            format!(
                "revision {current} was made by {by} at {at} UTC: `tenantry {} history` shows it",
                scope_flag(scope)
            )
        }
        ServiceError::PlanStale { .. } => "plan it again, and look at what it does now".to_owned(),
        ServiceError::PlanBreaks { .. } => "mend them first, or add --despite-findings if it is meant".to_owned(),
        ServiceError::DefaultMoved { .. } | ServiceError::NotBehind(_) => {
            "`tenantry -t ID behind` lists what is".to_owned()
        }
        ServiceError::NotMerged(key) => {
            format!("`tenantry -t ID set {key} --from-file FILE` says what it should be; --keep and --take choose one")
        }
        ServiceError::Full { .. } => {
            "`tenantry -t ID token list` and `binding list` show them: give up one that is not needed any more"
                .to_owned()
        }
        ServiceError::Taken(_) => "another name must be found: it belongs to somebody else".to_owned(),
        ServiceError::NoSuchRevision { scope, .. } => format!("`tenantry {} history` lists them", scope_flag(scope)),
        ServiceError::NoSuchPrompt { .. } => "`tenantry -t ID get prompts` lists the prompts of a tenant".to_owned(),
        ServiceError::Render { key, .. } => format!("correct {key} with `tenantry set {key} --from-file FILE`"),
        ServiceError::NoSuchToken(_) => "`tenantry token list` lists them".to_owned(),
        ServiceError::NotBound { tenant, .. } => format!("`tenantry -t {tenant} binding list` lists what is"),
        ServiceError::Invalid(_) | ServiceError::Unfit { .. } | ServiceError::BadRequest(_) => return None,
        ServiceError::Store(error) => return help_of_store(error),
    })
}

fn help_of_store(error: &StoreError) -> Option<String> {
    Some(match error {
        StoreError::Unavailable(_) => "try again in a moment; `tenantry doctor` looks the store over".to_owned(),
        StoreError::Conflict { .. } | StoreError::SecretConflict => "read it again, then change it again".to_owned(),
        StoreError::Denied(_) => {
            "check who may use the store: owner and permissions of its file, or AWS credentials and policies".to_owned()
        }
        StoreError::Corrupt { .. } => "`tenantry doctor` looks the store over; a backup may help".to_owned(),
        StoreError::TooLarge { .. } => "split the change, or shorten the value".to_owned(),
        // The store knows nothing of flags, and says all that it cannot open with in one sentence.
        StoreError::CannotOpen(what) if what.contains(" master key") => {
            "name the key's file with --master-key-file or TENANTRY_MASTER_KEY_FILE, or give the key in \
             TENANTRY_MASTER_KEY"
                .to_owned()
        }
        StoreError::Taken(_) | StoreError::Missing(_) | StoreError::Refused(_) | StoreError::CannotOpen(_) => {
            return None;
        }
    })
}

/// How a scope is named on the command line.
pub(crate) fn scope_flag(scope: &tenantry_core::scope::Scope) -> String {
    scope.tenant().map_or_else(|| "--global".to_owned(), |tenant| format!("-t {tenant}"))
}

#[cfg(test)]
mod tests {
    use tenantry_core::scope::TenantId;

    use super::*;

    fn check(error: impl Into<anyhow::Error>, expected: Exit) {
        assert_eq!(code(&error.into()), expected);
    }

    #[test]
    fn every_error_ends_with_the_code_of_its_kind() {
        let acme = || TenantId::parse("acme").unwrap();
        check(anyhow::anyhow!("any"), Exit::Failure);
        check(Trouble::usage("x"), Exit::Usage);
        check(ServiceError::UnknownTenant(acme()), Exit::NotFound);
        check(ServiceError::TenantExists(acme()), Exit::Conflict);
        check(ServiceError::NotSuspended(acme()), Exit::Refused);
        check(StoreError::CannotOpen("x".to_owned()), Exit::Store);
        check(ServiceError::Store(StoreError::Missing("tenant")), Exit::NotFound);
    }

    #[test]
    fn the_code_is_found_below_a_context() {
        let error = anyhow::Error::from(StoreError::SecretConflict).context("outer");
        assert_eq!(code(&error), Exit::Conflict);
    }

    #[test]
    fn a_tenant_that_sets_what_is_the_operators_is_refused_not_invalid() {
        let violation = |code| Violation::new("limits.history_turns", code, "no");
        check(ServiceError::Invalid(vec![violation(ViolationCode::OperatorOnly)]), Exit::Refused);
        let both = vec![violation(ViolationCode::OperatorOnly), violation(ViolationCode::WrongType)];
        check(ServiceError::Invalid(both), Exit::Invalid);
    }

    #[test]
    fn whoever_cannot_be_understood_is_sent_to_the_examples() {
        let told = describe(&Trouble::usage("set twice").into(), Paint::plain());
        assert_eq!(told, "error: set twice\nhelp: the same command with --help shows examples\n");
    }

    #[test]
    fn the_whole_chain_is_told_and_the_next_step_last() {
        let error = anyhow::Error::from(Trouble::usage("inner").help("do this")).context("outer");
        assert_eq!(describe(&error, Paint::plain()), "error: outer\ncause: inner\nhelp: do this\n");
    }
}
