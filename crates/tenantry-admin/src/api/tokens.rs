//! API tokens: made, listed and revoked. A token's text is shown once.

use http::StatusCode;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::problem::Problem;
use tenantry::token::TokenText;
use tenantry_core::scope::Scope;
use tenantry_store::TokenRecord;

use crate::access::Role;
use crate::answer::{Answer, Created, Done};
use crate::asked::{Asked, Json, Nothing};
use crate::error::Refused;
use crate::service::TOKEN_LIFETIME_DAYS;

/// The tokens of a scope.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenList {
    /// Newest first.
    items: Vec<TokenShown>,
}

/// What is known of a token.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Token")]
pub(crate) struct TokenShown {
    /// The id, which stands in its text.
    id: String,
    /// What it is for.
    name: String,
    /// What it may do.
    role: String,
    /// When it was made.
    #[schemars(with = "String", extend("format" = "date-time"))]
    created_at: Timestamp,
    /// By whom.
    created_by: String,
    /// When it ends.
    #[schemars(with = "String", extend("format" = "date-time"))]
    expires_at: Timestamp,
    /// When it was last used, to the minute.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
}

impl From<TokenRecord> for TokenShown {
    fn from(record: TokenRecord) -> Self {
        Self {
            id: record.id,
            name: record.name,
            role: record.role,
            created_at: record.created_at,
            created_by: record.created_by,
            expires_at: record.expires_at,
            last_used_at: record.last_used_at,
            revoked_at: record.revoked_at,
        }
    }
}

/// A token to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What it is for.
    #[schemars(length(min = 1, max = 500))]
    name: String,
    /// What it may do: `tenant-admin`, `tenant-editor` or `tenant-viewer`; of the global scope `operator`.
    role: String,
    /// For how many days it holds.
    #[serde(default = "usual_lifetime")]
    #[schemars(range(min = 1, max = 366))]
    lifetime_days: u16,
}

fn usual_lifetime() -> u16 {
    TOKEN_LIFETIME_DAYS
}

/// A token that was just made.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenMade {
    /// Its text: it is shown now, and never again.
    text: String,
    #[serde(flatten)]
    token: TokenShown,
}

/// Lists the tokens of a scope.
pub(crate) async fn list(asked: Asked<Nothing>) -> Result<Answer<TokenList>, Refused> {
    let tokens = asked.api.service.tokens(Some(&asked.scope)).await?;
    Ok(Answer::new(TokenList { items: tokens.into_iter().map(TokenShown::from).collect() }))
}

/// Makes a token.
pub(crate) async fn create(asked: Asked<Nothing, Json<NewToken>>) -> Result<Created<TokenMade>, Refused> {
    let Json(new) = &asked.body;
    let role: Role = new.role.parse().map_err(|_| {
        let detail = format!("role: expected one of {}", Role::choices(&asked.scope));
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).at("/role")
    })?;
    let mut random = [0; TokenText::RANDOM_BYTES];
    getrandom::fill(&mut random).expect("the system always has random bytes");
    let random = TokenText::from_random(&random);
    let service = &asked.api.service;
    let made = service.create_token(&asked.scope, role, &new.name, new.lifetime_days, random, &asked.context()).await?;
    let place = match &asked.scope {
        Scope::Global => format!("/v1/global/tokens/{}", made.record.id),
        Scope::Tenant(tenant) => format!("/v1/tenants/{tenant}/tokens/{}", made.record.id),
    };
    let text = made.text.expose().to_owned();
    Ok(Created::new(TokenMade { text, token: made.record.into() }, &place))
}

/// Revokes a token, for good.
pub(crate) async fn revoke(asked: Asked<Nothing>) -> Result<Done, Refused> {
    asked.api.service.revoke_token(&asked.scope, asked.param("token"), &asked.context()).await?;
    Ok(Done)
}
