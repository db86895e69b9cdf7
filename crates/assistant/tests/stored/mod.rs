//! Companies in a store, each with a token and secrets of its own.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};
use tenantry::token::TokenText;
use tenantry_core::key::Key;
use tenantry_core::layer::Revision;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_core::secret::SecretText;
use tenantry_core::value::Value;
use tenantry_store::{Action, Commit, Expected, HeadChange, ItemChange, NewLogEntry, SecretWrite, Stores, TokenRecord};

/// What every secret here has in it, so that a leak can be searched for.
pub(crate) const CANARY: &str = "CANARY";

/// Adds a company and answers with its token. Values are JSON; secrets are fields of the tenant's secret.
pub(crate) async fn add_company(
    stores: &Stores,
    id: &str,
    values: &[(&str, &str)],
    secrets: &[(&str, &str)],
) -> String {
    let scope = Scope::Tenant(TenantId::parse(id).unwrap());
    let fields = secrets.iter().map(|(name, text)| ((*name).to_owned(), Some(SecretText::new((*text).to_owned()))));
    let item = |(key, json): &(&str, &str)| ItemChange {
        key: Key::parse(key).unwrap(),
        value: Some(Value::from_json(json).unwrap()),
    };
    let commit = Commit {
        scope: scope.clone(),
        expected: Expected::Absent,
        head: HeadChange::Create { display_name: format!("Company {id}") },
        items: values.iter().map(item).collect(),
        secret: Some(SecretWrite { expected: None, fields: fields.collect::<BTreeMap<_, _>>() }),
        claims: Vec::new(),
        default_revision: Revision(0),
        entry: entry(&scope, Action::Create),
    };
    stores.commit(commit).await.unwrap();
    add_token(stores, scope, 90).await
}

/// Sets one value, good or bad, for all companies.
pub(crate) async fn set_global(stores: &Stores, key: &str, json: &str) {
    let item = ItemChange { key: Key::parse(key).unwrap(), value: Some(Value::from_json(json).unwrap()) };
    let (expected, head) = match stores.read(&Scope::Global).await.unwrap() {
        Some(found) => (Expected::At(found.head.revision), HeadChange::Keep),
        None => (Expected::Absent, HeadChange::Create { display_name: String::new() }),
    };
    let commit = Commit {
        scope: Scope::Global,
        expected,
        head,
        items: vec![item],
        secret: None,
        claims: Vec::new(),
        default_revision: Revision(0),
        entry: entry(&Scope::Global, Action::Change),
    };
    stores.commit(commit).await.unwrap();
}

/// Makes a token that ends after so many days, which may be over.
pub(crate) async fn add_token(stores: &Stores, scope: Scope, days: i64) -> String {
    let token = TokenText::from_random(&random(&scope, days));
    let now = Timestamp::now();
    let role = if scope.tenant().is_some() { "tenant-viewer" } else { "operator" };
    let expires_at = now.checked_add((24 * days).hours()).unwrap();
    let record = TokenRecord {
        id: token.id().to_owned(),
        hash: token.hash(&stores.keys().await.unwrap().token, &scope, role, expires_at),
        scope: scope.clone(),
        role: role.to_owned(),
        name: "test".to_owned(),
        created_at: now,
        created_by: "test".to_owned(),
        expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    stores.create_token(record, entry(&scope, Action::CreateToken)).await.unwrap();
    token.into_secret().expose().to_owned()
}

/// Bytes that differ from token to token; that they can be guessed does not matter here.
fn random(scope: &Scope, days: i64) -> [u8; TokenText::RANDOM_BYTES] {
    let mut bytes = [0; TokenText::RANDOM_BYTES];
    let name = format!("{days}:{scope}");
    bytes.iter_mut().zip(name.bytes().cycle()).for_each(|(byte, letter)| *byte = letter);
    bytes
}

pub(crate) fn entry(scope: &Scope, action: Action) -> NewLogEntry {
    NewLogEntry {
        scope: scope.clone(),
        at: Timestamp::now(),
        actor: "test".to_owned(),
        action,
        reason: None,
        changes: Vec::new(),
        detail: None,
    }
}
