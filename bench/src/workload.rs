//! The tenants that everything is measured with: 50 default keys, of which each tenant overrides 10; about 2 KB merged.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry_core::catalog::Catalog;
use tenantry_core::document::Document;
use tenantry_core::key::Key;
use tenantry_core::layer::{Layer, Revision, Tier};
use tenantry_core::scope::TenantId;
use tenantry_core::secret::SecretText;
use tenantry_core::value::Value;

/// How many keys have a default.
pub const DEFAULTS: usize = 50;
/// How many of them each tenant overrides.
pub const OVERRIDES: usize = 10;

/// An application's settings: ten sections of five fields, and one connection.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// Billing
    pub billing: Section,
    /// Calendar
    pub calendar: Section,
    /// Chitchat
    pub chitchat: Section,
    /// Company
    pub company: Section,
    /// Email
    pub email: Section,
    /// Inventory
    pub inventory: Section,
    /// Persona
    pub persona: Section,
    /// Routing
    pub routing: Section,
    /// Search
    pub search: Section,
    /// Writing
    pub writing: Section,
    /// The company's Odoo
    #[serde(skip_serializing)]
    #[schemars(extend("x-connection" = true))]
    pub odoo: Option<Odoo>,
}

/// A section of five fields.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Section {
    /// Whether it is used
    pub enabled: bool,
    /// The most items
    pub limit: u32,
    /// The share of its budget
    pub share: f64,
    /// What it does
    pub text: String,
    /// Its name
    pub title: String,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            enabled: true,
            limit: 100,
            share: 0.25,
            text: "Answer briefly, in the language of the question, and say so when something is not known.".to_owned(),
            title: "Default title".to_owned(),
        }
    }
}

/// A connection with three secret fields.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Odoo {
    /// Where it is
    #[schemars(extend("x-sensitivity" = "credential"))]
    pub url: String,
    /// Login
    #[schemars(extend("x-sensitivity" = "credential"))]
    pub login: String,
    /// Password
    pub password: SecretText,
}

const SECTIONS: [&str; 10] =
    ["billing", "calendar", "chitchat", "company", "email", "inventory", "persona", "routing", "search", "writing"];
const FIELDS: [&str; 5] = ["enabled", "limit", "share", "text", "title"];

static KEYS: LazyLock<Vec<[Key; 5]>> = LazyLock::new(|| {
    let key = |section, field| Key::parse(&format!("{section}.{field}")).expect("the names are segments");
    SECTIONS.iter().map(|section| FIELDS.map(|field| key(section, field))).collect()
});

/// The catalog of [`Settings`].
pub fn catalog() -> Catalog {
    let catalog = Catalog::of::<Settings>().expect("the settings are a catalog");
    assert_eq!(catalog.defaults().entries().len(), DEFAULTS, "every field of a section has a default");
    catalog
}

/// The tenant of a number, parsed anew: requests and caches do not share its text.
pub fn tenant(number: usize) -> TenantId {
    TenantId::parse(&format!("company-{number:07}")).expect("it is a tenant id")
}

/// The number of a tenant that [`tenant`] named.
pub fn number_of(tenant: &TenantId) -> Option<usize> {
    tenant.as_str().strip_prefix("company-")?.parse().ok()
}

/// What a tenant overrides: one field of each section, by its number another one, in the order of the keys.
pub fn overrides(number: usize) -> impl ExactSizeIterator<Item = (Key, Value)> {
    KEYS.iter().enumerate().map(move |(place, fields)| {
        let field = (number + place) % FIELDS.len();
        (fields[field].clone(), value(number, field))
    })
}

fn value(number: usize, field: usize) -> Value {
    let json = match FIELDS[field] {
        "enabled" => "false".to_owned(),
        "limit" => (number % 5_000 + 1).to_string(),
        "share" => format!("0.{:03}", number % 999 + 1),
        "text" => {
            format!("\"Answer for company {number} in two friendly sentences, and offer to call back tomorrow.\"")
        }
        _ => format!("\"Title of company {number}\""),
    };
    Value::from_json(&json).expect("it is written as JSON")
}

/// A tenant's overrides as one JSON object with dotted names: what is stored at least.
pub fn overrides_json(number: usize) -> String {
    let members: Vec<_> = overrides(number).map(|(key, value)| format!("\"{key}\":{}", value.to_json())).collect();
    format!("{{{}}}", members.join(","))
}

/// A tenant's overrides as a layer.
pub fn layer(number: usize) -> Layer {
    Layer::new(Tier::Tenant, Revision(1), Document::from_items(overrides(number)).0)
}

/// Numbers that look random, the same in each run (SplitMix64).
pub struct Draw(u64);

impl Draw {
    /// Begins a sequence.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) % bound as u64).expect("it is below a usize")
    }

    /// So many tenants out of the first `tenants`, each parsed anew.
    pub fn tenants(&mut self, count: usize, tenants: usize) -> Vec<TenantId> {
        (0..count).map(|_| tenant(self.below(tenants))).collect()
    }
}
