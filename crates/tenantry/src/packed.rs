//! Keeps a reading in few bytes: for the many tenants that were seen, but are not in the hot set.
//!
//! Keys of the catalog and of the global layer are numbers; all lengths and numbers are in LEB128. Secrets' texts are not
//! packed. The bytes never leave the process, so there is no version in them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tenantry_core::assemble::Oddity;
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Layer, Revision, Tier};
use tenantry_core::number::Number;
use tenantry_core::secret::{Fingerprint, SecretMark};
use tenantry_core::value::Value;
use tenantry_store::SecretVersion;

use crate::cache::Times;
use crate::clock::Moment;
use crate::reading::Reading;

/// A tenant's reading without the texts of its secrets.
#[derive(Clone, Debug)]
pub(crate) struct Packed(Box<[u8]>);

/// Numbers for the keys that many tenants set. Numbers are given once and for all.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyTable {
    keys: Vec<Key>,
    numbers: HashMap<Key, u64, foldhash::fast::RandomState>,
}

/// More keys than this are not numbered: they would be of no catalog that a person has written.
const MOST_KEYS: usize = 1 << 16;

impl KeyTable {
    /// Numbers the keys that have no number yet.
    pub(crate) fn learn<'a>(&mut self, keys: impl IntoIterator<Item = &'a Key>) {
        for key in keys {
            if self.keys.len() < MOST_KEYS && !self.numbers.contains_key(key) {
                self.keys.push(key.clone());
                self.numbers.insert(key.clone(), self.keys.len() as u64);
            }
        }
    }
}

/// How many bytes a fingerprint takes.
const FINGERPRINT_BYTES: usize = 6;

/// What stands before a value.
mod tag {
    pub(super) const FALSE: u8 = 0;
    pub(super) const TRUE: u8 = 1;
    pub(super) const INTEGER: u8 = 2;
    pub(super) const DECIMAL: u8 = 3;
    pub(super) const STRING: u8 = 4;
    pub(super) const ARRAY: u8 = 5;
    pub(super) const TABLE: u8 = 6;
    /// A secret's mark with the version of the scope's secret.
    pub(super) const SECRET: u8 = 7;
    /// A secret's mark with a version of its own.
    pub(super) const OTHER_SECRET: u8 = 8;
}

impl Packed {
    /// Packs a tenant's reading.
    pub(crate) fn pack(reading: &Reading, table: &KeyTable) -> Self {
        let mut packer = Packer { bytes: Vec::with_capacity(512), table, version: reading.secret_version.as_ref() };
        packer.times(reading.times);
        packer.number(reading.layer.revision().0);
        packer.text(&reading.display_name);
        packer.text(&reading.incarnation);
        packer.number(u64::from(reading.secret_version.is_some()));
        packer.text(reading.secret_version.as_ref().map_or("", |version| &version.0));
        packer.length(reading.oddities.len());
        for oddity in reading.oddities.iter() {
            packer.text(&oddity.place);
            packer.text(&oddity.reason);
        }
        packer.length(reading.layer.entries().len());
        for (key, entry) in reading.layer.entries() {
            packer.key(key);
            packer.entry(entry);
        }
        Self(packer.bytes.into())
    }

    /// The reading as it was packed.
    pub(crate) fn unpack(&self, table: &KeyTable) -> Reading {
        let mut unpacker = Unpacker { rest: &self.0, table, version: String::new() };
        let mut times = unpacker.times();
        let revision = Revision(unpacker.number());
        let display_name = unpacker.text().into();
        let incarnation = unpacker.text().into();
        let has_version = unpacker.number() == 1;
        unpacker.version = unpacker.text().to_owned();
        let secret_version = has_version.then(|| SecretVersion(unpacker.version.clone()));
        let oddities = unpacker.many(|this| Oddity { place: this.text().to_owned(), reason: this.text().to_owned() });
        let layer = unpacker.layer(revision);
        // Where no secret is set, no text is missing.
        let needs_texts = layer.entries().iter().any(|(_, entry)| matches!(entry, Entry::Secret(_)));
        times.has_texts = !needs_texts;
        Reading {
            layer: Arc::new(layer),
            display_name,
            incarnation,
            secret_version,
            texts: (!needs_texts).then(Arc::default),
            oddities: oddities.into(),
            times,
        }
    }

    /// How many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        self.0.len()
    }
}

struct Packer<'a> {
    bytes: Vec<u8>,
    table: &'a KeyTable,
    version: Option<&'a SecretVersion>,
}

impl Packer<'_> {
    fn times(&mut self, times: Times) {
        for moment in [times.parameters, times.secrets] {
            self.bytes.extend(moment.monotonic.to_le_bytes());
            self.bytes.extend(moment.wall.to_le_bytes());
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "seven bits at a time are what is wanted")]
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes.extend(text.as_bytes());
    }

    /// A key's number from 1, or 0 and its text.
    fn key(&mut self, key: &Key) {
        if let Some(number) = self.table.numbers.get(key) {
            self.number(*number);
        } else {
            self.number(0);
            self.text(key.as_str());
        }
    }

    fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Value(value) => self.value(value),
            Entry::Secret(mark) if self.version.is_some_and(|version| version.0 == mark.version) => {
                self.bytes.push(tag::SECRET);
                self.fingerprint(mark.fingerprint);
            }
            Entry::Secret(mark) => {
                self.bytes.push(tag::OTHER_SECRET);
                self.text(&mark.version);
                self.fingerprint(mark.fingerprint);
            }
        }
    }

    /// The 48 bits that a fingerprint shows as twelve digits.
    fn fingerprint(&mut self, fingerprint: Fingerprint) {
        let bits = u64::from_str_radix(&fingerprint.to_string(), 16).expect("a fingerprint shows hexadecimal digits");
        self.bytes.extend(&bits.to_le_bytes()[..FINGERPRINT_BYTES]);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Bool(flag) => self.bytes.push(if *flag { tag::TRUE } else { tag::FALSE }),
            Value::Number(number) => self.decimal(number),
            Value::String(text) => {
                self.bytes.push(tag::STRING);
                self.text(text);
            }
            Value::Array(items) => {
                self.bytes.push(tag::ARRAY);
                self.length(items.len());
                for item in items {
                    self.value(item);
                }
            }
            Value::Table(table) => {
                self.bytes.push(tag::TABLE);
                self.length(table.len());
                for (name, value) in table {
                    self.text(name);
                    self.value(value);
                }
            }
        }
    }

    /// Integers zigzag, so that small negative ones are short as well.
    fn decimal(&mut self, number: &Number) {
        if let Some(integer) = number.as_i64() {
            self.bytes.push(tag::INTEGER);
            self.number(((integer << 1) ^ (integer >> 63)).cast_unsigned());
        } else {
            self.bytes.push(tag::DECIMAL);
            self.text(&number.to_string());
        }
    }
}

struct Unpacker<'a> {
    rest: &'a [u8],
    table: &'a KeyTable,
    version: String,
}

/// Why reading back cannot fail: nothing but [`Packer`] makes these bytes, and they never leave the process.
const WHOLE: &str = "packed bytes are read back as they were written";

impl<'a> Unpacker<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        taken
    }

    fn times(&mut self) -> Times {
        let mut eight = || u64::from_le_bytes(self.take(8).try_into().expect(WHOLE));
        let mut moment = || Moment { monotonic: eight(), wall: eight() };
        Times { parameters: moment(), secrets: moment(), has_texts: false, is_watched: false }
    }

    fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.take(1)[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return number;
            }
            shift += 7;
        }
    }

    fn length(&mut self) -> usize {
        usize::try_from(self.number()).expect(WHOLE)
    }

    fn text(&mut self) -> &'a str {
        let length = self.length();
        std::str::from_utf8(self.take(length)).expect(WHOLE)
    }

    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.length();
        (0..count).map(|_| one(self)).collect()
    }

    fn key(&mut self) -> Key {
        match self.length() {
            0 => Key::parse(self.text()).expect(WHOLE),
            number => self.table.keys[number - 1].clone(),
        }
    }

    fn layer(&mut self, revision: Revision) -> Layer {
        let (mut values, mut marks) = (Vec::new(), Vec::new());
        for _ in 0..self.length() {
            let key = self.key();
            match self.entry() {
                Entry::Value(value) => values.push((key, value)),
                Entry::Secret(mark) => marks.push((key, mark)),
            }
        }
        Layer::new(Tier::Tenant, revision, Document::from_items(values).0).with_secrets(marks)
    }

    fn entry(&mut self) -> Entry {
        match self.rest[0] {
            tag::SECRET => {
                self.take(1);
                Entry::Secret(SecretMark { version: self.version.clone(), fingerprint: self.fingerprint() })
            }
            tag::OTHER_SECRET => {
                self.take(1);
                Entry::Secret(SecretMark { version: self.text().to_owned(), fingerprint: self.fingerprint() })
            }
            _ => Entry::Value(self.value()),
        }
    }

    fn fingerprint(&mut self) -> Fingerprint {
        let mut bits = [0; 8];
        bits[..FINGERPRINT_BYTES].copy_from_slice(self.take(FINGERPRINT_BYTES));
        Fingerprint::parse(&format!("{:012x}", u64::from_le_bytes(bits))).expect(WHOLE)
    }

    fn value(&mut self) -> Value {
        match self.take(1)[0] {
            tag::FALSE => Value::Bool(false),
            tag::TRUE => Value::Bool(true),
            tag::INTEGER => {
                let zigzag = self.number();
                Value::from((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
            }
            tag::DECIMAL => Value::Number(Number::parse(self.text()).expect(WHOLE)),
            tag::STRING => Value::from(self.text()),
            tag::ARRAY => Value::Array(self.many(Self::value)),
            tag::TABLE => {
                let named = self.many(|this| (this.text().to_owned(), this.value()));
                Value::Table(named.into_iter().collect::<BTreeMap<_, _>>())
            }
            _ => unreachable!("{WHOLE}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tenantry_core::scope::Scope;
    use tenantry_core::secret::{FingerprintKey, SecretText};

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "-?[1-9][0-9]{0,37}(\\.[0-9]{0,3}[1-9])?"
                .prop_filter_map("a number", |text| Some(Value::Number(Number::parse(&text).ok()?))),
            any::<String>().prop_map(Value::String),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("[a-c]{1,2}", inner, 0..4).prop_map(Value::Table),
            ]
        })
    }

    fn marks() -> impl Strategy<Value = SecretMark> {
        (prop_oneof![Just("v7".to_owned()), "[a-z0-9]{0,9}"], any::<String>()).prop_map(|(version, text)| SecretMark {
            version,
            fingerprint: FingerprintKey::new([7; 32]).fingerprint(&Scope::Global, "f", &SecretText::new(text)),
        })
    }

    fn moments() -> impl Strategy<Value = Moment> {
        any::<(u64, u64)>().prop_map(|(monotonic, wall)| Moment { monotonic, wall })
    }

    prop_compose! {
        fn readings()(
            items in prop::collection::vec(("[a-c]{1,2}(\\.[a-c]{1,2}){0,2}", values()), 0..8),
            marks in prop::collection::vec(("s(\\.[a-c]{1,2}){1,2}", marks()), 0..4),
            revision: u64,
            display_name: String,
            incarnation in "[a-z0-9]{0,20}",
            version in prop::option::of(prop_oneof![Just("v7".to_owned()), any::<String>()]),
            oddity in prop::option::of(any::<(String, String)>()),
            (parameters, secrets) in (moments(), moments()),
        ) -> Reading {
            let key = |text: &str| Key::parse(text).unwrap();
            let items = items.iter().map(|(name, value)| (key(name), value.clone()));
            let marks: BTreeMap<Key, SecretMark> = marks.iter().map(|(name, mark)| (key(name), mark.clone())).collect();
            let layer = Layer::new(Tier::Tenant, Revision(revision), Document::from_items(items).0).with_secrets(marks);
            Reading {
                layer: Arc::new(layer),
                display_name: display_name.into(),
                incarnation: incarnation.into(),
                secret_version: version.map(SecretVersion),
                texts: None,
                oddities: oddity.into_iter().map(|(place, reason)| Oddity { place, reason }).collect(),
                times: Times { parameters, secrets, has_texts: false, is_watched: false },
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_unpacked_is_what_was_packed(reading in readings(), known in prop::collection::vec("[a-c]{1,2}(\\.[a-c]{1,2}){0,2}", 0..6)) {
            let mut table = KeyTable::default();
            table.learn(&known.iter().map(|name| Key::parse(name).unwrap()).collect::<Vec<_>>());
            let packed = Packed::pack(&reading, &table);
            // Numbers that are given later change nothing.
            table.learn(reading.layer.entries().iter().map(|(key, _)| key));
            let unpacked = packed.unpack(&table);
            prop_assert_eq!(&unpacked.layer, &reading.layer);
            prop_assert_eq!(&unpacked.display_name, &reading.display_name);
            prop_assert_eq!(&unpacked.incarnation, &reading.incarnation);
            prop_assert_eq!(&unpacked.secret_version, &reading.secret_version);
            prop_assert_eq!(&unpacked.oddities, &reading.oddities);
            prop_assert_eq!(unpacked.times.parameters, reading.times.parameters);
            prop_assert_eq!(unpacked.times.secrets, reading.times.secrets);
            prop_assert_eq!(unpacked.texts.is_none(), unpacked.layer.entries().iter().any(|(_, entry)| entry.value().is_none()));
        }
    }

    #[test]
    fn ten_overrides_take_little_more_than_their_values() {
        let names: Vec<Key> = (0..10).map(|number| Key::parse(&format!("prompts.name{number}")).unwrap()).collect();
        let text = "a prompt of some forty characters or so.";
        let items = names.iter().map(|name| (name.clone(), Value::from(text)));
        let json: usize = names.iter().map(|name| name.as_str().len() + text.len() + r#""":"","#.len()).sum();
        let layer = Layer::new(Tier::Tenant, Revision(3), Document::from_items(items).0);
        let reading = Reading {
            layer: Arc::new(layer),
            display_name: "Acme".into(),
            incarnation: "0123456789abcdef".into(),
            secret_version: None,
            texts: None,
            oddities: Arc::default(),
            times: Times { parameters: Moment::LONG_AGO, secrets: Moment::LONG_AGO, has_texts: true, is_watched: true },
        };
        let mut table = KeyTable::default();
        table.learn(&names);
        let size = Packed::pack(&reading, &table).size();
        assert!(size < json, "{size} bytes for {json} bytes of JSON");
    }
}
