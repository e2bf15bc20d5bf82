//! Which loom is in this binary. Cargo says that to loom alone, but loom's events carry the path of its source
//! files, and cargo puts the version into that path, or keeps the manifest there.

use super::{event, probe};
use std::fs;
use std::path::Path;

/// `0.7.3`, or `unknown` for sources whose path does not say and that are no longer there.
pub(super) fn version() -> String {
    // A search must have run, for the events; the shortest of all.
    let seen = event::source().or_else(|| {
        let _probe = probe::install(None);
        loom::model::Builder::new().check(|| ());
        event::source()
    });
    seen.and_then(in_path).unwrap_or_else(|| "unknown".into())
}

/// By `…/loom-0.7.3/src/…`, or by the manifest above `…/src/…`.
fn in_path(source: &str) -> Option<String> {
    let root = Path::new(source).ancestors().find(|path| path.ends_with("src"))?.parent()?;
    let folder = root.file_name()?.to_str()?;
    let is_version = |text: &&str| text.starts_with(|first: char| first.is_ascii_digit());
    let named = folder.strip_prefix("loom-").filter(is_version).map(String::from);
    named.or_else(|| in_manifest(&fs::read_to_string(root.join("Cargo.toml")).ok()?))
}

fn in_manifest(manifest: &str) -> Option<String> {
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = \""))?;
    version.strip_suffix('"').map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_version_that_cargo_resolved() {
        // Of the workspace, or of the package.
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |lock: &str| fs::read_to_string(own.join(lock));
        let lock = read("../../Cargo.lock").or_else(|_| read("Cargo.lock")).unwrap();
        let entry = lock.split("[[package]]").find(|entry| entry.contains("name = \"loom\"\n")).unwrap();
        assert_eq!(Some(version()), in_manifest(entry));
    }

    #[test]
    fn paths_and_manifests_are_read() {
        assert_eq!(in_path("/registry/loom-0.7.9/src/rt/mod.rs").as_deref(), Some("0.7.9"));
        assert_eq!(in_path("/nowhere/loom/src/rt/mod.rs"), None);
        assert_eq!(
            in_manifest("[package]\nname = \"loom\"\nversion = \"1.2.3\"\n").as_deref(),
            Some("1.2.3")
        );
    }
}
