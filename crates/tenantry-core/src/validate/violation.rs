//! One thing that is wrong, said so that whoever reads it can put it right.

use std::fmt;

use serde::{Serialize, Serializer};

use super::secretlike::masked;
use crate::json::{Fault, JsonError};
use crate::key::Key;
use crate::layer::Tier;
use crate::number::NumberError;
use crate::template::TemplateIssue;

/// What is wrong with one key. It never holds the text of a credential or a secret.
///
/// `Display` gives one line: `persona.language: expected a string, found a number (tier tenant)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The parameter's key, or what was given for one.
    pub key: String,
    /// The tier that says it, if it is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// Which rule is broken.
    pub code: ViolationCode,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What a good value is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What is there instead, cut if it is long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Names most like the one that is not known, the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The rule that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViolationCode {
    /// No parameter has this key.
    UnknownParameter,
    /// The value is of another type.
    WrongType,
    /// A number, a text or a list is too small or too large.
    OutOfRange,
    /// The value is not one of the allowed ones.
    NotAllowed,
    /// A text has another form.
    Pattern,
    /// `null` stands where a value should.
    Null,
    /// A plain parameter holds what looks like a secret.
    LooksLikeSecret,
    /// A secret is blank.
    SecretBlank,
    /// A secret begins or ends with white space.
    SecretWhitespace,
    /// A text has a control character other than a new line or a tab.
    ControlCharacter,
    /// The rules for outbound connections refuse a URL.
    UrlNotAllowed,
    /// A template cannot be used.
    TemplateInvalid {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A template reads what has no value, so that it cannot be rendered.
    VariableUnset,
    /// A value names an entry that does not exist.
    BrokenLink,
    /// A connection is set in part.
    ConnectionIncomplete {
        /// The fields that it lacks.
        missing: Vec<Key>,
        /// Whether a lower tier has one of those, which is not used with the fields of this tier.
        inherited: bool,
    },
    /// A value needs a connection that is not set.
    ConnectionMissing,
    /// A tenant sets what only the operator may set.
    OperatorOnly,
    /// A value that must be each tenant's own is set for all tenants.
    UniqueGlobally,
    /// A value that must be each tenant's own is another one's already.
    Taken,
    /// One key is set twice in one go, by two spellings or among values and secrets.
    Twice,
    /// The value is larger than any value may be.
    TooLarge,
    /// A credential or secret is stored with the plain parameters, or the other way round.
    Misplaced,
    /// A section has a value of its own.
    NotAParameter,
}

impl ViolationCode {
    /// The stable name of the rule.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownParameter => "unknown_parameter",
            Self::WrongType => "wrong_type",
            Self::OutOfRange => "out_of_range",
            Self::NotAllowed => "not_allowed",
            Self::Pattern => "pattern",
            Self::Null => "null",
            Self::LooksLikeSecret => "looks_like_secret",
            Self::SecretBlank => "secret_blank",
            Self::SecretWhitespace => "secret_whitespace",
            Self::ControlCharacter => "control_character",
            Self::UrlNotAllowed => "url_not_allowed",
            Self::TemplateInvalid { .. } => "template_invalid",
            Self::VariableUnset => "variable_unset",
            Self::BrokenLink => "broken_link",
            Self::ConnectionIncomplete { .. } => "connection_incomplete",
            Self::ConnectionMissing => "connection_missing",
            Self::OperatorOnly => "operator_only",
            Self::UniqueGlobally => "unique_globally",
            Self::Taken => "taken",
            Self::Twice => "twice",
            Self::TooLarge => "too_large",
            Self::Misplaced => "misplaced",
            Self::NotAParameter => "not_a_parameter",
        }
    }
}

impl Serialize for ViolationCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl Violation {
    /// A violation that its message describes.
    pub fn new(key: impl fmt::Display, code: ViolationCode, message: impl Into<String>) -> Self {
        Self {
            key: masked(&key.to_string()).into_owned(),
            tier: None,
            code,
            message: message.into(),
            expected: None,
            found: None,
            nearest: Vec::new(),
            hint: None,
        }
    }

    /// A violation by a text that could not be read as a value at all.
    pub fn unreadable(key: impl fmt::Display, error: &JsonError) -> Self {
        let code = match error.fault {
            Fault::Null => ViolationCode::Null,
            Fault::Number(NumberError::OutOfRange | NumberError::TooManyDigits(_)) => ViolationCode::OutOfRange,
            _ => ViolationCode::WrongType,
        };
        Self::new(key, code, error.to_string())
    }

    /// What was expected and what was found instead.
    pub(super) fn mismatch(key: &Key, code: ViolationCode, expected: String, found: String) -> Self {
        let message = format!("expected {expected}, found {found}");
        Self { expected: Some(expected), found: Some(found), ..Self::new(key, code, message) }
    }

    /// What is wrong with a template.
    pub fn template(key: &Key, tier: Tier, issue: TemplateIssue) -> Self {
        let TemplateIssue { line, column, message, .. } = issue;
        let message = format!("line {line}, column {column}: {message}");
        Self::new(key, ViolationCode::TemplateInvalid { line, column }, message).in_tier(tier)
    }

    #[must_use]
    pub(super) fn in_tier(mut self, tier: Tier) -> Self {
        self.tier = Some(tier);
        self
    }

    #[must_use]
    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the nearest names, which the message tells as well.
    #[must_use]
    pub(super) fn with_nearest(mut self, nearest: Vec<String>) -> Self {
        let nearest: Vec<String> = nearest.into_iter().map(|name| masked(&name).into_owned()).collect();
        if !nearest.is_empty() {
            self.message = format!("{}; nearest: {}", self.message, nearest.join(", "));
        }
        self.nearest = nearest;
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A broken link's message begins with its key.
        if self.message.strip_prefix(&self.key).is_none_or(|rest| !rest.starts_with(' ')) {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        match self.tier {
            Some(tier) => write!(f, " (tier {tier})"),
            None => Ok(()),
        }
    }
}
