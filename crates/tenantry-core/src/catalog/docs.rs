//! The title and description of a declaration.

use serde_json::Value as Json;

use crate::catalog::inline::Node;
use crate::catalog::pattern::{ANY, KeyPattern};

/// The documentation of a node.
#[derive(Clone)]
pub(super) struct Docs {
    pub(super) title: Option<String>,
    pub(super) description: String,
}

impl Docs {
    /// A title is taken as it is; else the first line of the description is the title, and the rest describes.
    pub(super) fn of(node: &Node) -> Self {
        let text = |name: &str| node.get(name).and_then(Json::as_str).map(str::trim).filter(|text| !text.is_empty());
        let description = text("description").unwrap_or_default();
        if let Some(title) = text("title") {
            return Self { title: Some(title.to_owned()), description: description.to_owned() };
        }
        let (first, rest) = description.split_once('\n').unwrap_or((description, ""));
        let title = Some(first.trim().trim_end_matches('.').to_owned()).filter(|title| !title.is_empty());
        Self { title, description: rest.trim().to_owned() }
    }

    /// The documentation of a map's entry: its own, or else that of the map.
    pub(super) fn or(self, other: &Self) -> Self {
        if self.title.is_some() { self } else { other.clone() }
    }
}

/// A title for what has no documentation: `Bot token`.
pub(super) fn title_from_name(place: &KeyPattern) -> String {
    let name = place.segments().rfind(|segment| *segment != ANY).unwrap_or("Settings").replace(['_', '-'], " ");
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Gives a schema the title that its description begins with, in place of the one that it has.
pub(super) fn entitle(schema: &mut Node) {
    let generated = schema.remove("title");
    let Docs { title, description } = Docs::of(schema);
    if title.is_some() {
        schema.insert("description".to_owned(), Json::from(description));
    }
    schema.extend(title.map(Json::from).or(generated).map(|title| ("title".to_owned(), title)));
}
