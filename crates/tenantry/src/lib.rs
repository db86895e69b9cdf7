//! Gives every request exactly its own tenant's configuration.
//!
//! One struct declares all that can be configured; one call per request loads it. The configuration is merged from built-in
//! defaults, what the operator set for everybody, and what the tenant set for itself; secrets are filled in, and every value
//! knows where it came from.
//!
//! ```
//! use std::sync::Arc;
//!
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use tenantry::Loader;
//! use tenantry_core::{key::Key, layer::{Revision, Tier}, scope::{Scope, TenantId}, value::Value};
//! use tenantry_store::{
//!     Action, Commit, Expected, HeadChange, ItemChange, NewLogEntry, Stores, memory::MemoryStore,
//! };
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Settings {
//!     #[serde(default)]
//!     persona: Persona,
//! }
//!
//! #[derive(Deserialize, Serialize, JsonSchema)]
//! #[serde(default)]
//! struct Persona {
//!     /// The assistant's name
//!     name: String,
//!     /// The language that it answers in
//!     language: String,
//! }
//!
//! impl Default for Persona {
//!     fn default() -> Self {
//!         Self { name: "Ada".to_owned(), language: "en".to_owned() }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let stores = Stores::new(Arc::new(MemoryStore::new()));
//! let acme = TenantId::parse("acme")?;
//! # let scope = Scope::Tenant(acme.clone());
//! # let entry = NewLogEntry {
//! #     scope: scope.clone(),
//! #     at: jiff::Timestamp::now(),
//! #     actor: "doc".to_owned(),
//! #     action: Action::Create,
//! #     reason: None,
//! #     changes: Vec::new(),
//! #     detail: None,
//! # };
//! # let commit = Commit {
//! #     scope,
//! #     expected: Expected::Absent,
//! #     head: HeadChange::Create { display_name: "Acme".to_owned() },
//! #     items: vec![ItemChange { key: Key::parse("persona.language")?, value: Some(Value::from("de")) }],
//! #     secret: None,
//! #     claims: Vec::new(),
//! #     default_revision: Revision(0),
//! #     entry,
//! # };
//! # stores.commit(commit).await?;
//! // … the company acme sets `persona.language` to `de` …
//! let loader = Loader::<Settings>::builder(&stores).build()?;
//!
//! let config = loader.load(&acme).await?;
//! assert_eq!(config.persona.name, "Ada");
//! assert_eq!(config.persona.language, "de");
//!
//! let why = config.explain(&Key::parse("persona.language")?);
//! assert_eq!(why[0].leaf.origin.tier, Tier::Tenant);
//! # Ok(())
//! # }
//! ```
//!
//! | to | use |
//! |---|---|
//! | load a configuration | [`Loader`], [`TenantConfig`], [`LoadError`] |
//! | decide how old it may be | [`Freshness`], [`Stale`] |
//! | tell which tenant a request is for | [`credential`], [`token`], [`identify`] |
//! | have all of that done for each HTTP request | [`layer::TenantLayer`] |
//! | answer with what went wrong | [`problem::Problem`] |
//! | test an application without any store | [`testing::loader`] |

mod cache;
mod clock;
mod config;
pub mod credential;
mod error;
mod flight;
mod gate;
mod global;
mod hot;
pub mod identify;
pub mod layer;
mod loader;
mod packed;
pub mod problem;
mod reading;
mod refresh;
mod refusal;
mod revocations;
mod shelf;
mod source;
pub mod testing;
pub mod token;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use crate::cache::Freshness;
pub use crate::clock::{Clock, Moment, SystemClock};
pub use crate::config::{RevisionVector, TenantConfig};
pub use crate::error::{LoadError, Stale, StaleReason};
pub use crate::layer::TenantLayer;
pub use crate::loader::{Loader, LoaderBuilder, LoaderStats};

/// The typed settings of an application: a struct whose documented fields declare the parameters.
pub trait Settings: DeserializeOwned + JsonSchema + Send + Sync + 'static {}

impl<S: DeserializeOwned + JsonSchema + Send + Sync + 'static> Settings for S {}
