//! Tells whether two stores have the same of a scope, by digests of its parts.

use std::fmt;

use serde::Serialize;
use tenantry_store::{Head, Item, ScopeCopy};

/// A part of a scope that is compared by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Name, status, times and revision.
    Head,
    /// Items with their notes.
    Values,
    /// The texts of the secret.
    Secrets,
    /// Bindings and reservations.
    Bindings,
    /// The log.
    History,
}

impl Part {
    const ALL: [Self; 5] = [Self::Head, Self::Values, Self::Secrets, Self::Bindings, Self::History];
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Head => "head",
            Self::Values => "values",
            Self::Secrets => "secrets",
            Self::Bindings => "bindings",
            Self::History => "history",
        })
    }
}

/// A random key, so that digests of secrets tell nothing to whoever sees them.
pub(super) struct DigestKey([u8; 32]);

impl DigestKey {
    pub(super) fn random() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        Self(bytes)
    }

    /// The parts in which two copies of a scope differ.
    pub(super) fn differing(&self, one: &ScopeCopy, other: &ScopeCopy) -> Vec<Part> {
        Part::ALL.into_iter().filter(|part| self.digest(*part, one) != self.digest(*part, other)).collect()
    }

    /// The digest of one part: BLAKE3 over its texts and numbers, each text behind its length.
    fn digest(&self, part: Part, copy: &ScopeCopy) -> blake3::Hash {
        let mut form = Form(blake3::Hasher::new_keyed(&self.0));
        match part {
            Part::Head => form.head(&copy.head),
            Part::Values => copy.items.iter().for_each(|item| form.item(item)),
            Part::Secrets => {
                form.number(u64::from(copy.secret.is_some()));
                for (field, text) in copy.secret.iter().flatten() {
                    form.text(field).text(text.expose());
                }
            }
            Part::Bindings => {
                for binding in &copy.bindings {
                    form.text(&binding.to_string());
                }
            }
            Part::History => {
                for entry in &copy.log {
                    form.text(&serde_json::to_string(entry).expect("a log entry is always JSON"));
                }
            }
        }
        form.0.finalize()
    }
}

/// The canonical form of a part, on its way into a digest.
struct Form(blake3::Hasher);

impl Form {
    fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64).0.update(text.as_bytes());
        self
    }

    fn time(&mut self, at: jiff::Timestamp) -> &mut Self {
        self.0.update(&at.as_nanosecond().to_le_bytes());
        self
    }

    fn head(&mut self, head: &Head) {
        self.number(head.revision.0).text(&head.status.to_string()).text(&head.display_name).text(&head.incarnation);
        self.time(head.created_at).time(head.updated_at).text(&head.updated_by);
    }

    fn item(&mut self, item: &Item) {
        self.text(item.key.as_str()).text(&item.value.to_json()).number(u64::from(item.meta.is_some()));
        if let Some(meta) = &item.meta {
            self.number(meta.revision.0).time(meta.updated_at).text(&meta.updated_by).number(meta.default_revision.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use tenantry_core::layer::Revision;
    use tenantry_core::scope::Scope;
    use tenantry_core::secret::SecretText;
    use tenantry_store::{Action, Binding, ItemMeta, LogEntry, TenantStatus};

    type Change = fn(&mut ScopeCopy);

    fn copy() -> ScopeCopy {
        let at = jiff::Timestamp::UNIX_EPOCH;
        let head = Head {
            revision: Revision(2),
            status: TenantStatus::Active,
            display_name: "Acme".to_owned(),
            incarnation: "x".to_owned(),
            created_at: at,
            updated_at: at,
            updated_by: "ada".to_owned(),
        };
        let meta = ItemMeta {
            revision: Revision(1),
            updated_at: at,
            updated_by: "ada".to_owned(),
            default_revision: Revision(0),
        };
        let entry = LogEntry {
            id: String::new(),
            scope: "acme".to_owned(),
            revision: Some(Revision(1)),
            at,
            actor: "ada".to_owned(),
            action: Action::Create,
            reason: None,
            changes: Vec::new(),
            detail: None,
        };
        let text = |text: &str| SecretText::new(text.to_owned());
        ScopeCopy {
            scope: Scope::parse("acme").unwrap(),
            head,
            items: vec![Item { key: "a".parse().unwrap(), value: "bc".into(), meta: Some(meta) }],
            secret: Some(BTreeMap::from([("f".to_owned(), text("gh")), ("i".to_owned(), text("j"))])),
            bindings: vec![Binding::parse("slack:T1").unwrap()],
            log: vec![entry],
        }
    }

    #[test]
    fn each_part_is_told_by_itself() {
        let key = DigestKey::random();
        assert_eq!(key.differing(&copy(), &copy()), []);
        let cases: [(Part, Change); 10] = [
            (Part::Head, |copy| copy.head.status = TenantStatus::Suspended),
            (Part::Head, |copy| copy.head.updated_at += jiff::SignedDuration::from_nanos(1)),
            (Part::Values, |copy| copy.items[0].value = 1.into()),
            (Part::Values, |copy| copy.items[0].meta = None),
            (Part::Secrets, |copy| copy.secret = None),
            (Part::Secrets, |copy| drop(copy.secret.as_mut().unwrap().remove("i"))),
            (Part::Bindings, |copy| copy.bindings.clear()),
            (Part::History, |copy| copy.log[0].revision = None),
            (Part::History, |copy| copy.log[0].reason = Some("why".to_owned())),
            (Part::History, |copy| copy.log.clear()),
        ];
        for (part, change) in cases {
            let mut changed = copy();
            change(&mut changed);
            assert_eq!(key.differing(&copy(), &changed), [part]);
        }
    }

    #[test]
    fn a_text_does_not_run_into_the_next_one() {
        let (key, mut moved) = (DigestKey::random(), copy());
        let fields = [("f", "g"), ("hi", "j")].map(|(name, text)| (name.to_owned(), SecretText::new(text.to_owned())));
        moved.secret = Some(BTreeMap::from(fields));
        assert_eq!(key.differing(&copy(), &moved), [Part::Secrets]);
    }
}
