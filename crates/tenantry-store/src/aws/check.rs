//! Looks a store on AWS over, and settles what was interrupted.

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use tenantry_core::scope::Scope;

use super::commit::{Settled, settle_intent};
use super::{AwsStore, erase};
use crate::dynamodb::TableShape;
use crate::error::StoreError;
use crate::findings::{finding, troubles};
use crate::records::{Finding, PageRequest, Severity};

/// How many scopes are looked at at the same time.
const AT_ONCE: usize = 16;

/// Looks at everything, and goes on after each trouble.
pub(super) async fn check(store: &AwsStore) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for table in store.dynamodb.tables() {
        findings.push(protection(store, &table).await?);
    }
    findings.push(interrupted(store).await?);
    findings.push(erasures(store).await?);
    findings.push(scopes(store).await?);
    Ok(findings)
}

async fn protection(store: &AwsStore, table: &TableShape) -> Result<Finding, StoreError> {
    let subject = format!("table {}", table.name);
    let found = match store.dynamodb.protection(table).await {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(finding(Severity::Error, &subject, "it is not there: run `tenantry init`")),
        Err(StoreError::CannotOpen(told)) => return Ok(finding(Severity::Error, &subject, told)),
        Err(error) => return Err(error),
    };
    if found.deletion && found.recovery.is_none() {
        let told = "protected; the engine does not tell whether it can be recovered: back it up another way";
        return Ok(finding(Severity::Warning, &subject, told));
    }
    let mut lacking = Vec::new();
    if !found.deletion {
        lacking.push("it is not protected against deletion".to_owned());
    }
    if found.recovery == Some(false) {
        lacking.push("point-in-time recovery is off".to_owned());
    }
    Ok(troubles(Severity::Warning, &subject, "protected, and recoverable", &lacking, "run `tenantry init` again"))
}

/// Finishes or undoes interrupted changes of secrets.
async fn interrupted(store: &AwsStore) -> Result<Finding, StoreError> {
    let (mut told, mut worst) = (Vec::new(), Severity::Ok);
    for intent in store.dynamodb.intents().await? {
        let scope = &intent.scope;
        let (severity, what) = match settle_intent(store, &intent, Timestamp::now()).await {
            Ok(Settled::UnderWay) => (Severity::Ok, format!("a change of {scope} by {} is under way", intent.actor)),
            Ok(Settled::Finished) => (Severity::Warning, format!("an interrupted change of {scope} was finished now")),
            Ok(Settled::Undone) => (Severity::Warning, format!("an interrupted change of {scope} was undone now")),
            Err(error) => (Severity::Error, format!("an interrupted change of {scope} cannot be settled: {error}")),
        };
        worst = worst.max(severity);
        told.push(what);
    }
    let subject = "interrupted changes";
    if told.is_empty() {
        return Ok(finding(Severity::Ok, subject, "there are none"));
    }
    Ok(finding(worst, subject, told.join("; ")))
}

/// Finishes interrupted erasures.
async fn erasures(store: &AwsStore) -> Result<Finding, StoreError> {
    let (mut told, mut page) = (Vec::new(), PageRequest::first(PageRequest::LARGEST));
    loop {
        let begun = store.dynamodb.being_erased(&page).await?;
        for tenant in begun.items {
            erase::finish(store, &tenant).await?;
            told.push(format!("the erasure of {tenant} was finished now"));
        }
        let Some(next) = begun.next else { break };
        page = page.behind(next);
    }
    Ok(troubles(Severity::Warning, "erasures", "none was interrupted", &told, "nothing is left to do"))
}

/// Heads agree with their items and secrets, and every item can be read.
async fn scopes(store: &AwsStore) -> Result<Finding, StoreError> {
    let (mut found, mut count) = (Vec::new(), 0);
    found.extend(look(store, Scope::Global).await?);
    let mut page = PageRequest::first(PageRequest::LARGEST);
    loop {
        let listed = store.dynamodb.ids(&page).await?;
        count += listed.items.len();
        let looks = listed.items.into_iter().map(|tenant| look(store, Scope::Tenant(tenant)));
        let mut looks = futures::stream::iter(looks).buffered(AT_ONCE);
        while let Some(told) = looks.try_next().await? {
            found.extend(told);
        }
        let Some(next) = listed.next else { break };
        page = page.behind(next);
    }
    let fine = format!("the items and secrets of all ({count} tenants) are as managed writes left them");
    Ok(troubles(Severity::Warning, "scopes", &fine, &found, "`tenantry drift` shows what was changed by hand"))
}

/// What is wrong with a scope.
async fn look(store: &AwsStore, scope: Scope) -> Result<Vec<String>, StoreError> {
    let (read, secret) = tokio::join!(store.dynamodb.read(&scope), store.secrets.read(&scope));
    let mut found = Vec::new();
    let mut told = |what: String| found.push(format!("{scope}: {what}"));
    match read {
        Ok(None) if store.dynamodb.is_coming(&scope).await? => {
            told("its copy from another store was interrupted: make it again with `tenantry copy`".to_owned());
        }
        Ok(None) => {}
        Ok(Some(stored)) => {
            if stored.drift {
                told("its items were changed by hand".to_owned());
            }
            for odd in stored.odd {
                told(format!("{:?} {}", odd.key, odd.reason));
            }
            let version = secret.as_ref().ok().and_then(|secret| secret.as_ref().map(|secret| &secret.version));
            if stored.secret_version.is_some() && secret.is_ok() && version != stored.secret_version.as_ref() {
                told("its secret was changed by hand".to_owned());
            }
        }
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => told(error.to_string()),
    }
    match secret {
        Ok(secret) => {
            secret.into_iter().flat_map(|s| s.odd).for_each(|odd| told(format!("{} {}", odd.key, odd.reason)));
        }
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => told(error.to_string()),
    }
    Ok(found)
}
