//! Circles among the modules of a crate: files that import each other, directly or through others.
//!
//! An import is a `use`, or a path in the code, that begins with `crate`, `super`, `self` or the name of a
//! child module; it counts for the file that has the item, also where it goes through a `pub use`. What only
//! a macro's arguments name is not seen.
//!
//! A file and the files of the modules within its module are one concept: the parent declares, re-exports and
//! assembles them, and they use what it defines. So an import between the two is no edge. To all others the
//! files below a module count as one: a circle of folders is a circle.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{Item, UseTree, Visibility};

use super::items;

/// From the root of the crate: `[]` is the root itself.
type ModulePath = Vec<String>;

/// A module, in a file of its own or in that of its parent.
#[derive(Default)]
struct Module {
    file: String,
    children: BTreeSet<String>,
    /// Names that are defined here, or imported privately: they lead no further.
    items: BTreeSet<String>,
    /// `pub use`: a name here, and the path where it comes from.
    exports: BTreeMap<String, Vec<String>>,
    /// `pub use …::*`.
    glob_exports: Vec<Vec<String>>,
    /// All paths that the code names.
    imports: Vec<Vec<String>>,
}

/// The modules of one crate.
#[derive(Default)]
pub struct Crate {
    modules: BTreeMap<ModulePath, Module>,
}

/// Where the text of a file comes from, and whether there is such a file.
pub trait Source {
    fn text(&self, path: &str) -> Option<String>;
}

impl Crate {
    /// Reads the crate with this root file.
    pub fn read(root: &str, source: &impl Source) -> Self {
        let mut read = Self::default();
        read.add_file(&[], root, true, source);
        read
    }

    /// The files that were read.
    pub fn files(&self) -> BTreeSet<String> {
        self.modules.values().map(|module| module.file.clone()).collect()
    }

    fn add_file(&mut self, at: &[String], file: &str, is_root: bool, source: &impl Source) {
        let Some(text) = source.text(file) else { return };
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let stem = name.trim_end_matches(".rs");
        let folder = if is_root || stem == "mod" { folder.to_owned() } else { format!("{folder}/{stem}") };
        self.add_items(at, file, &folder, &items::parse(file, &text).items, source);
    }

    fn add_items(&mut self, at: &[String], file: &str, folder: &str, items: &[Item], source: &impl Source) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        let mut paths = Paths::default();
        for item in items {
            match item {
                Item::Mod(child) => drop(module.children.insert(child.ident.to_string())),
                Item::Use(item) => module.add_use(item),
                item => {
                    module.items.extend(name_of(item));
                    paths.visit_item(item);
                }
            }
        }
        module.imports.append(&mut paths.found);
        self.modules.insert(at.to_vec(), module);
        for item in items {
            let Item::Mod(child) = item else { continue };
            let name = child.ident.to_string();
            let (at, within) = ([at, std::slice::from_ref(&name)].concat(), format!("{folder}/{name}"));
            if let Some((_, items)) = &child.content {
                self.add_items(&at, file, &within, items, source);
                continue;
            }
            let files = [format!("{within}.rs"), format!("{within}/mod.rs")];
            if let Some(file) = files.iter().find(|file| source.text(file).is_some()) {
                self.add_file(&at, file, false, source);
            }
        }
    }

    /// The module in which the item at `path`, as written in the module `from`, is defined. None for what
    /// another crate has.
    fn definition(&self, from: &[String], path: &[String], depth: usize) -> Option<ModulePath> {
        let (mut at, mut rest) = (from.to_vec(), path);
        match path.first()?.as_str() {
            "crate" => (at, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    at.pop()?;
                    rest = &rest[1..];
                }
            }
            first if self.modules.get(&at)?.children.contains(first) => (),
            _ => return None,
        }
        while let Some((name, after)) = rest.split_first() {
            let module = self.modules.get(&at)?;
            if module.children.contains(name) {
                at.push(name.clone());
                rest = after;
                continue;
            }
            return self.exported(&at, name, after, depth).or(Some(at));
        }
        Some(at)
    }

    /// Where what `module` exports as `name` comes from.
    fn exported(&self, at: &[String], name: &str, after: &[String], depth: usize) -> Option<ModulePath> {
        let module = self.modules.get(at)?;
        if depth == 0 || module.items.contains(name) {
            return None;
        }
        if let Some(path) = module.exports.get(name) {
            return self.definition(at, &[path, after].concat(), depth - 1);
        }
        module.glob_exports.iter().find_map(|path| {
            let from = self.definition(at, path, depth - 1)?;
            let is_there = self.modules.get(&from).is_some_and(|module| module.items.contains(name));
            if is_there { Some(from) } else { self.exported(&from, name, after, depth - 1) }
        })
    }

    /// Between modules that are children of the same one: which of them imports which, and by which files.
    fn edges(&self) -> BTreeMap<(ModulePath, ModulePath), BTreeSet<String>> {
        let mut edges = BTreeMap::<_, BTreeSet<_>>::new();
        for (from, module) in &self.modules {
            for path in &module.imports {
                let Some(to) = self.definition(from, path, 8) else { continue };
                let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
                if common == from.len() || common == to.len() {
                    continue; // a module, and one within it
                }
                let (one, other) = (from[..=common].to_vec(), to[..=common].to_vec());
                let file = self.modules.get(&to).map_or("", |module| &module.file);
                edges.entry((one, other)).or_default().insert(format!("{} -> {file}", module.file));
            }
        }
        edges
    }

    /// The circles, each as the imports that make it.
    pub fn circles(&self) -> Vec<BTreeSet<String>> {
        let edges = self.edges();
        let mut after: BTreeMap<&ModulePath, BTreeSet<&ModulePath>> = BTreeMap::new();
        for (from, to) in edges.keys() {
            after.entry(from).or_default().insert(to);
        }
        let reachable = |from| {
            let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
            while let Some(at) = left.pop() {
                let next = after.get(at).into_iter().flatten().copied();
                left.extend(next.filter(|&next| seen.insert(next)));
            }
            seen
        };
        let reach: BTreeMap<_, _> = after.keys().map(|&from| (from, reachable(from))).collect();
        let is_in_one = |a, b| {
            let reaches =
                |a, b| reach.get(a).is_some_and(|reached: &BTreeSet<&ModulePath>| reached.contains(b));
            reaches(a, b) && reaches(b, a)
        };
        let mut circles = BTreeMap::<BTreeSet<&ModulePath>, BTreeSet<String>>::new();
        for ((from, to), files) in &edges {
            if is_in_one(from, to) {
                let members = reach[from].iter().copied().filter(|&other| is_in_one(from, other)).collect();
                circles.entry(members).or_default().extend(files.iter().cloned());
            }
        }
        circles.into_values().collect()
    }
}

impl Module {
    fn add_use(&mut self, item: &syn::ItemUse) {
        let mut leaves = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut leaves);
        let is_exported = !matches!(item.vis, Visibility::Inherited);
        for (name, path) in leaves {
            self.imports.push(path.clone());
            match name {
                Some(name) if is_exported => drop(self.exports.insert(name, path)),
                None if is_exported => self.glob_exports.push(path),
                _ => (),
            }
        }
    }
}

/// The paths of a `use`, each with the name that it has here, or none for `*`.
fn flatten(tree: &UseTree, before: &mut Vec<String>, leaves: &mut Vec<(Option<String>, Vec<String>)>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, leaves);
            before.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, leaves)),
        UseTree::Glob(_) => leaves.push((None, before.clone())),
        UseTree::Name(name) => leaf(&name.ident.to_string(), &name.ident.to_string(), before, leaves),
        UseTree::Rename(rename) => {
            leaf(&rename.ident.to_string(), &rename.rename.to_string(), before, leaves);
        }
    }
}

fn leaf(ident: &str, name: &str, before: &[String], leaves: &mut Vec<(Option<String>, Vec<String>)>) {
    // `use path::{self}` has the name of the path's end.
    let own = if ident == "self" { Vec::new() } else { vec![ident.to_owned()] };
    let name = if name == "self" { before.last().cloned() } else { Some(name.to_owned()) };
    leaves.push((name, [before, &own].concat()));
}

fn name_of(item: &Item) -> Option<String> {
    Some(match item {
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Const(item) => item.ident.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        _ => return None,
    })
}

/// The paths in code, outside of `use`.
#[derive(Default)]
struct Paths {
    found: Vec<Vec<String>>,
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            self.found.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut leaves = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut leaves);
        self.found.extend(leaves.into_iter().map(|(_, path)| path));
    }
}

/// Finds the circles that it should in small crates, and no others.
///
/// # Errors
/// The crates with which it does not.
pub fn test() -> Result<(), String> {
    type Sample = (&'static str, usize, &'static [(&'static str, &'static str)]);
    const SAMPLES: [Sample; 7] = [
        (
            "two files",
            1,
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "use crate::b::B; pub struct A;"),
                ("b.rs", "use super::a; pub struct B(a::A);"),
            ],
        ),
        (
            "three files, by paths in the code",
            1,
            &[
                ("lib.rs", "mod a; mod b; mod c;"),
                ("a.rs", "pub fn a() { crate::b::b() }"),
                ("b.rs", "pub fn b() { super::c::c() }"),
                ("c.rs", "use crate::{a::{self}}; pub fn c() { a::a() }"),
            ],
        ),
        (
            "through a re-export",
            1,
            &[
                ("lib.rs", "mod a; mod b; pub use a::A; pub use b::*;"),
                ("a.rs", "use crate::B; pub struct A;"),
                ("b.rs", "use crate::A; pub struct B;"),
            ],
        ),
        (
            "two folders",
            1,
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a/mod.rs", "mod inner; pub use inner::A; pub struct Own;"),
                ("a/inner.rs", "use crate::b::B; pub struct A;"),
                ("b.rs", "use crate::a::Own; pub struct B;"),
            ],
        ),
        (
            "one way",
            0,
            &[
                ("lib.rs", "mod a; mod b; pub use b::B;"),
                ("a.rs", "use std::fmt; pub struct A;"),
                ("b.rs", "use crate::a::A; pub struct B(A);"),
            ],
        ),
        (
            "a parent and its parts",
            0,
            &[
                ("lib.rs", "mod a; pub use a::Part;"),
                ("a/mod.rs", "mod part; pub use part::Part; pub struct Whole(Part);"),
                ("a/part.rs", "use super::Whole; pub struct Part;"),
            ],
        ),
        (
            "unit tests",
            0,
            &[
                ("lib.rs", "mod a;"),
                ("a.rs", "pub struct A; #[cfg(test)] mod tests { use super::*; use crate::a::A; }"),
            ],
        ),
    ];
    struct Texts(&'static [(&'static str, &'static str)]);
    impl Source for Texts {
        fn text(&self, path: &str) -> Option<String> {
            let text = self.0.iter().find(|(name, _)| format!("/{name}") == path);
            text.map(|(_, text)| (*text).to_owned())
        }
    }
    let wrong = SAMPLES.iter().filter_map(|(name, expected, files)| {
        let found = Crate::read("/lib.rs", &Texts(files)).circles();
        (found.len() != *expected).then(|| format!("{name}: {expected} circles, but found {found:?}"))
    });
    let wrong: Vec<_> = wrong.collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}
