//! Which of a tenant's own values bear on a change of the defaults. Everything else is not even read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tenantry_core::catalog::Catalog;
use tenantry_core::change::Difference;
use tenantry_core::key::Key;
use tenantry_store::Wanted;

/// The most keys of which it is remembered whether they bear on the change.
const MOST_KEYS: usize = 100_000;

/// What bears on a change.
#[derive(Clone, Debug)]
pub(super) struct Relevance {
    catalog: Arc<Catalog>,
    /// The keys that differ, in order.
    differing: Arc<[Key]>,
    /// Whether the change can break links: then all that is a part of the graph bears on it.
    pub(super) of_links: bool,
    /// Whether the change takes a value away, which templates may read.
    of_templates: bool,
    /// What the defaults' templates will read without a value, unless a tenant sets it itself.
    pub(super) variables: Arc<[Key]>,
}

impl Relevance {
    pub(super) fn new(catalog: &Arc<Catalog>, differences: &[Difference]) -> Self {
        let differing: Arc<[Key]> = differences.iter().map(|difference| difference.key.clone()).collect();
        Self {
            of_links: differing.iter().any(|key| is_in_graph(catalog, key)),
            of_templates: differences.iter().any(|difference| difference.after.is_none()),
            variables: Arc::new([]),
            catalog: Arc::clone(catalog),
            differing,
        }
    }

    /// Whether a tenant's value at this key decides what it gets of the change.
    pub(super) fn touches(&self, key: &Key) -> bool {
        self.differing.iter().any(|differing| key.is_within(differing) || differing.is_within(key))
    }

    /// Whether the value is a template.
    pub(super) fn is_template(&self, key: &Key) -> bool {
        self.catalog.parameter(key).is_some_and(|parameter| parameter.template.is_some())
    }

    /// Whether the value itself is a part of the graph of links, and not only that there is one.
    pub(super) fn is_link(&self, key: &Key) -> bool {
        is_link(&self.catalog, key)
    }

    fn bears(&self, key: &Key) -> bool {
        self.touches(key)
            || (self.of_links && is_in_graph(&self.catalog, key))
            || (self.of_templates && self.is_template(key))
            || self.variables.iter().any(|variable| key.is_within(variable))
    }

    /// The items that are to be read. Tenants set the same keys again and again, so each is judged once.
    pub(super) fn wanted(&self) -> Wanted {
        let (relevance, known) = (self.clone(), Mutex::new(HashMap::<Box<str>, bool>::new()));
        Wanted::those(move |text| {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(bears) = known.get(text) {
                return *bears;
            }
            let bears = Key::parse(text).is_ok_and(|key| relevance.bears(&key));
            if known.len() < MOST_KEYS {
                known.insert(text.into(), bears);
            }
            bears
        })
    }
}

/// Whether a key is a part of the graph of links: it names something, is named, switches something, or is needed.
fn is_in_graph(catalog: &Catalog, key: &Key) -> bool {
    is_link(catalog, key) || is_named(catalog, key) || catalog.connections().of(key).is_some()
}

/// Whether the value at a key names something, or switches it on and off.
fn is_link(catalog: &Catalog, key: &Key) -> bool {
    let names = catalog.parameter(key).is_some_and(|p| p.refers_to.is_some() || !p.requires.is_empty());
    names || is_switch(catalog, key)
}

fn is_switch(catalog: &Catalog, key: &Key) -> bool {
    let section = key.parent().and_then(|section| catalog.section(&section).and_then(|one| one.enabled_by.clone()));
    section.is_some_and(|switch| key.segments().next_back() == Some(switch.as_str()))
}

/// Whether a key lies in a table whose entries are named elsewhere.
fn is_named(catalog: &Catalog, key: &Key) -> bool {
    catalog.parameters().filter_map(|parameter| parameter.refers_to.as_ref()).any(|table| key.is_within(table))
}
