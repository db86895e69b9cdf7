//! Reads and writes secrets: each field sealed under its scope's own data key.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, Transaction, params};
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;

use super::rows::{self, Cells};
use super::scopes::{Tomb, scope_text};
use super::seal::{Kind, Place, SealKey};
use crate::error::StoreError;
use crate::limits;
use crate::records::{OddItem, SecretVersion, SecretWrite, StoredSecret};

/// What seals and opens the secrets of one store.
pub(super) struct Sealing {
    /// The store's id.
    pub(super) store: String,
    /// Seals the data keys.
    pub(super) wrapping: SealKey,
}

/// A scope as its envelopes are bound to it.
struct Owner<'a> {
    store: &'a str,
    scope: &'a str,
    incarnation: &'a str,
}

impl<'a> Owner<'a> {
    fn place(&self, kind: Kind<'a>) -> Place<'a> {
        Place { kind, store: self.store, scope: self.scope, incarnation: self.incarnation }
    }
}

/// A secret as it was read: what opened, and what did not with its bytes.
struct Opened {
    version: u64,
    key: SealKey,
    fields: BTreeMap<String, SecretText>,
    odd: Vec<(OddItem, Vec<u8>)>,
}

/// One statement, so that version, key and fields are of one state.
const READ: &str = "SELECT x.version, s.incarnation, d.sealed, f.field, f.sealed \
     FROM secrets AS x JOIN scopes AS s ON s.scope = x.scope \
     LEFT JOIN data_keys AS d ON d.scope = x.scope LEFT JOIN secret_fields AS f ON f.scope = x.scope \
     WHERE x.scope = ?1 ORDER BY f.field";

impl Sealing {
    /// Reads a scope's secret.
    pub(super) fn read(&self, connection: &Connection, scope: &Scope) -> Result<Option<StoredSecret>, StoreError> {
        let opened = self.open(connection, scope)?;
        Ok(opened.map(|opened| StoredSecret {
            version: SecretVersion(opened.version.to_string()),
            fields: opened.fields,
            odd: opened.odd.into_iter().map(|(odd, _)| odd).collect(),
        }))
    }

    fn open(&self, connection: &Connection, scope: &Scope) -> Result<Option<Opened>, StoreError> {
        let what = format!("the secret of {scope}");
        let mut statement = connection.prepare_cached(READ)?;
        let mut found = statement.query([scope_text(scope)])?;
        let mut opened = None;
        while let Some(row) = found.next()? {
            let cells = Cells::new(row, &what);
            let owner = Owner { store: &self.store, scope: scope_text(scope), incarnation: cells.text(1)? };
            let opened = match &mut opened {
                Some(opened) => opened,
                empty => empty.insert(self.begin(&cells, &owner)?),
            };
            opened.add(row, &owner);
        }
        Ok(opened)
    }

    /// Opens the data key, which every row of a secret carries.
    fn begin(&self, cells: &Cells<'_>, owner: &Owner<'_>) -> Result<Opened, StoreError> {
        let key = self.wrapping.unwrap_key(owner.place(Kind::DataKey), cells.bytes(2)?).map_err(|error| {
            let scope = owner.scope;
            StoreError::corrupt(format!("the data key of {scope} does not open ({error}): restore a backup"))
        })?;
        Ok(Opened { version: cells.number(0)?, key, fields: BTreeMap::new(), odd: Vec::new() })
    }

    /// Changes a scope's secret within a transaction, all of it sealed anew under the next version.
    pub(super) fn write(
        &self,
        transaction: &Transaction<'_>,
        scope: &Scope,
        incarnation: &str,
        tomb: &Tomb,
        write: &SecretWrite,
    ) -> Result<SecretVersion, StoreError> {
        let found = self.open(transaction, scope)?;
        let version = found.as_ref().map(|found| SecretVersion(found.version.to_string()));
        if version != write.expected {
            return Err(StoreError::SecretConflict);
        }
        let owner = Owner { store: &self.store, scope: scope_text(scope), incarnation };
        let mut next = match found {
            Some(found) => found,
            None => self.begin_anew(transaction, &owner, tomb.secret_version)?,
        };
        next.change(&write.fields);
        limits::check_secret(&next.fields)?;
        next.version += 1;
        next.save(transaction, &owner)?;
        Ok(SecretVersion(next.version.to_string()))
    }

    /// Makes a scope's data key; its secret is empty yet.
    fn begin_anew(&self, transaction: &Transaction<'_>, owner: &Owner<'_>, last: u64) -> Result<Opened, StoreError> {
        let key = SealKey::random();
        let sealed = self.wrapping.wrap(owner.place(Kind::DataKey), &key);
        transaction.execute("INSERT INTO data_keys (scope, sealed) VALUES (?1, ?2)", params![owner.scope, sealed])?;
        Ok(Opened { version: last, key, fields: BTreeMap::new(), odd: Vec::new() })
    }
}

impl Opened {
    /// Adds the field of a row, if there is one: what does not open is kept as odd.
    fn add(&mut self, row: &Row<'_>, owner: &Owner<'_>) {
        let cells = Cells::new(row, "a secret");
        // There is none beside a secret of no fields; the format keeps cells of other types out.
        let (Ok(name), Ok(sealed)) = (cells.text(3), cells.bytes(4)) else { return };
        match self.open_field(owner, name, sealed) {
            Ok(text) => drop(self.fields.insert(name.to_owned(), text)),
            Err(reason) => self.odd.push((OddItem { key: name.to_owned(), reason }, sealed.to_owned())),
        }
    }

    fn open_field(&self, owner: &Owner<'_>, name: &str, sealed: &[u8]) -> Result<SecretText, String> {
        let place = owner.place(Kind::Field { name, version: self.version });
        let mut bytes = self.key.open(place, sealed).map_err(|error| error.to_string())?;
        let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|_| "it is no text".to_owned())?;
        let text = SecretText::new(text);
        if text.is_blank() { Err("it is blank".to_owned()) } else { Ok(text) }
    }

    fn change(&mut self, fields: &BTreeMap<String, Option<SecretText>>) {
        self.odd.retain(|(odd, _)| !fields.contains_key(&odd.key));
        for (name, text) in fields {
            match text {
                Some(text) => drop(self.fields.insert(name.clone(), text.clone())),
                None => drop(self.fields.remove(name)),
            }
        }
    }

    fn save(&self, transaction: &Transaction<'_>, owner: &Owner<'_>) -> Result<(), StoreError> {
        let version = "INSERT INTO secrets (scope, version) VALUES (?1, ?2) \
             ON CONFLICT (scope) DO UPDATE SET version = excluded.version";
        transaction.prepare_cached(version)?.execute(params![owner.scope, rows::integer(self.version)?])?;
        transaction.prepare_cached("DELETE FROM secret_fields WHERE scope = ?1")?.execute([owner.scope])?;
        let mut insert =
            transaction.prepare_cached("INSERT INTO secret_fields (scope, field, sealed) VALUES (?1, ?2, ?3)")?;
        for (name, text) in &self.fields {
            let place = owner.place(Kind::Field { name, version: self.version });
            insert.execute(params![owner.scope, name, self.key.seal(place, text.expose().as_bytes())])?;
        }
        // What does not open is none of this change's business: it stays as it was found.
        for (odd, sealed) in &self.odd {
            insert.execute(params![owner.scope, odd.key, sealed])?;
        }
        Ok(())
    }
}
