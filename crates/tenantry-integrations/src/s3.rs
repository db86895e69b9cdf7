//! A tenant's buckets in Amazon S3: verifying one, and keeping and reading objects in it.
//!
//! Of a tenant comes the bucket's name alone. Endpoint, region and credentials are the platform's.

use aws_sdk_s3::primitives::ByteStream;
use tenantry_core::scope::TenantId;

use crate::aws::{Aws, code, failed, status};
use crate::call::CallError;
use crate::verify::Identity;

/// The most that is read of an object, in bytes: more than any attachment may have.
const MOST_READ: usize = 8 * 1024 * 1024;
/// In which region a bucket is.
const REGION: &str = "x-amz-bucket-region";

/// Buckets; a clone shares connections and sessions.
#[derive(Clone, Debug)]
pub struct Buckets {
    aws: Aws,
}

/// An object to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewObject<'a> {
    /// Its key: where it stands in the bucket.
    pub key: &'a str,
    /// Its media type, as its sender says.
    pub media_type: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
}

impl Buckets {
    /// The buckets of the account that is asked.
    pub fn new(aws: Aws) -> Self {
        Self { aws }
    }

    /// Asks for a bucket: is it there, may it be used, and is it in the platform's region?
    pub async fn verify(&self, bucket: &str) -> Result<Identity, CallError> {
        let error = match self.aws.own().s3.head_bucket().bucket(bucket).send().await {
            Ok(answer) => {
                let region = answer.bucket_region().unwrap_or(self.aws.region());
                return self.known_in(bucket, region);
            }
            Err(error) => error,
        };
        // The answer has no body, so its status is all that tells.
        let refused = |reason: String| CallError::Rejected { status: status(&error), reason };
        Err(match status(&error) {
            404 => refused(format!("there is no bucket {bucket}")),
            403 => {
                refused(format!("the bucket {bucket} is another account's, or the platform's policies do not name it"))
            }
            301 | 400 => match error.raw_response().and_then(|answer| answer.headers().get(REGION)) {
                Some(region) => return self.known_in(bucket, region),
                None => refused(format!("the bucket {bucket} cannot be used in {}", self.aws.region())),
            },
            _ => failed(&error, self.aws.attempt()),
        })
    }

    /// A bucket elsewhere would have each object travel between regions, and its answers are redirections.
    fn known_in(&self, bucket: &str, region: &str) -> Result<Identity, CallError> {
        if region == self.aws.region() {
            return Ok(Identity::new(format!("bucket {bucket} in {region}")));
        }
        let reason = format!("the bucket {bucket} is in {region}, expected one in {}", self.aws.region());
        Err(CallError::Rejected { status: 301, reason })
    }

    /// Keeps an object, as a tenant may; one of the same key is replaced.
    pub async fn put(&self, tenant: &TenantId, bucket: &str, object: NewObject<'_>) -> Result<(), CallError> {
        let client = self.aws.of(tenant).await?.s3;
        let put = client
            .put_object()
            .bucket(bucket)
            .key(object.key)
            .content_type(object.media_type)
            // Whoever opens it in a browser gets a download, whatever its sender says that it is.
            .content_disposition("attachment")
            .body(ByteStream::from(object.bytes.to_vec()));
        put.send().await.map(drop).map_err(|error| failed(&error, self.aws.attempt()))
    }

    /// Reads an object, as a tenant may; none if there is none.
    pub async fn read(&self, tenant: &TenantId, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, CallError> {
        let client = self.aws.of(tenant).await?.s3;
        let mut answer = match client.get_object().bucket(bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if code(&error) == "NoSuchKey" => return Ok(None),
            Err(error) => return Err(failed(&error, self.aws.attempt())),
        };
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.body.next().await {
            let chunk = chunk.map_err(|_| CallError::Unreachable { reason: "the object broke off".to_owned() })?;
            if bytes.len() + chunk.len() > MOST_READ {
                return Err(CallError::TooLarge { limit: MOST_READ });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes))
    }
}

/// Makes a bucket, as an operator does.
#[cfg(test)]
pub(crate) async fn make(aws: &Aws, bucket: &str, region: &str) {
    use aws_sdk_s3::config::{Builder, Region};
    use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};

    let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region));
    let create = aws.own().s3.create_bucket().bucket(bucket).create_bucket_configuration(place.build());
    let there = Builder::new().region(Region::new(region.to_owned()));
    create.customize().config_override(there).send().await.unwrap();
}

#[cfg(test)]
mod tests;
