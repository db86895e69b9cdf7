//! Tests of the catalog.

use proptest::prelude::*;
use serde_json::json;

use super::sample::catalog;
use super::*;
use crate::document::Document;
use crate::layer::Entry;

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn value(json: &str) -> Value {
    Value::from_json(json).unwrap()
}

fn parameter(fields: &serde_json::Value) -> Parameter {
    let schema = json!({ "type": "object", "properties": { "p": fields } });
    Catalog::from_schema(&schema).unwrap().parameters.remove(0)
}

#[test]
fn a_parameter_is_found_by_key_through_maps() {
    let catalog = catalog();
    let pattern = |text: &str| catalog.parameter(&key(text)).map(|parameter| parameter.pattern.to_string());
    assert_eq!(pattern("persona.name").unwrap(), "persona.name");
    assert_eq!(pattern("prompts.anything").unwrap(), "prompts.*");
    assert_eq!(pattern("routing.routes.sales.prompt").unwrap(), "routing.routes.*.prompt");
    for no_parameter in ["persona", "prompts", "persona.name.x", "persona.nmae", "routing.routes.sales"] {
        assert_eq!(pattern(no_parameter), None);
    }
}

#[test]
fn a_section_is_a_key_with_parameters_below() {
    let catalog = catalog();
    for section in ["persona", "prompts", "routing.routes", "routing.routes.sales", "ai.tasks.writing"] {
        assert!(catalog.is_section(&key(section)), "{section}");
    }
    for other in ["persona.name", "persona.name.x", "nothing", "prompts.chitchat"] {
        assert!(!catalog.is_section(&key(other)), "{other}");
    }
}

#[test]
fn parameters_and_sections_come_in_the_order_of_their_keys() {
    let catalog = catalog();
    assert!(catalog.parameters().map(|parameter| &parameter.pattern).is_sorted());
    assert!(catalog.sections().map(|section| &section.pattern).is_sorted());
}

#[test]
fn the_first_line_of_a_doc_comment_is_the_title() {
    let catalog = catalog();
    let name = catalog.parameter(&key("persona.name")).unwrap();
    assert_eq!((name.title.as_str(), name.description.as_str()), ("Name", "As users see it."));
    assert_eq!(catalog.parameter(&key("openai.base_url")).unwrap().title, "Base url", "made of the name");
    assert_eq!(catalog.parameter(&key("prompts.x")).unwrap().title, "Prompts", "that of the map");
    let titled = parameter(&json!({ "type": "string", "title": "T", "description": "One.\nTwo." }));
    assert_eq!((titled.title.as_str(), titled.description.as_str()), ("T", "One.\nTwo."));
}

#[test]
fn fields_of_a_connection_are_credentials_unless_they_are_secrets() {
    let catalog = catalog();
    let sensitivity = |text: &str| catalog.parameter(&key(text)).unwrap().sensitivity;
    assert_eq!(sensitivity("odoo.url"), Sensitivity::Credential);
    assert_eq!(sensitivity("odoo.password"), Sensitivity::Secret);
    assert_eq!(sensitivity("persona.name"), Sensitivity::Plain);
    assert_eq!(parameter(&json!({ "type": "string", "writeOnly": true })).sensitivity, Sensitivity::Secret);
    assert_eq!(parameter(&json!({ "type": "string", "format": "password" })).sensitivity, Sensitivity::Secret);
}

#[test]
fn a_connection_requires_its_fields_without_default() {
    let catalog = catalog();
    let required = |section: &str| catalog.connections().section(&key(section)).unwrap().required.clone();
    assert_eq!(required("odoo"), ["odoo.url", "odoo.db", "odoo.password"].map(key));
    assert_eq!(required("openai"), [key("openai.api_key")]);
}

#[test]
fn defaults_come_from_fields_sections_and_maps_and_null_is_none() {
    let catalog = catalog();
    let shown: Vec<_> = catalog.defaults().entries().iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(shown, ["openai.base_url", "persona.name", "persona.style", "prompts.chitchat"]);
    assert_eq!(catalog.defaults().entry(&key("persona.name")), Some(&Entry::Value("Ada".into())));
    assert_eq!(catalog.parameter(&key("persona.name")).unwrap().default, Some("Ada".into()));
    assert_eq!(catalog.parameter(&key("routing.routes.x.enabled")).unwrap().default, Some(true.into()));
}

#[test]
fn a_sections_default_goes_before_that_of_its_field() {
    let field = json!({ "type": "string", "default": "inner" });
    let section = json!({ "type": "object", "properties": { "a": field, "b": field }, "default": { "a": "outer" } });
    let catalog = Catalog::from_schema(&json!({ "properties": { "s": section } })).unwrap();
    assert_eq!(catalog.parameter(&key("s.a")).unwrap().default, Some("outer".into()));
    assert_eq!(catalog.parameter(&key("s.b")).unwrap().default, Some("inner".into()));
}

#[test]
fn who_may_set_is_inherited_from_the_section() {
    let catalog = catalog();
    assert_eq!(catalog.parameter(&key("limits.monthly_tokens")).unwrap().set_by, SetBy::Operator);
    assert_eq!(catalog.parameter(&key("persona.name")).unwrap().set_by, SetBy::Tenant);
}

#[test]
fn both_spellings_of_a_key_are_read() {
    let catalog = catalog();
    for (spelling, meant) in [
        ("odoo.password", "odoo.password"),
        ("odoo_password", "odoo.password"),
        ("calendar_id", "google.calendar_id"),
        ("google_calendar_id", "google.calendar_id"),
        ("persona", "persona"),
        ("persona_name", "persona.name"),
        ("prompts_my_prompt", "prompts.my_prompt"),
        ("routing_routes_sales_prompt", "routing.routes.sales.prompt"),
    ] {
        assert_eq!(catalog.key(spelling).unwrap(), key(meant), "{spelling}");
    }
}

#[test]
fn a_wrong_spelling_is_answered_with_the_nearest_keys() {
    let said = |spelling: &str| catalog().key(spelling).unwrap_err().to_string();
    insta::assert_snapshot!(said("persona.nmae"), @"there is no parameter persona.nmae; nearest: persona.name, persona.style, persona.language");
    insta::assert_snapshot!(said("odoo_pasword"), @"there is no parameter odoo_pasword; nearest: odoo.password, odoo.url, odoo.db");
    insta::assert_snapshot!(said("routing.routes.sales.promt"), @"there is no parameter routing.routes.sales.promt; nearest: routing.routes.sales.prompt, routing.routes.sales.tools, routing.routes.sales.task");
    insta::assert_snapshot!(said("a b"), @"' ' at position 2 cannot be in a key: use letters, digits, '_', '-' and dots");
}

#[test]
fn a_flat_spelling_of_several_keys_is_refused() {
    let map = json!({ "additionalProperties": { "type": "string" }, "type": "object" });
    let section = json!({ "type": "object", "properties": { "x": map } });
    let catalog = Catalog::from_schema(&json!({ "properties": { "a": section, "a_x": map } })).unwrap();
    let said = catalog.key("a_x_y").unwrap_err().to_string();
    insta::assert_snapshot!(said, @"a_x_y may be any of a.x.y, a_x.y: write it with dots");
}

#[test]
fn a_field_of_the_secret_and_its_key_find_each_other() {
    let catalog = catalog();
    assert_eq!(catalog.secret_field(&key("google.calendar_id")), Some("calendar_id"));
    assert_eq!(catalog.key_of_secret_field("calendar_id"), Some(&key("google.calendar_id")));
    assert_eq!(catalog.key_of_secret_field("google_calendar_id"), None, "only the declared name is a field");
    assert_eq!(catalog.secret_field(&key("persona.name")), None);
    assert_eq!(catalog.key_of_secret_field("persona_name"), None);
}

#[test]
fn a_subtree_is_split_where_the_catalog_has_its_leaves() {
    let catalog = catalog();
    let leaves = |at: &str, json: &str| -> Vec<String> {
        let leaves = catalog.leaves(&key(at), value(json));
        leaves.iter().map(|(key, value)| format!("{key}={}", value.to_json())).collect()
    };
    let routes = r#"{"sales":{"prompt":"p","tools":["calculate"]},"other":{"enabled":false}}"#;
    assert_eq!(
        leaves("routing.routes", routes),
        [
            "routing.routes.other.enabled=false",
            r#"routing.routes.sales.prompt="p""#,
            r#"routing.routes.sales.tools=["calculate"]"#
        ]
    );
    assert_eq!(leaves("persona", r#"{"nmae":{"x":1}}"#), [r#"persona.nmae={"x":1}"#], "unknown ones stay in one piece");
    assert_eq!(leaves("prompts", r#"{"a b":"x","ok":"y"}"#), [r#"prompts.ok="y""#, r#"prompts={"a b":"x"}"#]);
    assert_eq!(leaves("persona", "5"), ["persona=5"]);
    assert!(leaves("persona", "{}").is_empty());
}

#[test]
fn references_are_followed_and_null_is_taken_out() {
    let schema = json!({
        "type": "object",
        "properties": {
            "a": { "$ref": "#/$defs/text", "description": "Mine" },
            "b": { "anyOf": [{ "$ref": "#/$defs/text" }, { "type": "null" }] },
            "c": { "allOf": [{ "$ref": "#/$defs/text" }], "default": "x" },
            "d": { "type": ["integer", "null"], "minimum": 1 },
            "e": { "$ref": "#/$defs/text", "maxLength": 3 },
        },
        "$defs": { "text": { "type": "string", "maxLength": 9, "title": "Theirs", "description": "Theirs, too" } },
    });
    let catalog = Catalog::from_schema(&schema).unwrap();
    let said = |text: &str| {
        let parameter = catalog.parameter(&key(text)).unwrap();
        format!("{}: {}", parameter.title, parameter.schema)
    };
    assert_eq!(said("a"), r#"Mine: {"maxLength":9,"type":"string"}"#);
    assert_eq!(said("b"), r#"Theirs: {"maxLength":9,"type":"string"}"#);
    assert_eq!(said("c"), r#"Theirs: {"maxLength":9,"type":"string"}"#);
    assert_eq!(said("d"), r#"D: {"minimum":1,"type":"integer"}"#);
    assert_eq!(said("e"), r#"Theirs: {"allOf":[{"maxLength":9}],"maxLength":3,"type":"string"}"#, "both hold");
}

#[test]
fn a_schema_that_is_no_catalog_is_refused_with_place_and_reason() {
    let text = json!({ "type": "string" });
    let secret = json!({ "type": "string", "x-sensitivity": "secret" });
    let map = |entry: &serde_json::Value| json!({ "type": "object", "additionalProperties": entry });
    let with = |name: &str, value: serde_json::Value| {
        let mut schema = text.clone();
        schema[name] = value;
        schema
    };
    let connection = json!({ "type": "object", "properties": { "k": text }, "x-connection": true });
    let parameters = [
        json!({ "$ref": "https://example.com/schema.json" }),
        json!({ "$ref": "#/$defs/nothing" }),
        json!({ "$ref": "#/$defs/self" }),
        json!({}),
        json!({ "type": "object" }),
        json!({ "type": ["object", "string"] }),
        json!({ "anyOf": [{ "type": "string" }, map(&text)] }),
        json!({ "type": "object", "properties": { "a": text }, "additionalProperties": text }),
        json!({ "type": "object", "patternProperties": { "^a": text } }),
        json!({ "type": "object", "properties": { "a b": text } }),
        json!({ "type": "strnig" }),
        with("pattern", json!("[")),
        with("default", json!(7)),
        with("x-sensitivity", json!("hidden")),
        with("x-sensitivty", json!("secret")),
        with("x-set-by", json!("nobody")),
        with("x-connection", json!(true)),
        with("x-refers-to", json!("nowhere")),
        with("x-requires", json!({ "a": ["nowhere"] })),
        json!({ "enum": ["a"], "x-requires": { "b": [] } }),
        with("x-secret-field", json!("a")),
        json!({ "type": "integer", "x-template": ["a"] }),
        json!({ "type": "integer", "x-sensitivity": "secret" }),
        json!({ "type": "string", "x-sensitivity": "secret", "default": "s" }),
        json!({ "type": "string", "x-unique": "bucket", "default": "b" }),
        json!({ "type": "array", "items": secret }),
        map(&secret),
        map(&connection),
        json!({ "type": "object", "properties": { "inner": connection }, "x-connection": true }),
        json!({ "type": "object", "properties": { "a": text }, "x-enabled-by": "a" }),
        json!({ "type": "object", "properties": { "a": text }, "default": { "b": "x" } }),
    ];
    let defs = json!({ "self": { "type": "object", "properties": { "a": { "$ref": "#/$defs/self" } } } });
    let refusals = parameters.map(|p| {
        let schema = json!({ "type": "object", "properties": { "p": p }, "$defs": defs });
        Catalog::from_schema(&schema).unwrap_err().to_string()
    });
    insta::assert_snapshot!(refusals.join("\n"), @r##"
    p: "https://example.com/schema.json" is a reference to another document; only references to #/$defs/… are followed
    p: "#/$defs/nothing" refers to nothing in this schema
    p.a: "#/$defs/self" contains itself; a parameter has a fixed depth
    p: it says neither `type` nor `enum`, so no value can be checked against it
    p: a table needs `properties` (a section) or a schema in `additionalProperties` (a map)
    p: a parameter cannot be a table at one time and a value at another
    p: a parameter cannot be a table at one time and a value at another
    p: a table has `properties` or a schema in `additionalProperties`, not both
    p: `patternProperties` cannot be used here
    p: "a b" cannot be part of a key: use letters, digits, '_' and '-', at most 64
    p: not a valid JSON Schema: "strnig" is not valid under any of the schemas listed in the 'anyOf' keyword
    p: not a valid JSON Schema: "[" is not a "regex"
    p: its default cannot be used: expected a string, found 7
    p: `x-sensitivity` must be `plain`, `credential` or `secret`
    p: `x-sensitivty` is no extension; is `x-sensitivity` meant?
    p: `x-set-by` must be `tenant` or `operator`
    p: `x-connection` has no meaning here
    p: `x-refers-to` names "nowhere", which is no table of this catalog
    p: `x-requires` names "nowhere", which is no connection of this catalog
    p: `x-requires` names "b", which is no allowed value of this catalog
    p: `x-secret-field` has no meaning here
    p: `x-template` has no meaning here
    p: credentials and secrets are texts: its type must be string
    p: a secret cannot have a default
    p: a value that is each tenant's own cannot have a default
    p: `x-sensitivity` has no meaning here
    p.*: credentials and secrets cannot be entries of a map
    p.*: a connection must be a section outside of maps and of other connections
    p.inner: a connection must be a section outside of maps and of other connections
    p: `x-enabled-by` names "a", which is no true-or-false field of this catalog
    p: its default cannot be used: it sets p.b, which is no parameter
    "##);
}

#[test]
fn the_outermost_schema_must_be_a_section() {
    for schema in [json!({ "type": "string" }), json!({ "additionalProperties": { "type": "string" } })] {
        let error = Catalog::from_schema(&schema).unwrap_err();
        assert_eq!(error.to_string(), "the schema: the outermost schema must be an object with properties");
    }
    for schema in [json!(true), json!(null), json!([]), json!("x"), json!({})] {
        Catalog::from_schema(&schema).unwrap_err();
    }
}

#[test]
fn two_keys_with_one_flat_name_are_refused() {
    let text = json!({ "type": "string" });
    let section = json!({ "type": "object", "properties": { "b": text } });
    let error = Catalog::from_schema(&json!({ "properties": { "a": section, "a_b": text } })).unwrap_err();
    insta::assert_snapshot!(error, @r#"a_b: its flat name "a_b" is that of a.b, too; rename one, or declare `x-secret-field` on a secret one"#);
}

#[test]
fn references_that_multiply_end_in_a_refusal() {
    let mut defs = serde_json::Map::new();
    for level in 0..12 {
        let below = json!({ "$ref": format!("#/$defs/d{}", level + 1) });
        let many: serde_json::Map<_, _> = (0..10).map(|n| (format!("p{n}"), below.clone())).collect();
        defs.insert(format!("d{level}"), json!({ "type": "object", "properties": many }));
    }
    defs.insert("d12".to_owned(), json!({ "type": "string" }));
    let schema = json!({ "properties": { "a": { "$ref": "#/$defs/d0" } }, "$defs": defs });
    assert!(matches!(Catalog::from_schema(&schema).unwrap_err().fault, CatalogFault::TooLarge(_)));
}

#[test]
fn the_schema_of_a_catalog_makes_the_same_catalog() {
    let catalog = catalog();
    let again = Catalog::from_schema(catalog.schema()).unwrap();
    assert_eq!(serde_json::to_string(&catalog.parameters).unwrap(), serde_json::to_string(&again.parameters).unwrap());
}

#[test]
fn the_catalog_is_named_by_the_documentation_of_the_settings() {
    assert_eq!(catalog().title(), "Everything that the sample application can be told");
    assert_eq!(Catalog::from_schema(catalog().schema()).unwrap().title(), catalog().title());
    let named = json!({ "title": "Shop", "description": "Long.", "properties": { "a": { "type": "string" } } });
    assert_eq!(Catalog::from_schema(&named).unwrap().title(), "Shop");
}

#[test]
fn the_reference_has_a_table_for_each_section() {
    let section = json!({
        "type": "object",
        "description": "Who speaks\n\nShown to users.",
        "properties": {
            "name": { "type": "string", "description": "Name | alias", "default": "Ada", "maxLength": 9 },
            "key": { "type": "string", "x-sensitivity": "secret", "description": "Key" },
        },
    });
    let prompts = json!({
        "type": "object",
        "description": "Prompts",
        "additionalProperties": { "type": "string" },
        "default": { "hi": "```\nHello" },
        "x-template": ["name"],
        "x-set-by": "operator",
    });
    let schema = json!({ "title": "Demo", "properties": { "persona": section, "prompts": prompts } });
    insta::assert_snapshot!(Catalog::from_schema(&schema).unwrap().to_markdown(), @r#"
    # Demo: parameter reference

    ## Who speaks (`persona`)

    Shown to users.

    | key | what it is | value | default | kept |
    |---|---|---|---|---|
    | `persona.key` | Key | a string |  | secret `persona_key`, never shown |
    | `persona.name` | Name \| alias | a string of at most 9 characters | `"Ada"` | table |

    ## Prompts (`prompts`)

    | key | what it is | value | default | kept |
    |---|---|---|---|---|
    | `prompts.<name>` | Prompts | a string |  | table; set by the operator alone |

    **`prompts.<name>`** A template, with the variables `name`.

    Built-in `prompts.hi`:

    ````
    ```
    Hello
    ````
    "#);
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let words = [
        "type",
        "object",
        "string",
        "properties",
        "$ref",
        "#",
        "#/$defs/a",
        "$defs",
        "anyOf",
        "default",
        "x-connection",
        "enum",
        "a",
    ];
    let word = prop::sample::select(words.to_vec());
    let leaf =
        prop_oneof![Just(json!(null)), any::<bool>().prop_map(|b| json!(b)), word.clone().prop_map(|w| json!(w))];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let members = prop::collection::btree_map(word.clone(), inner.clone(), 0..5);
        let table = members.prop_map(|m| m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect());
        prop_oneof![prop::collection::vec(inner, 0..4).prop_map(serde_json::Value::Array), table]
    })
}

fn trees() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![(0i64..9).prop_map(Value::from), "[a-z]{0,3}".prop_map(|text| Value::from(text.as_str()))];
    let name = "persona|name|prompts|routing|routes|sales|prompt|ai|tasks|odoo|url|x";
    leaf.prop_recursive(4, 24, 4, move |inner| prop::collection::btree_map(name, inner, 0..4).prop_map(Value::Table))
}

proptest! {
    #[test]
    fn any_schema_is_read_or_refused(schema in any_json()) {
        let _ = Catalog::from_schema(&schema);
        let _ = Catalog::from_schema(&json!({ "type": "object", "properties": { "p": schema } }));
    }

    #[test]
    fn the_leaves_of_a_tree_make_the_same_tree(tree in trees()) {
        let catalog = catalog();
        for at in ["persona", "routing", "prompts.x", "nothing"].map(key) {
            let whole = Document::from_items([(at.clone(), tree.clone())]).0;
            prop_assert_eq!(Document::from_items(catalog.leaves(&at, tree.clone())).0, whole);
        }
    }

    #[test]
    fn any_spelling_is_read_or_refused(spelling in "[a-z_.]{0,30}") {
        if let Ok(key) = catalog().key(&spelling) {
            prop_assert_eq!(key.flat().replace('.', "_"), spelling.replace('.', "_"));
        }
    }
}
