#![cfg(not(any(loom, traceset)))]
//! What the pages say can be looked up: the code that they cite, the models that they name, the totals and
//! the timeline that they quote, the links of the chapters, also where rustdoc shows them.

mod repository;

use std::collections::{BTreeMap, BTreeSet};

use repository::markdown::{Element, Page, is_page, resolve};
use repository::{Finding, exists, files, items, none_of, read};

/// Pages that commands write.
const GENERATED: [&str; 4] =
    ["docs/certificate.md", "docs/mutants.md", "docs/performance.md", "docs/counterexamples/index.md"];

/// What rustdoc shows as the module `proof`, by the order in which it is read.
const CHAPTERS: [&str; 11] = [
    "docs/README.md",
    "docs/protocol.md",
    "docs/gate.md",
    "docs/block_group.md",
    "docs/ordered_extent.md",
    "docs/delayed_ref.md",
    "docs/transaction.md",
    "docs/loom.md",
    "docs/engine.md",
    "docs/specification.md",
    "docs/faults.md",
];

fn all_pages() -> Vec<Page> {
    let docs = files("docs", &["md"]).into_iter();
    docs.chain(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(String::from))
        .map(|path| Page::open(&path))
        .collect()
}

/// Without those that commands write.
fn written_pages() -> impl Iterator<Item = Page> {
    all_pages().into_iter().filter(|page| !GENERATED.contains(&page.path.as_str()))
}

fn code_spans(page: &Page) -> impl Iterator<Item = (usize, &str)> {
    page.elements.iter().filter_map(|located| match &located.element {
        Element::CodeSpan(code) => Some((located.line, code.as_str())),
        _ => None,
    })
}

fn assert_none(findings: &[Finding]) {
    none_of(findings).unwrap_or_else(|findings| panic!("{findings}"));
}

mod citations {
    use super::*;

    /// `path: item, item`, or a path alone.
    struct Citation<'page> {
        path: &'page str,
        items: Vec<&'page str>,
    }

    impl<'page> Citation<'page> {
        fn parse(code: &'page str) -> Option<Self> {
            let (path, items) = match code.split_once(": ") {
                Some((path, items)) => (path, items.split(", ").collect()),
                None => (code, Vec::new()),
            };
            let is_path_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
            let is_rust = path.strip_suffix(".rs").is_some_and(|stem| !stem.is_empty());
            let is_folder = ["src/", "tests/", "loom-tests/", "benches/", "examples/", "docs/"]
                .iter()
                .any(|folder| path.starts_with(folder));
            ((is_rust || is_folder) && path.chars().all(is_path_char)).then_some(Self { path, items })
        }

        /// What is wrong with it.
        fn wrong(&self) -> Option<String> {
            if !exists(self.path) {
                return Some(format!("there is no `{}`: cite paths from the root", self.path));
            }
            if self.items.is_empty() {
                return None;
            }
            let names = items::names(&items::parse(self.path, &read(self.path)));
            let missing: Vec<_> = self.items.iter().filter(|item| !names.contains(**item)).collect();
            (!missing.is_empty()).then(|| format!("`{}` has no {missing:?}", self.path))
        }
    }

    /// The wrong ones, and how many items were cited.
    fn check(page: &Page) -> (Vec<Finding>, usize) {
        let citations = code_spans(page).filter_map(|(line, code)| Some((line, Citation::parse(code)?)));
        let (mut findings, mut cited) = (Vec::new(), 0);
        for (line, citation) in citations {
            cited += citation.items.len();
            findings.extend(citation.wrong().map(|what| Finding::new(&page.path, line, what)));
        }
        (findings, cited)
    }

    #[test]
    fn every_cited_file_has_the_cited_item() {
        let (findings, cited): (Vec<_>, Vec<_>) = written_pages().map(|page| check(&page)).unzip();
        assert_none(&findings.into_iter().flatten().collect::<Vec<_>>());
        let cited: usize = cited.iter().sum();
        assert!(cited > 80, "only {cited} items were found");
    }

    #[test]
    fn twin_wrong_citations_are_noticed() {
        for wrong in [
            "`src/gate/mod.rs: Gate::of_nothing`",
            "`src/gate/mod.rs: Gate::enter, Gate::of_nothing`",
            "`src/gate/mod.rs: enter`",
            "`src/gates.rs: Gate::enter`",
            "`gate.rs: Gate::enter`",
            "`gate.rs`",
            "`src/gates.rs`",
            "| `loom-tests/of-nothing/` |",
        ] {
            assert_eq!(check(&Page::parse("a page", wrong)).0.len(), 1, "{wrong}");
        }
        for right in
            ["`src/gate/mod.rs: Gate::enter,\nDrop for Inside, EnterError::Full`", "`src/units.rs`", "`src/`"]
        {
            assert_none(&check(&Page::parse("a page", right)).0);
        }
    }

    /// The tables of the mutants have the file and the item in a column: `` `file` `item`: operation ``.
    #[test]
    fn every_mutant_is_of_an_item_that_there_is() {
        let text = read("docs/mutants.md");
        let cells = text.lines().filter_map(|line| line.strip_prefix("| `src/"));
        let cited: BTreeSet<_> = cells
            .filter_map(|cell| {
                let mut parts = cell.split('`');
                Some((parts.next()?, parts.nth(1)?))
            })
            .collect();
        assert!(cited.len() > 10, "only {} items were found", cited.len());
        let citation = |(path, item)| format!("src/{path}: {item}");
        let wrong = cited.into_iter().map(citation).filter_map(|code| Citation::parse(&code)?.wrong());
        assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
    }
}

mod models {
    use super::*;
    use crate::repository::declared::{Declared, is_name};

    #[test]
    fn every_model_that_the_docs_name_is_declared() {
        let (certificate, Declared { models, twins }) = (read("docs/certificate.json"), Declared::read());
        let declared: BTreeSet<_> = models.union(&twins).collect();
        // Litmus tests are declared elsewhere.
        let is_known = |name: &str| {
            declared.contains(&name.to_owned())
                || (name.starts_with("litmus/") && certificate.contains(&format!("\"{name}\"")))
        };
        let parts: BTreeSet<_> = declared.iter().filter_map(|name| Some(name.split_once('/')?.0)).collect();
        let is_part = |code: &str| {
            code.split_once('/').is_some_and(|(part, _)| parts.contains(part) || part == "litmus")
        };
        let (mut named, mut unknown) = (0, Vec::new());
        for page in written_pages() {
            for (line, name) in code_spans(&page).filter(|(_, code)| is_name(code) && is_part(code)) {
                named += 1;
                if !is_known(name) {
                    unknown.push(Finding::new(
                        &page.path,
                        line,
                        format!("there is no model or twin `{name}`"),
                    ));
                }
            }
        }
        assert_none(&unknown);
        assert!(named > 100, "only {named} names were found");
        assert!(!is_known("replace/of-nothing"), "twin: a name that is no model's");
    }

    /// Otherwise the reading of the sources overlooks some.
    #[test]
    fn what_was_explored_is_declared() {
        let (certificate, declared) = (read("docs/certificate.json"), Declared::read());
        let (models, twins) = certificate.split_once("\n  \"twins\": {").expect("twins come last");
        for (explored, declared) in [(models, declared.models), (twins, declared.twins)] {
            let keys = explored.lines().filter_map(|line| line.strip_prefix("    \"")?.strip_suffix("\": {"));
            // Those of roles are made in a loop.
            let is_literal = |name: &&str| !["litmus/", "roles/"].iter().any(|made| name.starts_with(made));
            let keys: Vec<_> = keys.filter(is_literal).collect();
            let missing: Vec<_> = keys.iter().filter(|name| !declared.contains(**name)).collect();
            assert!(keys.len() > 50 && missing.is_empty(), "of {}, not declared: {missing:?}", keys.len());
        }
    }

    /// The page of a type, its file in `src`, its models and its tests have one name.
    #[test]
    fn a_page_its_source_and_its_models_share_a_name() {
        for name in ["block_group", "delayed_ref", "gate", "ordered_extent", "transaction"] {
            let sources = [format!("src/{name}.rs"), format!("src/{name}/mod.rs")];
            assert!(exists(&format!("docs/{name}.md")), "docs/{name}.md");
            assert!(exists(&format!("loom-tests/src/models/{name}.rs")), "loom-tests/src/models/{name}.rs");
            assert!(exists(&format!("tests/{name}.rs")), "tests/{name}.rs");
            assert!(sources.iter().any(|path| exists(path)), "src/{name}.rs");
        }
    }
}

mod invariants {
    use super::*;

    /// The invariants at the head of a file: lines like `//! - G1: what holds.`, which may go on.
    fn heads(text: &str) -> Vec<String> {
        let head = text.lines().map_while(|line| line.strip_prefix("//!")).collect::<Vec<_>>().join("\n");
        let paragraphs = head.split("\n - ").skip(1).map(|item| item.split("\n\n").next().unwrap_or(item));
        paragraphs.map(words).filter(|item| is_numbered(item)).collect()
    }

    fn is_numbered(item: &str) -> bool {
        let number = item.split_once(": ").and_then(|(number, _)| number.strip_prefix(char::is_uppercase));
        number.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
    }

    /// Without Markdown, and on one line.
    fn words(text: &str) -> String {
        let text: String = text.chars().filter(|c| !matches!(c, '*' | '`' | '[' | ']')).collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_pages_argue_the_invariants_as_the_sources_state_them() {
        let pages: String = CHAPTERS.iter().map(|path| words(&read(path))).collect();
        let sources = files("src", &["rs"]).into_iter().map(|path| (heads(&read(&path)), path));
        let invariants: Vec<_> = sources
            .flat_map(|(heads, path)| heads.into_iter().map(move |head| (head, path.clone())))
            .collect();
        assert!(invariants.len() > 35, "only {} invariants were found", invariants.len());
        let missing = invariants.iter().filter(|(head, _)| !pages.contains(head.as_str()));
        let missing =
            missing.map(|(head, path)| Finding::new(path, 1, format!("no page says the same: {head}")));
        assert_none(&missing.collect::<Vec<_>>());
        assert!(!pages.contains("G1: the levels of a shard are none"), "twin: another statement");
    }

    #[test]
    fn twin_an_invariant_is_read_whole() {
        let text =
            "//! # Invariants\n//!\n//! - G1: `a` is\n//!   [`b`].\n//! - no number\n//!\n//! More.\nuse x;";
        assert_eq!(heads(text), ["G1: a is b."]);
    }
}

mod readme {
    use super::*;

    const NOUNS: [&str; 3] = ["models", "executions", "red"];

    /// The numbers of each engine's sentence in the certificate: models, executions, red twins.
    fn totals(certificate: &str) -> Vec<Vec<&str>> {
        certificate.lines().filter(|line| line.contains(" models, ")).map(numbers).collect()
    }

    fn numbers(sentence: &str) -> Vec<&str> {
        let words: Vec<_> = sentence.split_whitespace().collect();
        let before = |word: &str| words.windows(2).find(|pair| pair[1].starts_with(word)).map(|pair| pair[0]);
        NOUNS.iter().filter_map(|word| before(word)).collect()
    }

    fn quotes(readme: &str, totals: &[&str]) -> bool {
        let words: Vec<_> = readme.split_whitespace().collect();
        totals.len() == NOUNS.len()
            && totals.iter().zip(NOUNS).all(|(total, noun)| {
                words
                    .windows(2)
                    .any(|pair| pair[0] == *total && pair[1].trim_end_matches([',', '.', ';']) == noun)
            })
    }

    #[test]
    fn it_quotes_the_totals_of_each_engine() {
        let (readme, certificate) = (read("README.md"), read("docs/certificate.md"));
        let totals = totals(&certificate);
        assert_eq!(totals.len(), 2, "one sentence for each engine");
        for engine in totals {
            assert!(quotes(&readme, &engine), "README.md should quote {engine:?}");
        }
    }

    #[test]
    fn twin_other_totals_are_not_quoted() {
        let readme = read("README.md");
        assert!(!quotes(&readme, &["1", "2", "3"]));
        assert!(!quotes(&readme, &[]), "no totals are no totals");
    }

    fn has_block(page: &Page, wanted: &str) -> bool {
        let is_it = |element: &Element| matches!(element, Element::CodeBlock { text, .. } if text.trim_end() == wanted.trim_end());
        page.elements.iter().any(|located| is_it(&located.element))
    }

    #[test]
    fn it_has_the_timeline_of_the_seed_as_it_was_drawn() {
        let (readme, seed) = (Page::open("README.md"), read("docs/counterexamples/replace-seed.txt"));
        assert!(
            has_block(&readme, &seed),
            "README.md should have docs/counterexamples/replace-seed.txt in a block of its own: copy it there"
        );
        assert!(
            !has_block(&readme, &seed.replace("lost extent", "no extent lost")),
            "twin: another timeline"
        );
    }
}

mod links {
    use super::*;

    /// The links that lead nowhere.
    fn broken(page: &Page) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut anchors = BTreeMap::new();
        for located in &page.elements {
            let what = match &located.element {
                Element::BrokenLink(label) => {
                    Some(format!("the label [{label}] is not defined on this page"))
                }
                Element::Link { destination, .. } => leads_nowhere(page, destination, &mut anchors),
                _ => None,
            };
            findings.extend(what.map(|what| Finding::new(&page.path, located.line, what)));
        }
        findings
    }

    fn leads_nowhere(page: &Page, destination: &str, opened: &mut BTreeMap<String, Page>) -> Option<String> {
        let (path, anchor) = resolve(&page.path, destination)?;
        if path != page.path && !exists(&path) {
            return Some(format!("there is no {path}"));
        }
        let anchor = anchor?;
        let has = if path == page.path {
            page.has_anchor(&anchor)
        } else {
            is_page(&path)
                && opened.entry(path.clone()).or_insert_with(|| Page::open(&path)).has_anchor(&anchor)
        };
        (!has).then(|| format!("{path} has no heading #{anchor}"))
    }

    #[test]
    fn every_link_leads_somewhere() {
        let pages = all_pages();
        let links = pages.iter().flat_map(|page| &page.elements);
        let links = links.filter(|located| matches!(located.element, Element::Link { .. })).count();
        assert!(links > 150, "only {links} links were found");
        assert_none(&pages.iter().flat_map(broken).collect::<Vec<_>>());
    }

    #[test]
    fn twin_broken_links_are_noticed() {
        for wrong in [
            "[a](docs/of-nothing.md)",
            "[a](docs/gate.md#of-nothing)",
            "# One\n[a](#another)",
            "[a][of nothing]",
            "[a][b]\n\n[b]: src/of_nothing.rs",
        ] {
            assert_eq!(broken(&Page::parse("README.md", wrong)).len(), 1, "{wrong}");
        }
        for right in
            ["[a](docs/gate.md#the-gate)", "# One `Two`, three\n[a](#one-two-three)", "[a](https://docs.rs)"]
        {
            assert_none(&broken(&Page::parse("README.md", right)));
        }
    }
}

/// The chapters are pages of the repository and modules of rustdoc. A link to a file works in the one only, a
/// link to an item in the other. So a chapter links by label, and defines the label as a file; and
/// `src/proof/links.md` defines it before, as an item, which takes precedence there.
mod rustdoc {
    use super::*;

    /// `[label]: crate::item`.
    fn labels() -> BTreeSet<String> {
        let links = read("src/proof/links.md");
        let definitions = links.lines().filter_map(|line| line.strip_prefix('['));
        let labels = definitions.filter_map(|line| line.split_once("]: ").map(|(label, _)| label));
        labels.map(str::to_lowercase).collect()
    }

    fn unknown_to_rustdoc(chapter: &Page, labels: &BTreeSet<String>) -> Vec<Finding> {
        let wrong = |element: &Element| match element {
            Element::Link { text, destination, label } if resolve("", destination).is_some() => match label {
                None if destination.starts_with('#') => None,
                None => Some(format!(
                    "link {text:?} by a label, not by `{destination}`: rustdoc has no such file"
                )),
                Some(label) if labels.contains(&label.to_lowercase()) => None,
                Some(label) => Some(format!("src/proof/links.md does not define the label [{label}]")),
            },
            Element::CodeBlock { language: None, .. } => {
                Some("rustdoc takes an indented block for a test in Rust: use ```text".to_owned())
            }
            Element::CodeBlock { language: Some(language), .. }
                if !matches!(&**language, "text" | "sh" | "yaml") =>
            {
                Some("the blocks of a chapter are ```text, ```sh or ```yaml".to_owned())
            }
            _ => None,
        };
        let findings = chapter.elements.iter().filter_map(|located| {
            wrong(&located.element).map(|what| Finding::new(&chapter.path, located.line, what))
        });
        findings.collect()
    }

    #[test]
    fn the_links_of_every_chapter_work_there_too() {
        let labels = labels();
        let chapters = CHAPTERS.iter().map(|path| Page::open(path));
        assert_none(&chapters.flat_map(|page| unknown_to_rustdoc(&page, &labels)).collect::<Vec<_>>());
    }

    #[test]
    fn every_label_is_used() {
        let chapters: Vec<_> = CHAPTERS.iter().map(|path| Page::open(path)).collect();
        let links = chapters.iter().flat_map(|page| &page.elements);
        let used: BTreeSet<_> = links
            .filter_map(|located| match &located.element {
                Element::Link { label: Some(label), .. } => Some(label.to_lowercase()),
                _ => None,
            })
            .collect();
        assert_eq!(labels().difference(&used).collect::<Vec<_>>(), Vec::<&String>::new());
    }

    #[test]
    fn every_chapter_is_in_the_module() {
        let proof = read("src/proof/mod.rs");
        for chapter in CHAPTERS.iter().chain(&["docs/certificate.md", "docs/mutants.md"]) {
            assert!(
                proof.contains(&format!("\"../../{chapter}\"")),
                "src/proof/mod.rs should include {chapter}"
            );
        }
        let pages: BTreeSet<_> =
            written_pages().map(|page| page.path).filter(|path| path.starts_with("docs/")).collect();
        assert_eq!(pages, CHAPTERS.iter().map(ToString::to_string).collect(), "every page is a chapter");
    }

    /// Layer 0 is what the proof stands on: it is argued in `loom`, and in the heads of its files.
    fn is_argued(path: &str) -> bool {
        !["src/units.rs", "src/sharded.rs", "src/sync/", "src/proof/"]
            .iter()
            .any(|below| path.starts_with(below))
    }

    fn without_a_link(path: &str, text: &str) -> Vec<Finding> {
        let types = items::public(&items::parse(path, text)).into_iter().filter(|item| item.is_type);
        let unlinked = types.filter(|item| !item.docs.contains("](crate::proof::"));
        let what = |item: items::Public| {
            format!("{}: add the line `Part of the proof: [the page](crate::proof::page).`", item.name)
        };
        unlinked.map(|item| Finding::new(path, 1, what(item))).collect()
    }

    #[test]
    fn every_public_type_links_to_its_chapter() {
        let sources = files("src", &["rs"]).into_iter().filter(|path| is_argued(path));
        assert_none(&sources.flat_map(|path| without_a_link(&path, &read(&path))).collect::<Vec<_>>());
        let twin = "/// Docs.\npub struct Linked;\n/// [x](crate::proof::x)\npub enum E {}\nstruct Private;";
        assert_eq!(without_a_link("a file", twin).len(), 1, "twin: a type without a link");
    }

    #[test]
    fn twin_links_that_rustdoc_cannot_follow_are_noticed() {
        let labels = BTreeSet::from(["gate".to_owned()]);
        for wrong in ["[a](gate.md)", "[a][b]\n\n[b]: gate.md", "```rust\nlet a = 1;\n```", "    indented"] {
            assert_eq!(unknown_to_rustdoc(&Page::parse("docs/a.md", wrong), &labels).len(), 1, "{wrong}");
        }
        for right in ["[a][gate]\n\n[gate]: gate.md", "[a](#b)", "[a](https://docs.rs)", "```text\na\n```"] {
            assert_none(&unknown_to_rustdoc(&Page::parse("docs/a.md", right), &labels));
        }
    }
}
