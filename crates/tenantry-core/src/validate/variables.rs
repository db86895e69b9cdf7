//! Checks that what templates read has a value once all tiers are merged.
//!
//! Rendering is strict: a name without a value is an error, never an empty text. So a template whose variable is nowhere set
//! is one that this tenant cannot use. What comes with a request is not in the catalog, and not looked for here.

use super::secretlike::masked;
use super::violation::{Violation, ViolationCode};
use crate::catalog::{Catalog, SetBy};
use crate::key::Key;
use crate::layer::Tier;
use crate::template::{Need, needs};

/// A variable without which a template cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// The parameter that the template reads.
    pub variable: Key,
    /// Whether a tenant can set it: if so, a default without a value for it is one for tenants to complete.
    pub set_by_tenants: bool,
}

impl Needed {
    /// What is wrong with the template at a key, of a tier, where the variable has no value.
    pub fn lacking(&self, template: &Key, tier: Tier) -> Violation {
        let variable = masked(self.variable.as_str());
        let message = format!("reads {variable}, which is not set");
        let hint = format!(
            "set {variable}, or guard it: {{% if {variable} is defined %}}…{{% endif %}}, or {{{{ {variable}|default(\"…\") }}}}"
        );
        Violation::new(template, ViolationCode::VariableUnset, message).in_tier(tier).with_hint(hint)
    }
}

/// The parameters that must be set for the template at a key to be rendered, in the order of their names; none of a text
/// that is no template.
///
/// A parameter with a field of its own in the settings is there even if nobody sets it, as what its type says for that:
/// whoever looks first whether it is empty (`{% if company.website %}`) needs no more. The entries of a map are there or not.
pub(super) fn needed(catalog: &Catalog, key: &Key, source: &str) -> Vec<Needed> {
    let Some(variables) = catalog.parameter(key).and_then(|parameter| parameter.template.as_ref()) else {
        return Vec::new();
    };
    let is_configured = |name: &Key| {
        let covers = |variable: &&String| Key::parse(variable).is_ok_and(|variable| name.is_within(&variable));
        let variable = variables.iter().filter(covers).max_by_key(|variable| variable.len());
        variable.and_then(|variable| Key::parse(variable).ok()).is_some_and(|variable| is_known(catalog, &variable))
    };
    let names = needs(source).into_iter().filter_map(|(name, need)| Some((Key::parse(&name).ok()?, need)));
    let names = names.filter(|(name, _)| is_configured(name));
    names.filter_map(|(variable, need)| needed_by(catalog, variable, need)).collect()
}

fn is_known(catalog: &Catalog, key: &Key) -> bool {
    catalog.parameter(key).is_some() || catalog.is_section(key)
}

fn needed_by(catalog: &Catalog, variable: Key, need: Need) -> Option<Needed> {
    if let Some(parameter) = catalog.parameter(&variable) {
        let is_there = parameter.default.is_some() || (need == Need::Truth && !parameter.pattern.has_wildcard());
        let set_by_tenants = parameter.set_by == SetBy::Tenant;
        return (!is_there).then_some(Needed { variable, set_by_tenants });
    }
    if let Some(section) = catalog.section(&variable) {
        // A table that the settings have is there, if empty.
        return section.pattern.has_wildcard().then_some(Needed { variable, set_by_tenants: true });
    }
    let above = std::iter::successors(variable.parent(), Key::parent).find_map(|above| catalog.parameter(&above));
    let set_by_tenants = above.is_some_and(|above| above.set_by == SetBy::Tenant && above.schema["type"] == "object");
    Some(Needed { variable, set_by_tenants })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::document::Document;
    use crate::layer::{Layer, Revision};
    use crate::resolve::{Resolved, resolve};
    use crate::validate::{Validator, introduced};
    use crate::value::Value;

    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "company": {"type": "object", "properties": {
            "name": {"type": "string", "default": "us"},
            "website": {"type": "string"},
            "motto": {"type": "string", "x-set-by": "operator"},
            "facts": {"type": "object", "additionalProperties": {"type": "string"}}
        }},
        "prompts": {"type": "object", "additionalProperties": {
            "type": "string",
            "x-template": ["company.name", "company.website", "company.motto", "company.facts", "user.name"]
        }}
    }}"#;

    fn validator() -> Validator {
        Validator::new(Arc::new(Catalog::from_schema(&serde_json::from_str(SCHEMA).unwrap()).unwrap()))
    }

    /// A configuration in which a tier has a prompt, and the tenant, if there is one, facts.
    fn merged(tier: Tier, prompt: &str, facts: Option<&[&str]>) -> Resolved {
        let key = |text: &str| Key::parse(text).unwrap();
        let prompt = (key("prompts.p"), Value::from(prompt));
        let facts =
            facts.map(|facts| facts.iter().map(|fact| (key(&format!("company.facts.{fact}")), Value::from("x"))));
        let layer = |tier, items: Vec<_>| Arc::new(Layer::new(tier, Revision(1), Document::from_items(items).0));
        let mut own: Option<Vec<_>> = facts.map(Iterator::collect);
        let mut global = Vec::new();
        match (&mut own, tier) {
            (Some(own), Tier::Tenant) => own.push(prompt),
            _ => global.push(prompt),
        }
        let layers = [Some(layer(Tier::Global, global)), own.map(|own| layer(Tier::Tenant, own))];
        let validator = validator();
        let defaults = validator.catalog().defaults().clone();
        resolve(
            std::iter::once(defaults).chain(layers.into_iter().flatten()).collect(),
            validator.catalog().connections(),
        )
    }

    fn told(tier: Tier, prompt: &str, facts: Option<&[&str]>) -> Vec<String> {
        validator().check(&merged(tier, prompt, facts)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_template_that_reads_what_is_nowhere_set_is_told_with_its_tier() {
        let prompt = "{{ company.facts.hours }}, {{ company.facts.city }}: {{ company.name }}, {{ user.name }}";
        assert_eq!(
            told(Tier::Global, prompt, Some(&["city"])),
            ["prompts.p: reads company.facts.hours, which is not set (tier global)"]
        );
        assert_eq!(
            told(Tier::Tenant, prompt, Some(&[])),
            ["city", "hours"]
                .map(|name| format!("prompts.p: reads company.facts.{name}, which is not set (tier tenant)"))
        );
        assert_eq!(told(Tier::Tenant, prompt, Some(&["city", "hours"])), [""; 0]);
        let hint =
            validator().check(&merged(Tier::Tenant, "{{ company.website }}", Some(&[])))[0].hint.clone().unwrap();
        assert_eq!(
            hint,
            "set company.website, or guard it: {% if company.website is defined %}…{% endif %}, \
             or {{ company.website|default(\"…\") }}"
        );
    }

    #[test]
    fn a_template_may_look_first_whether_there_is_a_value() {
        for prompt in [
            "{% if company.website %}See {{ company.website }}.{% endif %}",
            "{% if company.facts.hours is defined %}{{ company.facts.hours }}{% endif %}",
            "{{ company.facts.hours|default('from 9') }}",
            "{% for name, fact in company.facts|items %}{{ name }}: {{ fact }}{% endfor %}",
        ] {
            assert_eq!(told(Tier::Tenant, prompt, Some(&[])), [""; 0], "{prompt}");
        }
        let entry = "{% if company.facts.hours %}{{ company.facts.hours }}{% endif %}";
        assert_eq!(told(Tier::Tenant, entry, Some(&[])).len(), 1, "an entry that is not there cannot be looked at");
    }

    #[test]
    fn a_default_without_a_value_is_wrong_only_if_no_tenant_can_set_it() {
        assert_eq!(told(Tier::Global, "{{ company.facts.hours }}{{ company.website }}", None), [""; 0]);
        assert_eq!(
            told(Tier::Global, "{{ company.motto }}", None),
            ["prompts.p: reads company.motto, which is not set (tier global)"]
        );
        assert_eq!(told(Tier::Global, "{{ company.name.first }}", None).len(), 1, "no such parameter");
    }

    #[test]
    fn a_change_is_refused_for_what_it_leaves_without_a_value_and_for_nothing_else() {
        let prompt = "{{ company.facts.hours }}";
        let refused = |before: &Resolved, after: &Resolved| {
            let (validator, written) = (validator(), BTreeSet::new());
            introduced(validator.catalog(), &validator.check(before), validator.check(after), &written).len()
        };
        let (set, unset) =
            (merged(Tier::Tenant, prompt, Some(&["hours"])), merged(Tier::Tenant, prompt, Some(&["city"])));
        assert_eq!(refused(&merged(Tier::Tenant, "Hi", Some(&[])), &unset), 1, "the prompt is written");
        assert_eq!(refused(&set, &unset), 1, "what it reads is removed");
        assert_eq!(refused(&unset, &merged(Tier::Tenant, prompt, Some(&[]))), 0, "it was so before");
        assert_eq!(refused(&merged(Tier::Global, prompt, Some(&[])), &unset), 1, "what was the operator's is its own");
    }
}
