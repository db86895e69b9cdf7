//! What the benchmarks share: the workload, how two things are measured in turns, and the table that is printed.
//!
//! | module | is |
//! |---|---|
//! | [`workload`] | the tenants that everything is measured with |
//! | [`made_up`] | a store that makes these tenants up when they are read |
//! | [`rounds`] | measuring side by side, in turns |
//! | [`table`] | both figures, the ratio and the target |
//! | [`raw_map`] | the maps that a warm load is compared with |
//! | [`superposition`] | the nearest peer, with the same tenants |
//! | [`tenant_file`] | the same tenants in a store on disk |

pub mod made_up;
pub mod raw_map;
pub mod rounds;
pub mod superposition;
pub mod table;
pub mod tenant_file;
pub mod workload;
