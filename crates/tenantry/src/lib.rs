//! Gives every request exactly its own tenant's configuration.

mod cache;
mod clock;
mod config;
mod error;
mod flight;
mod gate;
mod global;
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
pub mod token;

pub use cache::Freshness;
pub use clock::{Clock, Moment, SystemClock};
pub use config::{RevisionVector, TenantConfig};
pub use error::{LoadError, Stale, StaleReason};
pub use layer::TenantLayer;
pub use loader::{Loader, LoaderBuilder, LoaderStats};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// The typed settings of an application: a struct whose documented fields declare the parameters.
pub trait Settings: DeserializeOwned + JsonSchema + Send + Sync + 'static {}

impl<S: DeserializeOwned + JsonSchema + Send + Sync + 'static> Settings for S {}
