//! The vector database Weaviate: settings of the connection, and the client.
//!
//! Sources: docs.weaviate.io, "REST API" (`/v1/meta`, `/v1/schema`) and "GraphQL: Get, nearText, bm25".

mod client;
mod graphql;

use schemars::JsonSchema;
use serde::Deserialize;
use tenantry_core::secret::SecretText;

use crate::egress::Endpoint;
use crate::redact::LONGEST_SECRET;

pub use client::{Passage, WeaviateClient};

/// Weaviate
///
/// The company's own Weaviate: the assistant searches the company's knowledge in it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-connection" = true))]
pub struct Weaviate {
    /// Address of the cluster
    ///
    /// At console.weaviate.cloud open the cluster: REST Endpoint. It must begin with `https://`, which that page leaves
    /// out.
    #[schemars(extend("x-sensitivity" = "credential", "x-examples" = ["https://acme.weaviate.cloud"]))]
    pub url: Endpoint,

    /// API key
    ///
    /// At console.weaviate.cloud open the cluster, API Keys. A key that may only read is enough.
    #[schemars(extend("maxLength" = LONGEST_SECRET, "pattern" = r"^[!-~]+$"))]
    pub api_key: SecretText,
}
