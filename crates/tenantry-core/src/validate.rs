//! Finds what is wrong with values: all of it at once, each violation naming key, tier, what was expected and found.
//!
//! | question | asked by |
//! |---|---|
//! | may this value be written? | [`Validator::check_value`], [`Validator::check_secret`] |
//! | is what a tier says sound? | [`Validator::check_layer`] |
//! | does the merged configuration hold together? | [`Validator::check_links`], [`Validator::check_templates`] |
//! | which parameters does a template need? | [`Validator::needed`] |
//! | all of it, for one tenant | [`Validator::check`] |
//! | what did a change make worse? | [`introduced`] |

mod graph;
mod introduced;
mod layer;
mod secretlike;
#[cfg(test)]
mod tests;
mod time_zone;
mod value;
mod variables;
mod violation;

use std::fmt;
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::key::Key;
use crate::layer::{Layer, Tier};
use crate::resolve::{Effective, Resolved};
use crate::secret::SecretText;
use crate::template::{TemplateRules, lint};
use crate::value::Value;

pub use self::introduced::introduced;
pub use self::secretlike::{looks_like_secret, masked};
pub use self::variables::Needed;
pub use self::violation::{Violation, ViolationCode};

/// The largest value that is taken, in bytes of JSON.
pub const LARGEST_VALUE: usize = 64 * 1024;
/// The largest secret that is taken, in bytes: below the 65,536 that AWS Secrets Manager keeps for all fields together.
pub const LARGEST_SECRET: usize = 60 * 1024;

/// A rule for outbound URLs: `Err` says which rule refuses the URL, without quoting it.
type UrlRule = dyn Fn(&str) -> Result<(), String> + Send + Sync;

/// Checks values against a catalog. Nothing it says shows a credential or a secret.
#[derive(Clone)]
pub struct Validator {
    catalog: Arc<Catalog>,
    url_rule: Option<Arc<UrlRule>>,
}

impl Validator {
    /// Makes a validator that knows no rule for URLs beyond their form.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog, url_rule: None }
    }

    /// Adds the rule that parameters with `x-egress` obey. The rule says why it refuses a URL without quoting it.
    #[must_use]
    pub fn with_url_rule(mut self, rule: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.url_rule = Some(Arc::new(rule));
        self
    }

    /// The catalog that is checked against.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Checks a value that is to be stored with the other parameters; a table is checked leaf by leaf.
    pub fn check_value(&self, key: &Key, value: &Value) -> Vec<Violation> {
        let leaves = self.catalog.leaves(key, value.clone());
        sorted(leaves.iter().flat_map(|(key, value)| value::check_item(self, key, value)).collect())
    }

    /// Checks a text that is to be stored in the tenant's secret: that of a credential or secret.
    pub fn check_secret(&self, key: &Key, text: &SecretText) -> Vec<Violation> {
        sorted(value::check_secret(self, key, text))
    }

    /// Checks that a key is that of a parameter or a section, so that there is something to be removed.
    pub fn check_key(&self, key: &Key) -> Option<Violation> {
        let is_known = self.catalog.parameter(key).is_some() || self.catalog.is_section(key);
        (!is_known).then(|| value::no_such(&self.catalog, key))
    }

    /// Checks that a key is that of a credential or a secret.
    pub fn check_secret_key(&self, key: &Key) -> Option<Violation> {
        match self.catalog.parameter(key) {
            Some(parameter) if parameter.is_in_secret() => None,
            Some(_) => Some(value::not_in_secret(key)),
            None if self.catalog.is_section(key) => {
                let message = "is a section: name one of its credentials or secrets";
                Some(Violation::new(key, ViolationCode::NotAParameter, message))
            }
            None => Some(value::no_such(&self.catalog, key)),
        }
    }

    /// Checks type, range and form of a parameter's value, even of one that looks like a secret: not to be shown.
    pub(crate) fn check_form(&self, key: &Key, value: &Value) -> Vec<Violation> {
        let parameter = self.catalog.parameter(key);
        parameter.map_or_else(Vec::new, |parameter| value::check_shape(parameter, key, value))
    }

    /// Checks every entry that a tier has. Built-in values were checked when the catalog was made.
    pub fn check_layer(&self, layer: &Layer) -> Vec<Violation> {
        sorted(layer::check(self, layer))
    }

    /// Checks what parameters say of each other once merged: names of entries, connections in need, and connections
    /// that are set in part.
    pub fn check_links(&self, resolved: &Resolved) -> Vec<Violation> {
        sorted(graph::check(&self.catalog, resolved))
    }

    /// Checks every template: that it keeps the locked blocks of the one that it hides, and that all that it reads has a
    /// value. Of the defaults alone, what a tenant can set need not have one.
    pub fn check_templates(&self, resolved: &Resolved) -> Vec<Violation> {
        let mut violations = Vec::new();
        for leaf in resolved.iter() {
            let variables = self.catalog.parameter(leaf.key).and_then(|parameter| parameter.template.as_ref());
            let (Some(variables), Some(source)) = (variables, leaf.entry.value().and_then(Value::as_str)) else {
                continue;
            };
            let hidden = resolved.explain(leaf.key).into_iter().flat_map(|explanation| explanation.hidden).next();
            let base = hidden.and_then(|hidden| hidden.entry.value()).and_then(Value::as_str);
            let rules = TemplateRules { variables: variables.clone() };
            let issues = lint(source, &rules, base);
            if issues.is_empty() {
                violations.extend(self.lacking(resolved, leaf, source));
            }
            let issues = issues.into_iter();
            violations.extend(issues.map(|issue| Violation::template(leaf.key, leaf.origin.tier, issue)));
        }
        violations
    }

    fn lacking(&self, resolved: &Resolved, leaf: Effective<'_>, source: &str) -> Vec<Violation> {
        let is_tenants = resolved.layers().iter().any(|layer| layer.tier() == Tier::Tenant);
        let needed = self.needed(leaf.key, source).into_iter().filter(|needed| is_tenants || !needed.set_by_tenants);
        let unset = needed.filter(|needed| resolved.within(&needed.variable).len() == 0);
        unset.map(|needed| needed.lacking(leaf.key, leaf.origin.tier)).collect()
    }

    /// The parameters without which the template at a key cannot be rendered.
    pub fn needed(&self, key: &Key, source: &str) -> Vec<Needed> {
        variables::needed(&self.catalog, key, source)
    }

    /// Checks all of a tenant's configuration: each layer, the links between values, the templates.
    pub fn check(&self, resolved: &Resolved) -> Vec<Violation> {
        let mut all: Vec<Violation> = resolved.layers().iter().flat_map(|layer| self.check_layer(layer)).collect();
        all.extend(self.check_links(resolved));
        all.extend(self.check_templates(resolved));
        sorted(all)
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validator").field("catalog", &self.catalog.title()).finish_non_exhaustive()
    }
}

/// Puts violations in the order of their keys, each once.
fn sorted(mut violations: Vec<Violation>) -> Vec<Violation> {
    violations
        .sort_by(|left, right| left.key.split('.').cmp(right.key.split('.')).then_with(|| left.tier.cmp(&right.tier)));
    violations.dedup();
    violations
}
