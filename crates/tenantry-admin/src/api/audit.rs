//! The log: who did what, when and why; searched, and exported.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use tenantry::problem::Problem;
use tenantry_core::key::Key;
use tenantry_core::scope::Scope;
use tenantry_store::{Action, LogEntry, PageRequest};

use super::revisions::LogPage;
use crate::answer::{Answer, Media, Raw};
use crate::asked::{Asked, query};
use crate::error::Refused;
use crate::service::{AuditFilter, Service};

/// A query that says which entries, and more.
macro_rules! query {
    ($(#[$doc:meta])* $name:ident { $($more:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            /// What was done.
            action: Option<Action>,
            /// Whose name has this in it.
            actor: Option<String>,
            /// What changed this parameter, or one below it.
            #[schemars(with = "Option<Key>")]
            key: Option<String>,
            /// Not before this moment.
            #[schemars(with = "Option<String>", extend("format" = "date-time"))]
            since: Option<Timestamp>,
            /// Before this moment.
            #[schemars(with = "Option<String>", extend("format" = "date-time"))]
            until: Option<Timestamp>,
            $($more)*
        }

        impl $name {
            fn filter(&self) -> Result<AuditFilter, Refused> {
                let (actor, key) = (self.actor.clone(), self.key.as_deref().map(key).transpose()?);
                Ok(AuditFilter { action: self.action, actor, key, since: self.since, until: self.until })
            }
        }
    };
}

query!(
    /// Which entries.
    ExportQuery {}
);

query!(
    /// Which entries, a page at a time.
    AuditQuery {
        /// How many at the most.
        #[serde(default = "query::usual")]
        #[schemars(range(min = 1, max = 1000))]
        limit: u16,
        /// `next` of the page before.
        cursor: Option<String>,
    }
);

fn key(text: &str) -> Result<Key, Refused> {
    Key::parse(text)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "query_invalid", format!("key: {error}")).into())
}

/// One JSON document a line.
pub(crate) struct Lines;

impl Media for Lines {
    const MEDIA: &'static str = "application/x-ndjson";
    type Part = LogEntry;
}

/// Searches the log of a scope.
pub(crate) async fn search(asked: Asked<AuditQuery>) -> Result<Answer<LogPage>, Refused> {
    let scope = Some(&asked.scope);
    page(&asked, scope, "audit").await
}

/// Searches the log of all scopes.
pub(crate) async fn search_all(asked: Asked<AuditQuery>) -> Result<Answer<LogPage>, Refused> {
    page(&asked, None, "audit of all").await
}

async fn page(asked: &Asked<AuditQuery>, scope: Option<&Scope>, listing: &str) -> Result<Answer<LogPage>, Refused> {
    let filter = asked.query.filter()?;
    let request = query::request(asked.query.limit, asked.query.cursor.as_deref(), &asked.scope, listing)?;
    let page = asked.api.service.audit(scope, &filter, &request).await?;
    Ok(Answer::new(LogPage::new(page, |cursor| query::shown(&cursor, &asked.scope, listing))))
}

/// Exports what passes the filter, one entry a line, newest first.
pub(crate) async fn export(asked: Asked<ExportQuery>) -> Result<Raw<Lines>, Refused> {
    let (filter, scope) = (asked.query.filter()?, Some(asked.scope.clone()));
    lines(asked.api.service.clone(), scope, filter).await
}

/// Exports the log of all scopes.
pub(crate) async fn export_all(asked: Asked<ExportQuery>) -> Result<Raw<Lines>, Refused> {
    lines(asked.api.service.clone(), None, asked.query.filter()?).await
}

/// The first page is read before the answer begins, so that a store that is out is told of by its status. Later ones can
/// only break the answer off.
async fn lines(service: Service, scope: Option<Scope>, filter: AuditFilter) -> Result<Raw<Lines>, Refused> {
    let request = PageRequest::first(PageRequest::LARGEST);
    let first = service.audit(scope.as_ref(), &filter, &request).await?;
    let pages = futures::stream::unfold(Some((first, request)), move |state| {
        let (service, scope, filter) = (service.clone(), scope.clone(), filter.clone());
        async move {
            let (page, request) = state?;
            let text = page.items.iter().fold(String::new(), |text, entry| {
                text + &serde_json::to_string(entry).expect("an entry of the log is JSON") + "\n"
            });
            let Some(cursor) = page.next else { return Some((Ok(text), None)) };
            let request = request.behind(cursor);
            match service.audit(scope.as_ref(), &filter, &request).await {
                Ok(next) => Some((Ok(text), Some((next, request)))),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "an export of the log broke off");
                    Some((Err(std::io::Error::other("the log cannot be read on")), None))
                }
            }
        }
    });
    let attachment = HeaderValue::from_static("attachment; filename=\"audit.ndjson\"");
    let headers = HeaderMap::from_iter([
        (header::CONTENT_DISPOSITION, attachment),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ]);
    Ok(Raw::stream(headers, pages))
}
