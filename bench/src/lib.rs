//! What the benchmarks share: the workload, how two things are measured in turns, and the table that is printed.
//!
//! | module | is |
//! |---|---|
//! | [`workload`] | the tenants that everything is measured with |
//! | [`made_up`] | a store that makes these tenants up when they are read |
//! | [`rounds`] | measuring side by side, in turns |
//! | [`table`] | both figures, the ratio and the target |
//! | [`tenant_file`] | the same tenants in a store on disk |

pub mod made_up;
pub mod rounds;
pub mod table;
pub mod tenant_file;
pub mod workload;
