//! What commands share: the open store behind the use cases, the catalog, and who acts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use assistant::settings::Settings;
use etcetera::BaseStrategy as _;
use jiff::Timestamp;
use tenantry_admin::service::{Context, Service};
use tenantry_core::catalog::Catalog;
use tenantry_core::key::Key;
use tenantry_core::secret::SecretText;
use tenantry_core::validate::Validator;
use tenantry_integrations::bases::Bases;
use tenantry_integrations::egress::AllowList;
use tenantry_store::{OpenOptions, StoreUrl, Stores};

use crate::cli::Global;
use crate::exit::{Exit, Trouble};
use crate::output::Output;
use crate::traces;

/// An open store, and all that a command needs beside it.
pub(crate) struct Session {
    /// The flags.
    pub(crate) global: Global,
    /// Where answers go.
    pub(crate) output: Output,
    /// The use cases.
    pub(crate) service: Service,
}

impl Session {
    /// Opens the store that the flags name; it must exist.
    pub(crate) async fn open(global: &Global) -> anyhow::Result<Self> {
        let url = store_url(global)?;
        tracing::debug!(store = %url, "opening the store");
        let stores = Stores::open(&url, &open_options(global)?).await?;
        Self::over(global, if traces::are_wanted() { stores.traced() } else { stores }).await
    }

    /// Takes an open store.
    pub(crate) async fn over(global: &Global, stores: Stores) -> anyhow::Result<Self> {
        let catalog = Arc::new(catalog(global)?);
        let service = Service::open(stores, catalog.clone(), validator(global, catalog)?).await?;
        Ok(Self { global: global.clone(), output: Output::new(global.output), service })
    }

    /// The catalog.
    pub(crate) fn catalog(&self) -> &Arc<Catalog> {
        self.service.catalog()
    }

    /// Reads a key in either spelling.
    pub(crate) fn key(&self, spelling: &str) -> anyhow::Result<Key> {
        key(self.catalog(), spelling)
    }

    /// Who does it, why, and that it is now.
    pub(crate) fn context(&self) -> Context {
        Context { actor: actor(), reason: self.global.reason.clone(), at: Timestamp::now() }
    }
}

/// Reads a key in either spelling. What looks like a secret in its place is not repeated.
pub(crate) fn key(catalog: &Catalog, spelling: &str) -> anyhow::Result<Key> {
    if crate::input::looks_like_secret(spelling) {
        return Err(Trouble::refused("what stands in the place of a key looks like a secret; it is not shown here")
            .help("the key comes first: `tenantry set KEY`, and the secret by standard input, a prompt or --from-file")
            .into());
    }
    Ok(catalog.key(spelling)?)
}

/// The catalog that the flags name.
pub(crate) fn catalog(global: &Global) -> anyhow::Result<Catalog> {
    match &global.catalog {
        None => Catalog::of::<Settings>().context("the assistant's settings are no catalog"),
        Some(file) => read_catalog(file),
    }
}

fn read_catalog(file: &Path) -> anyhow::Result<Catalog> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let schema = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
    Catalog::from_schema(&schema).map_err(|error| {
        let trouble = Trouble::new(Exit::Invalid, format!("{} is no catalog", file.display())).because(error);
        trouble.help("`tenantry catalog --output json-schema` shows one that is").into()
    })
}

/// The rules by which values are judged: the catalog's, and those of outbound URLs.
fn validator(global: &Global, catalog: Arc<Catalog>) -> anyhow::Result<Validator> {
    let allowed = allow_list(global)?;
    let rule = move |url: &str| allowed.check_url(url).map(drop).map_err(|rule| rule.to_string());
    Ok(Validator::new(catalog).with_url_rule(rule))
}

/// The origins that the operator allows beyond the outbound rules.
pub(crate) fn allow_list(global: &Global) -> anyhow::Result<AllowList> {
    let mut list = AllowList::default();
    for origin in &global.allow_origin {
        list.allow(origin).map_err(|error| {
            Trouble::usage(format!("--allow-origin: {error}")).help("write it like http://127.0.0.1:1234")
        })?;
    }
    Ok(list)
}

/// Where the providers are that all tenants share.
pub(crate) fn bases(global: &Global) -> anyhow::Result<Bases> {
    let text = global.providers.as_deref().unwrap_or_default();
    Ok(Bases::parse(text).map_err(|error| Trouble::usage(format!("--providers: {error}")))?)
}

/// Where the store is: the flag, or `tenantry/tenantry.db` in the user's data directory.
pub(crate) fn store_url(global: &Global) -> anyhow::Result<StoreUrl> {
    let text = match &global.store {
        Some(text) => text.clone(),
        None => format!("sqlite:{}", default_file()?.display()),
    };
    Ok(StoreUrl::parse(&text)?)
}

fn default_file() -> anyhow::Result<PathBuf> {
    let directories = etcetera::choose_base_strategy().map_err(|_| {
        Trouble::usage("there is no home directory, so no place for a store is known")
            .help("name one: --store sqlite:PATH")
    })?;
    Ok(directories.data_dir().join("tenantry").join("tenantry.db"))
}

/// The master key, or where it is.
pub(crate) fn open_options(global: &Global) -> anyhow::Result<OpenOptions> {
    let master_key = master_key("TENANTRY_MASTER_KEY")?;
    Ok(OpenOptions { master_key, master_key_file: global.master_key_file.clone(), ..OpenOptions::default() })
}

/// The master key that a variable holds.
pub(crate) fn master_key(variable: &str) -> anyhow::Result<Option<SecretText>> {
    match std::env::var(variable) {
        Ok(text) if !text.is_empty() => Ok(Some(SecretText::new(text))),
        Ok(_) | Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Trouble::usage(format!("{variable} is no text")).help("it is 64 hexadecimal digits").into())
        }
    }
}

/// The longest name of an actor, in characters.
const LONGEST_ACTOR: usize = 64;

/// What the log calls whoever runs the program: the system's user, as far as the environment knows.
pub(crate) fn actor() -> String {
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let user = user.or_else(user_number).unwrap_or_default();
    let visible: String = user.chars().filter(|c| !c.is_control() && !c.is_whitespace()).take(LONGEST_ACTOR).collect();
    format!("cli:{}", if visible.is_empty() { "unknown" } else { &visible })
}

/// The user's number, where the environment has no name: that of whoever owns this process.
#[cfg(target_os = "linux")]
fn user_number() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    Some(format!("uid-{}", std::fs::metadata("/proc/self").ok()?.uid()))
}

#[cfg(not(target_os = "linux"))]
fn user_number() -> Option<String> {
    None
}
