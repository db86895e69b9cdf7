//! Telling callers when a configuration changes, by server-sent events (html.spec.whatwg.org/multipage/server-sent-events.html).

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;
use tenantry_store::TenantStatus;

use crate::access::Credential;
use crate::answer::{Media, Raw};
use crate::asked::{Asked, Nothing};
use crate::error::Refused;
use crate::metrics::Watching;
use crate::routes::Api;
use crate::seats::Seat;
use crate::service::ServiceError;

/// How often it is looked whether something changed.
const GLANCE: Duration = Duration::from_secs(2);
/// After so many looks without a change a comment is sent, so that nobody in between takes the connection for dead.
const QUIET: u32 = 8;

/// The revisions that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Revisions {
    /// That of the tenant's own scope.
    revision: Revision,
    /// That of the defaults.
    global_revision: Revision,
}

/// One event, as it is described: OpenAPI has no other way to say what stands in its data.
#[derive(JsonSchema)]
#[schemars(rename = "WatchEvent")]
#[expect(dead_code, reason = "it is written as text, and only described by this")]
pub(crate) struct EventShown {
    /// `changed`, or `gone` where the tenant is not served any more.
    event: Option<String>,
    /// JSON: `{"revision": 7, "global_revision": 3}`, the revisions that there are; of `gone` it is empty.
    data: String,
}

/// Events, each with revisions.
pub(crate) struct Events;

impl Media for Events {
    const MEDIA: &'static str = "text/event-stream";
    type Part = EventShown;
}

/// One who watches.
struct Watch {
    api: Api,
    scope: Scope,
    /// By what it is known: when that does not hold any more, the stream ends.
    credential: Credential,
    told: Option<Revisions>,
    quiet: u32,
    _seat: Seat,
    _counted: Watching,
}

/// What a look found.
enum Glance {
    Changed(Revisions),
    Unchanged,
    /// The tenant is not served any more.
    Gone,
    /// The token does not hold any more.
    Ended,
}

/// Tells of changes until the caller goes.
pub(crate) async fn watch(asked: Asked<Nothing>) -> Result<Raw<Events>, Refused> {
    let watch = Watch {
        _seat: asked.api.watchers.admit(asked.tenant()?)?,
        _counted: asked.api.metrics.watching(),
        credential: asked.caller().credential.clone(),
        scope: asked.scope.clone(),
        api: asked.api,
        told: None,
        quiet: 0,
    };
    let events = futures::stream::unfold(Some(watch), |watch| async {
        let (text, watch) = watch?.next().await?;
        Some((Ok::<_, std::convert::Infallible>(text), watch))
    });
    let headers = HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]);
    Ok(Raw::stream(headers, events))
}

impl Watch {
    /// The next event as a text, and who goes on watching; none at the end.
    async fn next(mut self) -> Option<(String, Option<Self>)> {
        loop {
            if self.told.is_some() && !self.may_go_on().await {
                return None;
            }
            match self.glance().await {
                Ok(Glance::Changed(revisions)) => {
                    (self.told, self.quiet) = (Some(revisions), 0);
                    let data = serde_json::to_string(&revisions).expect("revisions are JSON");
                    return Some((format!("event: changed\ndata: {data}\n\n"), Some(self)));
                }
                Ok(Glance::Gone) => return Some(("event: gone\ndata: {}\n\n".to_owned(), None)),
                Ok(Glance::Ended) => return None,
                Ok(Glance::Unchanged) => {}
                // What passes is no end: the next look may find out.
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "a watcher could not look"),
            }
            self.quiet += 1;
            if self.quiet.is_multiple_of(QUIET) {
                return Some((": nothing changed\n\n".to_owned(), Some(self)));
            }
            // At the beginning nothing is told until there is something to tell.
            if self.told.is_none() && !self.may_go_on().await {
                return None;
            }
        }
    }

    /// Waits until the next look; tells whether there is one, because the server goes on.
    async fn may_go_on(&self) -> bool {
        tokio::select! {
            () = tokio::time::sleep(GLANCE) => true,
            () = self.api.watchers.stopped() => false,
        }
    }

    async fn glance(&self) -> Result<Glance, ServiceError> {
        let service = &self.api.service;
        let ends = match &self.credential {
            Credential::Issued { ends, .. } => Some(*ends),
            Credential::Token(id) => {
                let token = service.stores().token(id).await?.filter(|token| token.revoked_at.is_none());
                token.map(|token| token.expires_at)
            }
        };
        if ends.is_none_or(|ends| ends <= Timestamp::now()) {
            return Ok(Glance::Ended);
        }
        let own = match service.head(&self.scope).await {
            Ok(Some(head)) if head.status == TenantStatus::Active => head,
            Ok(_) | Err(ServiceError::UnknownTenant(_)) => return Ok(Glance::Gone),
            Err(error) => return Err(error),
        };
        let global = service.head(&Scope::Global).await?.map_or(Revision(0), |head| head.revision);
        let now = Revisions { revision: own.revision, global_revision: global };
        Ok(if self.told == Some(now) { Glance::Unchanged } else { Glance::Changed(now) })
    }
}
