//! The connections to providers of language models, as settings.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use tenantry_core::secret::SecretText;

use crate::egress::Endpoint;
use crate::redact::LONGEST_SECRET;

/// Who runs the language model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// OpenAI
    OpenAi,
    /// OpenRouter
    OpenRouter,
    /// Cerebras
    Cerebras,
}

impl Provider {
    /// All providers.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::OpenRouter, Self::Cerebras];

    /// The name in settings, which is also the name of the connection's section.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::OpenRouter => "openrouter",
            Self::Cerebras => "cerebras",
        }
    }

    /// The provider's public endpoint.
    pub fn public_base(self) -> Endpoint {
        let text = match self {
            Self::OpenAi => "https://api.openai.com/v1",
            Self::OpenRouter => "https://openrouter.ai/api/v1",
            Self::Cerebras => "https://api.cerebras.ai/v1",
        };
        Endpoint::parse(text).expect("the public endpoints are valid")
    }

    /// What the provider calls the limit of an answer's tokens.
    ///
    /// OpenAI's newer models refuse `max_tokens`; OpenRouter documents it and translates it for each model.
    pub(super) fn token_limit_field(self) -> &'static str {
        match self {
            Self::OpenAi | Self::Cerebras => "max_completion_tokens",
            Self::OpenRouter => "max_tokens",
        }
    }
}

impl JsonSchema for Provider {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Provider".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::ALL.map(Self::name) })
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// OpenAI
///
/// The account at OpenAI, or at a service that speaks its dialect, with which the assistant asks OpenAI's models.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-connection" = true))]
pub struct OpenAi {
    /// API key
    ///
    /// At platform.openai.com open Settings, API keys, Create new secret key. It is shown once, and begins with `sk-`.
    #[schemars(extend("maxLength" = LONGEST_SECRET, "pattern" = r"^[!-~]+$"))]
    pub api_key: SecretText,

    /// Address of the API
    ///
    /// Leave it unless your company uses an endpoint of its own (a proxy, or another service of the same dialect).
    /// Whoever sets it must set the key too.
    #[serde(default = "OpenAi::public_base")]
    #[schemars(extend("x-sensitivity" = "credential", "x-examples" = ["https://api.openai.com/v1"]))]
    pub base_url: Endpoint,
}

/// OpenRouter
///
/// The account at OpenRouter, which passes questions on to models of many makers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-connection" = true))]
pub struct OpenRouter {
    /// API key
    ///
    /// At openrouter.ai open Settings, Keys, Create API Key. It is shown once, and begins with `sk-or-`.
    #[schemars(extend("maxLength" = LONGEST_SECRET, "pattern" = r"^[!-~]+$"))]
    pub api_key: SecretText,

    /// Address of the API
    ///
    /// Leave it unless your company uses an endpoint of its own. Whoever sets it must set the key too.
    #[serde(default = "OpenRouter::public_base")]
    #[schemars(extend("x-sensitivity" = "credential", "x-examples" = ["https://openrouter.ai/api/v1"]))]
    pub base_url: Endpoint,
}

/// Cerebras
///
/// The account at Cerebras, whose machines answer fast.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-connection" = true))]
pub struct Cerebras {
    /// API key
    ///
    /// At cloud.cerebras.ai open API Keys. It begins with `csk-`.
    #[schemars(extend("maxLength" = LONGEST_SECRET, "pattern" = r"^[!-~]+$"))]
    pub api_key: SecretText,

    /// Address of the API
    ///
    /// Leave it unless your company uses an endpoint of its own. Whoever sets it must set the key too.
    #[serde(default = "Cerebras::public_base")]
    #[schemars(extend("x-sensitivity" = "credential", "x-examples" = ["https://api.cerebras.ai/v1"]))]
    pub base_url: Endpoint,
}

impl OpenAi {
    fn public_base() -> Endpoint {
        Provider::OpenAi.public_base()
    }
}

impl OpenRouter {
    fn public_base() -> Endpoint {
        Provider::OpenRouter.public_base()
    }
}

impl Cerebras {
    fn public_base() -> Endpoint {
        Provider::Cerebras.public_base()
    }
}

/// Endpoint and key of one provider: what a request needs beyond the question.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Where the API is.
    pub base_url: Endpoint,
    /// The key that belongs to it.
    pub api_key: SecretText,
}

impl From<&OpenAi> for Connection {
    fn from(section: &OpenAi) -> Self {
        Self { base_url: section.base_url.clone(), api_key: section.api_key.clone() }
    }
}

impl From<&OpenRouter> for Connection {
    fn from(section: &OpenRouter) -> Self {
        Self { base_url: section.base_url.clone(), api_key: section.api_key.clone() }
    }
}

impl From<&Cerebras> for Connection {
    fn from(section: &Cerebras) -> Self {
        Self { base_url: section.base_url.clone(), api_key: section.api_key.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_written_as_it_is_named() {
        for provider in Provider::ALL {
            assert_eq!(serde_json::to_value(provider).unwrap(), provider.name());
            assert_eq!(provider.to_string(), provider.name());
        }
    }

    #[test]
    fn only_the_key_is_required() {
        let openai: OpenAi = serde_json::from_str(r#"{"api_key": "CANARY"}"#).unwrap();
        assert_eq!(openai.base_url, Provider::OpenAi.public_base());
        let openrouter: OpenRouter = serde_json::from_str(r#"{"api_key": "CANARY"}"#).unwrap();
        assert_eq!(openrouter.base_url, Provider::OpenRouter.public_base());
        let cerebras: Cerebras = serde_json::from_str(r#"{"api_key": "CANARY"}"#).unwrap();
        assert_eq!(cerebras.base_url, Provider::Cerebras.public_base());
        assert!(serde_json::from_str::<OpenAi>("{}").is_err());
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let section: OpenAi = serde_json::from_str(r#"{"api_key": "CANARY"}"#).unwrap();
        assert!(!format!("{section:?} {:?}", Connection::from(&section)).contains("CANARY"));
    }
}
