//! A configuration that is merged anew because something changed: 50 default keys, 10 overrides, with origins.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenantry_bench::rounds::{Effort, Side, in_turns, with_criterion};
use tenantry_bench::table::{Table, Target};
use tenantry_bench::workload;
use tenantry_core::layer::Layer;
use tenantry_core::resolve::resolve;
use tenantry_core::value::Value;

const OPERATIONS: u32 = 100;

fn main() {
    let effort = Effort::of_environment();
    let catalog = workload::catalog();
    let (below, above) = (Arc::clone(catalog.defaults()), Arc::new(workload::layer(7)));
    assert_eq!((below.entries().len(), above.entries().len()), (workload::DEFAULTS, workload::OVERRIDES));

    let shared = [&below, &above].map(|layer| map_of(layer, |name| Arc::<str>::from(name)));
    let owned = [&below, &above].map(|layer| map_of(layer, |name| name.to_owned()));
    let figment = [&below, &above].map(|layer| FigmentLayer::of(layer));
    let config = [&below, &above].map(|layer| ConfigLayer::of(layer));

    let mut sides = [
        Side::new("resolve", OPERATIONS, |()| {
            resolve(vec![Arc::clone(&below), Arc::clone(&above)], catalog.connections())
        }),
        Side::new("BTreeMap<Arc<str>, Arc<Value>>, copied and extended", OPERATIONS, |()| merged(&shared)),
        Side::new("BTreeMap<String, Arc<Value>>, copied and extended", OPERATIONS, |()| merged(&owned)),
        Side::new("figment 0.10, merge alone", OPERATIONS, |()| {
            figment::Figment::from(figment[0].clone()).merge(figment[1].clone())
        }),
        Side::new("config 0.15, build alone", OPERATIONS, |()| {
            let builder = config::Config::builder().add_source(config[0].clone()).add_source(config[1].clone());
            builder.build().expect("the sources are maps")
        }),
    ];
    let figures = in_turns(effort.choose(50, 1_000), || (), &mut sides);
    let mut table = Table::new("resolve");
    for (other, target) in
        figures.others().zip([Target::AtMost(2.0), Target::AtMost(2.0), Target::Beats(10.0), Target::Beats(10.0)])
    {
        table.compare("50 defaults and 10 overrides, with origins", &figures, other, target);
    }
    table.finish();
    with_criterion("resolve", || (), &mut sides);
}

fn leaves(layer: &Layer) -> impl Iterator<Item = (&str, &Value)> {
    layer.entries().iter().filter_map(|(key, entry)| Some((key.as_str(), entry.value()?)))
}

fn map_of<K: Ord>(layer: &Layer, name: impl Fn(&str) -> K) -> BTreeMap<K, Arc<Value>> {
    leaves(layer).map(|(key, value)| (name(key), Arc::new(value.clone()))).collect()
}

fn merged<K: Ord + Clone>([below, above]: &[BTreeMap<K, Arc<Value>>; 2]) -> BTreeMap<K, Arc<Value>> {
    let mut merged = below.clone();
    merged.extend(above.iter().map(|(key, value)| (key.clone(), Arc::clone(value))));
    merged
}

/// A layer as figment holds one: already a dictionary, so that nothing has to be parsed.
#[derive(Clone)]
struct FigmentLayer(Arc<figment::value::Dict>);

impl FigmentLayer {
    fn of(layer: &Layer) -> Self {
        let mut nested = figment::value::Dict::new();
        for (key, value) in leaves(layer) {
            let value = figment::value::Value::serialize(value).expect("a value can be serialised");
            let (section, field) = key.split_once('.').expect("every key has a section");
            let entry = nested.entry(section.to_owned()).or_insert_with(|| figment::value::Dict::new().into());
            let figment::value::Value::Dict(_, fields) = entry else { unreachable!("sections are dictionaries") };
            fields.insert(field.to_owned(), value);
        }
        Self(Arc::new(nested))
    }
}

impl figment::Provider for FigmentLayer {
    fn metadata(&self) -> figment::Metadata {
        figment::Metadata::named("memory")
    }

    fn data(&self) -> figment::error::Result<figment::value::Map<figment::Profile, figment::value::Dict>> {
        Ok(figment::Profile::Default.collect((*self.0).clone()))
    }
}

/// A layer as config holds one: already a map, so that nothing has to be parsed.
#[derive(Clone, Debug)]
struct ConfigLayer(Arc<config::Map<String, config::Value>>);

impl ConfigLayer {
    fn of(layer: &Layer) -> Self {
        let value = |value: &Value| match value {
            Value::Bool(flag) => config::ValueKind::Boolean(*flag),
            Value::Number(number) => number.as_i64().map_or_else(|| number.as_f64().into(), config::ValueKind::I64),
            Value::String(text) => config::ValueKind::String(text.clone()),
            Value::Array(_) | Value::Table(_) => unreachable!("the workload has neither"),
        };
        let origin = "memory".to_owned();
        let mut sections: BTreeMap<&str, config::Map<String, config::Value>> = BTreeMap::new();
        for (key, plain) in leaves(layer) {
            let (section, field) = key.split_once('.').expect("every key has a section");
            let fields = sections.entry(section).or_default();
            fields.insert(field.to_owned(), config::Value::new(Some(&origin), value(plain)));
        }
        let table = |(name, fields): (&str, _)| (name.to_owned(), config::Value::new(Some(&origin), fields));
        Self(Arc::new(sections.into_iter().map(table).collect()))
    }
}

impl config::Source for ConfigLayer {
    fn clone_into_box(&self) -> Box<dyn config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<config::Map<String, config::Value>, config::ConfigError> {
        Ok((*self.0).clone())
    }
}
