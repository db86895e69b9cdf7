//! What a template may see.

use std::collections::BTreeMap;

use crate::value::Value;

/// Bytes of text in a context, names included: four times what the output may be.
const CONTEXT_BYTES: usize = 256 * 1024;
/// Values in a context. Comparing two tables costs no fuel for what lies deeper within, so that must be little.
const CONTEXT_VALUES: usize = 4_096;
/// Tables and lists in one another.
const CONTEXT_DEPTH: usize = 32;

/// An allow-list of plain values, each under a dotted name. Nothing else can be read by a template, and the values are
/// data: braces in them stay braces.
///
/// ```
/// use tenantry_core::template::{Context, Template, TemplateLimits};
///
/// let template = Template::compile("I am {{ persona.name }}.", &TemplateLimits::default()).unwrap();
/// let context = Context::new().with("persona.name", "Ada {{ 7 * 7 }}");
/// assert_eq!(template.render(&context).unwrap(), "I am Ada {{ 7 * 7 }}.");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    root: BTreeMap<String, Value>,
}

impl Context {
    /// A context without any value.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value under a dotted name such as `persona.name`. It replaces what stood there, and a plain value that
    /// stood where the name needs a table.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let mut segments: Vec<&str> = name.split('.').collect();
        let last = segments.pop().unwrap_or(name).to_owned();
        let mut table = &mut self.root;
        for segment in segments {
            let below = table.entry(segment.to_owned()).or_insert_with(|| Value::Table(BTreeMap::new()));
            if below.as_table().is_none() {
                *below = Value::Table(BTreeMap::new());
            }
            let Value::Table(inner) = below else { unreachable!("it was just made a table") };
            table = inner;
        }
        table.insert(last, value.into());
        self
    }

    /// The value for the engine, or what limit it breaks.
    pub(super) fn to_engine(&self) -> Result<minijinja::Value, String> {
        let mut left = Allowance { bytes: CONTEXT_BYTES, values: CONTEXT_VALUES };
        left.table(&self.root, CONTEXT_DEPTH)
    }
}

/// What a context may still hold.
struct Allowance {
    bytes: usize,
    values: usize,
}

impl Allowance {
    fn table(&mut self, table: &BTreeMap<String, Value>, depth: usize) -> Result<minijinja::Value, String> {
        let mut members = BTreeMap::new();
        for (name, value) in table {
            self.take_bytes(name.len())?;
            members.insert(name.clone(), self.value(value, depth)?);
        }
        Ok(minijinja::Value::from(members))
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<minijinja::Value, String> {
        self.values = self.values.checked_sub(1).ok_or_else(|| {
            format!("the values for the prompt are more than {CONTEXT_VALUES}, counting those in lists and tables")
        })?;
        let inner = || depth.checked_sub(1).ok_or(format!("a value is nested deeper than {CONTEXT_DEPTH}"));
        Ok(match value {
            Value::Bool(flag) => (*flag).into(),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(integer), _) => integer.into(),
                (None, Some(integer)) => integer.into(),
                (None, None) => number.as_f64().into(),
            },
            Value::String(text) => {
                self.take_bytes(text.len())?;
                text.as_str().into()
            }
            Value::Array(items) => {
                let depth = inner()?;
                let items = items.iter().map(|item| self.value(item, depth));
                minijinja::Value::from(items.collect::<Result<Vec<_>, _>>()?)
            }
            Value::Table(table) => self.table(table, inner()?)?,
        })
    }

    fn take_bytes(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or_else(|| format!("the values for the prompt are over {CONTEXT_BYTES} bytes"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_name_may_lie_below_an_earlier_plain_value() {
        let context = Context::new().with("persona", "Ada").with("persona.name", "Ada");
        assert_eq!(context, Context::new().with("persona.name", "Ada"));
    }

    #[test]
    fn refuses_more_than_a_prompt_needs() {
        let long = Context::new().with("a", "x".repeat(CONTEXT_BYTES).as_str());
        assert!(long.to_engine().unwrap_err().contains("bytes"));
        let many = Context::new().with("a", Value::Array(vec![true.into(); CONTEXT_VALUES]));
        assert!(many.to_engine().unwrap_err().contains("more than"));
        let deep = (0..=CONTEXT_DEPTH).fold(Value::from(1), |inner, _| Value::Array(vec![inner]));
        assert!(Context::new().with("a", deep).to_engine().unwrap_err().contains("deeper"));
    }
}
