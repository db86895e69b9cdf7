//! Bindings: outside identities that belong to one tenant alone.

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::problem::Problem;
use tenantry_store::{Binding, BindingKind};

use crate::access::Permission;
use crate::answer::{Answer, Created, Done};
use crate::asked::{Asked, Json, Nothing};
use crate::error::Refused;

/// What is bound to a tenant.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Bindings {
    /// In their order.
    items: Vec<BindingShown>,
}

/// An outside identity.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Binding")]
pub(crate) struct BindingShown {
    /// `kind:name`, such as `slack:T0123`.
    binding: String,
    /// What kind of identity.
    kind: BindingKind,
    /// Its name.
    name: String,
}

impl From<&Binding> for BindingShown {
    fn from(binding: &Binding) -> Self {
        Self { binding: binding.to_string(), kind: binding.kind(), name: binding.name().to_owned() }
    }
}

/// An outside identity to bind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBinding {
    /// `kind:name`: `slack:T0123`, `telegram:NAME`, `email:office@acme.example`, `host:acme.example`.
    binding: String,
}

/// Lists what is bound to a tenant.
pub(crate) async fn list(asked: Asked<Nothing>) -> Result<Answer<Bindings>, Refused> {
    let bindings = asked.api.service.bindings(asked.tenant()?).await?;
    Ok(Answer::new(Bindings { items: bindings.iter().map(BindingShown::from).collect() }))
}

/// Binds an outside identity to a tenant.
pub(crate) async fn add(asked: Asked<Nothing, Json<NewBinding>>) -> Result<Created<BindingShown>, Refused> {
    let binding = Binding::parse(&asked.body.0.binding).map_err(|error| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "binding_invalid", error.to_string()).at("/binding")
    })?;
    may_bind(&asked, &binding)?;
    asked.api.service.bind(asked.tenant()?, binding.clone(), &asked.context()).await?;
    let place = format!("/v1/tenants/{}/bindings/{}", asked.tenant()?, escaped(&binding.to_string()));
    Ok(Created::new(BindingShown::from(&binding), &place))
}

/// Releases an outside identity.
pub(crate) async fn remove(asked: Asked<Nothing>) -> Result<Done, Refused> {
    let binding = asked.binding()?;
    may_bind(&asked, &binding)?;
    asked.api.service.unbind(asked.tenant()?, binding, &asked.context()).await?;
    Ok(Done)
}

/// What comes from a Slack team or a Telegram bot is signed with the tenant's own secret, so a tenant that binds another
/// one's gets nothing. Mail and requests to a host are not: whose address that is, the operator knows.
fn may_bind<Q, B>(asked: &Asked<Q, B>, binding: &Binding) -> Result<(), Refused> {
    match binding.kind() {
        // What a parameter reserves is refused by the use case, with the parameter to set.
        BindingKind::Slack | BindingKind::Telegram | BindingKind::Bucket | BindingKind::Prefix => Ok(()),
        BindingKind::Email | BindingKind::Host => asked.also_needs(Permission::ManageTenants).map_err(|refused| {
            refused.map(|problem| Problem {
                code: "operator_only",
                detail: format!(
                    "{} addresses are bound and released by the operator, who knows whose they are",
                    binding.kind().name()
                ),
                ..problem
            })
        }),
    }
}

/// A part of a path: what is neither a letter, a digit nor one of `-._~:@` is written with percent signs.
fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte);
    text.bytes().fold(String::new(), |path, byte| {
        if is_plain(byte) { format!("{path}{}", char::from(byte)) } else { format!("{path}%{byte:02X}") }
    })
}
