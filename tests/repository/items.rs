//! The items of a Rust file: all of them, by the names that the docs cite; and the public ones, with or
//! without an example.

use std::collections::BTreeSet;

use syn::{Attribute, Expr, ExprLit, ImplItem, Item, ItemImpl, Lit, Meta, TraitItem, Type, Visibility};

/// # Panics
/// If it is not Rust.
pub fn parse(path: &str, text: &str) -> syn::File {
    syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `function`, `Type`, `Type::method`, `Enum::Variant`, `Trait::method`, `Trait for Type`, `CONSTANT`.
pub fn names(file: &syn::File) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    file.items.iter().for_each(|item| add_names(item, &mut names));
    names
}

fn add_names(item: &Item, names: &mut BTreeSet<String>) {
    match item {
        Item::Fn(item) => drop(names.insert(item.sig.ident.to_string())),
        Item::Const(item) => drop(names.insert(item.ident.to_string())),
        Item::Static(item) => drop(names.insert(item.ident.to_string())),
        Item::Type(item) => drop(names.insert(item.ident.to_string())),
        Item::Struct(item) => drop(names.insert(item.ident.to_string())),
        Item::Macro(item) => names.extend(item.ident.as_ref().map(ToString::to_string)),
        Item::Enum(item) => {
            names.insert(item.ident.to_string());
            names.extend(item.variants.iter().map(|variant| format!("{}::{}", item.ident, variant.ident)));
        }
        Item::Trait(item) => {
            names.insert(item.ident.to_string());
            let methods = item.items.iter().filter_map(|of_trait| match of_trait {
                TraitItem::Fn(method) => Some(format!("{}::{}", item.ident, method.sig.ident)),
                _ => None,
            });
            names.extend(methods);
        }
        Item::Impl(item) => add_impl_names(item, names),
        Item::Mod(module) => {
            names.insert(module.ident.to_string());
            module.content.iter().flat_map(|(_, items)| items).for_each(|item| add_names(item, names));
        }
        _ => (),
    }
}

fn add_impl_names(item: &ItemImpl, names: &mut BTreeSet<String>) {
    let Some(of) = type_name(&item.self_ty) else { return };
    if let Some((_, path, _)) = &item.trait_ {
        let name = path.segments.last().expect("a trait has a name");
        names.insert(format!("{} for {of}", name.ident));
    }
    let methods = item.items.iter().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(format!("{of}::{}", method.sig.ident)),
        _ => None,
    });
    names.extend(methods);
}

fn type_name(of: &Type) -> Option<String> {
    match of {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        Type::Reference(reference) => type_name(&reference.elem),
        _ => None,
    }
}

/// The functions that the plain run calls as tests: `#[test]`, and not `#[ignore]`.
pub fn tests(file: &syn::File) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    file.items.iter().for_each(|item| add_tests(item, &mut tests));
    tests
}

fn add_tests(item: &Item, tests: &mut BTreeSet<String>) {
    match item {
        Item::Fn(item) => {
            let has = |name| item.attrs.iter().any(|attribute| attribute.path().is_ident(name));
            if has("test") && !has("ignore") {
                tests.insert(item.sig.ident.to_string());
            }
        }
        Item::Mod(module) => {
            module.content.iter().flat_map(|(_, items)| items).for_each(|item| add_tests(item, tests));
        }
        _ => (),
    }
}

/// A public item.
pub struct Public {
    pub name: String,
    /// A type or a trait, and not a function or a method.
    pub is_type: bool,
    /// The text of its doc comments.
    pub docs: String,
}

impl Public {
    /// Whether there is a block of Rust in its docs that is compiled and is meant to compile.
    pub fn has_example(&self) -> bool {
        let fences = self.docs.lines().filter_map(|line| line.trim_start().strip_prefix("```"));
        let is_example = |language: &str| {
            language.split(',').all(|word| matches!(word.trim(), "" | "rust" | "no_run" | "should_panic"))
        };
        // Every second fence ends a block.
        fences.step_by(2).any(is_example)
    }
}

/// The public types, traits, functions and methods of a file. (What is `pub` can be reached from outside: the
/// lint `unreachable_pub` sees to that.)
pub fn public(file: &syn::File) -> Vec<Public> {
    let mut found = Vec::new();
    file.items.iter().for_each(|item| add_public(item, &mut found));
    found
}

fn add_public(item: &Item, found: &mut Vec<Public>) {
    let mut add = |name: String, is_type: bool, attributes: &[Attribute]| {
        if !is_hidden(attributes) {
            found.push(Public { name, is_type, docs: docs(attributes) });
        }
    };
    match item {
        Item::Fn(item) if is_public(&item.vis) => add(item.sig.ident.to_string(), false, &item.attrs),
        Item::Type(item) if is_public(&item.vis) => add(item.ident.to_string(), true, &item.attrs),
        Item::Struct(item) if is_public(&item.vis) => add(item.ident.to_string(), true, &item.attrs),
        Item::Enum(item) if is_public(&item.vis) => add(item.ident.to_string(), true, &item.attrs),
        Item::Trait(item) if is_public(&item.vis) => {
            add(item.ident.to_string(), true, &item.attrs);
            for of_trait in &item.items {
                if let TraitItem::Fn(method) = of_trait {
                    add(format!("{}::{}", item.ident, method.sig.ident), false, &method.attrs);
                }
            }
        }
        Item::Impl(item) if item.trait_.is_none() => {
            let of = type_name(&item.self_ty).unwrap_or_default();
            for of_type in &item.items {
                if let ImplItem::Fn(method) = of_type
                    && is_public(&method.vis)
                {
                    add(format!("{of}::{}", method.sig.ident), false, &method.attrs);
                }
            }
        }
        Item::Mod(module) if is_public(&module.vis) => {
            module.content.iter().flat_map(|(_, items)| items).for_each(|item| add_public(item, found));
        }
        _ => (),
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    let is_hidden = |list: &syn::MetaList| list.path.is_ident("doc") && list.tokens.to_string() == "hidden";
    attributes.iter().any(|attribute| matches!(&attribute.meta, Meta::List(list) if is_hidden(list)))
}

/// The text of the doc comments.
fn docs(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}
