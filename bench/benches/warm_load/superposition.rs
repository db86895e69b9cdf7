//! The nearest peer, `superposition_core`: each tenant is a context of the workspace, with its overrides.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use superposition_core::{Config, MergeStrategy, eval};
use superposition_types::database::models::cac::{DependencyGraph, DimensionType};
use superposition_types::{Cac, Condition, Context, DimensionInfo, ExtendedMap, OverrideWithKeys, Overrides};
use tenantry_core::scope::TenantId;

use tenantry_bench::workload;

/// The one dimension of the workspace.
const TENANT: &str = "tenant";

/// A workspace with the default keys and the first tenants of the workload.
pub(crate) struct Workspace(Config);

impl Workspace {
    /// Makes the workspace.
    pub(crate) fn of(tenants: usize) -> Self {
        Self(Config {
            contexts: (0..tenants).map(context).collect(),
            overrides: (0..tenants).map(|number| (override_name(number), overrides(number))).collect(),
            default_configs: defaults(),
            dimensions: HashMap::from([(TENANT.to_owned(), dimension())]),
        })
    }

    /// The tenant's configuration, by the way that borrows the workspace: the faster one of the two that there are.
    pub(crate) fn eval(&self, tenant: &TenantId) -> Map<String, Value> {
        let query = Map::from_iter([(TENANT.to_owned(), tenant.as_str().into())]);
        let Config { default_configs, contexts, overrides, dimensions } = &self.0;
        let strategy = MergeStrategy::REPLACE;
        eval(default_configs.clone(), contexts, overrides, dimensions, query, strategy, None, None)
    }
}

fn context(number: usize) -> Context {
    let condition = Map::from_iter([(TENANT.to_owned(), workload::tenant(number).as_str().into())]);
    Context {
        id: format!("context-{number}"),
        condition: Cac::<Condition>::try_from(condition).expect("it has a dimension").into_inner(),
        priority: 1,
        weight: 1,
        override_with_keys: OverrideWithKeys::new(override_name(number)),
    }
}

fn override_name(number: usize) -> String {
    format!("override-{number}")
}

fn overrides(number: usize) -> Overrides {
    let members = workload::overrides(number).map(|(key, value)| (key.as_str().to_owned(), Value::from(&value)));
    Cac::<Overrides>::try_from(members.collect::<Map<_, _>>()).expect("there are some").into_inner()
}

fn defaults() -> ExtendedMap {
    let catalog = workload::catalog();
    let shown = |(key, entry): &(tenantry_core::key::Key, tenantry_core::layer::Entry)| {
        Some((key.as_str().to_owned(), Value::from(entry.value()?)))
    };
    ExtendedMap::from(catalog.defaults().entries().iter().filter_map(shown).collect::<Map<_, _>>())
}

fn dimension() -> DimensionInfo {
    DimensionInfo {
        schema: ExtendedMap::from(Map::from_iter([("type".to_owned(), json!("string"))])),
        position: 0,
        dimension_type: DimensionType::Regular {},
        dependency_graph: DependencyGraph(HashMap::from([(TENANT.to_owned(), Vec::new())])),
        value_compute_function_name: None,
        description: String::new(),
    }
}
