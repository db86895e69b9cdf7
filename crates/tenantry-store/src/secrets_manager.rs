//! Secrets in AWS Secrets Manager: a flat JSON object for each scope, in `<environment>/tenant/<tenant_id>`.
//!
//! There is no conditional put, so a change has two steps: the new version is put under a label that no reader looks at
//! ([`PENDING`]), and then the label `AWSCURRENT` is moved to it from the version that was read, which fails if somebody
//! moved it meanwhile.
//!
//! Source of the behaviour: AWS Secrets Manager API Reference, `PutSecretValue`, `UpdateSecretVersionStage`,
//! `CreateSecret`, `DeleteSecret`, `RestoreSecret`.

mod content;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::types::Tag;
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use zeroize::Zeroizing;

use self::content::Content;
use crate::aws::failure::{Service, failed};
use crate::aws::names::Names;
use crate::aws::sessions::Sessions;
use crate::dynamodb::Alien;
use crate::error::StoreError;
use crate::limits;
use crate::policy::tag_of;
use crate::random;
use crate::records::{SecretVersion, SecretWrite, StoredSecret};

/// The label of the version that readers get.
pub(crate) const CURRENT: &str = "AWSCURRENT";
/// The label of a version that is not in force yet.
const PENDING: &str = "TENANTRY_PENDING";
/// How long a deleted secret can be restored by its owner, in days: the shortest time that there is.
const RECOVERY_DAYS: i64 = 7;
/// How often a secret that others change at the same time is changed anew.
const MOST_TRIES: usize = 8;
/// A secret of no fields.
const EMPTY: &str = "{}";

/// The secret store on Secrets Manager.
pub(crate) struct SecretsManager {
    names: Names,
    client: Client,
    sessions: Arc<Sessions>,
}

/// A change of a secret that was decided, and not written yet.
pub(crate) struct Draft {
    scope: Scope,
    fields: BTreeMap<String, Option<SecretText>>,
    found: Found,
    content: Content,
    /// The version that it makes.
    pub(crate) version: SecretVersion,
}

/// A change whose new version is there, and not in force yet.
pub(crate) struct Staged {
    draft: Draft,
    /// The version in force.
    current: SecretVersion,
}

/// What stands in the place of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// Deleted, within its recovery window.
    Deleted,
    Version(SecretVersion),
}

/// What happened to a call that may find something else than it was made for.
enum Turn {
    Done,
    /// It is not as it was.
    Moved,
}

impl SecretsManager {
    pub(crate) fn new(names: Names, client: Client, sessions: Arc<Sessions>) -> Self {
        Self { names, client, sessions }
    }

    /// Reads a scope's secret under its own session.
    pub(crate) async fn read(&self, scope: &Scope) -> Result<Option<StoredSecret>, StoreError> {
        let client = self.sessions.secrets_manager(scope).await?;
        let read = self.content(&client, scope, None).await?;
        Ok(match read {
            (Found::Version(version), content) => Some(content.into_stored(version)),
            (Found::Nothing | Found::Deleted, _) => None,
        })
    }

    /// What is in a version of a scope's secret, the one in force if none is named; empty if there is none.
    async fn content(
        &self,
        client: &Client,
        scope: &Scope,
        version: Option<&SecretVersion>,
    ) -> Result<(Found, Content), StoreError> {
        let name = self.names.secret(scope);
        let get = client.get_secret_value().secret_id(&name);
        let get = match version {
            Some(version) => get.version_id(&version.0),
            None => get.version_stage(CURRENT),
        };
        let answer = match get.send().await {
            Ok(answer) => answer,
            Err(error) => return absent(&error).map(|found| (found, Content::default())),
        };
        // A name is also a beginning of an ARN, and an ARN of a name: what was answered is compared with what was asked.
        if answer.name() != Some(name.as_str()) {
            return Err(Alien::denied(scope, "a secret of another name"));
        }
        let unreadable = |expected: &str| {
            StoreError::corrupt(format!(
                "the secret {name} holds something else, expected {expected}: write it as {{\"odoo_url\": \"…\"}}"
            ))
        };
        let text = answer.secret_string().ok_or_else(|| unreadable("a text"))?;
        let content = Content::read(text).ok_or_else(|| unreadable("one flat JSON object"))?;
        let version = answer.version_id().ok_or_else(|| unreadable("a version"))?;
        Ok((Found::Version(SecretVersion(version.to_owned())), content))
    }

    /// The version in force, whatever is in it.
    async fn current(&self, name: &str) -> Result<Option<SecretVersion>, StoreError> {
        match self.client.get_secret_value().secret_id(name).version_stage(CURRENT).send().await {
            Ok(answer) => Ok(answer.version_id.map(SecretVersion)),
            Err(error) => absent(&error).map(|_| None),
        }
    }

    /// Decides on a change: nothing is written yet.
    /// `named` is the version that the scope's head names: where it names none, a secret without fields is what a change that
    /// was not made left behind, and counts as none.
    pub(crate) async fn decide(
        &self,
        scope: &Scope,
        write: &SecretWrite,
        named: Option<&SecretVersion>,
    ) -> Result<Draft, StoreError> {
        limits::check_secret_write(write)?;
        let (found, content) = self.content(&self.client, scope, None).await?;
        let is_left = named.is_none() && write.expected.is_none() && *content.to_json()? == EMPTY;
        let version = match &found {
            Found::Version(version) if !is_left => Some(version.clone()),
            Found::Version(_) | Found::Nothing | Found::Deleted => None,
        };
        if version != write.expected {
            return Err(StoreError::SecretConflict);
        }
        Draft::of(scope, write.fields.clone(), found, content)
    }

    /// Writes the new version under a label that no reader looks at.
    pub(crate) async fn stage(&self, draft: Draft) -> Result<Staged, StoreError> {
        let name = self.names.secret(&draft.scope);
        let current = match &draft.found {
            Found::Version(version) => version.clone(),
            Found::Nothing => self.create(&draft.scope, &name).await?,
            Found::Deleted => self.restore(&draft.scope, &name).await?,
        };
        self.put_pending(&name, &draft.version, &draft.content).await?;
        Ok(Staged { draft, current })
    }

    /// Puts a version under the label that no reader looks at.
    async fn put_pending(&self, name: &str, version: &SecretVersion, content: &Content) -> Result<(), StoreError> {
        let json = content.to_json()?;
        let put = self.client.put_secret_value().secret_id(name).secret_string(json.as_str());
        let answer = put.client_request_token(&version.0).version_stages(PENDING).send().await;
        answer.map(drop).map_err(|error| failed(Service::SecretsManager, &error))
    }

    /// Puts an empty version in force, from whichever is.
    async fn empty(&self, scope: &Scope) -> Result<SecretVersion, StoreError> {
        let (name, version) = (self.names.secret(scope), SecretVersion(random::name()));
        self.put_pending(&name, &version, &Content::default()).await?;
        self.finish(scope, &version).await?;
        Ok(version)
    }

    /// Makes an empty secret; its first version is in force at once, so it must not be the one to be staged.
    async fn create(&self, scope: &Scope, name: &str) -> Result<SecretVersion, StoreError> {
        let version = random::name();
        let create = self
            .client
            .create_secret()
            .name(name)
            .description("Kept by Tenantry: a flat JSON object of this scope's connections")
            .secret_string(EMPTY)
            .client_request_token(&version)
            .set_tags(Some(self.tags(scope)));
        match create.send().await {
            Ok(_) => Ok(SecretVersion(version)),
            Err(error) if error.code() == Some("ResourceExistsException") => self.begin(name).await,
            Err(error) => Err(failed(Service::SecretsManager, &error)),
        }
    }

    /// Puts a first, empty version into a secret that has none: another program made it so. Whoever finds a version there
    /// was slower than somebody else.
    async fn begin(&self, name: &str) -> Result<SecretVersion, StoreError> {
        if self.current(name).await?.is_some() {
            return Err(StoreError::SecretConflict);
        }
        let version = random::name();
        let put = self.client.put_secret_value().secret_id(name).secret_string(EMPTY).client_request_token(&version);
        put.send().await.map_err(|error| failed(Service::SecretsManager, &error))?;
        Ok(SecretVersion(version))
    }

    /// The tags by which policies tell whose secret it is.
    fn tags(&self, scope: &Scope) -> Vec<Tag> {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        vec![
            tag("tenant_id", tag_of(scope)),
            tag("environment", self.names.environment.as_str()),
            tag("managed-by", "tenantry"),
        ]
    }

    /// Takes a deleted secret back; what is in force then is the empty version that deleting put there.
    async fn restore(&self, scope: &Scope, name: &str) -> Result<SecretVersion, StoreError> {
        let answer = self.client.restore_secret().secret_id(name).send().await;
        answer.map_err(|error| failed(Service::SecretsManager, &error))?;
        let (found, content) = self.content(&self.client, scope, None).await?;
        let Found::Version(version) = found else {
            return Err(StoreError::Unavailable("Secrets Manager has not restored the secret yet".into()));
        };
        if *content.to_json()? == EMPTY {
            return Ok(version);
        }
        // Somebody else deleted it, with its fields: they were another life's.
        self.empty(scope).await
    }

    /// Puts a staged version in force, if nothing else came in force meanwhile; otherwise it says so, and changes nothing.
    pub(crate) async fn publish(&self, staged: &Staged) -> Result<(), StoreError> {
        let name = self.names.secret(&staged.draft.scope);
        match self.move_label(&name, CURRENT, Some(&staged.draft.version), Some(&staged.current)).await? {
            Turn::Done => Ok(()),
            Turn::Moved => Err(StoreError::SecretConflict),
        }
    }

    /// Puts a staged version in force although it must not fail any more, because the parameters that belong to it are
    /// made: where somebody changed the secret by hand meanwhile, the same fields are changed in what is there now.
    /// Answers the version that is in force then.
    pub(crate) async fn publish_over(&self, mut staged: Staged) -> Result<SecretVersion, StoreError> {
        for _ in 0..MOST_TRIES {
            match self.publish(&staged).await {
                Ok(()) => return Ok(staged.draft.version),
                Err(StoreError::SecretConflict) => {
                    let (found, content) = self.content(&self.client, &staged.draft.scope, None).await?;
                    let (scope, fields) = (&staged.draft.scope, staged.draft.fields);
                    staged = self.stage(Draft::of(scope, fields, found, content)?).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(restless())
    }

    /// Finishes a change that was interrupted: puts the version in force, from whichever is.
    pub(crate) async fn finish(&self, scope: &Scope, version: &SecretVersion) -> Result<(), StoreError> {
        let name = self.names.secret(scope);
        for _ in 0..MOST_TRIES {
            let Some(current) = self.current(&name).await? else {
                return Err(StoreError::corrupt(format!("the secret {name}, whose change was made, is gone")));
            };
            if current == *version {
                return Ok(());
            }
            match self.move_label(&name, CURRENT, Some(version), Some(&current)).await? {
                Turn::Done => return Ok(()),
                Turn::Moved => {}
            }
        }
        Err(restless())
    }

    /// Puts these fields in force in place of all that is there.
    pub(crate) async fn replace(
        &self,
        scope: &Scope,
        fields: BTreeMap<String, SecretText>,
    ) -> Result<SecretVersion, StoreError> {
        let name = self.names.secret(scope);
        let found = match self.current(&name).await? {
            Some(version) => Found::Version(version),
            None => self.content(&self.client, scope, None).await?.0,
        };
        let fields = fields.into_iter().map(|(name, text)| (name, Some(text))).collect();
        let staged = self.stage(Draft::of(scope, fields, found, Content::default())?).await?;
        self.publish(&staged).await?;
        Ok(staged.draft.version)
    }

    /// Finishes a change that was interrupted. Where somebody else changed the secret since, both changes are kept; the
    /// version that is in force then is answered.
    pub(crate) async fn finish_over(
        &self,
        scope: &Scope,
        version: &SecretVersion,
        base: Option<&SecretVersion>,
    ) -> Result<SecretVersion, StoreError> {
        let (found, content) = self.content(&self.client, scope, None).await?;
        let Found::Version(current) = &found else {
            return Err(StoreError::corrupt(format!("the secret of {scope}, whose change was made, is gone")));
        };
        let is_untouched = Some(current) == base || (base.is_none() && *content.to_json()? == EMPTY);
        if current == version || is_untouched {
            self.finish(scope, version).await?;
            return Ok(version.clone());
        }
        let before = match base {
            Some(base) => self.content(&self.client, scope, Some(base)).await?.1,
            None => Content::default(),
        };
        let (_, staged) = self.content(&self.client, scope, Some(version)).await?;
        let draft = Draft::of(scope, staged.changes_since(&before), found, content)?;
        self.publish_over(self.stage(draft).await?).await
    }

    /// Gives up what was staged: a secret that was made for it alone is deleted.
    pub(crate) async fn discard(&self, staged: &Staged) -> Result<(), StoreError> {
        match staged.draft.found {
            Found::Version(_) => self.unstage(&staged.draft.scope, &staged.draft.version).await,
            Found::Nothing | Found::Deleted => self.delete(&staged.draft.scope).await,
        }
    }

    /// Undoes a change that was staged and is not to be made. The version stays without a label; the service removes it.
    pub(crate) async fn unstage(&self, scope: &Scope, version: &SecretVersion) -> Result<(), StoreError> {
        let name = self.names.secret(scope);
        self.move_label(&name, PENDING, None, Some(version)).await.map(drop)
    }

    /// Moves a label. What an error means is told by what is in force then, and not by its code: which one the service
    /// answers where a label is not where it was expected is not documented.
    async fn move_label(
        &self,
        name: &str,
        label: &str,
        to: Option<&SecretVersion>,
        from: Option<&SecretVersion>,
    ) -> Result<Turn, StoreError> {
        let text = |version: &SecretVersion| version.0.clone();
        let update = self.client.update_secret_version_stage().secret_id(name).version_stage(label);
        let update = update.set_move_to_version_id(to.map(text)).set_remove_from_version_id(from.map(text));
        let Err(error) = update.send().await else { return Ok(Turn::Done) };
        let error = failed(Service::SecretsManager, &error);
        if label != CURRENT {
            // Somebody else's version has it, or none has: either way it is not on this one any more.
            return if matches!(error, StoreError::Denied(_)) || error.is_transient() {
                Err(error)
            } else {
                Ok(Turn::Done)
            };
        }
        match self.current(name).await? {
            found if found.as_ref() == to => Ok(Turn::Done),
            found if found.as_ref() == from => Err(error),
            _ => Ok(Turn::Moved),
        }
    }

    /// The version of a scope's secret that is in force: what [`Self::delete`] is to find.
    pub(crate) async fn in_force(&self, scope: &Scope) -> Result<Option<SecretVersion>, StoreError> {
        self.current(&self.names.secret(scope)).await
    }

    /// Deletes a scope's secret with its recovery window, whatever is in it.
    pub(crate) async fn delete(&self, scope: &Scope) -> Result<(), StoreError> {
        for _ in 0..MOST_TRIES {
            let Some(found) = self.in_force(scope).await? else { return Ok(()) };
            if self.delete_at(scope, &found).await? {
                return Ok(());
            }
        }
        Err(restless())
    }

    /// Deletes a scope's secret of which this version is in force; false if another one is. An empty version takes the place
    /// of the last one before, so that a secret of the same name never begins with the fields of this one.
    ///
    /// The deletion itself cannot be bound to a version: who must not delete a newer one looks afterwards, and calls
    /// [`Self::take_back`].
    pub(crate) async fn delete_at(&self, scope: &Scope, found: &SecretVersion) -> Result<bool, StoreError> {
        let (name, empty) = (self.names.secret(scope), SecretVersion(random::name()));
        self.put_pending(&name, &empty, &Content::default()).await?;
        match self.move_label(&name, CURRENT, Some(&empty), Some(found)).await? {
            Turn::Done => {}
            Turn::Moved => {
                self.unstage(scope, &empty).await?;
                return Ok(false);
            }
        }
        let delete = self.client.delete_secret().secret_id(&name).recovery_window_in_days(RECOVERY_DAYS);
        match delete.send().await {
            Ok(_) => Ok(true),
            Err(error) => absent(&error).map(|_| true),
        }
    }

    /// Takes a deleted secret back as it was; one that is there stays as it is.
    pub(crate) async fn take_back(&self, scope: &Scope) -> Result<(), StoreError> {
        let answer = self.client.restore_secret().secret_id(self.names.secret(scope)).send().await;
        answer.map(drop).map_err(|error| failed(Service::SecretsManager, &error))
    }

    /// The name of the secret with the master key.
    pub(crate) fn keys_name(&self) -> String {
        self.names.keys()
    }

    /// Reads the master key, if there is one.
    ///
    /// It belongs to one pair of tables: the secrets of an environment are one store's.
    pub(crate) async fn master_key(&self) -> Result<Option<SecretText>, StoreError> {
        let name = self.names.keys();
        let answer = match self.client.get_secret_value().secret_id(&name).version_stage(CURRENT).send().await {
            Ok(answer) => answer,
            Err(error) => return absent(&error).map(|_| None),
        };
        let malformed = || {
            StoreError::corrupt(format!("the secret {name}: expected {{\"master_key\": \"64 hexadecimal digits\"}}"))
        };
        if answer.name() != Some(name.as_str()) {
            return Err(Alien::denied(&Scope::Global, "a secret of another name"));
        }
        let content = answer.secret_string().and_then(Content::read).ok_or_else(malformed)?;
        let stored = content.into_stored(SecretVersion(String::new()));
        if let Some(tables) = stored.fields.get("tables").filter(|tables| tables.expose() != self.names.configuration) {
            return Err(StoreError::CannotOpen(format!(
                "found the secrets of {} in use by the store in the table {}, expected {}: name that table_prefix, or another \
                 environment",
                self.names.environment,
                tables.expose(),
                self.names.configuration
            )));
        }
        stored.fields.get("master_key").cloned().map(Some).ok_or_else(malformed)
    }

    /// Keeps a new master key, unless there is one; tells whether it did.
    pub(crate) async fn create_master_key(&self, key: SecretText) -> Result<bool, StoreError> {
        let mut content = Content::default();
        let tables = SecretText::new(self.names.configuration.clone());
        content.change(&BTreeMap::from([("master_key".to_owned(), Some(key)), ("tables".to_owned(), Some(tables))]));
        let json: Zeroizing<String> = content.to_json()?;
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let create = self
            .client
            .create_secret()
            .name(self.names.keys())
            .description("Kept by Tenantry: the master key of fingerprints and API tokens")
            .secret_string(json.as_str())
            .tags(tag("environment", self.names.environment.as_str()))
            .tags(tag("managed-by", "tenantry"));
        match create.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ResourceExistsException") => Ok(false),
            Err(error) => Err(failed(Service::SecretsManager, &error)),
        }
    }
}

impl Staged {
    /// The version that is staged.
    pub(crate) fn version(&self) -> &SecretVersion {
        &self.draft.version
    }
}

impl Draft {
    /// The version that it was decided on.
    pub(crate) fn base(&self) -> Option<&SecretVersion> {
        match &self.found {
            Found::Version(version) => Some(version),
            Found::Nothing | Found::Deleted => None,
        }
    }

    fn of(
        scope: &Scope,
        fields: BTreeMap<String, Option<SecretText>>,
        found: Found,
        mut content: Content,
    ) -> Result<Self, StoreError> {
        content.change(&fields);
        content.to_json()?;
        Ok(Self { scope: scope.clone(), fields, found, content, version: SecretVersion(random::name()) })
    }
}

/// Whether a message says that the secret itself is marked for deletion; of its key, another one says so.
fn is_of_deletion(told: &str) -> bool {
    ["marked for deletion", "marked deleted", "because it was deleted"].iter().any(|words| told.contains(words))
}

fn restless() -> StoreError {
    StoreError::Unavailable("somebody else changes the same secret all the time".into())
}

/// What an error says of a secret that is not there; any other error is one.
fn absent<E, R>(error: &SdkError<E, R>) -> Result<Found, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
    SdkError<E, R>: aws_sdk_secretsmanager::operation::RequestId,
{
    match error.code() {
        Some("ResourceNotFoundException") => Ok(Found::Nothing),
        // The service says this of other troubles as well, such as a key that is disabled: they must not pass for absence,
        // or the tenant would get the operator's connections in place of its own.
        Some("InvalidRequestException") if error.message().is_some_and(is_of_deletion) => Ok(Found::Deleted),
        _ => Err(failed(Service::SecretsManager, error)),
    }
}
