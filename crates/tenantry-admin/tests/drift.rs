//! What was changed by hand: found by the log, adopted, and put back.
#![expect(clippy::unwrap_used, reason = "a failing unwrap is a failing test, in the functions around them, too")]

mod support;

use rusqlite::{Connection, params};
use support::{Acme, context, key, value};
use tempfile::TempDir;
use tenantry_admin::service::{Drift, HandChangeKind, ServiceError};
use tenantry_core::change::ChangeSet;
use tenantry_core::layer::{Entry, Revision};
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_store::{Action, Binding, Item, OpenOptions, Severity, StoreUrl, Stores};

/// A store in a file, to be changed under the use cases.
struct ByHand {
    acme: Acme,
    folder: TempDir,
}

impl ByHand {
    /// acme has a name, a warmth, a bucket, a URL and a secret of its own.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("tenantry.db"));
        let (stores, _) = Stores::create(&url, &OpenOptions::default()).await.unwrap();
        let acme = Acme::over(stores).await;
        let secret = SecretText::new("CANARY-key".to_owned());
        let changes = ChangeSet::default()
            .set(key("persona.name"), value(r#""Ada""#))
            .set(key("persona.warmth"), value("0.5"))
            .set(key("bucket"), value(r#""acme-one""#))
            .set(key("model.url"), value(r#""https://acme.example/v1""#))
            .set_secret(key("model.api_key"), secret);
        acme.change(&acme.scope, changes).await.unwrap();
        Self { acme, folder }
    }

    fn edit(&self, sql: &str) {
        let hand = Connection::open(self.folder.path().join("tenantry.db")).unwrap();
        assert!(hand.execute(sql, []).unwrap() > 0, "{sql}");
    }

    /// Puts an item as another program would.
    fn put(&self, name: &str, json: &str) {
        let hand = Connection::open(self.folder.path().join("tenantry.db")).unwrap();
        let sql = "INSERT OR REPLACE INTO items (scope, key, value) VALUES ('acme', ?1, ?2)";
        hand.execute(sql, params![name, json]).unwrap();
    }

    /// Writes the secret past the use cases and the log.
    async fn write_secret(&self, field: &str, text: Option<&str>) {
        let stores = self.acme.service.stores();
        let expected = stores.read_secret(&self.acme.scope).await.unwrap().map(|secret| secret.version);
        let text = text.map(|text| SecretText::new(text.to_owned()));
        let fields = [(field.to_owned(), text)].into();
        let write = tenantry_store::SecretWrite { expected, fields };
        stores.write_secret(&self.acme.scope, write).await.unwrap();
    }

    async fn drift(&self) -> Drift {
        self.acme.service.drift(&self.acme.scope).await.unwrap()
    }

    /// What differs, as `kind key`.
    async fn told(&self) -> Vec<String> {
        let drift = self.drift().await;
        let name = |kind| serde_json::to_value(kind).unwrap().as_str().unwrap().to_owned();
        drift.changes.iter().map(|change| format!("{} {}", name(change.kind), change.key)).collect()
    }

    async fn items(&self) -> Vec<Item> {
        self.acme.service.stores().read(&self.acme.scope).await.unwrap().unwrap().items
    }

    async fn adopt(&self) -> Result<Revision, ServiceError> {
        Ok(self.acme.service.adopt(&self.acme.scope, &context()).await?.revision)
    }

    async fn doctor_is_content(&self) -> bool {
        let findings = self.acme.service.stores().check().await.unwrap();
        findings.iter().all(|finding| finding.severity < Severity::Error)
    }
}

#[tokio::test]
async fn managed_writes_are_no_drift() {
    let store = ByHand::new().await;
    let acme = &store.acme;
    acme.change(&Scope::Global, ChangeSet::default().set(key("persona.name"), value(r#""G""#))).await.unwrap();
    acme.change(&acme.scope, ChangeSet::default().unset(key("persona.name"))).await.unwrap();
    let other = SecretText::new("CANARY-other".to_owned());
    acme.change(&acme.scope, ChangeSet::default().set_secret(key("model.api_key"), other)).await.unwrap();
    acme.service.restore(&acme.scope, Revision(2), None, &context()).await.unwrap();
    acme.service.bind(&support::tenant("acme"), Binding::parse("slack:T1").unwrap(), &context()).await.unwrap();
    for scope in [&acme.scope, &Scope::Global] {
        let drift = acme.service.drift(scope).await.unwrap();
        assert!(drift.is_none() && drift.oddities.is_empty(), "{drift:?}");
    }
    assert!(!format!("{:?}", store.drift().await).contains("CANARY"));
}

#[tokio::test]
async fn what_a_hand_added_changed_and_removed_is_told_with_who_wrote_last() {
    let store = ByHand::new().await;
    store.put("facts.a", r#""by hand""#);
    store.edit("UPDATE items SET value = '\"Eve\"' WHERE key = 'persona.name'");
    store.edit("DELETE FROM items WHERE key = 'persona.warmth'");
    assert_eq!(store.told().await, ["added facts.a", "changed persona.name", "removed persona.warmth"]);
    let drift = store.drift().await;
    let named = &drift.changes[1];
    assert_eq!(named.expected, Some(Entry::Value("Ada".into())));
    assert_eq!(named.found, Some(Entry::Value("Eve".into())));
    let last = named.last_write.as_ref().unwrap();
    assert_eq!((last.revision, last.actor.as_str(), last.at), (Revision(2), "test", support::at()));
    assert_eq!(drift.changes[0].last_write, None);
}

#[tokio::test]
async fn a_subtree_written_by_hand_is_told_leaf_by_leaf() {
    let store = ByHand::new().await;
    store.put("persona", r#"{"name": "hidden by the longer key", "warmth": 0.9}"#);
    store.put("facts", r#"{"a": "x", "b": "y"}"#);
    store.edit("DELETE FROM items WHERE key = 'persona.warmth'");
    assert_eq!(store.told().await, ["added facts.a", "added facts.b", "changed persona.warmth"]);
    store.adopt().await.unwrap();
    assert!(store.drift().await.is_none());
    let table = store.items().await.into_iter().find(|item| item.key == key("facts")).unwrap();
    assert_eq!((table.value, table.meta.unwrap().revision), (value(r#"{"a": "x", "b": "y"}"#), Revision(3)));
}

#[tokio::test]
async fn secrets_differ_by_their_fingerprints() {
    let store = ByHand::new().await;
    store.write_secret("model_api_key", Some("CANARY-by-hand")).await;
    store.write_secret("model_url", Some("https://other.example/v1")).await;
    assert_eq!(store.told().await, ["changed model.api_key", "changed model.url"]);
    let drift = store.drift().await;
    let (Some(Entry::Secret(before)), Some(Entry::Secret(after))) =
        (&drift.changes[0].expected, &drift.changes[0].found)
    else {
        panic!("{drift:?}")
    };
    assert_ne!(before.fingerprint, after.fingerprint);
    assert!(!format!("{drift:?}").contains("CANARY"));
    store.write_secret("model_api_key", Some("CANARY-key")).await;
    assert_eq!(store.told().await, ["changed model.url"], "the old text again, under another version");
    store.write_secret("model_api_key", None).await;
    assert_eq!(store.told().await[0], "removed model.api_key");
}

#[tokio::test]
async fn adopting_makes_a_revision_that_tells_of_the_hand_and_changes_no_value() {
    let store = ByHand::new().await;
    store.put("facts.a", r#""by hand""#);
    store.edit("UPDATE items SET value = '\"Eve\"' WHERE key = 'persona.name'");
    store.edit("DELETE FROM items WHERE key = 'persona.warmth'");
    store.write_secret("model_api_key", Some("CANARY-by-hand")).await;
    assert!(store.drift().await.labelled);
    let why = tenantry_admin::service::Context { reason: Some("night shift".to_owned()), ..context() };
    let adopted = store.acme.service.adopt(&store.acme.scope, &why).await.unwrap();
    assert_eq!((adopted.revision, adopted.differences.len()), (Revision(3), 4));
    assert!(store.drift().await.is_none() && store.doctor_is_content().await);
    assert_eq!(store.acme.shown("persona.name").await.1, value(r#""Eve""#));
    let entry = store.acme.service.revision(&store.acme.scope, Revision(3)).await.unwrap();
    assert_eq!((entry.action, entry.reason.as_deref()), (Action::Change, Some("night shift")));
    let keys: Vec<_> = entry.changes.iter().map(|difference| difference.key.as_str()).collect();
    assert_eq!(keys, ["facts.a", "model.api_key", "persona.name", "persona.warmth"]);
    let Some(Entry::Secret(mark)) = &entry.changes[1].after else { panic!("{entry:?}") };
    let stored = store.acme.service.stores().read_secret(&store.acme.scope).await.unwrap().unwrap();
    assert_eq!((&mark.version, stored.fields["model_api_key"].expose()), (&stored.version.0, "CANARY-by-hand"));
    assert!(store.items().await.iter().all(|item| item.meta.is_some()));
    let again = store.acme.service.adopt(&store.acme.scope, &why).await.unwrap();
    assert_eq!((again.revision, again.differences.len()), (Revision(3), 0), "nothing is left to adopt");
    store.acme.service.restore(&store.acme.scope, Revision(2), None, &context()).await.unwrap();
    assert_eq!(store.acme.shown("persona.name").await.1, value(r#""Ada""#), "history reaches behind the hand");
}

#[tokio::test]
async fn putting_back_makes_a_revision_with_the_old_values() {
    let store = ByHand::new().await;
    store.put("facts.a", r#""by hand""#);
    store.put("persona.name", "CANARY{");
    store.edit("UPDATE items SET value = '\"acme-two\"' WHERE key = 'bucket'");
    store.edit("DELETE FROM items WHERE key = 'persona.warmth'");
    store.write_secret("model_url", Some("https://other.example/v1")).await;
    let back = store.acme.service.put_back(&store.acme.scope, &context()).await.unwrap();
    assert_eq!((back.revision, back.secrets_left), (Revision(3), vec![]));
    let drift = store.drift().await;
    assert!(drift.is_none() && drift.oddities.is_empty() && store.doctor_is_content().await, "{drift:?}");
    for (name, json) in [
        ("persona.name", r#""Ada""#),
        ("persona.warmth", "0.5"),
        ("bucket", r#""acme-one""#),
        ("model.url", r#""https://acme.example/v1""#),
    ] {
        assert_eq!(store.acme.shown(name).await.1, value(json));
    }
    assert!(store.items().await.iter().all(|item| item.key != key("facts.a")));
    let entry = store.acme.service.revision(&store.acme.scope, Revision(3)).await.unwrap();
    assert_eq!((entry.action, entry.detail.as_deref()), (Action::Restore, Some("put back what was changed by hand")));
}

#[tokio::test]
async fn a_secret_cannot_be_put_back_and_is_told() {
    let store = ByHand::new().await;
    store.write_secret("model_api_key", Some("CANARY-by-hand")).await;
    store.put("persona.name", r#""Eve""#);
    let back = store.acme.service.put_back(&store.acme.scope, &context()).await.unwrap();
    assert_eq!((back.revision, back.secrets_left), (Revision(3), vec![key("model.api_key")]));
    assert_eq!(store.told().await, ["changed model.api_key"]);
    let again = store.acme.service.put_back(&store.acme.scope, &context()).await.unwrap();
    assert_eq!(again.revision, Revision(3));
    let old = SecretText::new("CANARY-key".to_owned());
    let set = ChangeSet::default().set_secret(key("model.api_key"), old);
    store.acme.change(&store.acme.scope, set).await.unwrap();
    assert!(store.drift().await.is_none(), "set again, it is what it was");
}

#[tokio::test]
async fn a_secret_that_a_hand_added_is_removed_when_putting_back() {
    let store = ByHand::new().await;
    let acme = &store.acme;
    acme.change(&acme.scope, ChangeSet::default().unset_secret(key("model.api_key"))).await.unwrap();
    store.write_secret("model_api_key", Some("CANARY-by-hand")).await;
    assert_eq!(store.told().await, ["added model.api_key"]);
    acme.service.put_back(&acme.scope, &context()).await.unwrap();
    assert!(store.drift().await.is_none());
    let secret = acme.service.stores().read_secret(&acme.scope).await.unwrap().unwrap();
    assert_eq!(secret.fields.keys().collect::<Vec<_>>(), ["model_url"]);
}

#[tokio::test]
async fn what_cannot_be_used_is_told_without_its_value_and_not_adopted() {
    let store = ByHand::new().await;
    store.put("persona.warmth", r#""CANARY""#);
    store.put("persona.name", r#""sk-CANARY0123456789012345678901234567890123456789""#);
    store.put("facts.a", r#""good""#);
    assert_eq!(store.told().await, ["added facts.a", "unusable persona.name", "unusable persona.warmth"]);
    let drift = store.drift().await;
    assert!(!format!("{drift:?}").contains("CANARY"), "{drift:?}");
    assert!(drift.changes.iter().all(|change| (change.kind == HandChangeKind::Unusable) == change.reason.is_some()));
    let refused = store.adopt().await;
    assert!(matches!(&refused, Err(ServiceError::Unusable(_))), "{refused:?}");
    assert!(!format!("{refused:?}").contains("CANARY"), "{refused:?}");
    store.acme.service.put_back(&store.acme.scope, &context()).await.unwrap();
    assert!(store.drift().await.is_none());
}

#[tokio::test]
async fn odd_items_are_told_with_their_reason_and_left() {
    let store = ByHand::new().await;
    store.put("persona.nmae", r#""CANARY""#);
    store.put("bad key!", r#""CANARY""#);
    let drift = store.drift().await;
    assert!(drift.changes.is_empty() && drift.labelled);
    let told: Vec<_> = drift.oddities.iter().map(|odd| odd.place.as_str()).collect();
    assert_eq!(told, ["persona.nmae", "bad key!"]);
    assert!(drift.oddities.iter().all(|odd| !odd.reason.is_empty()) && !format!("{drift:?}").contains("CANARY"));
    assert_eq!(store.adopt().await.unwrap(), Revision(2), "what is served is as it was");
    store.put("facts.a", r#""x""#);
    assert_eq!(store.adopt().await.unwrap(), Revision(3));
    assert!(store.items().await.iter().any(|item| item.key == key("persona.nmae") && item.meta.is_none()));
}

#[tokio::test]
async fn a_name_that_a_hand_changed_is_reserved_when_it_is_adopted() {
    let store = ByHand::new().await;
    let (one, two) = (Binding::parse("bucket:acme-one").unwrap(), Binding::parse("bucket:acme-two").unwrap());
    store.edit("UPDATE items SET value = '\"acme-two\"' WHERE key = 'bucket'");
    store.adopt().await.unwrap();
    let bound = async |binding| store.acme.service.stores().bound(binding).await.unwrap();
    assert_eq!((bound(&one).await, bound(&two).await), (None, Some(support::tenant("acme"))));
}

#[tokio::test]
async fn a_name_that_another_tenant_has_is_not_adopted() {
    let store = ByHand::new().await;
    let beta = support::tenant("beta");
    store.acme.service.create_tenant(&beta, "Beta", &context()).await.unwrap();
    let change = ChangeSet::default().set(key("bucket"), value(r#""beta-files""#));
    store.acme.change(&beta.into(), change).await.unwrap();
    store.edit("UPDATE items SET value = '\"beta-files\"' WHERE key = 'bucket' AND scope = 'acme'");
    let refused = store.adopt().await;
    assert!(matches!(refused, Err(ServiceError::Taken(_))), "{refused:?}");
}

#[tokio::test]
async fn a_note_that_is_gone_shows_in_no_value_and_is_made_again() {
    let store = ByHand::new().await;
    store.edit("UPDATE items SET updated_by = NULL");
    let drift = store.drift().await;
    assert!(drift.changes.is_empty() && drift.labelled && !drift.is_none());
    let back = store.acme.service.put_back(&store.acme.scope, &context()).await.unwrap();
    assert_eq!((back.revision, back.differences.len()), (Revision(3), 0));
    assert!(store.drift().await.is_none());
}

#[tokio::test]
async fn more_than_one_change_set_takes_is_settled_in_several() {
    let store = ByHand::new().await;
    let fill = || (0..150).for_each(|n| store.put(&format!("facts.f{n:03}"), r#""x""#));
    fill();
    let adopted = store.acme.service.adopt(&store.acme.scope, &context()).await.unwrap();
    assert_eq!((adopted.revision, adopted.differences.len()), (Revision(4), 150));
    assert!(store.drift().await.is_none());
    store.edit("DELETE FROM items WHERE key LIKE 'facts.%'");
    assert_eq!(store.told().await.len(), 150);
    let back = store.acme.service.put_back(&store.acme.scope, &context()).await.unwrap();
    assert_eq!((back.differences.len(), back.secrets_left.len()), (150, 0));
    assert!(store.drift().await.is_none());
}

#[tokio::test]
async fn drift_of_an_unknown_tenant_is_refused_and_an_empty_global_scope_has_none() {
    let store = ByHand::new().await;
    assert!(store.acme.service.drift(&Scope::Global).await.unwrap().is_none());
    let unknown = store.acme.service.drift(&support::tenant("ghost").into()).await;
    assert!(matches!(unknown, Err(ServiceError::UnknownTenant(_))), "{unknown:?}");
}
