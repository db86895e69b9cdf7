//! Clients of outside systems, each with the settings of its connection.
//!
//! | module | what |
//! |---|---|
//! | [`egress`] | the only place that builds an HTTP client; refuses internal addresses |
//! | [`call`] | why a provider gave no answer: one set of errors for all clients |
//! | [`verify`] | what a provider says of a connection |
//! | [`bases`] | where the providers are that everybody shares: Slack, Telegram, Google |
//! | [`llm`] | chat completion: OpenAI, OpenRouter, Cerebras |
//! | [`erp`] | what both ERP systems tell of: partners, open invoices, stock |
//! | [`odoo`] | the ERP system Odoo |
//! | [`erpnext`] | the ERP system ERPNext |
//! | [`slack`] | the messenger Slack |
//! | [`telegram`] | the messenger Telegram |
//! | [`google_calendar`] | public Google calendars |
//! | [`weaviate`] | the vector database Weaviate |
//! | `aws` | clients of AWS's services, in a session of one tenant (feature `aws`) |
//! | `dynamodb` | the tables of conversations in DynamoDB (feature `aws`) |
//! | `s3` | a tenant's buckets in S3 (feature `aws`) |
//!
//! A section of settings is a struct whose fields are parameters: the doc comment's first line is the title that people
//! see, the rest is the help text, and the `x-…` extensions say what the catalog must know of it:
//!
//! * `x-connection` on the section: its fields are taken whole from one tier.
//! * `x-sensitivity`: `credential` (kept with the secrets, may be shown) or `secret` (write-only).
//! * `x-secret-field`: the field's name in the tenant's secret, where it is not the key with `_` for `.`.
//! * `x-egress`: a URL that requests go to; [`egress::check_url`] judges it when it is written.
//! * `x-examples`: values that show the shape.
//!
//! Clients are made of a pure function that makes the request, a pure one that reads the answer, and a thin `send`
//! between them. No type of this crate shows a secret in `Debug`, in an error, or in a log.

#[cfg(feature = "aws")]
pub mod aws;
pub mod bases;
pub mod call;
#[cfg(feature = "aws")]
pub mod dynamodb;
pub mod egress;
pub mod erp;
pub mod erpnext;
mod excerpt;
pub mod google_calendar;
pub mod llm;
pub mod odoo;
mod redact;
#[cfg(feature = "aws")]
pub mod s3;
pub mod slack;
#[cfg(feature = "aws")]
pub mod sqs;
pub mod telegram;
pub mod verify;
pub mod weaviate;
