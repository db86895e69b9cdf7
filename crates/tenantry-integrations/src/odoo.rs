//! The ERP system Odoo: settings of the connection, and the client.
//!
//! Odoo 19 and later answers JSON-2; what came before answers JSON-RPC, which is asked where JSON-2 is not found.
//!
//! Sources: odoo.com/documentation, "External JSON-2 API" and "External API" (JSON-RPC).

mod client;
mod dialect;

use schemars::JsonSchema;
use serde::Deserialize;
use tenantry_core::secret::SecretText;

use crate::egress::Endpoint;
use crate::redact::LONGEST_SECRET;

pub use client::OdooClient;

/// Odoo
///
/// The company's own Odoo: the assistant looks up partners, open invoices and stock in it. Give it a user of its own
/// with read access, so that it sees no more than it needs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-connection" = true))]
pub struct Odoo {
    /// Address of Odoo
    ///
    /// What stands in the browser's address bar before `/web` or `/odoo` when you are logged in. It must begin with
    /// `https://`.
    #[schemars(extend("x-sensitivity" = "credential", "x-examples" = ["https://acme.odoo.com"]))]
    pub url: Endpoint,

    /// Database
    ///
    /// The name of the database. On odoo.com it is the first part of the address (`acme` for `acme.odoo.com`); on a
    /// server of your own the page `/web/database/manager` lists it, or whoever runs the server knows it.
    #[schemars(length(min = 1, max = 255), extend("x-sensitivity" = "credential", "x-examples" = ["acme"]))]
    pub db: String,

    /// Login
    ///
    /// The e-mail address or user name that the assistant logs in with.
    #[schemars(
        length(min = 1, max = 255),
        extend("x-sensitivity" = "credential", "x-examples" = ["assistant@acme.example"])
    )]
    pub login: String,

    /// Password or API key
    ///
    /// An API key is better, because it can be withdrawn alone: in Odoo open the user's menu, Preferences (or My
    /// Profile), Account Security, New API Key.
    #[schemars(extend("maxLength" = LONGEST_SECRET, "pattern" = r"^\S(.*\S)?$"))]
    pub password: SecretText,
}
