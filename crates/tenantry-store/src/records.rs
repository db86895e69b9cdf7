//! What crosses the ports: the records of scopes, secrets, tenants, bindings, tokens and the log, and of scopes that move.

mod binding;
mod commit;
mod copy;
mod log;
mod outline;
mod page;
mod scope;
mod secret;
mod token;

pub use binding::{Binding, BindingError, BindingKind, ClaimChange};
pub use commit::{Commit, Committed, Expected, HeadChange, ItemChange};
pub use copy::ScopeCopy;
pub use log::{Action, LogEntry, LogQuery, NewLogEntry};
pub use outline::{Outline, OutlineRequest, Wanted};
pub use page::{Cursor, Page, PageRequest};
pub use scope::{
    Finding, Head, Item, ItemMeta, OddItem, RevocationCursor, Revocations, Severity, StoredScope, TenantStatus,
    TenantSummary,
};
pub use secret::{SecretVersion, SecretWrite, StoreKeys, StoredSecret};
pub use token::{TokenKey, TokenRecord, TokenUse};
