//! API tokens: made, listed and revoked. Their text is shown once, when they are made.

use jiff::{Timestamp, ToSpan};
use tenantry::token::TokenText;
use tenantry_core::scope::Scope;
use tenantry_core::secret::SecretText;
use tenantry_store::{Action, StoreError, TokenRecord};

use super::words::check_words;
use super::{Context, Service, ServiceError};
use crate::access::Role;

/// How long a token lives unless said otherwise, in days.
pub const TOKEN_LIFETIME_DAYS: u16 = 90;
/// How long a token may live, in days.
const LONGEST_LIFETIME_DAYS: u16 = 366;

/// How many tokens of a tenant may hold at once.
const MOST_TOKENS: usize = 500;

/// A token just made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its text: it is not stored, and cannot be shown again.
    pub text: SecretText,
    /// What is stored of it.
    pub record: TokenRecord,
}

impl Service {
    /// Makes a token: a tenant's for its scope, an operator's for the global one.
    pub async fn create_token(
        &self,
        scope: &Scope,
        role: Role,
        name: &str,
        lifetime_days: u16,
        random: TokenText,
        context: &Context,
    ) -> Result<NewToken, ServiceError> {
        if !role.fits(scope) {
            let message = format!("{role} is no role for {scope}: {}", Role::choices(scope));
            return Err(ServiceError::Unfit { field: "role", message });
        }
        if name.trim().is_empty() {
            let message = "a token has a name, which says what it is for".to_owned();
            return Err(ServiceError::Unfit { field: "name", message });
        }
        check_words("name", name)?;
        if !(1..=LONGEST_LIFETIME_DAYS).contains(&lifetime_days) {
            let message = format!("a token lives for 1 to {LONGEST_LIFETIME_DAYS} days, not {lifetime_days}");
            return Err(ServiceError::Unfit { field: "lifetime_days", message });
        }
        if let Scope::Tenant(tenant) = scope {
            self.tenant(tenant).await?;
            let tokens = self.stores.tokens(Some(scope)).await?;
            let in_force = |token: &&TokenRecord| token.revoked_at.is_none() && token.expires_at > context.at;
            if tokens.iter().filter(in_force).count() >= MOST_TOKENS {
                return Err(ServiceError::Full { what: "tokens", most: MOST_TOKENS });
            }
        }
        let key = self.stores.keys().await?.token;
        let (role_name, expires_at) = (role.to_string(), expiry(context.at, lifetime_days)?);
        let record = TokenRecord {
            id: random.id().to_owned(),
            hash: random.hash(&key, scope, &role_name, expires_at),
            scope: scope.clone(),
            role: role_name,
            name: name.to_owned(),
            created_at: context.at,
            created_by: context.actor.clone(),
            expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let mut entry = context.entry(scope, Action::CreateToken)?;
        entry.detail = Some(format!("token {} ({role}), {name:?}", record.id));
        self.stores.create_token(record.clone(), entry).await?;
        Ok(NewToken { text: random.into_secret(), record })
    }

    /// Lists tokens, newest first: those of one scope, or all.
    pub async fn tokens(&self, scope: Option<&Scope>) -> Result<Vec<TokenRecord>, ServiceError> {
        Ok(self.stores.tokens(scope).await?)
    }

    /// Revokes a token of a scope, for good.
    pub async fn revoke_token(&self, scope: &Scope, id: &str, context: &Context) -> Result<TokenRecord, ServiceError> {
        let missing = || ServiceError::NoSuchToken(id.to_owned());
        let token = self.stores.token(id).await?.filter(|token| token.scope == *scope).ok_or_else(missing)?;
        let mut entry = context.entry(scope, Action::RevokeToken)?;
        entry.detail = Some(format!("token {id}"));
        match self.stores.revoke_token(id, context.at, entry).await {
            Ok(()) => Ok(token),
            Err(StoreError::Missing(_)) => Err(missing()),
            Err(error) => Err(error.into()),
        }
    }
}

fn expiry(from: Timestamp, days: u16) -> Result<Timestamp, ServiceError> {
    let hours = i64::from(days) * 24;
    from.checked_add(hours.hours()).map_err(|_| ServiceError::BadRequest("the token would live too long".to_owned()))
}
