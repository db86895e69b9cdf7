//! What must hold for a change to be made: the entity tag that the caller read.

use http::header::{HeaderMap, HeaderValue, IF_MATCH};
use http::{HeaderName, StatusCode};
use tenantry::problem::Problem;
use tenantry_core::layer::Revision;
use tenantry_core::scope::Scope;
use tenantry_store::Head;

use super::Asked;
use crate::error::Refused;
use crate::routes::Api;

/// The entity tag of a scope at a revision. It is the scope's own, and that of one incarnation of a tenant.
pub(crate) fn tag(scope: &Scope, head: Option<&Head>) -> String {
    let revision = head.map_or(Revision(0), |head| head.revision);
    tag_at(scope, head, revision)
}

/// The same for another revision of the scope.
pub(crate) fn tag_at(scope: &Scope, head: Option<&Head>, revision: Revision) -> String {
    let incarnation = head.map_or("", |head| head.incarnation.as_str());
    let mark = blake3::hash(format!("{scope} {incarnation}").as_bytes()).to_hex();
    format!("\"{}-{revision}\"", &mark[..8])
}

impl<Q, B> Asked<Q, B> {
    /// The revision at which the caller expects the scope, by `If-Match`: none for `*`, which asks for no particular one.
    /// Whoever says nothing is told to (428); a tag of another scope is one that never matches (412).
    pub(crate) async fn expected(&self) -> Result<Option<Revision>, Refused> {
        let head = match &self.head {
            Some(head) => Some(head.clone()),
            None => self.api.service.head(&self.scope).await?,
        };
        expected(&self.headers, &self.scope, head.as_ref())
    }
}

fn expected(headers: &HeaderMap, scope: &Scope, head: Option<&Head>) -> Result<Option<Revision>, Refused> {
    let sent = headers.get_all(IF_MATCH).iter().filter_map(|value| value.to_str().ok());
    let tags: Vec<&str> = sent.flat_map(|sent| sent.split(',')).map(str::trim).filter(|tag| !tag.is_empty()).collect();
    if tags.is_empty() {
        let detail = "say on which state the change was decided: If-Match with the etag that you read";
        return Err(missing(detail, scope, head));
    }
    if tags == ["*"] {
        return Ok(None);
    }
    let current = tag(scope, head);
    if tags.contains(&current.as_str()) {
        return Ok(Some(head.map_or(Revision(0), |head| head.revision)));
    }
    Err(stale(scope, head))
}

fn missing(detail: &str, scope: &Scope, head: Option<&Head>) -> Refused {
    with_tag(Problem::new(StatusCode::PRECONDITION_REQUIRED, "if_match_missing", detail), scope, head).into()
}

/// The answer to a change that was decided on another state: who moved the scope, and when, and the tag to go on from.
///
/// Whoever loses a race is told the same: what the store said of it is looked up anew.
pub(crate) async fn refused(refused: Refused, api: &Api, scope: &Scope) -> Refused {
    if refused.problem().code != STALE {
        return refused;
    }
    match api.service.head(scope).await {
        Ok(head) => stale(scope, head.as_ref()),
        Err(_) => refused,
    }
}

/// The code of a change that was decided on another state than there is.
pub(crate) const STALE: &str = "revision_conflict";

fn stale(scope: &Scope, head: Option<&Head>) -> Refused {
    let detail = match head {
        Some(head) => {
            format!("the scope is at revision {}, by {} at {}", head.revision, head.updated_by, head.updated_at)
        }
        None => "nothing was saved in the scope yet: it is at revision 0".to_owned(),
    };
    let problem = Problem::new(StatusCode::PRECONDITION_FAILED, STALE, detail);
    with_tag(problem.with_hint("read it again, and change it again"), scope, head).into()
}

fn with_tag(problem: Problem, scope: &Scope, head: Option<&Head>) -> Problem {
    let value = HeaderValue::from_str(&tag(scope, head)).expect("a tag is ASCII");
    problem.with_header(HeaderName::from_static("etag"), value)
}

#[cfg(test)]
mod tests {
    use tenantry_core::scope::TenantId;

    use super::*;

    fn scope(id: &str) -> Scope {
        Scope::Tenant(TenantId::parse(id).unwrap())
    }

    fn asked(sent: &[&str], head: Option<&Head>) -> Result<Option<Revision>, u16> {
        let mut headers = HeaderMap::new();
        for sent in sent {
            headers.append(IF_MATCH, sent.parse().unwrap());
        }
        expected(&headers, &scope("acme"), head).map_err(|refused| refused.problem().status.as_u16())
    }

    #[test]
    fn a_change_says_what_it_was_decided_on() {
        let head = Head { revision: Revision(3), incarnation: "i1".to_owned(), ..Head::unsaved() };
        let current = tag(&scope("acme"), Some(&head));
        assert_eq!(asked(&[&current], Some(&head)), Ok(Some(Revision(3))));
        assert_eq!(asked(&["\"x\"", &current], Some(&head)), Ok(Some(Revision(3))));
        assert_eq!(asked(&["*"], Some(&head)), Ok(None));
        for nothing in [&[][..], &[""], &[" , "]] {
            assert_eq!(asked(nothing, Some(&head)), Err(428), "{nothing:?}");
        }
        let older = tag_at(&scope("acme"), Some(&head), Revision(2));
        let others = tag(&scope("beta"), Some(&head));
        let earlier = tag(&scope("acme"), Some(&Head { incarnation: "i0".to_owned(), ..head.clone() }));
        for stale in [older.as_str(), &others, &earlier, "\"3\"", "3", &format!("W/{current}")] {
            assert_eq!(asked(&[stale], Some(&head)), Err(412), "{stale}");
        }
    }
}
