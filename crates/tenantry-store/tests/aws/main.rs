//! What is said of a store on AWS beyond the contract: on emulators, through real HTTP.

mod faults;
mod hand_written;
mod interleaved;
mod interrupted;
mod provisioning;
mod raw;
mod sessions;

use tenantry_emulators::shared;
use tenantry_store::contract::place::Place;

/// A place of its own on the shared emulators.
pub(crate) async fn own_place() -> Place {
    let shared = shared().await;
    Place::behind(shared.dynamo.url(), shared.moto.url())
}
