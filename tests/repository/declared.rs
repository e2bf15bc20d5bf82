//! The models and the red twins, by the names under which their sources declare them.
//!
//! A function that returns models declares models, one that returns twins declares twins; what they declare has a name of
//! the form `part/scenario`, in the function or in a constant of its file. So no build for an engine is needed.

use std::collections::{BTreeMap, BTreeSet};

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, ExprLit, Item, Lit, ReturnType, Token};

use super::{files, items, read};

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Declared {
    pub models: BTreeSet<String>,
    pub twins: BTreeSet<String>,
}

impl Declared {
    /// Reads all models of the repository.
    pub fn read() -> Self {
        let mut declared = Self::default();
        for path in files("loom-tests/src/models", &["rs"]) {
            declared.add(&path, &read(&path));
        }
        declared
    }

    fn add(&mut self, path: &str, text: &str) {
        let file = items::parse(path, text);
        let constants: BTreeMap<_, _> = file.items.iter().filter_map(constant).collect();
        for item in &file.items {
            let Item::Fn(function) = item else { continue };
            let mut names = Names { constants: &constants, found: BTreeSet::new() };
            names.visit_block(&function.block);
            if returns(&function.sig.output, "Model") {
                self.models.extend(names.found);
            } else if returns(&function.sig.output, "Twin") {
                self.twins.extend(names.found);
            }
        }
    }
}

/// Whether it is `part/scenario`.
pub fn is_name(text: &str) -> bool {
    let is_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '+');
    let is_part = |part: &str| !part.is_empty() && part.chars().all(is_char);
    text.split_once('/').is_some_and(|(part, scenario)| is_part(part) && is_part(scenario))
}

fn constant(item: &Item) -> Option<(String, String)> {
    let Item::Const(constant) = item else { return None };
    Some((constant.ident.to_string(), literal(&constant.expr)?))
}

fn literal(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// Whether the type has that name in it, as `Vec<Model>` has.
fn returns(output: &ReturnType, name: &str) -> bool {
    struct Looks<'name>(&'name str, bool);
    impl<'ast> Visit<'ast> for Looks<'_> {
        fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
            self.1 |= segment.ident == self.0;
            visit::visit_path_segment(self, segment);
        }
    }
    let mut looks = Looks(name, false);
    looks.visit_return_type(output);
    looks.1
}

/// The names in a function's body.
struct Names<'file> {
    constants: &'file BTreeMap<String, String>,
    found: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_expr(&mut self, expression: &'ast Expr) {
        let named = match expression {
            Expr::Path(path) => {
                path.path.get_ident().and_then(|ident| self.constants.get(&ident.to_string())).cloned()
            }
            expression => literal(expression),
        };
        self.found.extend(named.filter(|name| is_name(name)));
        visit::visit_expr(self, expression);
    }

    /// `vec![…]`, whose elements are only tokens so far.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let elements = call.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        elements.iter().flatten().for_each(|element| self.visit_expr(element));
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.visit_expr(&call.receiver);
        // A twin is of a model, which another function declares.
        if call.method != "of" {
            call.args.iter().for_each(|argument| self.visit_expr(argument));
        }
    }
}

/// The names are found in the ways in which sources have them, and no others.
///
/// # Errors
/// What was read instead.
pub fn test() -> Result<(), String> {
    const SOURCE: &str = r#"
        const BY_HAND: &str = "part/by-hand";
        const NOT_HERE: &str = "part/of-nothing";
        const THEOREM: &str = "no extent and/or byte is lost";
        pub fn models() -> Vec<Model> {
            vec![Model::new("part/2+3").theorem(THEOREM), model(BY_HAND, &["in/a sentence"])]
        }
        pub fn twins() -> Vec<Twin> {
            let twin = |name| Twin::new(name).of("part/elsewhere").of(BY_HAND);
            vec![twin("part/no-wait")]
        }
        fn seed() -> Twin { cow("part/seed", "x") }
        fn helper() -> Play { named("part/of-a-helper") }
    "#;
    let mut found = Declared::default();
    found.add("a file", SOURCE);
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let expected =
        Declared { models: set(&["part/2+3", "part/by-hand"]), twins: set(&["part/no-wait", "part/seed"]) };
    if found == expected { Ok(()) } else { Err(format!("{found:?}")) }
}
