//! Writes the questions that Weaviate is asked in GraphQL.

use serde_json::Value;

/// A class whose texts can be searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) name: String,
    /// The names of its properties that are texts.
    pub(super) properties: Vec<String>,
}

/// How to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// By meaning: needs a vectorizer on the server.
    NearText,
    /// By words.
    Words,
}

/// Reads the classes of a schema that have texts. A name that is none in GraphQL is passed over: it would be a way to write
/// into the question.
pub(super) fn classes(schema: &Value) -> Vec<Class> {
    schema["classes"].as_array().into_iter().flatten().filter_map(class).collect()
}

fn class(class: &Value) -> Option<Class> {
    let name = name(&class["class"])?;
    let is_text = |property: &&Value| {
        let types = property["dataType"].as_array().into_iter().flatten();
        types.filter_map(Value::as_str).any(|kind| matches!(kind, "text" | "text[]" | "string"))
    };
    let properties = class["properties"].as_array().into_iter().flatten();
    let properties: Vec<_> = properties.filter(is_text).filter_map(|property| self::name(&property["name"])).collect();
    (!properties.is_empty()).then_some(Class { name, properties })
}

fn name(value: &Value) -> Option<String> {
    let name = value.as_str()?;
    let is_start = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_name =
        is_start && name.len() <= 256 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| name.to_owned())
}

/// The question for the passages of a class that fit best.
pub(super) fn question(class: &Class, search: Search, query: &str, most: u32) -> String {
    // A JSON string is a GraphQL string: the same escapes, and none of its quotes can end it.
    let text = Value::from(query);
    let search = match search {
        Search::NearText => format!("nearText: {{concepts: [{text}]}}"),
        Search::Words => format!("bm25: {{query: {text}}}"),
    };
    let properties = class.properties.join(" ");
    format!(
        "{{ Get {{ {}(limit: {most}, {search}) {{ {properties} _additional {{ score distance }} }} }} }}",
        class.name
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_texts_under_names_of_graphql_are_asked_for() {
        let schema = json!({"classes": [
            {"class": "Handbook", "properties": [
                {"name": "title", "dataType": ["text"]},
                {"name": "pages", "dataType": ["int"]},
                {"name": "x) { evil", "dataType": ["text"]},
            ]},
            {"class": "Numbers", "properties": [{"name": "n", "dataType": ["number"]}]},
            {"class": "Bad { Name", "properties": [{"name": "t", "dataType": ["text"]}]},
        ]});
        let expected = Class { name: "Handbook".to_owned(), properties: vec!["title".to_owned()] };
        assert_eq!(classes(&schema), [expected]);
        assert!(classes(&json!({})).is_empty());
    }

    #[test]
    fn a_query_cannot_leave_its_quotes() {
        let class = Class { name: "Handbook".to_owned(), properties: vec!["title".to_owned()] };
        let query = "a\"]}) { x } # \\ \n";
        let question = question(&class, Search::NearText, query, 3);
        assert!(question.contains(r#"concepts: ["a\"]}) { x } # \\ \n"]"#), "{question}");
        assert!(super::question(&class, Search::Words, query, 3).contains("bm25: {query: "));
    }
}
