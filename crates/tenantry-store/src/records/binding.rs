//! Outside identities that belong to one tenant alone.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of outside identity belongs to one tenant alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BindingKind {
    /// A Slack team.
    Slack,
    /// A Telegram bot.
    Telegram,
    /// An address that e-mail comes to.
    Email,
    /// A host name.
    Host,
    /// An S3 bucket, reserved by a parameter.
    Bucket,
    /// A prefix of DynamoDB tables, reserved by a parameter.
    Prefix,
}

impl BindingKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Slack, Self::Telegram, Self::Email, Self::Host, Self::Bucket, Self::Prefix];

    /// The name that stands before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Telegram => "telegram",
            Self::Email => "email",
            Self::Host => "host",
            Self::Bucket => "bucket",
            Self::Prefix => "prefix",
        }
    }
}

/// An outside identity that belongs to one tenant alone, written `slack:T0123`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Binding {
    kind: BindingKind,
    name: String,
}

impl Binding {
    /// The longest name of a binding, in bytes.
    const LONGEST: usize = 255;

    /// Takes the name of an identity: 1 to 255 visible ASCII characters. Host names and e-mail addresses are
    /// lower-case.
    pub fn new(kind: BindingKind, name: &str) -> Result<Self, BindingError> {
        let fits = !name.is_empty() && name.len() <= Self::LONGEST && name.bytes().all(|byte| byte.is_ascii_graphic());
        let is_lower = !matches!(kind, BindingKind::Host | BindingKind::Email)
            || !name.bytes().any(|byte| byte.is_ascii_uppercase());
        if !fits || !is_lower {
            return Err(BindingError(kind));
        }
        Ok(Self { kind, name: name.to_owned() })
    }

    /// Reads `kind:name`.
    pub fn parse(text: &str) -> Result<Self, BindingError> {
        let found = text.split_once(':').and_then(|(prefix, name)| {
            let kind = BindingKind::ALL.into_iter().find(|kind| kind.name() == prefix)?;
            Some((kind, name))
        });
        let (kind, name) = found.ok_or(BindingError(BindingKind::Slack))?;
        Self::new(kind, name)
    }

    /// What kind of identity it is.
    pub fn kind(&self) -> BindingKind {
        self.kind
    }

    /// Its name, without the kind.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.name)
    }
}

/// Why a text names no outside identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a binding such as {}:NAME, with 1 to 255 visible characters (host names and e-mail addresses in lower case)", .0.name())]
pub struct BindingError(BindingKind);

/// A binding to take or to give up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimChange {
    /// The scope's tenant takes it; taking what it has already changes nothing.
    Take(Binding),
    /// The scope's tenant gives it up.
    Release(Binding),
}

impl ClaimChange {
    /// The binding that is taken, if one is.
    pub fn taken(&self) -> Option<&Binding> {
        match self {
            Self::Take(binding) => Some(binding),
            Self::Release(_) => None,
        }
    }

    /// The binding that is given up, if one is.
    pub fn released(&self) -> Option<&Binding> {
        match self {
            Self::Release(binding) => Some(binding),
            Self::Take(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_binding_reads_back_what_it_writes() {
        for text in ["slack:T0123", "telegram:123456", "host:acme.example", "bucket:acme-files", "prefix:acme_"] {
            assert_eq!(Binding::parse(text).unwrap().to_string(), text);
        }
        let host = Binding::parse("host:acme.example:8443").unwrap();
        assert_eq!((host.kind(), host.name()), (BindingKind::Host, "acme.example:8443"));
    }

    #[test]
    fn what_names_no_identity_is_refused() {
        let long = format!("slack:{}", "x".repeat(256));
        let bad = [
            "",
            "slack",
            "slack:",
            "Slack:T1",
            "fax:1",
            ":T1",
            "slack:T 1",
            "slack:T1\n",
            "slack:ü",
            "slack:\0",
            &long,
        ];
        for text in bad {
            assert!(Binding::parse(text).is_err(), "{text:?}");
        }
        assert!(Binding::parse(&long[..long.len() - 1]).is_ok());
    }

    #[test]
    fn a_host_name_in_capitals_is_refused_and_not_repaired() {
        let error = Binding::parse("host:Acme.example").unwrap_err();
        assert!(error.to_string().contains("host:NAME"), "{error}");
        assert!(Binding::parse("slack:TABC").is_ok());
    }

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for kind in BindingKind::ALL {
            assert_eq!(Binding::parse(&format!("{}:x", kind.name())).unwrap().kind(), kind);
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in any::<String>()) {
            if let Ok(binding) = Binding::parse(&text) {
                prop_assert_eq!(binding.to_string(), text);
            }
        }
    }
}
