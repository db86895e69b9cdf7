//! The ERP system ERPNext: settings of the connection, and the client.
//!
//! Source: docs.frappe.io/framework, "REST API" and "Token based authentication".

mod client;

use schemars::JsonSchema;
use serde::Deserialize;
use tenantry_core::secret::SecretText;

use crate::egress::Endpoint;
use crate::redact::LONGEST_SECRET;

pub use client::ErpNextClient;

/// ERPNext
///
/// The company's own ERPNext: the assistant looks up customers, open invoices and stock in it. Give it a user of its
/// own with read access, so that it sees no more than it needs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-connection" = true))]
pub struct ErpNext {
    /// Address of ERPNext
    ///
    /// What stands in the browser's address bar before `/app` or `/desk` when you are logged in. It must begin with
    /// `https://`.
    #[schemars(extend("x-sensitivity" = "credential", "x-examples" = ["https://acme.frappe.cloud"]))]
    pub url: Endpoint,

    /// API key
    ///
    /// In ERPNext open the assistant's user (User list), tab Settings, section API Access, Generate Keys. The key
    /// stays visible there.
    #[schemars(extend("maxLength" = LONGEST_SECRET, "pattern" = r"^[!-~]+$"))]
    pub api_key: SecretText,

    /// API secret
    ///
    /// Shown once, when the keys are generated. Generating again makes a new secret, and the old one stops working.
    #[schemars(extend("maxLength" = LONGEST_SECRET, "pattern" = r"^[!-~]+$"))]
    pub api_secret: SecretText,
}
