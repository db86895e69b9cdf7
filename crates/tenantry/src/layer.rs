//! A tower layer that puts the tenant's configuration into each request, or answers why not.
//!
//! It knows the types of `http` alone, so it serves axum and `lambda_http` alike. Who asks is known before anybody looks at
//! the body.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, Request, Response};
use tenantry_store::StoreError;
use tokio::time::timeout;
use tower::{Layer, Service};

use crate::Settings;
use crate::config::TenantConfig;
use crate::credential::bearer;
use crate::error::Unanswered;
use crate::identify::{Evidence, TENANT_HEADER, identify};
use crate::loader::Loader;
use crate::problem::Problem;
use crate::refusal::token_missing;
use crate::token::{Authenticated, TokenError, Tokens};

/// The tenant id that Lambda itself vouches for, as its runtime gave it. Whoever runs the function puts it among the
/// request's extensions; nothing that a caller sends can get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LambdaTenant(pub String);

/// Wraps a service, so that each request reaches it with its tenant's [`TenantConfig`] among its extensions, and with the
/// [`Authenticated`] bearer of its token if it has one. Requests that prove no tenant do not reach it.
///
/// A tenant's token names the tenant, as [`LambdaTenant`] does, and the header `x-tenant-id` may only agree. An
/// operator's token belongs to no tenant, so the header must name one.
pub struct TenantLayer<S> {
    loader: Loader<S>,
    tokens: Tokens,
}

impl<S> TenantLayer<S> {
    /// Makes the layer of a loader and of what recognises tokens.
    pub fn new(loader: Loader<S>, tokens: Tokens) -> Self {
        Self { loader, tokens }
    }
}

impl<S> Clone for TenantLayer<S> {
    fn clone(&self) -> Self {
        Self { loader: self.loader.clone(), tokens: self.tokens.clone() }
    }
}

impl<S> fmt::Debug for TenantLayer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantLayer").finish_non_exhaustive()
    }
}

impl<S, T> Layer<T> for TenantLayer<S> {
    type Service = TenantService<S, T>;

    fn layer(&self, inner: T) -> Self::Service {
        TenantService { layer: self.clone(), inner }
    }
}

/// A service behind a [`TenantLayer`].
pub struct TenantService<S, T> {
    layer: TenantLayer<S>,
    inner: T,
}

impl<S, T: Clone> Clone for TenantService<S, T> {
    fn clone(&self) -> Self {
        Self { layer: self.layer.clone(), inner: self.inner.clone() }
    }
}

impl<S, T> fmt::Debug for TenantService<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantService").finish_non_exhaustive()
    }
}

impl<S, T, B, R> Service<Request<B>> for TenantService<S, T>
where
    S: Settings,
    T: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    T::Future: Send,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // It is this service that said it is ready; a clone would have to be asked again.
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        let layer = self.layer.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match layer.admit(&parts).await {
                Ok((config, bearer)) => {
                    parts.extensions.insert(config);
                    if let Some(bearer) = bearer {
                        parts.extensions.insert(bearer);
                    }
                    ready.call(Request::from_parts(parts, body)).await
                }
                Err(problem) => Ok(problem.into_response()),
            }
        })
    }
}

/// How long finding a token may take.
const LONGEST_WAIT: Duration = Duration::from_millis(800);

impl<S: Settings> TenantLayer<S> {
    /// Tells who asks for which tenant, and loads its configuration.
    async fn admit(&self, parts: &Parts) -> Result<(TenantConfig<S>, Option<Authenticated>), Box<Problem>> {
        let lambda = parts.extensions.get::<LambdaTenant>();
        let bearer = match bearer(parts)? {
            Some(token) => Some(self.authenticate(token).await.map_err(boxed)?),
            None if lambda.is_none() => return Err(token_missing().into()),
            None => None,
        };
        let tenant = identify(&Evidence {
            lambda: lambda.map(|tenant| tenant.0.as_str()),
            token: bearer.as_ref().map(|bearer| &bearer.scope),
            headers: parts.headers.get_all(TENANT_HEADER).iter().map(HeaderValue::as_bytes).collect(),
            ..Evidence::default()
        });
        let tenant = tenant.map_err(boxed)?;
        Ok((self.loader.load(&tenant).await.map_err(boxed)?, bearer))
    }

    async fn authenticate(&self, token: &str) -> Result<Authenticated, TokenError> {
        let now = self.loader.now().timestamp();
        let found = timeout(LONGEST_WAIT, self.tokens.authenticate_even_in_outages(token, now)).await;
        found.unwrap_or_else(|_| Err(StoreError::Unavailable(Unanswered(LONGEST_WAIT).into()).into()))
    }
}

/// Boxed, because a problem is large and the usual answer is small.
fn boxed(error: impl Into<Problem>) -> Box<Problem> {
    Box::new(error.into())
}
