#![cfg(not(any(loom, traceset)))]
//! The rules of `src` that no compiler checks: one module names primitives, layers import downwards only.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What only the module `sync` may name.
const PRIMITIVES: [&str; 10] = [
    "std::sync",
    "core::sync",
    "std::thread",
    "UnsafeCell",
    "parking_lot",
    "crossbeam_utils",
    "loom::",
    "shuttle::",
    "AtomicU64",
    "AtomicUsize",
];

/// What no file may use, for the reasons at the head of `src/sync/mod.rs`.
const FORBIDDEN: [&str; 6] = ["SeqCst", "try_lock", "try_read", "try_write", "sleep", "unsafe"];

/// Imports within a layer, each for a reason. All others go down.
const BESIDE: [(&str, &str); 5] = [
    // A thread's own shard, and how many there are, depend on the thread and on the processors.
    ("sharded", "sync"),
    // An event has an address in it.
    ("event", "units"),
    // The tree is changed by folded refs.
    ("extent_tree", "delayed_ref"),
    // The references of an extent are those in the tree and those that are queued.
    ("reference_index", "delayed_ref"),
    ("reference_index", "extent_tree"),
];

type Layers = BTreeMap<String, usize>;

/// The table at the head of `src/lib.rs`: lines like `//! L1  gate`.
fn layers_of(lib: &str) -> Layers {
    let rows = lib.lines().filter_map(|line| line.strip_prefix("//! L")?.split_once("  "));
    rows.flat_map(|(layer, modules)| {
        let layer = layer.parse().expect("a layer has a number");
        modules.split_whitespace().map(move |module| (module.to_owned(), layer))
    })
    .collect()
}

/// The code of a file, without comments and without its unit tests.
fn code(text: &str) -> Vec<(usize, &str)> {
    let lines = (1..).zip(text.lines());
    let code = lines.map(|(number, line)| (number, line.split("//").next().unwrap_or(line)));
    code.take_while(|(_, line)| !line.starts_with("#[cfg(all(test")).collect()
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        !is_part(line[..at].chars().next_back())
            && (word.ends_with(':') || !is_part(line[at + word.len()..].chars().next()))
    })
}

/// The modules that a line imports or names: the words after `crate::`. (A brace instead is no module, so
/// it is complained about: one module a line.)
fn imports(line: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.split("crate::")
        .skip(1)
        .map(move |rest| rest.split_once(|c| !is_name(c)).map_or(rest, |(name, _)| name))
}

/// Of `gate.rs` and of `gate/word.rs`: `gate`.
fn module_of(path: &str) -> &str {
    path.trim_end_matches(".rs").split('/').next().unwrap_or(path)
}

/// What is wrong with the file `path` (from `src`), as lines `path:number: what`.
fn complaints(path: &str, text: &str, layers: &Layers) -> Vec<String> {
    let module = module_of(path);
    let mut found = Vec::new();
    for (number, line) in code(text) {
        let mut complain = |what: String| found.push(format!("{path}:{number}: {what}"));
        for word in FORBIDDEN.into_iter().filter(|word| has_word(line, word)) {
            complain(format!("{word} is not for this crate"));
        }
        if module != "sync" {
            for word in PRIMITIVES.into_iter().filter(|word| has_word(line, word)) {
                complain(format!("{word} is named outside of the module sync"));
            }
        }
        if module != "lib" {
            for other in imports(line).filter(|other| !may_import(module, other, layers)) {
                complain(format!("{module} may not import {other}"));
            }
        }
    }
    found
}

fn may_import(module: &str, other: &str, layers: &Layers) -> bool {
    let (Some(own), Some(layer)) = (layers.get(module), layers.get(other)) else { return false };
    module == other || layer < own || BESIDE.contains(&(module, other))
}

/// All files below `src`, by their path from there.
fn sources(folder: &Path, prefix: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("src is there") {
        let entry = entry.expect("readable");
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(sources(&entry.path(), &format!("{path}/")));
        } else if Path::new(&path).extension().is_some_and(|extension| extension == "rs") {
            found.push((path, fs::read_to_string(entry.path()).expect("readable")));
        }
    }
    found
}

fn all_sources() -> Vec<(String, String)> {
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "")
}

fn text_of<'a>(sources: &'a [(String, String)], path: &str) -> &'a str {
    sources.iter().find(|(other, _)| other == path).map(|(_, text)| text).expect("is there")
}

#[test]
fn the_sources_keep_the_rules() {
    let sources = all_sources();
    let layers = layers_of(text_of(&sources, "lib.rs"));
    let found: Vec<_> = sources.iter().flat_map(|(path, text)| complaints(path, text, &layers)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// `proof` is the chapters of `docs/`, for rustdoc alone.
fn has_code(module: &&str) -> bool {
    *module != "proof"
}

#[test]
fn the_table_has_every_module_once() {
    let sources = all_sources();
    let lib = text_of(&sources, "lib.rs");
    let layers = layers_of(lib);
    let modules: Vec<_> = lib
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .filter(has_code)
        .collect();
    assert!(modules.len() > 10, "{modules:?}");
    let listed: Vec<_> = layers.keys().map(String::as_str).collect();
    assert_eq!(listed, modules, "both are sorted");
}

#[test]
fn each_exception_is_still_one() {
    let sources = all_sources();
    for (module, other) in BESIDE {
        let of_module = sources.iter().filter(|(path, _)| module_of(path) == module);
        let is_imported =
            |text: &str| code(text).iter().any(|(_, line)| imports(line).any(|name| name == other));
        assert!(of_module.into_iter().any(|(_, text)| is_imported(text)), "{module} {other}");
    }
}

/// The checker must be able to find what it looks for.
#[test]
fn twin_bad_sources_are_complained_about() {
    let layers = layers_of("//! L2  block_group   device\n//! L1  gate\n//! L0  sync   units\n");
    for (path, bad) in [
        ("gate.rs", "use std::sync::Mutex;"),
        ("gate.rs", "    let t = std::thread::current();"),
        ("device.rs", "use loom::thread;"),
        ("block_group/mod.rs", "static N: parking_lot::Mutex<u8> = x;"),
        ("block_group/free_space.rs", "use crossbeam_utils::CachePadded;"),
        ("device.rs", "use std::cell::UnsafeCell;"),
        ("gate.rs", "self.0.load(Ordering::SeqCst)"),
        ("gate.rs", "self.0.try_lock()"),
        ("gate.rs", "unsafe { x() }"),
        ("gate.rs", "thread::sleep(d);"),
        ("gate.rs", "use crate::block_group::BlockGroup;"),
        ("device.rs", "use crate::block_group::BlockGroup;"),
        ("units.rs", "use crate::{device::Device};"),
        ("units.rs", "fn f() -> crate::gate::Gate {"),
        ("gate.rs", "use crate::nowhere::X;"),
    ] {
        let text = format!("//! Fine.\nuse crate::units::LogicalRange;\n{bad}\n");
        let found = complaints(path, &text, &layers);
        assert_eq!(found.len(), 1, "{path}: {bad}: {found:?}");
        assert!(found[0].contains(":3: "), "{found:?}");
    }
}

#[test]
fn good_sources_are_not_complained_about() {
    let layers = layers_of("//! L1  gate   device\n//! L0  sync   units\n");
    assert_eq!(complaints("sync/word.rs", "pub use std::sync::Arc;", &layers), [""; 0]);
    for good in [
        "use crate::sync::Mutex; // as std::sync::Mutex",
        "/// `std::sync` has none, nor `try_lock`.",
        "#![forbid(unsafe_code)]",
        "#[cfg(loom)]",
        "use crate::gate::Gate;",
        "#[cfg(all(test, not(loom)))]\nmod tests {\n    use std::sync::mpsc;",
    ] {
        assert_eq!(complaints("gate/mod.rs", good, &layers), [""; 0], "{good}");
    }
}
