//! Rendering a prompt as a tenant gets it, each piece with the tier that it came from.

use serde::Serialize;
use tenantry_core::key::Key;
use tenantry_core::layer::Tier;
use tenantry_core::resolve::{Origin, Resolved};
use tenantry_core::scope::Scope;
use tenantry_core::template::{Context as TemplateContext, Span, SpanSource, Template, TemplateLimits};
use tenantry_core::value::Value;

use super::{Service, ServiceError};

/// A prompt as a tenant gets it.
#[derive(Clone, Debug, Serialize)]
pub struct Rendered {
    /// The parameter that holds the template.
    pub key: Key,
    /// Where the template came from.
    pub origin: Origin,
    /// The final text, in pieces.
    pub spans: Vec<RenderedSpan>,
}

/// A piece of the final text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RenderedSpan {
    /// The piece.
    pub text: String,
    /// The parameters or request values that it was made of; none for the template's own text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
    /// The highest tier that it came from; none if it came with the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
}

impl Rendered {
    /// The final text as a whole.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}

impl Service {
    /// Renders the template of a scope at a key. `context` is what the application would render it with, made of the
    /// scope's effective configuration.
    pub async fn render(
        &self,
        scope: &Scope,
        key: &Key,
        context: impl FnOnce(&Resolved) -> Result<TemplateContext, String>,
    ) -> Result<Rendered, ServiceError> {
        // A prompt is made of values from all over the configuration.
        self.render_in(&self.usable(scope).await?.resolved, key, context)
    }

    /// Renders the template at a key of a merged configuration, such as a past one.
    pub fn render_in(
        &self,
        resolved: &Resolved,
        key: &Key,
        context: impl FnOnce(&Resolved) -> Result<TemplateContext, String>,
    ) -> Result<Rendered, ServiceError> {
        let is_template = self.catalog.parameter(key).is_some_and(|parameter| parameter.template.is_some());
        let leaf = resolved.leaf(key).filter(|_| is_template);
        let source = leaf.and_then(|leaf| Some((leaf.entry.value().and_then(Value::as_str)?, leaf.origin)));
        let Some((source, origin)) = source else {
            return Err(ServiceError::NoSuchPrompt { key: key.clone(), nearest: self.templates(resolved) });
        };
        let fault = |message: String| ServiceError::Render { key: key.clone(), message };
        let template = Template::compile(source, &TemplateLimits::default());
        let template =
            template.map_err(|issues| fault(issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
        let context = context(resolved).map_err(fault)?;
        let spans = template.render_spans(&context).map_err(|error| fault(error.to_string()))?;
        let spans = spans.into_iter().map(|span| rendered_span(resolved, origin.tier, span)).collect();
        Ok(Rendered { key: key.clone(), origin, spans })
    }

    /// The keys of all templates in a configuration.
    fn templates(&self, resolved: &Resolved) -> Vec<String> {
        let is_template = |key: &Key| self.catalog.parameter(key).is_some_and(|parameter| parameter.template.is_some());
        resolved.iter().filter(|leaf| is_template(leaf.key)).map(|leaf| leaf.key.to_string()).collect()
    }
}

fn rendered_span(resolved: &Resolved, template: Tier, span: Span) -> RenderedSpan {
    match span.source {
        SpanSource::Literal => RenderedSpan { text: span.text, variables: Vec::new(), tier: Some(template) },
        SpanSource::Variables(variables) => {
            let tier = variables.iter().filter_map(|name| tier_of(resolved, name)).max();
            RenderedSpan { text: span.text, variables, tier }
        }
    }
}

/// The highest tier of what stands at and below a dotted name.
fn tier_of(resolved: &Resolved, name: &str) -> Option<Tier> {
    let key = Key::parse(name).ok()?;
    resolved.within(&key).map(|leaf| leaf.origin.tier).max()
}
