//! Opens a store by its URL: `memory:`, `sqlite:PATH` or `aws:`.

use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use tenantry_core::secret::SecretText;

#[cfg(feature = "aws")]
use crate::aws::{AwsOptions, AwsStore, AwsUrl};
use crate::error::StoreError;
use crate::memory::MemoryStore;
use crate::ports::{ParameterStore, SecretStore, Store};
#[cfg(feature = "sqlite")]
use crate::sqlite::SqliteStore;
use crate::traced::Traced;

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// In this process, gone with it.
    Memory,
    /// In one local file.
    #[cfg(feature = "sqlite")]
    Sqlite(PathBuf),
    /// In DynamoDB and Secrets Manager.
    #[cfg(feature = "aws")]
    Aws(AwsUrl),
}

/// How a store's URL is written.
const KINDS: &str = match (cfg!(feature = "sqlite"), cfg!(feature = "aws")) {
    (true, true) => "sqlite:PATH or aws:?environment=NAME",
    (false, true) => "aws:?environment=NAME",
    (true | false, false) => "sqlite:PATH",
};

impl StoreUrl {
    /// Reads `memory:`, `sqlite:PATH`, or `aws:` with the options that [`AwsUrl`] lists.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        #[cfg(feature = "sqlite")]
        if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        #[cfg(feature = "aws")]
        if let Some(options) = text.strip_prefix("aws:") {
            return AwsUrl::parse(options).map(Self::Aws);
        }
        // Of what was given, the scheme alone is shown: another program's URL may have a password in it.
        Err(StoreError::CannotOpen(match text.split_once(':') {
            None => format!("a store URL begins with its kind: write {KINDS}"),
            #[cfg(feature = "sqlite")]
            Some(("sqlite", _)) => "the path is missing in the store URL: write sqlite:PATH".to_owned(),
            Some((scheme, _)) => format!("{scheme:?} is no kind of store: write {KINDS}"),
        }))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            #[cfg(feature = "aws")]
            Self::Aws(url) => url.fmt(f),
        }
    }
}

/// What opening a store needs beside its URL.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The master key, 32 bytes as 64 hexadecimal digits; where it is not given, the key file is read.
    pub master_key: Option<SecretText>,
    /// The file that holds the master key; where neither is given, the one that creating the store made beside it.
    pub master_key_file: Option<PathBuf>,
    /// What is said of AWS beyond its own variables and files.
    #[cfg(feature = "aws")]
    pub aws: AwsOptions,
}

/// What creating a store made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Created {
    /// Whether the store was there before, so that nothing was made.
    pub existed: bool,
    /// The file with a new master key, if one was made: to be moved away from the store.
    pub master_key_file: Option<PathBuf>,
    /// What was made on AWS, by name: `table TenantConfiguration`.
    pub made: Vec<String>,
    /// What AWS, or what stands in for it, did not do, and the next step.
    pub lacking: Vec<String>,
}

/// An open store, shared by all who use it.
#[derive(Clone)]
pub struct Stores(Arc<dyn Store>);

impl Stores {
    /// Shares a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// Opens a store that exists.
    #[cfg_attr(
        not(any(feature = "aws", feature = "sqlite")),
        expect(clippy::unused_async, unused_variables, reason = "only a store that lasts takes time and a key")
    )]
    pub async fn open(url: &StoreUrl, options: &OpenOptions) -> Result<Self, StoreError> {
        match url {
            StoreUrl::Memory => Ok(Self::new(Arc::new(MemoryStore::new()))),
            #[cfg(feature = "sqlite")]
            StoreUrl::Sqlite(path) => Ok(Self::new(Arc::new(SqliteStore::open(path, options).await?))),
            #[cfg(feature = "aws")]
            StoreUrl::Aws(url) => Ok(Self::new(Arc::new(AwsStore::open(url, options).await?))),
        }
    }

    /// Makes a new store; where there is one already, opens it and changes nothing.
    pub async fn create(url: &StoreUrl, options: &OpenOptions) -> Result<(Self, Created), StoreError> {
        match url {
            StoreUrl::Memory => Ok((Self::open(url, options).await?, Created::default())),
            #[cfg(feature = "sqlite")]
            StoreUrl::Sqlite(path) => {
                let (store, created) = SqliteStore::create(path, options).await?;
                Ok((Self::new(Arc::new(store)), created))
            }
            #[cfg(feature = "aws")]
            StoreUrl::Aws(url) => {
                let (store, created) = AwsStore::create(url, options).await?;
                Ok((Self::new(Arc::new(store)), created))
            }
        }
    }

    /// The same store, each call of which is a span for traces. Without this, calls cost nothing more.
    #[must_use]
    pub fn traced(self) -> Self {
        Self::new(Arc::new(Traced(self.0)))
    }

    /// The port for parameters alone.
    pub fn parameters(&self) -> Arc<dyn ParameterStore> {
        self.0.clone()
    }

    /// The port for secrets alone.
    pub fn secrets(&self) -> Arc<dyn SecretStore> {
        self.0.clone()
    }
}

impl Deref for Stores {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stores({})", self.0.describe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_url_reads_back_what_it_writes() {
        assert_eq!(StoreUrl::parse("memory:").unwrap().to_string(), "memory:");
        #[cfg(feature = "sqlite")]
        assert_eq!(StoreUrl::parse("sqlite:/var/lib/t.db").unwrap().to_string(), "sqlite:/var/lib/t.db");
    }

    #[test]
    fn what_is_no_store_is_refused_without_showing_what_may_be_a_password() {
        let cases = [
            ("", "begins with its kind"),
            ("CANARY.db", "begins with its kind"),
            ("postgres://user:CANARY@host/db", "\"postgres\" is no kind of store"),
            #[cfg(feature = "sqlite")]
            ("sqlite:", "path is missing"),
        ];
        for (text, told) in cases {
            let error = StoreUrl::parse(text).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains("sqlite:PATH") && !error.contains("CANARY"), "{error}");
        }
    }
}
