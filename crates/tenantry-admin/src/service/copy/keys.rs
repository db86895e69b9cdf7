//! Fingerprints and tokens between stores whose keys may differ.

use std::collections::BTreeMap;

use tenantry_core::layer::Entry;
use tenantry_core::scope::Scope;
use tenantry_core::secret::{Fingerprint, SecretText};
use tenantry_store::{ScopeCopy, StoreKeys};

/// What becomes of fingerprints on their way from one store to another.
pub(super) struct Translation {
    from: StoreKeys,
    to: StoreKeys,
}

impl Translation {
    pub(super) fn new(from: StoreKeys, to: StoreKeys) -> Self {
        Self { from, to }
    }

    /// Whether both stores derive the same keys: then what one has hashed is the same in the other.
    pub(super) fn keys_agree(&self) -> bool {
        const PROBE: &str = "probe";
        let hash = |keys: &StoreKeys| keys.token.hash(PROBE, PROBE);
        let print =
            |keys: &StoreKeys| keys.fingerprint.fingerprint(&Scope::Global, PROBE, &SecretText::new(PROBE.to_owned()));
        hash(&self.from) == hash(&self.to) && print(&self.from) == print(&self.to)
    }

    /// Makes the fingerprints of the secrets that are set anew, wherever they stand in the history, by the other store's
    /// key: so it is known there, too, which secrets were changed by hand. Of secrets that are gone nothing is known but
    /// the old fingerprint, which stays; answers how many of those there are.
    pub(super) fn translate(&self, copy: &mut ScopeCopy) -> usize {
        if self.keys_agree() {
            return 0;
        }
        let set = self.of_texts(copy);
        let differences = copy.log.iter_mut().flat_map(|entry| &mut entry.changes);
        let mut strange = 0;
        for entry in differences.flat_map(|difference| [&mut difference.before, &mut difference.after]).flatten() {
            match entry {
                Entry::Value(_) => {}
                Entry::Secret(mark) => match set.get(&mark.fingerprint.to_string()) {
                    Some(print) => mark.fingerprint = *print,
                    None => strange += 1,
                },
            }
        }
        strange
    }

    /// The new fingerprint for the old one of each text that is set.
    fn of_texts(&self, copy: &ScopeCopy) -> BTreeMap<String, Fingerprint> {
        let pair = |(field, text): (&String, &SecretText)| {
            let of = |keys: &StoreKeys| keys.fingerprint.fingerprint(&copy.scope, field, text);
            (of(&self.from).to_string(), of(&self.to))
        };
        copy.secret.iter().flatten().map(pair).collect()
    }
}
