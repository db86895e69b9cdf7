//! The ports through which configuration is stored, and the stores that implement them.
//!
//! A store implements [`ParameterStore`] and [`SecretStore`], the two ports that the loader reads from, and [`Store`],
//! which adds the writes that touch both. Every store passes the same contract (`contract.rs`). No type of any back end
//! crosses this API.

#[cfg(feature = "aws")]
pub mod aws;
mod batch;
#[cfg(feature = "contract")]
pub mod contract;
mod cursor;
mod decide;
#[cfg(feature = "aws")]
mod dynamodb;
mod error;
#[cfg(any(feature = "aws", feature = "sqlite"))]
mod findings;
pub mod limits;
#[cfg(any(feature = "aws", feature = "sqlite"))]
mod master_key;
pub mod memory;
pub mod policy;
mod ports;
mod random;
mod records;
#[cfg(feature = "aws")]
mod secrets_manager;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod traced;
mod url;

pub use batch::BatchError;
pub use error::{Source, StoreError};
pub use ports::{ParameterStore, SecretStore, Store};
pub use records::{
    Action, Binding, BindingError, BindingKind, ClaimChange, Commit, Committed, Cursor, Expected, Finding, Head,
    HeadChange, Item, ItemChange, ItemMeta, LogEntry, LogQuery, NewLogEntry, OddItem, Outline, OutlineRequest, Page,
    PageRequest, RevocationCursor, Revocations, ScopeCopy, SecretVersion, SecretWrite, Severity, StoreKeys,
    StoredScope, StoredSecret, TenantStatus, TenantSummary, TokenKey, TokenRecord, TokenUse, Wanted,
};
pub use url::{Created, OpenOptions, StoreUrl, Stores};
