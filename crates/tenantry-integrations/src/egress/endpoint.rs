//! The address of an outside system, as a setting.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

use super::rules::{Rule, parse, refuse_user_info};

/// The base URL of an outside system: absolute, `http` or `https`, with a host and without user information.
///
/// Whether it may be called is the operator's decision, made by [`super::AllowList::check_url`] when it is written and
/// by [`super::Egress::send`] when it is used. Its schema says `x-egress`, so that no such setting can be overlooked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// Reads a base URL.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let url = parse(text)?;
        refuse_user_info(&url)?;
        if matches!(url.scheme(), "http" | "https") { Ok(Self(url)) } else { Err(Rule::Scheme) }
    }

    /// The base URL.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The URL of a path below the base, such as `chat/completions`. A query of the base stays.
    ///
    /// Each segment is escaped: none can leave the base's path.
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_fragment(None);
        url.path_segments_mut()
            .expect("an http URL has a path")
            .pop_if_empty()
            .extend(path.split('/').filter(|segment| !segment.is_empty()));
        url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.as_str();
        let bare = self.0.path() == "/" && self.0.query().is_none() && self.0.fragment().is_none();
        // As people write it: `Url` puts a slash behind a bare host.
        if bare { text.trim_end_matches('/').fmt(f) } else { text.fmt(f) }
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text is not repeated in the error: it may hold a password.
        Self::parse(&Cow::<str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for Endpoint {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Endpoint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uri", "maxLength": 2048, "x-egress": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, path: &str, expected: &str) {
        assert_eq!(Endpoint::parse(base).unwrap().join(path).as_str(), expected);
    }

    #[test]
    fn a_path_is_put_below_the_base() {
        check("https://a.example", "chat/completions", "https://a.example/chat/completions");
        check("https://a.example/v1", "chat/completions", "https://a.example/v1/chat/completions");
        check("https://a.example/v1/", "/chat/completions", "https://a.example/v1/chat/completions");
        check("https://a.example/v1?api-version=2#top", "models", "https://a.example/v1/models?api-version=2");
    }

    #[test]
    fn a_path_cannot_leave_the_base() {
        check("https://a.example/v1", "../admin", "https://a.example/v1/admin");
        check("https://a.example/v1", "a?b#c", "https://a.example/v1/a%3Fb%23c");
    }

    #[test]
    fn an_error_does_not_repeat_the_text() {
        let error = serde_json::from_str::<Endpoint>(r#""https://u:CANARY@a.example""#).unwrap_err();
        assert_eq!(error.to_string(), Rule::UserInfo.to_string());
        assert!(serde_json::from_str::<Endpoint>(r#""mailto:a@b.example""#).is_err());
    }

    #[test]
    fn an_endpoint_reads_back_what_it_writes() {
        let endpoint: Endpoint = serde_json::from_str(r#""https://api.openai.com/v1""#).unwrap();
        assert_eq!(serde_json::to_string(&endpoint).unwrap(), r#""https://api.openai.com/v1""#);
        assert_eq!(
            Endpoint::parse(&Endpoint::parse("https://a.example/").unwrap().to_string()).unwrap().to_string(),
            "https://a.example"
        );
    }
}
