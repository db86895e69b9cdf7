//! One tenant's configuration: typed settings, and where every value of them came from.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenantry_core::assemble::Oddity;
use tenantry_core::catalog::Catalog;
use tenantry_core::key::Key;
use tenantry_core::layer::{Entry, Revision, Tier};
use tenantry_core::resolve::{Explanation, Resolved, resolve};
use tenantry_core::scope::TenantId;
use tenantry_core::secret::SecretText;
use tenantry_core::settings::{self, Built, LeftOut, SettingsError, WhyLeftOut};
use tenantry_store::SecretVersion;

use crate::Settings;
use crate::cache::{Freshness, Times};
use crate::clock::Moment;
use crate::error::Stale;
use crate::hot::OfTenant;
use crate::reading::{Reading, Reasons};

/// One tenant's configuration, for a whole request: it never changes, whatever is stored meanwhile.
///
/// It reads like the settings themselves. Cloning copies pointers.
pub struct TenantConfig<S> {
    config: Arc<Config<S>>,
    stale: Option<Arc<Stale>>,
}

/// What stands behind a [`TenantConfig`]. What every load looks at comes first, right behind the reference counts.
#[repr(C)]
pub(crate) struct Config<S> {
    /// Until when it is served without a thought.
    pub(crate) due: Moment,
    /// The generation of the global layer that it was built with.
    pub(crate) generation: u64,
    id: InlineId,
    /// Until when it is served while nothing newer can be had.
    pub(crate) usable_until: Moment,
    tenant: TenantId,
    pub(crate) reading: Reading,
    settings: S,
    resolved: Resolved,
    revisions: RevisionVector,
    unavailable: Vec<LeftOut>,
}

/// A tenant's id where it stands: comparing it follows no pointer.
struct InlineId {
    length: u8,
    bytes: [u8; Self::LONGEST],
}

impl InlineId {
    /// What [`TenantId::parse`] lets through, in bytes.
    const LONGEST: usize = 63;

    fn new(tenant: &TenantId) -> Self {
        let id = tenant.as_str().as_bytes();
        let mut bytes = [0; Self::LONGEST];
        bytes[..id.len()].copy_from_slice(id);
        Self { length: u8::try_from(id.len()).expect("an id has at most 63 bytes"), bytes }
    }

    #[inline]
    fn is(&self, tenant: &TenantId) -> bool {
        self.bytes[..usize::from(self.length)] == *tenant.as_str().as_bytes()
    }
}

/// The global layer at one moment, as configurations are built with it.
#[derive(Clone, Debug)]
pub(crate) struct GlobalView {
    pub(crate) reading: Arc<Reading>,
    pub(crate) generation: u64,
}

impl GlobalView {
    /// A view that is out of date already: what is built with it serves those who wait, and nobody after them.
    pub(crate) fn passing(reading: Reading) -> Self {
        Self { reading: Arc::new(reading), generation: u64::MAX }
    }
}

impl<S: Settings> Config<S> {
    /// Builds a tenant's configuration, or says what of it does not fit the settings.
    ///
    /// Secrets that are too old are left out; what needs them is named in [`TenantConfig::unavailable`].
    pub(crate) fn build(
        tenant: &TenantId,
        reading: Reading,
        global: &GlobalView,
        catalog: &Catalog,
        freshness: &Freshness,
        now: Moment,
    ) -> Result<Self, Reasons> {
        let within_bound = |reading: Reading| {
            if freshness.are_texts_usable(reading.times, now) { reading } else { reading.without_texts() }
        };
        let reading = within_bound(reading);
        let below = within_bound(Reading::clone(&global.reading));
        let layers = vec![Arc::clone(catalog.defaults()), Arc::clone(&below.layer), Arc::clone(&reading.layer)];
        let resolved = resolve(layers, catalog.connections());
        let text = |key: &Key, tier: Tier| text_of(key, tier, &below, &reading);
        let Built { settings, mut left_out } = settings::build(&resolved, text).map_err(|error| misfit(&error))?;
        left_out.extend(lone_secrets(&resolved, text));
        let revisions = RevisionVector {
            global: below.layer.revision(),
            tenant: reading.layer.revision(),
            global_secret: below.secret_version.clone(),
            tenant_secret: reading.secret_version.clone(),
        };
        Ok(Self {
            due: freshness.due(reading.times),
            generation: global.generation,
            usable_until: freshness.usable_until(reading.times).earlier(freshness.usable_until(below.times)),
            id: InlineId::new(tenant),
            tenant: tenant.clone(),
            reading,
            settings,
            resolved,
            revisions,
            unavailable: left_out,
        })
    }
}

impl<S> Config<S> {
    pub(crate) fn times(&self) -> Times {
        self.reading.times
    }
}

impl<S> OfTenant for Config<S> {
    fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    #[inline]
    fn is_of(&self, tenant: &TenantId) -> bool {
        self.id.is(tenant)
    }
}

fn text_of<'a>(key: &Key, tier: Tier, global: &'a Reading, tenant: &'a Reading) -> Option<&'a SecretText> {
    match tier {
        Tier::Default => None,
        Tier::Global => global.text(key),
        Tier::Tenant => tenant.text(key),
    }
}

/// Secrets outside of any connection whose text cannot be had.
fn lone_secrets<'a>(
    resolved: &'a Resolved,
    text: impl Fn(&Key, Tier) -> Option<&'a SecretText>,
) -> impl Iterator<Item = LeftOut> {
    resolved.iter().filter_map(move |leaf| {
        let is_missing = matches!(leaf.entry, Entry::Secret(_)) && text(leaf.key, leaf.origin.tier).is_none();
        (is_missing && resolved.connections().of(leaf.key).is_none())
            .then(|| LeftOut { section: leaf.key.clone(), why: WhyLeftOut::SecretUnavailable(leaf.key.clone()) })
    })
}

/// Names the place alone: the error's own words quote what is stored there.
fn misfit(error: &SettingsError) -> Reasons {
    let place = error.key().unwrap_or("the settings").to_owned();
    [Oddity { place, reason: "is not what the application's settings take".to_owned() }].into()
}

impl<S> TenantConfig<S> {
    #[inline]
    pub(crate) fn fresh(config: Arc<Config<S>>) -> Self {
        Self { config, stale: None }
    }

    pub(crate) fn labelled(config: Arc<Config<S>>, stale: Option<Stale>) -> Self {
        Self { config, stale: stale.map(Arc::new) }
    }

    /// When reading the tenant's parameters began.
    pub(crate) fn read_at(&self) -> Moment {
        self.config.times().parameters
    }

    /// The tenant whose configuration it is.
    pub fn tenant(&self) -> &TenantId {
        &self.config.tenant
    }

    /// The company's name.
    pub fn display_name(&self) -> &str {
        &self.config.reading.display_name
    }

    /// Tells this tenant from an earlier one of the same name that was deleted; empty if no managed write made it.
    pub fn incarnation(&self) -> &str {
        &self.config.reading.incarnation
    }

    /// The typed settings.
    pub fn settings(&self) -> &S {
        &self.config.settings
    }

    /// Every value with its origin; secrets as marks.
    pub fn resolved(&self) -> &Resolved {
        &self.config.resolved
    }

    /// Tells of every value at and below a key which tier it came from, and which values it hides.
    pub fn explain(&self, key: &Key) -> Vec<Explanation<'_>> {
        self.config.resolved.explain(key)
    }

    /// The revisions from which it was built.
    pub fn revisions(&self) -> &RevisionVector {
        &self.config.revisions
    }

    /// How old it is and why, if it is older than it should be.
    pub fn stale(&self) -> Option<&Stale> {
        self.stale.as_deref()
    }

    /// What is stored for the tenant but is no part of the configuration.
    pub fn oddities(&self) -> &[Oddity] {
        &self.config.reading.oddities
    }

    /// The connections, and secrets outside of any, that some tier sets but that cannot be used now. In the settings they
    /// are absent.
    pub fn unavailable(&self) -> &[LeftOut] {
        &self.config.unavailable
    }
}

impl<S> Deref for TenantConfig<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.config.settings
    }
}

impl<S> Clone for TenantConfig<S> {
    fn clone(&self) -> Self {
        Self { config: Arc::clone(&self.config), stale: self.stale.clone() }
    }
}

/// Names the configuration; its values would be too many to read, and the settings' own Debug may show more than it should.
impl<S> fmt::Debug for TenantConfig<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantConfig")
            .field("tenant", self.tenant())
            .field("revisions", self.revisions())
            .field("stale", &self.stale)
            .finish_non_exhaustive()
    }
}

/// What a configuration was built from: two that are equal were built from the same saved states.
///
/// `Display` gives one word, for logs and entity tags: `g12.t7.gs-.ts3f2a` (revision of the global scope and of the
/// tenant's, version of the global secret and of the tenant's).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevisionVector {
    /// The revision of the global scope; 0 if nothing was ever saved there.
    pub global: Revision,
    /// The revision of the tenant's scope.
    pub tenant: Revision,
    /// The version of the global secret.
    pub global_secret: Option<SecretVersion>,
    /// The version of the tenant's secret.
    pub tenant_secret: Option<SecretVersion>,
}

impl fmt::Display for RevisionVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = |secret: &Option<SecretVersion>| secret.as_ref().map_or("-".to_owned(), ToString::to_string);
        let (global_secret, tenant_secret) = (version(&self.global_secret), version(&self.tenant_secret));
        write!(f, "g{}.t{}.gs{global_secret}.ts{tenant_secret}", self.global, self.tenant)
    }
}
