//! What providers publish of their APIs, as `make tools` installed it: nothing is fetched by a test.

use std::fs;

use serde_json::Value;

use crate::tools;

/// The discovery document of Google Calendar's API, of the package `google-api-python-client`.
///
/// # Panics
///
/// If it is not there, or is no JSON.
pub fn google_calendar() -> Value {
    let file = tools::find_package_file("googleapiclient/discovery_cache/documents/calendar.v3.json");
    let text = fs::read_to_string(file).expect("the document can be read");
    serde_json::from_str(&text).expect("the document is JSON")
}

/// The types of Weaviate's API, of the package `weaviate-client`: TypeScript that is generated of its OpenAPI document.
///
/// # Panics
///
/// If they are not there.
pub fn weaviate() -> TypeScript {
    let file = tools::find("npm/weaviate-client/dist/node/esm/openapi/schema.d.ts");
    TypeScript(fs::read_to_string(file).expect("the types can be read"))
}

/// Generated types, of which only the outline is read: generated text is laid out by one rule.
#[derive(Debug)]
pub struct TypeScript(String);

impl TypeScript {
    /// The members of what is declared under a name, such as a path's methods or a type's fields.
    ///
    /// # Panics
    ///
    /// If nothing is declared under the name.
    pub fn members(&self, name: &str) -> Vec<&str> {
        let (plain, quoted) = (format!("    {name}: {{"), format!("    '{name}': {{"));
        let mut lines = self.0.lines().skip_while(|line| *line != plain && *line != quoted);
        assert!(lines.next().is_some(), "{name} is not declared");
        let within = lines.take_while(|line| *line != "    };");
        within.filter_map(|line| member(line.strip_prefix("        ")?)).collect()
    }
}

/// The name at the beginning of a line such as `version?: string;`; none if it is indented or a comment.
fn member(line: &str) -> Option<&str> {
    let (name, _) = line.split_once(':')?;
    let name = name.trim_end_matches('?');
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_members_themselves_are_read() {
        let text = "export interface definitions {\n    Meta: {\n        /** @description The version: a text. */\n        \
                    version?: string;\n        modules?: {\n            [key: string]: unknown;\n            inner?: \
                    string;\n        };\n    };\n    Other: {\n        other: string;\n    };\n    '/meta': {\n        \
                    get: operations['meta.get'];\n    };\n}\n";
        let types = TypeScript(text.to_owned());
        assert_eq!(types.members("Meta"), ["version", "modules"]);
        assert_eq!(types.members("/meta"), ["get"]);
    }
}
