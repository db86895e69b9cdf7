//! The document of the API: OpenAPI 3.1, made of the table of operations and of the types that their handlers take and
//! give. `docs/openapi.json` is this document, and a test holds it fresh.
//!
//! Format: spec.openapis.org/oas/v3.1.1.

use std::collections::BTreeSet;

use http::Method;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::access::Role;
use crate::answer::Described;
use crate::operation::{Operation, Place};
use crate::routes;

/// The document.
pub fn document() -> Value {
    let mut generators = Generators::new();
    let operations = routes::operations();
    let mut paths = Map::new();
    for operation in &operations {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_lowercase()] = described(operation, &mut generators);
    }
    let mut schemas = generators.definitions();
    schemas.insert("Problem".to_owned(), problem());
    let tags: BTreeSet<_> = operations.iter().map(|operation| operation.tag).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tenantry",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Configuration for software that serves many companies",
            "description": DESCRIPTION,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags.iter().map(|tag| json!({"name": tag})).collect::<Vec<_>>(),
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token, tny_…, or a token of the identity provider that the server accepts"},
            },
            "headers": headers(),
        },
    })
}

const DESCRIPTION: &str = "\
Each tenant's token reaches that tenant alone: everything else does not exist for it (404). The operator's token reaches \
all. A change says on which state it was decided: `If-Match` with the `ETag` that was read (428 without, 412 where somebody \
was quicker). Every error is a problem document (RFC 9457) with a stable `code`. A secret is never read back.";

/// Makes schemas of types: what a caller may leave out is not always what an answer may leave out.
struct Generators {
    asked: SchemaGenerator,
    answered: SchemaGenerator,
}

impl Generators {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self { asked: settings.clone().into_generator(), answered: settings.for_serialize().into_generator() }
    }

    /// The schemas that have names. No name stands for two of them.
    fn definitions(mut self) -> Map<String, Value> {
        let mut definitions = self.asked.take_definitions(true);
        for (name, schema) in self.answered.take_definitions(true) {
            let known = definitions.insert(name.clone(), schema.clone());
            assert!(known.is_none_or(|known| known == schema), "{name} is another type in requests than in answers");
        }
        definitions
    }
}

fn described(operation: &Operation, generators: &mut Generators) -> Value {
    let documented = operation.described;
    let id = format!("{}.{}", operation.tag, operation.name);
    let mut parameters = path_parameters(operation.path);
    parameters.extend(query_parameters(&(documented.query)(&mut generators.asked)));
    let answer = (documented.answer)(&mut generators.answered);
    parameters.extend(header_parameters(operation, &answer));
    let mut value = json!({
        "operationId": id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": parameters,
        "responses": responses(operation, answer),
    });
    if !operation.detail.is_empty() {
        value["description"] = operation.detail.into();
    }
    if let Some(schema) = (documented.body)(&mut generators.asked) {
        let content: Map<_, _> =
            documented.media.iter().map(|media| ((*media).to_owned(), json!({ "schema": schema }))).collect();
        value["requestBody"] = json!({ "required": true, "content": content });
    }
    match operation.needs.place {
        Place::Open => value["security"] = json!([]),
        place => {
            let permission = operation.needs.permission;
            value["x-permission"] = permission.name().into();
            let reaches = |role: &&Role| role.has(permission) && (place != Place::Global || **role == Role::Operator);
            let roles: Vec<_> = Role::ALL.iter().filter(reaches).map(|role| role.name()).collect();
            value["x-roles"] = json!(roles);
        }
    }
    value
}

/// The parameters in braces.
fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        let (schema, description) = match name {
            "tenant_id" => (
                json!({"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "maxLength": 63}),
                "The tenant",
            ),
            "key" => {
                (json!({"type": "string", "maxLength": 255, "minLength": 1}), "The parameter's key, dotted or flat")
            }
            "revision" => (json!({"type": "integer", "minimum": 1}), "The number of a saved state"),
            "binding" => (json!({"type": "string", "minLength": 1}), "kind:name, such as slack:T0123"),
            "flag" => {
                (json!({"type": "string", "minLength": 1, "maxLength": 255}), "The parameter's key, or a section's")
            }
            "token" => (json!({"type": "string", "minLength": 1}), "The token's id"),
            _ => (json!({"type": "string", "minLength": 1}), ""),
        };
        json!({"name": name, "in": "path", "required": true, "schema": schema, "description": description})
    };
    names.map(parameter).collect()
}

/// The properties of an object, as parameters of a query.
fn query_parameters(schema: &Schema) -> Vec<Value> {
    let value = schema.as_value();
    let required: Vec<&str> = value["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = value["properties"].as_object();
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        if let Some(types) = schema["type"].as_array() {
            // What may be left out is not sent as null.
            let others: Vec<_> = types.iter().filter(|kind| **kind != "null").cloned().collect();
            schema["type"] = if let [only] = &others[..] { only.clone() } else { others.into() };
        }
        let mut parameter =
            json!({"name": name, "in": "query", "required": required.contains(&name.as_str()), "schema": schema});
        if let Some(description) = description {
            parameter["description"] = description;
        }
        parameter
    };
    properties.into_iter().flatten().map(parameter).collect()
}

fn header_parameters(operation: &Operation, answer: &Described) -> Vec<Value> {
    let mut parameters = Vec::new();
    if operation.needs.place == Place::Own {
        let description = "The tenant, for the operator; a tenant's token has its own";
        parameters.push(header_parameter("X-Tenant-Id", false, description));
    }
    if operation.is_conditional {
        parameters.push(header_parameter("If-Match", true, "The ETag that was read; * for whatever is there"));
    }
    if operation.needs.changes {
        parameters.push(header_parameter("X-Reason", false, "Why, in one line: it stands in the log"));
    }
    if is_done_once(operation) {
        let description = "The same key with the same request within an hour gets the first answer again";
        parameters.push(header_parameter("Idempotency-Key", false, description));
    }
    if answer.is_remembered {
        parameters.push(header_parameter(
            "If-None-Match",
            false,
            "The ETag of what is there already: 304 if it is the same",
        ));
    }
    parameters
}

fn header_parameter(name: &str, required: bool, description: &str) -> Value {
    json!({
        "name": name, "in": "header", "required": required, "description": description,
        "schema": {"type": "string"},
    })
}

/// Whether keys of idempotency are for it: what has another method is the same when it is done again.
fn is_done_once(operation: &Operation) -> bool {
    operation.method == Method::POST && operation.needs.changes
}

fn responses(operation: &Operation, answer: Described) -> Value {
    let Described { status, body, headers, is_remembered, other } = answer;
    let usual = body.as_ref().map_or("application/json", |(media, _)| *media);
    let mut shown = json!({"description": status.canonical_reason().unwrap_or_default()});
    if let Some((media, schema)) = body {
        shown["content"][media]["schema"] = schema.into();
    }
    let replayed = is_done_once(operation).then_some("idempotent-replayed");
    shown["headers"] = header_references(headers.iter().copied().chain(replayed).chain(["x-request-id"]));
    let mut responses = json!({ status.as_str(): shown });
    if is_remembered {
        let description = "Not Modified: the caller has it, by If-None-Match";
        responses["304"] = json!({"description": description, "headers": header_references(["etag", "x-request-id"])});
    }
    let problem = |description: &str| {
        json!({
            "description": description,
            "headers": header_references(["retry-after", "x-request-id"]),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        })
    };
    for (status, schema) in other {
        responses[status.as_str()] = problem(status.canonical_reason().unwrap_or_default());
        responses[status.as_str()]["content"][usual]["schema"] = schema.into();
    }
    responses["4XX"] = problem("Refused: the request is to be changed, as code, detail and errors say");
    responses["5XX"] = problem("Failed: code says whether to try again, Retry-After says when");
    responses
}

fn header_references<'a>(names: impl IntoIterator<Item = &'a str>) -> Value {
    let reference = |name: &str| (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
    names.into_iter().map(reference).collect::<Map<_, _>>().into()
}

fn headers() -> Value {
    json!({
        "content-disposition": {"description": "The name of the file to keep it in", "schema": {"type": "string"}},
        "etag": {"description": "The state that was read, for If-Match, or what is sent, for If-None-Match; not with everything", "schema": {"type": "string"}},
        "idempotent-replayed": {"description": "true where it is the first answer again, by Idempotency-Key", "schema": {"type": "string", "const": "true"}},
        "location": {"description": "Where the new thing is", "schema": {"type": "string"}},
        "retry-after": {"description": "In how many seconds to try again", "schema": {"type": "string"}},
        "x-request-id": {"description": "The request's id, as in the log", "schema": {"type": "string"}},
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457)",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string", "description": "The status in words"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What happened, for people"},
            "code": {"type": "string", "description": "The kind of problem, for programs: it does not change"},
            "errors": {
                "type": "array",
                "description": "The parts of the request that are refused",
                "items": {
                    "type": "object",
                    "required": ["pointer", "message"],
                    "properties": {
                        "pointer": {"type": "string", "description": "Where, as a JSON Pointer (RFC 6901)"},
                        "message": {"type": "string"},
                    },
                },
            },
            "hint": {"type": "string", "description": "What to do about it"},
            "request_id": {"type": "string", "description": "The request's id, as in the log"},
        },
    })
}
