//! Makes commits of both services: decided, noted, staged, made, put in force.

use jiff::{SignedDuration, Timestamp};
use tenantry_core::scope::Scope;
use tracing::warn;

use super::AwsStore;
use super::pause::pause;
use crate::batch::BatchError;
use crate::decide;
use crate::dynamodb::{Intent, Plan, Unmade};
use crate::error::StoreError;
use crate::records::{Commit, Committed, SecretVersion, SecretWrite};
use crate::secrets_manager::{Draft, Staged};

/// How often commits that meet others are decided anew.
const MOST_TRIES: u32 = 24;
/// An intent older than this was interrupted: the longest call of its writer is over.
const INTERRUPTED: SignedDuration = SignedDuration::from_secs(30);

/// Makes the next revisions of several scopes, or changes nothing at all.
pub(super) async fn commit_all(store: &AwsStore, commits: Vec<Commit>) -> Result<Vec<Committed>, BatchError> {
    if commits.is_empty() {
        return Ok(Vec::new());
    }
    decide::check_scopes(&commits)?;
    let mut with_log = false;
    for turn in 0..MOST_TRIES {
        let plan = store.dynamodb.plan(commits.clone(), with_log).await?;
        match make(store, &plan).await? {
            Made::Committed(committed) => return Ok(committed),
            Made::Moved => {}
            Made::Behind => with_log = true,
        }
        pause(turn).await;
    }
    Err(StoreError::Unavailable("others write to the same scopes all the time".into()).into())
}

/// How many writes a commit takes at the most: its items and bindings, head, log entry, a place in the registry, an intent,
/// and a revocation with its number.
pub(super) fn most_writes(commit: &Commit) -> usize {
    commit.items.len() + commit.claims.len() + 6
}

/// What came of making a plan.
enum Made {
    Committed(Vec<Committed>),
    /// Somebody else wrote meanwhile.
    Moved,
    /// The log has the revision already.
    Behind,
}

/// Makes a plan, its secrets included.
async fn make(store: &AwsStore, plan: &Plan) -> Result<Made, BatchError> {
    let mut drafts = Vec::new();
    for (commit, version) in plan.secret_versions() {
        drafts.push(match &commit.secret {
            Some(write) => Some(
                store
                    .secrets
                    .decide(&commit.scope, write, version.as_ref())
                    .await
                    .map_err(BatchError::of(&commit.scope))?,
            ),
            None => None,
        });
    }
    if drafts.iter().all(Option::is_none) {
        let nothing = vec![None; drafts.len()];
        return answer(store.dynamodb.make(plan, &nothing).await);
    }
    let Some(mut begun) = begin(store, plan, &drafts).await? else { return Ok(Made::Moved) };
    let versions = versions(&drafts);
    let staged = begun.stage(store, drafts).await;
    let made = match staged {
        Ok(()) => store.dynamodb.make(plan, &versions).await,
        Err(error) => Err(Unmade::Refused(error.into())),
    };
    match made {
        Ok(committed) => begun.finish(store).await.map(|()| Made::Committed(committed)).map_err(BatchError::from),
        // Whether it was made is open: the intents stay, and whoever settles them sees it.
        Err(Unmade::Unknown(error)) => Err(error.into()),
        unmade => {
            begun.undo(store).await;
            answer(unmade)
        }
    }
}

fn answer(made: Result<Vec<Committed>, Unmade>) -> Result<Made, BatchError> {
    match made {
        Ok(committed) => Ok(Made::Committed(committed)),
        Err(Unmade::Moved) => Ok(Made::Moved),
        Err(Unmade::Behind) => Ok(Made::Behind),
        Err(Unmade::Refused(refused)) => Err(refused),
        Err(Unmade::Unknown(error)) => Err(error.into()),
    }
}

fn versions(drafts: &[Option<Draft>]) -> Vec<Option<SecretVersion>> {
    drafts.iter().map(|draft| draft.as_ref().map(|draft| draft.version.clone())).collect()
}

/// Changes of secrets that are noted, and perhaps staged.
struct Begun {
    intents: Vec<Intent>,
    staged: Vec<Staged>,
}

/// Notes the intents of a plan; none if another change of one of the secrets is under way.
async fn begin(store: &AwsStore, plan: &Plan, drafts: &[Option<Draft>]) -> Result<Option<Begun>, StoreError> {
    let mut begun = Begun { intents: Vec::new(), staged: Vec::new() };
    for ((commit, _), draft) in plan.revisions().zip(drafts) {
        let Some(draft) = draft else { continue };
        let intent = Intent {
            scope: commit.scope.clone(),
            version: draft.version.clone(),
            base: draft.base().cloned(),
            at: Timestamp::now(),
            actor: commit.entry.actor.clone(),
        };
        match store.dynamodb.begin_intent(&intent).await {
            Ok(true) => begun.intents.push(intent),
            Ok(false) => {
                begun.undo(store).await;
                settle(store, &commit.scope).await?;
                return Ok(None);
            }
            Err(error) => {
                begun.undo(store).await;
                return Err(error);
            }
        }
    }
    Ok(Some(begun))
}

impl Begun {
    async fn stage(&mut self, store: &AwsStore, drafts: Vec<Option<Draft>>) -> Result<(), StoreError> {
        for draft in drafts.into_iter().flatten() {
            self.staged.push(store.secrets.stage(draft).await?);
        }
        Ok(())
    }

    /// Puts in force what is made.
    async fn finish(self, store: &AwsStore) -> Result<(), StoreError> {
        for (staged, intent) in self.staged.into_iter().zip(self.intents) {
            let version = store.secrets.publish_over(staged).await?;
            if version != intent.version {
                store.dynamodb.note_secret(&intent.scope, &version).await?;
            }
            // If this fails, whoever settles the intent finds that nothing is left to do.
            if let Err(error) = store.dynamodb.end_intent(&intent).await {
                warn!(scope = %intent.scope, %error, "an intent stays although its change is made");
            }
        }
        Ok(())
    }

    /// Undoes what is not made. What cannot be undone now is undone by the next writer.
    async fn undo(&mut self, store: &AwsStore) {
        for staged in self.staged.drain(..) {
            if let Err(error) = store.secrets.discard(&staged).await {
                warn!(%error, "a secret that was not changed could not be tidied up");
            }
        }
        for intent in self.intents.drain(..) {
            if let Err(error) = undo(store, &intent).await {
                warn!(scope = %intent.scope, %error, "a change that was not made could not be tidied up");
            }
        }
    }
}

async fn undo(store: &AwsStore, intent: &Intent) -> Result<(), StoreError> {
    store.secrets.unstage(&intent.scope, &intent.version).await?;
    store.dynamodb.end_intent(intent).await
}

/// What became of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// It is not old enough to be taken for interrupted.
    UnderWay,
    /// Its change was made; the secret is in force now.
    Finished,
    /// Its change was not made, and never will be.
    Undone,
}

/// Finishes or undoes an interrupted change of a scope's secret, if there is one.
async fn settle(store: &AwsStore, scope: &Scope) -> Result<(), StoreError> {
    match store.dynamodb.intent(scope).await? {
        Some(intent) => settle_intent(store, &intent, Timestamp::now()).await.map(drop),
        None => Ok(()),
    }
}

/// Finishes or undoes what an intent tells of. The head tells which: it names the version if the change was made.
pub(super) async fn settle_intent(store: &AwsStore, intent: &Intent, now: Timestamp) -> Result<Settled, StoreError> {
    if now.duration_since(intent.at) < INTERRUPTED {
        return Ok(Settled::UnderWay);
    }
    let made = store.dynamodb.secret_version(&intent.scope).await?.as_ref() == Some(&intent.version);
    if !made {
        // First the intent: without it, the transaction of a writer that only slept cannot be made any more.
        store.dynamodb.end_intent(intent).await?;
        // It may have been made just before. From here on it cannot.
        if store.dynamodb.secret_version(&intent.scope).await?.as_ref() == Some(&intent.version) {
            finish(store, intent).await?;
            return Ok(Settled::Finished);
        }
        store.secrets.unstage(&intent.scope, &intent.version).await?;
        warn!(scope = %intent.scope, actor = intent.actor, "an interrupted change is undone");
        return Ok(Settled::Undone);
    }
    finish(store, intent).await?;
    store.dynamodb.end_intent(intent).await?;
    warn!(scope = %intent.scope, actor = intent.actor, "an interrupted change is finished");
    Ok(Settled::Finished)
}

/// Puts in force what was made, together with what others changed in the secret since.
async fn finish(store: &AwsStore, intent: &Intent) -> Result<(), StoreError> {
    let version = store.secrets.finish_over(&intent.scope, &intent.version, intent.base.as_ref()).await?;
    if version != intent.version {
        store.dynamodb.note_secret(&intent.scope, &version).await?;
    }
    Ok(())
}

/// Changes a scope's secret alone.
pub(super) async fn write_secret(
    store: &AwsStore,
    scope: &Scope,
    write: &SecretWrite,
) -> Result<SecretVersion, StoreError> {
    if !store.dynamodb.is_there(scope).await? {
        return Err(StoreError::Missing("scope"));
    }
    let staged =
        store.secrets.stage(store.secrets.decide(scope, write, Some(&SecretVersion(String::new()))).await?).await?;
    if let Err(error) = store.secrets.publish(&staged).await {
        store.secrets.unstage(scope, staged.version()).await?;
        return Err(error);
    }
    store.dynamodb.note_secret(scope, staged.version()).await?;
    Ok(staged.version().clone())
}
