//! What a configuration was, in four hashes: equal for equal configurations, and telling nothing of a secret.

use blake3::{Hash, Hasher};
use serde::{Deserialize, Serialize};
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Layer, Tier};
use tenantry_core::resolve::Resolved;

/// The hashes of a configuration, BLAKE3 in hexadecimal digits.
///
/// Hashed is every leaf in the order of the keys: its key, its value in canonical JSON, and for the whole the tier that it
/// came from. Of a secret it is the fingerprint, a hash under the store's own key; the versions of the secrets stand beside
/// in the receipt. Revisions are not hashed: two that say the same are the same configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digests {
    /// The merged configuration: all 256 bits.
    pub configuration: String,
    /// The built-in defaults: 64 bits, enough to tell where a difference comes from.
    pub defaults: String,
    /// What the operator had set for every tenant: 64 bits.
    pub global: String,
    /// What the tenant had set for itself: 64 bits.
    pub tenant: String,
}

/// What comparing a receipt with a configuration comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is the configuration of the receipt.
    Exact,
    /// It is another one, because these tiers say something else; none if they are merged otherwise.
    Differs(Vec<Tier>),
}

/// The hexadecimal digits of 64 bits.
const SHORT: usize = 16;

impl Digests {
    /// The hashes of a merged configuration.
    pub fn of(resolved: &Resolved) -> Self {
        let of_tier = |tier: Tier| {
            let layer = resolved.layers().iter().find(|layer| layer.tier() == tier);
            let mut hex = of_layer(layer.map_or(&[], |layer| Layer::entries(layer))).to_hex().to_string();
            hex.truncate(SHORT);
            hex
        };
        Self {
            configuration: of_configuration(resolved).to_hex().to_string(),
            defaults: of_tier(Tier::Default),
            global: of_tier(Tier::Global),
            tenant: of_tier(Tier::Tenant),
        }
    }

    /// Tells whether a configuration is the one of these hashes, or which tiers make it another one.
    pub fn compare(&self, resolved: &Resolved) -> Comparison {
        let found = Self::of(resolved);
        // What a default that is hidden everywhere says does not matter.
        if found.configuration == self.configuration {
            return Comparison::Exact;
        }
        let tiers = [
            (Tier::Default, &self.defaults, &found.defaults),
            (Tier::Global, &self.global, &found.global),
            (Tier::Tenant, &self.tenant, &found.tenant),
        ];
        Comparison::Differs(tiers.iter().filter(|(_, then, now)| then != now).map(|(tier, ..)| *tier).collect())
    }
}

fn of_configuration(resolved: &Resolved) -> Hash {
    let mut hasher = Hasher::new_derive_key("tenantry receipt 1: merged configuration");
    for leaf in resolved.iter() {
        text(&mut hasher, &leaf.origin.tier.to_string());
        hash_leaf(&mut hasher, leaf.key, leaf.entry);
    }
    hasher.finalize()
}

fn of_layer(entries: &[(Key, Entry)]) -> Hash {
    let mut hasher = Hasher::new_derive_key("tenantry receipt 1: layer");
    for (key, entry) in entries {
        hash_leaf(&mut hasher, key, entry);
    }
    hasher.finalize()
}

fn hash_leaf(hasher: &mut Hasher, key: &Key, entry: &Entry) {
    text(hasher, key.as_str());
    match entry {
        Entry::Value(value) => {
            text(hasher, "value");
            text(hasher, &value.to_json());
        }
        Entry::Secret(mark) => {
            text(hasher, "secret");
            text(hasher, &mark.fingerprint.to_string());
        }
    }
}

/// Each text with its length in front, so that none can be taken for parts of two.
fn text(hasher: &mut Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
}
