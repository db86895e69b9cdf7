//! Where the company's files and conversations are kept.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Data storage
///
/// Where the company's files and conversations are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Storage {
    /// S3 buckets
    ///
    /// A bucket for each purpose, such as `attachments` and `exports`. No two companies can have the same one.
    pub s3_buckets: BTreeMap<String, Bucket>,

    /// Prefix of DynamoDB tables
    ///
    /// What the names of the company's tables begin with. No two companies can have the same one.
    // A table's name has at most 255 characters; this leaves 55 for what stands behind the prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 200),
        extend("pattern" = r"^[A-Za-z0-9_.-]+$", "x-unique" = "prefix", "x-examples" = ["acme-"])
    )]
    pub dynamodb_table_prefix: Option<String>,
}

/// Bucket
///
/// The name of an Amazon S3 bucket: 3 to 63 lower-case letters, digits, dots and hyphens.
// docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; two dots in a row, or a dot beside a hyphen, are
// left to S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(
    inline,
    extend(
        "pattern" = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "x-unique" = "bucket",
        "x-examples" = ["acme-attachments"]
    )
)]
pub struct Bucket(pub String);
