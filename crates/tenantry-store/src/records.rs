//! What crosses the ports: the records of scopes, secrets, tenants, bindings, tokens and the log.

mod binding;
mod commit;
mod log;
mod page;
mod scope;
mod secret;
mod token;

pub use binding::{Binding, BindingError, BindingKind, ClaimChange};
pub use commit::{Commit, Committed, Expected, HeadChange, ItemChange};
pub use log::{Action, LogEntry, LogQuery, NewLogEntry};
pub use page::{Cursor, Page, PageRequest};
pub use scope::{
    Finding, Head, Item, ItemMeta, OddItem, RevocationCursor, Revocations, Severity, StoredScope, TenantStatus,
    TenantSummary,
};
pub use secret::{SecretVersion, SecretWrite, StoreKeys, StoredSecret};
pub use token::{TokenKey, TokenRecord};
