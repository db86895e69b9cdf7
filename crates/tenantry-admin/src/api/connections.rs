//! Connections: their providers asked whether they work, saved or not.

use std::collections::BTreeMap;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::problem::Problem;
use tenantry_core::json::Nullable;
use tenantry_core::secret::SecretText;

use crate::access::Permission;
use crate::answer::Answer;
use crate::application::Verdict;
use crate::asked::body::Wanted;
use crate::asked::{Asked, Json, Nothing};
use crate::error::Refused;

/// What to verify.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToVerify {
    /// The connections; all that can be verified if none is named.
    #[serde(default)]
    sections: Vec<String>,
    /// Values to try that are not saved, as in a change of overrides.
    #[serde(default = "nothing")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    values: Nullable,
    /// Secrets to try that are not saved, by their keys.
    #[serde(default)]
    secrets: BTreeMap<String, SecretText>,
}

fn nothing() -> Nullable {
    Nullable::Table(BTreeMap::new())
}

/// What the providers said.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Verified {
    /// In the order of the sections.
    items: Vec<SectionVerdict>,
}

/// What a provider said of one connection.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SectionVerdict {
    /// The connection.
    section: String,
    #[serde(flatten)]
    verdict: Verdict,
}

/// Asks the providers.
pub(crate) async fn verify(asked: Asked<Nothing, Json<ToVerify>>) -> Result<Answer<Verified>, Refused> {
    let application = &asked.api.application;
    let wanted = wanted(&asked)?;
    // An address that is not saved gets the secret that is.
    if !wanted.changes().is_empty() {
        asked.also_needs(Permission::WriteSecrets)?;
    }
    let sections = sections(application.sections(), &asked.body.0.sections)?;
    let service = &asked.api.service;
    let candidate = service.candidate(&asked.scope, wanted.changes(), &sections, &asked.context()).await;
    let candidate = candidate.map_err(|error| wanted.refused(error))?;
    let verdicts = application.verify(&candidate, &sections).await;
    let verdict = |(section, verdict): (&str, _)| SectionVerdict { section: section.to_owned(), verdict };
    Ok(Answer::new(Verified { items: sections.iter().copied().zip(verdicts).map(verdict).collect() }))
}

fn sections<'a>(known: &[&'a str], asked: &[String]) -> Result<Vec<&'a str>, Refused> {
    if asked.is_empty() {
        return Ok(known.to_vec());
    }
    let find = |(at, name): (usize, &String)| {
        known.iter().copied().find(|known| known == name).ok_or_else(|| {
            let detail = format!("there is no such connection: expected one of {}", known.join(", "));
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).at(format!("/sections/{at}")).into()
        })
    };
    let found: Vec<_> = asked.iter().enumerate().map(find).collect::<Result<_, Refused>>()?;
    // Each is a call of somebody else's server.
    let twice = (1..found.len()).find(|at| found[..*at].contains(&found[*at]));
    match twice {
        Some(at) => {
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "it is named twice");
            Err(problem.at(format!("/sections/{at}")).into())
        }
        None => Ok(found),
    }
}

fn wanted(asked: &Asked<Nothing, Json<ToVerify>>) -> Result<Wanted, Refused> {
    let (catalog, Json(body)) = (asked.api.service.catalog(), &asked.body);
    let mut wanted = Wanted::read(catalog, &body.values, "/values")?;
    for (name, text) in &body.secrets {
        let key = catalog.key(name).map_err(|error| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_parameter", error.to_string()).at("/secrets")
        })?;
        // What the catalog knows by this name has nothing in it that a pointer would have to escape.
        wanted = wanted.with_secret(key, text.clone(), &format!("/secrets/{name}"))?;
    }
    Ok(wanted)
}
