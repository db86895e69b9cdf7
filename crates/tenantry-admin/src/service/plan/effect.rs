//! What a change of the defaults does to one tenant. Pure: it looks at the tenant's outline and nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use tenantry_core::catalog::Catalog;
use tenantry_core::change::{Difference, diff};
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Layer, Tier};
use tenantry_core::resolve::{Resolved, resolve};
use tenantry_core::secret::{Fingerprint, SecretMark};
use tenantry_core::template::{TemplateRules, lint};
use tenantry_core::validate::Violation;
use tenantry_core::value::Value;
use tenantry_store::{Outline, Wanted};

use super::TenantEffect;
use super::relevance::Relevance;
use crate::service::Service;

/// The most kinds of tenants of which it is remembered what becomes of their links.
const MOST_KINDS: usize = 10_000;

/// What a change does to tenants, one after the other.
pub(super) struct Effects {
    relevance: Relevance,
    before: Arc<Layer>,
    after: Arc<Layer>,
    /// What a tenant without values of its own notices.
    inherited: Arc<[Difference]>,
    /// What such a tenant's templates will read without a value, and do not now.
    lacking: Vec<Lacking>,
    /// The variables that will have no value any more, unless a tenant sets them itself.
    gone: Vec<Key>,
    /// What becomes of links, by all of a tenant that they depend on.
    links: HashMap<blake3::Hash, Arc<[Violation]>>,
}

/// A default template that will read a variable without a value, unless a tenant sets one of both itself.
struct Lacking {
    template: Key,
    variable: Key,
    finding: Violation,
}

impl Effects {
    pub(super) fn new(service: &Service, before: Layer, after: Layer, differences: &[Difference]) -> Self {
        let (before, after) = (Arc::new(before), Arc::new(after));
        let mut relevance = Relevance::new(&service.catalog, differences);
        let (was, is) = (merged(service, &before, None), merged(service, &after, None));
        let inherited: Arc<[Difference]> = diff(&entries(&was), &entries(&is)).into();
        let lacking = lacking(service, &was, &is);
        relevance.variables = lacking.iter().map(|one| one.variable.clone()).collect();
        let gone = gone(&service.catalog, &inherited, &is);
        Self { relevance, before, after, inherited, lacking, gone, links: HashMap::new() }
    }

    /// The items of tenants that bear on the change.
    pub(super) fn wanted(&self) -> Wanted {
        self.relevance.wanted()
    }

    /// What the change does to a tenant.
    pub(super) fn on(&mut self, service: &Service, outline: Outline) -> TenantEffect {
        let Outline { tenant, items, secret_fields } = outline;
        let marks = secret_fields.iter().filter_map(|field| service.catalog.key_of_secret_field(field).cloned());
        let marks: Vec<_> = marks.map(|key| (key, nameless_mark())).collect();
        let has_own = !items.is_empty() || !marks.is_empty();
        let values = items.into_iter().map(|item| (item.key, item.value));
        let own = Layer::new(Tier::Tenant, tenant.revision, Document::from_items(values).0).with_secrets(marks);
        let changes = self.changes(service, has_own.then_some(&own));
        let overridden = self.inherited.iter().map(|difference| &difference.key);
        let overridden = overridden.filter(|key| changes.iter().all(|change| change.key != **key)).cloned().collect();
        let mut findings = if self.relevance.of_links { self.links(service, &own).to_vec() } else { Vec::new() };
        findings.extend(self.templates(service, &own));
        TenantEffect { tenant_id: tenant.tenant_id, status: tenant.status, changes, overridden, findings }
    }

    fn changes(&self, service: &Service, own: Option<&Layer>) -> Arc<[Difference]> {
        let connections = service.catalog.connections();
        let touches = |key: &Key| {
            self.relevance.touches(key)
                || connections.of(key).is_some_and(|connection| self.relevance.touches(&connection.section))
        };
        let Some(own) = own.filter(|own| own.entries().iter().any(|(key, _)| touches(key))) else {
            return Arc::clone(&self.inherited);
        };
        let own = Arc::new(own.clone());
        let (was, is) = (merged(service, &self.before, Some(own.clone())), merged(service, &self.after, Some(own)));
        diff(&entries(&was), &entries(&is)).into()
    }

    /// The links that will be broken and are not now. They depend on what a tenant names, and on which entries and connections
    /// it has: tenants that are alike in that are looked at once.
    fn links(&mut self, service: &Service, own: &Layer) -> Arc<[Violation]> {
        let kind = self.kind(own);
        if let Some(known) = self.links.get(&kind) {
            return Arc::clone(known);
        }
        let own = Arc::new(own.clone());
        let check = |global: &Arc<Layer>| service.validator.check_links(&merged(service, global, Some(own.clone())));
        let was = check(&self.before);
        let broken: Arc<[Violation]> = check(&self.after).into_iter().filter(|one| !was.contains(one)).collect();
        if self.links.len() < MOST_KINDS {
            self.links.insert(kind, Arc::clone(&broken));
        }
        broken
    }

    fn kind(&self, own: &Layer) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for (key, entry) in own.entries() {
            hasher.update(key.as_str().as_bytes());
            if let (Entry::Value(value), true) = (entry, self.relevance.is_link(key)) {
                hasher.update(b"=").update(value.to_json().as_bytes());
            }
            hasher.update(b"\n");
        }
        hasher.finalize()
    }

    /// The templates that will read what has no value, and those of the tenant's own that will lack what the default locks.
    fn templates(&self, service: &Service, own: &Layer) -> Vec<Violation> {
        let is_own = |key: &Key| own.entry(key).is_some();
        let sets = |variable: &Key| !own.within(variable).is_empty();
        let lacking = self.lacking.iter().filter(|one| !is_own(&one.template) && !sets(&one.variable));
        let mut findings: Vec<_> = lacking.map(|one| one.finding.clone()).collect();
        let gone: Vec<&Key> = self.gone.iter().filter(|variable| !sets(variable)).collect();
        for (key, entry) in own.entries().iter().filter(|(key, _)| self.relevance.is_template(key)) {
            findings.extend(text(entry).into_iter().flat_map(|source| reads_gone(service, key, source, &gone)));
        }
        for difference in self.inherited.iter().filter(|one| self.relevance.is_template(&one.key) && is_own(&one.key)) {
            findings.extend(lost_locks(own, difference, &service.catalog));
        }
        findings
    }
}

/// What the default templates will read without a value, and do not now.
fn lacking(service: &Service, was: &Resolved, is: &Resolved) -> Vec<Lacking> {
    let of = |resolved: &Resolved| -> Vec<Lacking> {
        let templates = resolved.iter().filter_map(|leaf| Some((leaf, text(leaf.entry)?)));
        let needed = templates.flat_map(|(leaf, source)| {
            let needed = service.validator.needed(leaf.key, source).into_iter();
            needed.map(move |needed| (leaf, needed))
        });
        let unset = needed.filter(|(_, needed)| resolved.within(&needed.variable).len() == 0);
        unset
            .map(|(leaf, needed)| Lacking {
                template: leaf.key.clone(),
                finding: needed.lacking(leaf.key, leaf.origin.tier),
                variable: needed.variable,
            })
            .collect()
    };
    let before = of(was);
    let is_new = |one: &Lacking| before.iter().all(|known| known.finding != one.finding);
    of(is).into_iter().filter(is_new).collect()
}

/// The variables that have no value any more: what is taken away, and the entries of maps of which nothing is left.
fn gone(catalog: &Catalog, differences: &[Difference], is: &Resolved) -> Vec<Key> {
    let unset = differences.iter().filter(|difference| difference.after.is_none()).map(|difference| &difference.key);
    let is_entry = |key: &Key| catalog.section(key).is_some_and(|section| section.pattern.has_wildcard());
    let mut gone: Vec<Key> = unset
        .flat_map(|key| {
            std::iter::once(key.clone()).chain(std::iter::successors(key.parent(), Key::parent).filter(is_entry))
        })
        .filter(|key| is.within(key).len() == 0)
        .collect();
    gone.sort();
    gone.dedup();
    gone
}

/// Tells of a tenant's own template that reads one of these. Most do not even have its name in them, so that is looked at
/// first.
fn reads_gone(service: &Service, key: &Key, source: &str, gone: &[&Key]) -> Vec<Violation> {
    let has_name = |variable: &&Key| variable.segments().next_back().is_some_and(|name| source.contains(name));
    if !gone.iter().any(has_name) {
        return Vec::new();
    }
    let needed = service.validator.needed(key, source).into_iter();
    let needed = needed.filter(|needed| gone.contains(&&needed.variable));
    needed.map(|needed| needed.lacking(key, Tier::Tenant)).collect()
}

/// What a tenant's own template lacks of the new default that it hides.
fn lost_locks(own: &Layer, difference: &Difference, catalog: &Catalog) -> Vec<Violation> {
    let source = own.entry(&difference.key).and_then(text);
    let variables = catalog.parameter(&difference.key).and_then(|parameter| parameter.template.clone());
    let (Some(source), Some(variables)) = (source, variables) else { return Vec::new() };
    let rules = TemplateRules { variables };
    let was = lint(source, &rules, difference.before.as_ref().and_then(text));
    let is = lint(source, &rules, difference.after.as_ref().and_then(text));
    let new = is.into_iter().filter(|issue| !was.contains(issue));
    new.map(|issue| Violation::template(&difference.key, Tier::Tenant, issue)).collect()
}

fn merged(service: &Service, global: &Arc<Layer>, own: Option<Arc<Layer>>) -> Resolved {
    let mut layers = vec![service.catalog.defaults().clone(), global.clone()];
    layers.extend(own);
    resolve(layers, service.catalog.connections())
}

fn entries(resolved: &Resolved) -> Vec<(Key, Entry)> {
    resolved.iter().map(|leaf| (leaf.key.clone(), leaf.entry.clone())).collect()
}

fn text(entry: &Entry) -> Option<&str> {
    entry.value().and_then(Value::as_str)
}

/// A secret of which nothing is known but that it is set.
fn nameless_mark() -> SecretMark {
    SecretMark { version: String::new(), fingerprint: Fingerprint::parse("000000000000").expect("twelve digits") }
}
