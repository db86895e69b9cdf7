//! Holds the invariants of ARCHITECTURE.md that cargo can see.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand};

fn metadata(features: Option<CargoOpt>) -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(workspace_root().join("Cargo.toml")).other_options(vec!["--locked".to_owned()]);
    if let Some(features) = features {
        command.features(features);
    }
    command.exec().unwrap()
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The crates of the workspace that each crate of it uses, tests aside.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata(None);
    let ours: BTreeSet<_> = metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let used = |package: &&cargo_metadata::Package| {
        let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        let names = normal.map(|dependency| dependency.name.clone()).filter(|name| ours.contains(name)).collect();
        (package.name.to_string(), names)
    };
    metadata.workspace_packages().iter().map(used).collect()
}

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn arrows_point_down_only() {
    let allowed = BTreeMap::from([
        ("tenantry-core", names(&[])),
        ("tenantry-store", names(&["tenantry-core"])),
        // For tests alone: no crate uses it otherwise.
        ("tenantry-emulators", names(&[])),
        ("tenantry", names(&["tenantry-core", "tenantry-store"])),
        ("tenantry-integrations", names(&["tenantry-core"])),
        ("tenantry-admin", names(&["tenantry", "tenantry-core", "tenantry-store"])),
        ("assistant", names(&["tenantry", "tenantry-core", "tenantry-integrations", "tenantry-store"])),
        (
            "tenantry-cli",
            names(&[
                "assistant",
                "tenantry",
                "tenantry-admin",
                "tenantry-core",
                "tenantry-integrations",
                "tenantry-store",
            ]),
        ),
    ]);
    for (package, used) in arrows() {
        let allowed = allowed.get(package.as_str()).unwrap_or_else(|| panic!("{package} has no place in this test"));
        assert!(used.is_subset(allowed), "{package} must not use {:?}", used.difference(allowed));
    }
}

/// Everything that a package of ours is built with, tests and build scripts aside.
fn linked(metadata: &Metadata, package: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let id = &metadata.packages.iter().find(|found| found.name.as_str() == package).unwrap().id;
    let (mut seen, mut open) = (BTreeSet::new(), vec![id.clone()]);
    while let Some(id) = open.pop() {
        let node = resolve.nodes.iter().find(|node| node.id == id).unwrap();
        let normal = |dependency: &&cargo_metadata::NodeDep| {
            dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        };
        for dependency in node.deps.iter().filter(normal) {
            if seen.insert(metadata[&dependency.pkg].name.to_string()) {
                open.push(dependency.pkg.clone());
            }
        }
    }
    seen
}

#[test]
fn the_core_knows_no_async_runtime_no_store_and_no_http() {
    let linked = linked(&metadata(None), "tenantry-core");
    for absent in ["tokio", "axum", "hyper", "rusqlite", "reqwest", "http"] {
        assert!(!linked.contains(absent), "tenantry-core is built with {absent}");
    }
}

#[test]
fn the_admin_knows_no_provider_and_the_assistant_no_admin() {
    let metadata = metadata(None);
    assert!(!linked(&metadata, "tenantry-admin").contains("reqwest"));
    let assistant = linked(&metadata, "assistant");
    for absent in ["tenantry-admin", "tenantry-cli", "clap"] {
        assert!(!assistant.contains(absent), "the assistant is built with {absent}");
    }
}

/// The sources of all crates, by path.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![workspace_root().join("crates")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn one_crate_builds_http_clients() {
    let user = ["reqwest", "::"].concat();
    let inside =
        |path: &Path| path.components().any(|part| part.as_os_str() == "egress") || path.ends_with("egress.rs");
    for (path, text) in sources() {
        let source = path.components().any(|part| part.as_os_str() == "src");
        assert!(!source || !text.contains(&user) || inside(&path), "{} uses reqwest", path.display());
    }
}

#[test]
fn nothing_is_named_for_being_shared() {
    for (path, _) in sources() {
        let stems: Vec<_> = path.iter().map(|part| part.to_string_lossy().trim_end_matches(".rs").to_owned()).collect();
        for vague in ["common", "utils", "util", "types", "helpers"] {
            assert!(!stems.iter().any(|stem| stem == vague), "{} says nothing", path.display());
        }
    }
}
