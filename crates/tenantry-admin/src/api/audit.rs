//! The log: who did what, when and why; searched, and exported.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use tenantry::problem::Problem;
use tenantry_core::catalog::{Catalog, SpellingError};
use tenantry_core::key::Key;
use tenantry_core::scope::{Scope, TenantId};
use tenantry_store::{Action, LogEntry, Page, PageRequest};

use super::revisions::LogPage;
use crate::answer::{Answer, Media, Raw};
use crate::asked::{Asked, query};
use crate::error::Refused;
use crate::service::AuditFilter;

/// A query that says which entries, and more.
macro_rules! query {
    ($(#[$doc:meta])* $name:ident { $($more:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            /// What was done.
            action: Option<Action>,
            /// Whose name has this in it, capital and small letters told apart.
            actor: Option<String>,
            /// What changed this parameter or one below it, or kept its override. One that the catalog has no more is found by
            /// its dotted spelling.
            #[schemars(with = "Option<Key>")]
            key: Option<String>,
            /// Not before this moment: a time, or a date for its midnight in UTC.
            since: Option<Moment>,
            /// Before this moment: a time, or a date for its midnight in UTC.
            until: Option<Moment>,
            $($more)*
        }

        impl $name {
            fn sought(&self, catalog: &Catalog) -> Result<Sought, Refused> {
                let (key, unknown) = key(self.key.as_deref(), catalog)?;
                let (since, until) = (self.since.map(|moment| moment.0), self.until.map(|moment| moment.0));
                let filter = AuditFilter { action: self.action, actor: self.actor.clone(), key, since, until };
                Ok(Sought { filter, unknown })
            }
        }
    };
}

query!(
    /// Which entries.
    ExportQuery {}
);

query!(
    /// Which entries of all scopes.
    ExportAllQuery {
        /// Those about this tenant alone, though it be erased.
        tenant: Option<Named>,
    }
);

query!(
    /// Which entries, a page at a time.
    AuditQuery {
        /// How many at the most.
        #[serde(default = "query::usual", deserialize_with = "query::limit")]
        #[schemars(range(min = 1, max = 1000))]
        limit: u16,
        /// `next` of the page before.
        cursor: Option<String>,
    }
);

query!(
    /// Which entries of all scopes, a page at a time.
    AuditAllQuery {
        /// Those about this tenant alone, though it be erased.
        tenant: Option<Named>,
        /// How many at the most.
        #[serde(default = "query::usual", deserialize_with = "query::limit")]
        #[schemars(range(min = 1, max = 1000))]
        limit: u16,
        /// `next` of the page before.
        cursor: Option<String>,
    }
);

/// The tenant that a query names.
#[derive(Clone, Debug)]
struct Named(TenantId);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        TenantId::parse(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for Named {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        TenantId::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<TenantId>()
    }
}

/// A moment that a query names.
#[derive(Clone, Copy, Debug)]
struct Moment(Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let midnight = || TimeZone::UTC.to_timestamp(text.parse::<Date>().ok()?.at(0, 0, 0, 0)).ok();
        // A date is looked for first: of the two, it is the one that says less.
        let is_date = !text.contains(['T', 't', ' ']);
        let moment = if is_date { midnight() } else { text.parse().ok() };
        moment.map(Self).ok_or_else(|| {
            D::Error::custom(format!(
                "expected a time such as 2026-11-27T10:00:00Z, or a date such as 2026-11-27, found {text:?}; \
                 in a query, + is written %2B"
            ))
        })
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["2026-11-27T10:00:00Z", "2026-11-27"] })
    }
}

/// What is searched for.
struct Sought {
    filter: AuditFilter,
    /// Why the key is none of the catalog. It may have been one, so it is searched for; where nothing is found, this is told.
    unknown: Option<SpellingError>,
}

impl Sought {
    /// Refuses a key that is none of the catalog, and of which nothing was found to the end of the log.
    fn must_be_known(self, found: &Page<LogEntry>) -> Result<AuditFilter, Refused> {
        match self.unknown {
            Some(error) if found.items.is_empty() && found.next.is_none() => Err(bad_key(&error)),
            Some(_) | None => Ok(self.filter),
        }
    }
}

/// The key that is searched for, in either spelling.
fn key(text: Option<&str>, catalog: &Catalog) -> Result<(Option<Key>, Option<SpellingError>), Refused> {
    let Some(text) = text else { return Ok((None, None)) };
    match (catalog.key(text), Key::parse(text)) {
        (Ok(key), _) => Ok((Some(key), None)),
        (Err(error @ SpellingError::Unknown { .. }), Ok(key)) => Ok((Some(key), Some(error))),
        (Err(error), _) => Err(bad_key(&error)),
    }
}

fn bad_key(error: &SpellingError) -> Refused {
    Problem::new(StatusCode::BAD_REQUEST, "query_invalid", format!("key: {error}")).into()
}

/// One JSON document a line.
pub(crate) struct Lines;

impl Media for Lines {
    const MEDIA: &'static str = "application/x-ndjson";
    type Part = LogEntry;
    const HEADERS: &'static [&'static str] = &["content-disposition"];
}

/// Searches the log of a scope.
pub(crate) async fn search(asked: Asked<AuditQuery>) -> Result<Answer<LogPage>, Refused> {
    let query = &asked.query;
    let sought = query.sought(asked.api.service.catalog())?;
    page(&asked, Some(&asked.scope), sought, (query.limit, query.cursor.as_deref()), "audit").await
}

/// Searches the log of all scopes.
pub(crate) async fn search_all(asked: Asked<AuditAllQuery>) -> Result<Answer<LogPage>, Refused> {
    let query = &asked.query;
    let sought = query.sought(asked.api.service.catalog())?;
    let scope = query.tenant.as_ref().map(|named| Scope::Tenant(named.0.clone()));
    let listing = scope.as_ref().map_or_else(|| "audit of all".to_owned(), |scope| format!("audit of {scope}"));
    page(&asked, scope.as_ref(), sought, (query.limit, query.cursor.as_deref()), &listing).await
}

async fn page<Q>(
    asked: &Asked<Q>,
    scope: Option<&Scope>,
    sought: Sought,
    (limit, cursor): (u16, Option<&str>),
    listing: &str,
) -> Result<Answer<LogPage>, Refused> {
    let request = query::request(limit, cursor, &asked.scope, listing)?;
    let _seat = asked.seat()?;
    let page = asked.api.service.audit(scope, &sought.filter, &request).await?;
    if cursor.is_none() {
        sought.must_be_known(&page)?;
    }
    Ok(Answer::new(LogPage::new(page, |cursor| query::shown(&cursor, &asked.scope, listing))))
}

/// Exports what passes the filter, one entry a line, newest first.
pub(crate) async fn export(asked: Asked<ExportQuery>) -> Result<Raw<Lines>, Refused> {
    let sought = asked.query.sought(asked.api.service.catalog())?;
    lines(&asked, Some(asked.scope.clone()), sought).await
}

/// Exports the log of all scopes.
pub(crate) async fn export_all(asked: Asked<ExportAllQuery>) -> Result<Raw<Lines>, Refused> {
    let sought = asked.query.sought(asked.api.service.catalog())?;
    let scope = asked.query.tenant.as_ref().map(|named| Scope::Tenant(named.0.clone()));
    lines(&asked, scope, sought).await
}

/// The first page is read before the answer begins, so that a store that is out is told of by its status. Later ones can
/// only break the answer off.
async fn lines<Q>(asked: &Asked<Q>, scope: Option<Scope>, sought: Sought) -> Result<Raw<Lines>, Refused> {
    let (service, seat) = (asked.api.service.clone(), asked.seat()?);
    let request = PageRequest::first(PageRequest::LARGEST);
    let first = service.audit(scope.as_ref(), &sought.filter, &request).await?;
    let filter = sought.must_be_known(&first)?;
    let pages = futures::stream::unfold(Some((first, request)), move |state| {
        // It is taken until the last page is sent.
        let _ = &seat;
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
