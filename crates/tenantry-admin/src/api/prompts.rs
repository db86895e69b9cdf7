//! Prompts, rendered as a tenant gets them.

use std::collections::BTreeMap;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::problem::Problem;
use tenantry_core::key::Key;
use tenantry_core::layer::Tier;
use tenantry_core::resolve::Origin;

use crate::answer::Answer;
use crate::asked::{Asked, Json, Nothing};
use crate::error::Refused;
use crate::service::Rendered;

/// What a request would bring along.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenderWith {
    /// Values of the request by their names, such as `user.name`.
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
}

/// A prompt as a tenant gets it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Rendered")]
pub(crate) struct RenderedShown {
    /// The parameter that holds the template.
    key: Key,
    /// Where the template came from.
    origin: Origin,
    /// The final text.
    text: String,
    /// The same in pieces, each with where it came from.
    spans: Vec<Span>,
}

/// A piece of the final text.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Span {
    /// The piece.
    text: String,
    /// The parameters or request values that it was made of; none for the template's own text.
    variables: Vec<String>,
    /// The highest tier that it came from; none if it came with the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<Tier>,
}

impl From<Rendered> for RenderedShown {
    fn from(rendered: Rendered) -> Self {
        let text = rendered.text();
        let span =
            |span: crate::service::RenderedSpan| Span { text: span.text, variables: span.variables, tier: span.tier };
        let spans = rendered.spans.into_iter().map(span).collect();
        Self { key: rendered.key, origin: rendered.origin, text, spans }
    }
}

/// Renders a prompt.
pub(crate) async fn render(asked: Asked<Nothing, Json<RenderWith>>) -> Result<Answer<RenderedShown>, Refused> {
    let application = &asked.api.application;
    let (key, Json(with)) = (asked.key()?, &asked.body);
    for name in with.variables.keys() {
        // A name goes as deep as it has dots: one that no key could have is refused before anything is made of it.
        if let Err(error) = Key::parse(name) {
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", error.to_string());
            return Err(problem.at("/variables").into());
        }
    }
    let context = |resolved: &_| application.prompt_context(resolved, &with.variables);
    Ok(Answer::new(asked.api.service.render(&asked.scope, &key, context).await?.into()))
}
