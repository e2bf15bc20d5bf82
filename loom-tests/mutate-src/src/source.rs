//! Where in a file of `src` its functions are.

use std::ops::Range;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// FNV-1a: the same on every machine, today and later.
pub fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The functions of a file, without those of its tests.
pub struct Source {
    text: String,
    functions: Vec<Function>,
}

/// A function with a body.
pub struct Function {
    /// From its signature to the end of its body.
    pub whole: Range<usize>,
    /// Right behind the brace that opens its body.
    pub body: usize,
    /// It may be called where nothing can be counted.
    pub is_const: bool,
}

impl Source {
    /// Reads the functions of a file.
    ///
    /// # Errors
    /// When it is not Rust.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file = syn::parse_file(text).map_err(|error| error.to_string())?;
        let mut finder = Finder(Vec::new());
        finder.visit_file(&file);
        Ok(Self { text: text.to_owned(), functions: finder.0 })
    }

    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The innermost function around a place.
    pub fn around(&self, at: usize) -> Option<usize> {
        let around = self.functions.iter().enumerate().filter(|(_, function)| function.whole.contains(&at));
        around.min_by_key(|(_, function)| function.whole.len()).map(|(index, _)| index)
    }

    /// A number that changes with the code of the function around a place, or with its line where there is none. Not
    /// with comments and line breaks.
    pub fn fingerprint(&self, at: usize) -> String {
        let whole =
            self.around(at).map_or_else(|| self.line(at), |index| self.functions[index].whole.clone());
        let code = self.text[whole].lines().filter(|line| !line.trim_start().starts_with("//"));
        let words = code.flat_map(str::split_whitespace).flat_map(|word| word.bytes().chain([b' ']));
        let hash = hash(words);
        format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
    }

    /// The line of a place, without the spaces around it.
    pub fn line_text(&self, at: usize) -> &str {
        self.text[self.line(at)].trim()
    }

    fn line(&self, at: usize) -> Range<usize> {
        let start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        start..self.text[at..].find('\n').map_or(self.text.len(), |end| at + end)
    }

    /// The place of a line and a column, both from one, as cargo-mutants and compilers count them.
    pub fn offset(&self, line: usize, column: usize) -> Option<usize> {
        let start = self.text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum::<usize>();
        let rest = self.text.get(start..)?;
        let within = rest.char_indices().nth(column.checked_sub(1)?).map_or(rest.len(), |(at, _)| at);
        Some(start + within)
    }
}

struct Finder(Vec<Function>);

impl Finder {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let start = signature.span().byte_range().start;
        let braces = block.brace_token.span;
        let end = |span: Span| span.byte_range().end;
        self.0.push(Function {
            whole: start..end(braces.close()),
            body: end(braces.open()),
            is_const: signature.constness.is_some(),
        });
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            self.add(&item.sig, &item.block);
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            self.add(&item.sig, &item.block);
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

/// `#[test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    let says_test = |attribute: &syn::Attribute| match &attribute.meta {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let tokens = list.tokens.to_string().replace(' ', "");
            tokens == "test" || tokens.starts_with("all(test")
        }
        _ => false,
    };
    attributes.iter().any(says_test)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
const N: u64 = 1;
impl A {
    const fn a() -> u64 { 2 }
    fn b(&self) {
        // A comment.
        let c = || 3;
        fn d() { 4 }
    }
}
#[cfg(all(test, not(loom)))]
mod tests {
    fn e() { 5 }
}
";

    fn at(text: &str, what: &str) -> usize {
        text.find(what).unwrap()
    }

    #[test]
    fn a_place_is_in_the_innermost_function_and_tests_have_none() {
        let source = Source::parse(TEXT).unwrap();
        assert_eq!(source.functions().iter().filter(|function| function.is_const).count(), 1);
        let starts = |what: &str| {
            let function = &source.functions()[source.around(at(TEXT, what))?];
            TEXT[function.whole.start..].lines().next()
        };
        assert_eq!(starts("3;"), Some("fn b(&self) {"));
        assert_eq!(starts("4 }"), Some("fn d() { 4 }"));
        assert_eq!((starts("= 1"), starts("5 }")), (None, None));
        let body = source.functions()[source.around(at(TEXT, "2 }")).unwrap()].body;
        assert_eq!(&TEXT[body - 1..body + 2], "{ 2");
    }

    #[test]
    fn a_fingerprint_is_of_the_code_and_not_of_its_comments() {
        let of = |text: &str, what: &str| Source::parse(text).unwrap().fingerprint(at(text, what));
        let (commented, moved) =
            (TEXT.replace("A comment", "Another"), TEXT.replace("impl A {", "impl A {\n\n"));
        assert_eq!(of(TEXT, "3;"), of(&commented, "3;"));
        assert_eq!(of(TEXT, "3;"), of(&moved, "3;"));
        let changed = TEXT.replace("|| 3", "|| 33");
        assert_ne!(of(TEXT, "let"), of(&changed, "let"));
        assert_eq!(of(TEXT, "2 }"), of(&changed, "2 }"));
        assert_ne!(of(TEXT, "= 1"), of(&TEXT.replace("= 1", "= 10"), "= 1"));
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        let source = Source::parse(TEXT).unwrap();
        assert_eq!(source.offset(2, 7), Some(at(TEXT, "N: u64")));
        assert_eq!(source.line_text(at(TEXT, "3;")), "let c = || 3;");
        assert_eq!(source.offset(0, 1), None);
    }
}
