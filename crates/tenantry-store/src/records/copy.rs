//! A scope as it moves from one store to another.

use std::collections::BTreeMap;

use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;

use super::{Binding, Head, Item, LogEntry};

/// All of a scope, to be taken over by another store as it is.
///
/// Its texts are secrets in the clear: it is made, handed over and dropped, and never stored.
#[derive(Clone, Debug)]
pub struct ScopeCopy {
    /// The scope.
    pub scope: Scope,
    /// What is known of it as a whole: revision, incarnation, status and times stay.
    pub head: Head,
    /// The items with their notes.
    pub items: Vec<Item>,
    /// The texts of its secret, if it has one. The store gives them a version of its own.
    pub secret: Option<BTreeMap<String, SecretText>>,
    /// The bindings and reservations of a tenant; the global scope has none.
    pub bindings: Vec<Binding>,
    /// Its log, oldest first. The store gives the entries ids of its own; their revisions stay.
    pub log: Vec<LogEntry>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenantry_core::layer::Revision;

    #[test]
    fn debug_never_shows_a_secret() {
        let head = Head { revision: Revision(1), ..Head::unsaved() };
        let secret = BTreeMap::from([("f".to_owned(), SecretText::new("CANARY".to_owned()))]);
        let (items, bindings, log) = (Vec::new(), Vec::new(), Vec::new());
        let copy = ScopeCopy { scope: Scope::Global, head, items, secret: Some(secret), bindings, log };
        assert!(!format!("{copy:?}").contains("CANARY"));
    }
}
