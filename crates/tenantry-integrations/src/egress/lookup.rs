//! Looks names up, and lets a connection go only to addresses that were judged.
//!
//! The connector asks this resolver once for each connection and uses the very addresses that it answers with. A name
//! that changes its answer between the check and the use (DNS rebinding) therefore gains nothing: there is no second
//! look-up.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use tracing::warn;

use super::address::internal_network;

/// Looks a name up; the ports of the answer are 0, which stands for the URL's.
pub(super) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The look-up of the machine that we run on.
pub(super) fn system() -> Lookup {
    Arc::new(|name| async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }.boxed())
}

/// A name leads to an address that is not public.
#[derive(Debug, Error)]
#[error("a name leads to an internal address")]
pub(super) struct LeadsInside;

/// A resolver that refuses a name if any one of its addresses is internal.
pub(super) struct PublicOnly(pub(super) Lookup);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let looked_up = (self.0)(name.as_str().to_owned());
        async move {
            let addresses = looked_up.await?;
            refuse_internal(name.as_str(), &addresses)?;
            answer(addresses)
        }
        .boxed()
    }
}

/// A resolver for origins that the operator allowed: any address will do.
pub(super) struct Any(pub(super) Lookup);

impl Resolve for Any {
    fn resolve(&self, name: Name) -> Resolving {
        let looked_up = (self.0)(name.as_str().to_owned());
        async move { answer(looked_up.await?) }.boxed()
    }
}

/// Refuses all addresses for one bad one: which of them a connection would take is not ours to say.
fn refuse_internal(name: &str, addresses: &[SocketAddr]) -> Result<(), LeadsInside> {
    match addresses.iter().find_map(|address| internal_network(address.ip())) {
        None => Ok(()),
        Some(network) => {
            warn!(name, network, "refused to connect: the name leads to an internal address");
            Err(LeadsInside)
        }
    }
}

fn answer(addresses: Vec<SocketAddr>) -> Result<Addrs, Box<dyn Error + Send + Sync>> {
    if addresses.is_empty() {
        return Err(io::Error::from(io::ErrorKind::NotFound).into());
    }
    Ok(Box::new(addresses.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answering(addresses: &[&str]) -> Lookup {
        let addresses: Vec<SocketAddr> =
            addresses.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect();
        Arc::new(move |_| futures::future::ready(Ok(addresses.clone())).boxed())
    }

    async fn resolved(resolver: &impl Resolve) -> Result<Vec<String>, String> {
        let answer = resolver.resolve("erp.example.com".parse().unwrap()).await;
        answer.map(|all| all.map(|address| address.ip().to_string()).collect()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_connection_gets_the_addresses_that_were_judged() {
        let lookup = answering(&["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]);
        let addresses = resolved(&PublicOnly(lookup)).await.unwrap();
        assert_eq!(addresses, ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]);
    }

    #[tokio::test]
    async fn one_internal_address_refuses_all() {
        for inside in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "::ffff:192.168.0.1"] {
            for addresses in [[inside, "93.184.215.14"], ["93.184.215.14", inside]] {
                let refused = resolved(&PublicOnly(answering(&addresses))).await.unwrap_err();
                assert_eq!(refused, LeadsInside.to_string());
            }
        }
    }

    #[tokio::test]
    async fn an_allowed_origin_may_lead_inside() {
        assert_eq!(resolved(&Any(answering(&["127.0.0.1"]))).await.unwrap(), ["127.0.0.1"]);
    }

    #[tokio::test]
    async fn a_name_without_addresses_is_an_error() {
        assert!(resolved(&PublicOnly(answering(&[]))).await.is_err());
        assert!(resolved(&Any(answering(&[]))).await.is_err());
    }
}
