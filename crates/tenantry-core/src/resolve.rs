//! Merges layers into one configuration, keeping the origin of every value.
//!
//! # The merge law
//!
//! Layers are folded from the lowest tier to the highest. **Tables merge name by name; anything else replaces the value
//! below.** Lists replace: appending would make removal impossible for a tenant. Absent means inherit. Where one tier
//! has a table and another a value at the same key, the higher one replaces the lower (the catalog refuses to store
//! such values, but a reader survives any stored bytes).
//!
//! **A connection is taken whole** from the highest tier that sets any of its fields: fields of other tiers are not
//! seen, so that a platform key never goes to an endpoint that a tenant chose. Built-in defaults, such as a provider's
//! public endpoint, fill its gaps.
//!
//! There is no second merge: the loader, explain, validation and error messages all read the [`Resolved`] made here.

use std::cmp::Ordering;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::document::Document;
use crate::key::Key;
use crate::layer::{Entry, Layer, Revision, Tier};

/// A section whose endpoint and credentials belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The section's key, such as `odoo`.
    pub section: Key,
    /// The fields without which the connection cannot be used.
    pub required: Vec<Key>,
}

/// The connections of a catalog, in the order of their sections.
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<[Connection]>);

impl Connections {
    /// Takes the connections in any order; none may lie within another.
    pub fn new(mut connections: Vec<Connection>) -> Self {
        connections.sort_by(|left, right| left.section.cmp(&right.section));
        Self(connections.into())
    }

    /// All of them, in the order of their sections.
    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.0.iter()
    }

    /// The connection of which a key is a field.
    pub fn of(&self, key: &Key) -> Option<&Connection> {
        self.0.iter().find(|connection| key.is_within(&connection.section))
    }

    /// The connection of a section.
    pub fn section(&self, section: &Key) -> Option<&Connection> {
        self.0.iter().find(|connection| connection.section == *section)
    }
}

/// Merges layers by the law above.
///
/// The layers may be given in any order, each tier at most once; the later of two of one tier would win.
pub fn resolve(mut layers: Vec<Arc<Layer>>, connections: &Connections) -> Resolved {
    layers.sort_by_key(|layer| layer.tier());
    let leaves = Merge::new(&layers, connections).run();
    Resolved { layers, leaves, connections: connections.clone() }
}

/// One pass over all layers at once, smallest key first.
struct Merge<'a> {
    layers: Vec<Ahead<'a>>,
    connections: &'a [Connection],
    /// The highest layer with a field of the first of `connections`, once the merge is inside that section.
    owner: Option<usize>,
    /// Values that hide what lower layers have below them: the key, and the layer that says so.
    values: Vec<(&'a Key, usize)>,
}

/// The entries of one layer that are still to be merged.
struct Ahead<'a> {
    tier: Tier,
    entries: &'a [(Key, Entry)],
    /// How many entries are behind.
    index: usize,
    /// Whether its first entry is the one that is merged now.
    is_next: bool,
}

impl Ahead<'_> {
    fn step(&mut self) {
        self.entries = &self.entries[1..];
        self.index += 1;
    }
}

impl<'a> Merge<'a> {
    fn new(layers: &'a [Arc<Layer>], connections: &'a Connections) -> Self {
        let ahead =
            |layer: &'a Arc<Layer>| Ahead { tier: layer.tier(), entries: layer.entries(), index: 0, is_next: false };
        Self {
            layers: layers.iter().map(ahead).collect(),
            connections: &connections.0,
            owner: None,
            values: Vec::new(),
        }
    }

    fn run(mut self) -> Vec<Leaf> {
        let longest = self.layers.iter().map(|layer| layer.entries.len()).max().unwrap_or(0);
        let mut leaves = Vec::with_capacity(longest + longest / 4);
        while let Some(key) = self.smallest_key() {
            self.enter_connection(key);
            leaves.extend(self.advance(key));
        }
        leaves
    }

    fn next_key(&self, layer: usize) -> Option<&'a Key> {
        self.layers[layer].entries.first().map(|(key, _)| key)
    }

    /// The smallest key that is next in any layer; marks the layers in which it is.
    fn smallest_key(&mut self) -> Option<&'a Key> {
        let mut smallest: Option<&'a Key> = None;
        for layer in 0..self.layers.len() {
            let next = self.next_key(layer);
            let order = match (next, smallest) {
                (None, _) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(next), Some(smallest)) => next.cmp(smallest),
            };
            if order.is_lt() {
                self.layers[..layer].iter_mut().for_each(|layer| layer.is_next = false);
                smallest = next;
            }
            self.layers[layer].is_next = order.is_le();
        }
        smallest
    }

    /// Leaves the sections that are behind, and finds the owner of the one that the key is in.
    fn enter_connection(&mut self, key: &Key) {
        while let Some(connection) = self.connections.first() {
            if key.is_within(&connection.section) {
                if self.owner.is_none() {
                    self.owner = self.owner_of(&connection.section);
                }
                return;
            }
            if *key < connection.section {
                break;
            }
            self.connections = &self.connections[1..];
            self.owner = None;
        }
        self.owner = None;
    }

    /// The highest tier above the built-in defaults whose next key is in the section. At the section's first key no
    /// cursor is behind, so a layer with any field has one next.
    fn owner_of(&self, section: &Key) -> Option<usize> {
        let sets_any = |layer: &usize| self.next_key(*layer).is_some_and(|key| key.is_within(section));
        (0..self.layers.len()).rev().filter(|layer| self.layers[*layer].tier != Tier::Default).find(sets_any)
    }

    /// Moves every cursor past the key, and gives the leaf of the layer that wins it, if any does.
    fn advance(&mut self, key: &'a Key) -> Option<Leaf> {
        let mut winner = None;
        for layer in 0..self.layers.len() {
            if !self.layers[layer].is_next {
                continue;
            }
            if self.is_seen(layer) {
                winner = Some(Leaf { layer: narrow(layer), index: narrow(self.layers[layer].index) });
            }
            self.layers[layer].step();
        }
        winner.filter(|leaf| self.is_open(key, leaf.layer as usize))
    }

    /// Whether a connection lets the layer's fields be seen.
    fn is_seen(&self, layer: usize) -> bool {
        self.owner.is_none_or(|owner| layer == owner || self.layers[layer].tier == Tier::Default)
    }

    /// Whether neither a value above the key nor a table below it, of the same layer or a higher one, hides the layer's
    /// value.
    fn is_open(&mut self, key: &'a Key, layer: usize) -> bool {
        while self.values.last().is_some_and(|(above, _)| !key.is_below(above)) {
            self.values.pop();
        }
        if self.values.last().is_some_and(|(_, by)| layer <= *by) {
            return false;
        }
        let is_table = |layer: &usize| self.next_key(*layer).is_some_and(|next| next.is_below(key));
        let table = (0..self.layers.len()).rev().find(is_table);
        if table.is_some() {
            self.values.push((key, layer));
        }
        table.is_none_or(|table| table <= layer)
    }
}

fn narrow(index: usize) -> u32 {
    u32::try_from(index).expect("a layer has far fewer than 2^32 entries")
}

/// Where a leaf of the merged configuration stands: which layer, which entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Leaf {
    layer: u32,
    index: u32,
}

/// The effective configuration: every leaf with its origin, in the order of the keys.
///
/// It holds no copy of any value, only places in the layers, which it shares.
#[derive(Clone, Debug)]
pub struct Resolved {
    layers: Vec<Arc<Layer>>,
    leaves: Vec<Leaf>,
    connections: Connections,
}

/// The tier and revision that a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Origin {
    /// The tier.
    pub tier: Tier,
    /// The revision of that tier's scope.
    pub revision: Revision,
}

/// One leaf of the effective configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effective<'a> {
    /// The parameter's key.
    pub key: &'a Key,
    /// Its value, or the mark of its secret.
    pub entry: &'a Entry,
    /// Where it came from.
    pub origin: Origin,
}

impl Resolved {
    /// Every leaf, in the order of the keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Effective<'_>> + DoubleEndedIterator {
        self.leaves.iter().map(|leaf| self.effective(*leaf))
    }

    /// The leaf at a key.
    pub fn leaf(&self, key: &Key) -> Option<Effective<'_>> {
        let at = self.leaves.binary_search_by(|leaf| self.effective(*leaf).key.cmp(key)).ok()?;
        Some(self.effective(self.leaves[at]))
    }

    /// The leaves at and below a key.
    pub fn within<'a>(&'a self, key: &Key) -> impl ExactSizeIterator<Item = Effective<'a>> + use<'a> {
        let start = self.leaves.partition_point(|leaf| self.effective(*leaf).key < key);
        let length = self.leaves[start..].partition_point(|leaf| self.effective(*leaf).key.is_within(key));
        self.leaves[start..start + length].iter().map(move |leaf| self.effective(*leaf))
    }

    /// The values that may be shown, as a document; secrets are left out.
    pub fn document(&self) -> Document {
        let shown = self.iter().filter_map(|leaf| Some((leaf.key.clone(), leaf.entry.value()?.clone())));
        Document::from_items(shown).0
    }

    /// The revision of each tier, lowest first: what identifies this configuration.
    pub fn revisions(&self) -> impl Iterator<Item = Origin> {
        self.layers.iter().map(|layer| Origin { tier: layer.tier(), revision: layer.revision() })
    }

    /// The layers that were merged, lowest tier first.
    pub fn layers(&self) -> &[Arc<Layer>] {
        &self.layers
    }

    /// The connections by which this was merged.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Whether a connection can be used, and from which tier it is.
    pub fn connection(&self, connection: &Connection) -> ConnectionStatus {
        let Some(origin) = self.within(&connection.section).map(|leaf| leaf.origin).max_by_key(|origin| origin.tier)
        else {
            return ConnectionStatus::Unset;
        };
        let missing: Vec<Key> = connection.required.iter().filter(|key| self.leaf(key).is_none()).cloned().collect();
        match (origin.tier, missing.is_empty()) {
            (Tier::Default, false) => ConnectionStatus::Unset,
            (Tier::Global | Tier::Tenant, false) => ConnectionStatus::Incomplete { tier: origin.tier, missing },
            (tier, true) => ConnectionStatus::Set(tier),
        }
    }

    /// Tells of every leaf at and below a key where it came from and which values it hides.
    pub fn explain(&self, key: &Key) -> Vec<Explanation<'_>> {
        self.within(key).map(|leaf| self.explain_leaf(leaf)).collect()
    }

    /// Tells of every leaf where it came from and which values it hides.
    pub fn explain_all(&self) -> impl Iterator<Item = Explanation<'_>> {
        self.iter().map(|leaf| self.explain_leaf(leaf))
    }

    fn explain_leaf<'a>(&'a self, leaf: Effective<'a>) -> Explanation<'a> {
        let others = self.layers.iter().rev().filter(|layer| layer.tier() != leaf.origin.tier);
        let hidden = others
            .filter_map(|layer| Some((layer, layer.entry(leaf.key)?)))
            .map(|(layer, entry)| Hidden { entry, origin: Origin { tier: layer.tier(), revision: layer.revision() } });
        Explanation { leaf, hidden: hidden.collect(), connection: self.connections.of(leaf.key) }
    }

    fn effective(&self, leaf: Leaf) -> Effective<'_> {
        let layer = &self.layers[leaf.layer as usize];
        let (key, entry) = &layer.entries()[leaf.index as usize];
        Effective { key, entry, origin: Origin { tier: layer.tier(), revision: layer.revision() } }
    }
}

/// Whether a connection can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionStatus {
    /// No tier sets what it needs.
    Unset,
    /// A tier sets some of its fields, but not all that it needs.
    Incomplete {
        /// The tier that it is taken from.
        tier: Tier,
        /// The fields that it lacks.
        missing: Vec<Key>,
    },
    /// It has all that it needs.
    Set(Tier),
}

/// Where one value came from, and what it hides.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation<'a> {
    /// The value in effect.
    pub leaf: Effective<'a>,
    /// The values of other tiers that are not seen because of it, the highest tier first. In a connection they may be of
    /// a higher tier than the value in effect is, when a built-in default fills a gap.
    pub hidden: Vec<Hidden<'a>>,
    /// The connection of which the parameter is a field: it is taken whole from one tier.
    pub connection: Option<&'a Connection>,
}

/// A value that is not seen because another one is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hidden<'a> {
    /// The value, or the mark of its secret.
    pub entry: &'a Entry,
    /// Where it stands.
    pub origin: Origin,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Scope;
    use crate::secret::{FingerprintKey, SecretMark, SecretText};
    use crate::value::Value;
    use proptest::prelude::*;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    fn layer(tier: Tier, json: &str) -> Arc<Layer> {
        let Ok(Value::Table(table)) = Value::from_json(json) else { panic!("{json} is no table") };
        Arc::new(Layer::new(tier, Revision(tier as u64 + 1), Document::from_table(table).0))
    }

    fn merged(default: &str, global: &str, tenant: &str, connections: &Connections) -> Resolved {
        let layers = [(Tier::Default, default), (Tier::Global, global), (Tier::Tenant, tenant)];
        resolve(layers.map(|(tier, json)| layer(tier, json)).to_vec(), connections)
    }

    fn check(default: &str, global: &str, tenant: &str, expected: &str) {
        let resolved = merged(default, global, tenant, &Connections::default());
        assert_eq!(serde_json::to_string(&resolved.document()).unwrap(), expected);
    }

    fn odoo() -> Connections {
        let connection = |section: &str, required: &[&str]| Connection {
            section: key(section),
            required: required.iter().map(|field| key(field)).collect(),
        };
        Connections::new(vec![connection("openai", &["openai.api_key"]), connection("odoo", &["odoo.url", "odoo.db"])])
    }

    #[test]
    fn tenant_value_hides_global_value_hides_default() {
        check(r#"{"a":1,"b":1,"c":1}"#, r#"{"a":2,"b":2}"#, r#"{"a":3}"#, r#"{"a":3,"b":2,"c":1}"#);
    }

    #[test]
    fn tables_merge_and_lists_replace() {
        check(r#"{"t":{"x":1,"y":[1,2]}}"#, r#"{"t":{"y":[3]}}"#, r#"{"t":{"z":{}}}"#, r#"{"t":{"x":1,"y":[3]}}"#);
    }

    #[test]
    fn of_a_table_and_a_value_the_higher_one_stands() {
        check(r#"{"a":{"x":1,"y":2}}"#, "{}", r#"{"a":5}"#, r#"{"a":5}"#);
        check(r#"{"a":5}"#, "{}", r#"{"a":{"x":1}}"#, r#"{"a":{"x":1}}"#);
        check(r#"{"a":{"x":1}}"#, r#"{"a":5}"#, r#"{"a":{"y":2}}"#, r#"{"a":{"y":2}}"#);
        check(r#"{"a":{"b":{"x":1}}}"#, r#"{"a":{"b":5}}"#, r#"{"a":{"b":{"y":2}}}"#, r#"{"a":{"b":{"y":2}}}"#);
    }

    #[test]
    fn a_connection_is_taken_whole_from_one_tier() {
        let resolved = merged(
            r#"{"openai":{"base_url":"public"}}"#,
            r#"{"odoo":{"url":"u","db":"d"},"openai":{"api_key":"platform"}}"#,
            r#"{"odoo":{"url":"own"},"openai":{"base_url":"evil"}}"#,
            &odoo(),
        );
        let json = serde_json::to_string(&resolved.document()).unwrap();
        assert_eq!(json, r#"{"odoo":{"url":"own"},"openai":{"base_url":"evil"}}"#);
        let status = |section| resolved.connection(resolved.connections().section(&key(section)).unwrap());
        let missing = |field| ConnectionStatus::Incomplete { tier: Tier::Tenant, missing: vec![key(field)] };
        assert_eq!(status("odoo"), missing("odoo.db"));
        assert_eq!(status("openai"), missing("openai.api_key"));
    }

    #[test]
    fn built_in_defaults_fill_the_gaps_of_a_connection() {
        let default = r#"{"openai":{"base_url":"public"}}"#;
        let resolved =
            merged(default, r#"{"openai":{"base_url":"proxy"}}"#, r#"{"openai":{"api_key":"own"}}"#, &odoo());
        let json = serde_json::to_string(&resolved.document()).unwrap();
        assert_eq!(json, r#"{"openai":{"api_key":"own","base_url":"public"}}"#, "the proxy is another tier's");
        let unset = merged(default, "{}", "{}", &odoo());
        assert_eq!(unset.connection(odoo().section(&key("openai")).unwrap()), ConnectionStatus::Unset);
    }

    #[test]
    fn explain_tells_the_origin_and_what_it_hides() {
        let resolved = merged(r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#, &Connections::default());
        let explained = resolved.explain(&key("a"));
        assert_eq!(explained[0].leaf.origin, Origin { tier: Tier::Tenant, revision: Revision(3) });
        let hidden: Vec<_> = explained[0].hidden.iter().map(|h| (h.origin.tier, h.entry.value().unwrap())).collect();
        assert_eq!(hidden, [(Tier::Global, &2.into()), (Tier::Default, &1.into())]);
    }

    #[test]
    fn a_secret_has_an_origin_like_any_value() {
        let mark = |text: &str| SecretMark {
            version: "v1".to_owned(),
            fingerprint: FingerprintKey::new([0; 32]).fingerprint(
                &Scope::Global,
                "odoo_password",
                &SecretText::new(text.to_owned()),
            ),
        };
        let global = Layer::new(Tier::Global, Revision(4), Document::default())
            .with_secrets([(key("odoo.password"), mark("g"))]);
        let resolved = resolve(vec![Arc::new(global)], &odoo());
        let leaf = resolved.leaf(&key("odoo.password")).unwrap();
        assert_eq!(leaf.entry, &Entry::Secret(mark("g")));
        assert_eq!(leaf.origin.tier, Tier::Global);
        assert!(resolved.document().is_empty(), "secrets never enter documents");
    }

    /// The law said in the plainest way: fold tables, one by one.
    fn fold(below: &mut std::collections::BTreeMap<String, Value>, above: &Value) {
        for (name, value) in above.as_table().unwrap() {
            match (below.get_mut(name), value) {
                (Some(Value::Table(table)), Value::Table(_)) => fold(table, value),
                _ => {
                    below.insert(name.clone(), value.clone());
                }
            }
        }
    }

    fn tables() -> impl Strategy<Value = Value> {
        let leaf = (0i64..9).prop_map(Value::from);
        let inner = leaf.prop_recursive(3, 12, 3, |inner| {
            prop::collection::btree_map("[a-c]|a-", inner, 1..3).prop_map(Value::Table)
        });
        prop::collection::btree_map("[a-c]|a-", inner, 0..4).prop_map(Value::Table)
    }

    proptest! {
        #[test]
        fn resolving_is_the_fold_of_the_layers(default in tables(), global in tables(), tenant in tables()) {
            let mut expected = std::collections::BTreeMap::new();
            for layer in [&default, &global, &tenant] {
                fold(&mut expected, layer);
            }
            let resolved = merged(&default.to_json(), &global.to_json(), &tenant.to_json(), &Connections::default());
            prop_assert_eq!(resolved.document().to_table(), expected);
        }

        #[test]
        fn every_leaf_stands_in_the_layer_of_its_origin(default in tables(), global in tables(), tenant in tables()) {
            let resolved = merged(&default.to_json(), &global.to_json(), &tenant.to_json(), &odoo());
            for leaf in resolved.iter() {
                let layer = resolved.layers().iter().find(|layer| layer.tier() == leaf.origin.tier).unwrap();
                prop_assert_eq!(layer.entry(leaf.key), Some(leaf.entry));
            }
        }

        #[test]
        fn a_connection_never_mixes_two_tiers(global in tables(), tenant in tables()) {
            let connections = Connections::new(vec![Connection { section: key("a"), required: vec![] }]);
            let resolved = merged("{}", &global.to_json(), &tenant.to_json(), &connections);
            let tiers: std::collections::BTreeSet<_> = resolved.within(&key("a")).map(|leaf| leaf.origin.tier).collect();
            prop_assert!(tiers.len() <= 1);
        }
    }
}
