#![cfg(not(any(loom, traceset)))]
//! What the docs say of what was explored is what the certificate says: totals, and names.

use std::fs;
use std::path::Path;

/// Before the slash of the name of a model or twin.
const PARTS: [&str; 8] = [
    "block-group",
    "delayed-ref",
    "gate",
    "litmus",
    "ordered-extent",
    "replace",
    "specification",
    "transaction",
];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn pages() -> Vec<(String, String)> {
    let docs = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).expect("docs");
    let docs = docs.flatten().map(|entry| format!("docs/{}", entry.file_name().to_string_lossy()));
    // Without those that the models write themselves.
    let docs = docs.filter(|path| !["docs/certificate.md", "docs/mutants.md"].contains(&path.as_str()));
    let pages = docs.filter(|path| Path::new(path).extension().is_some_and(|extension| extension == "md"));
    let all = pages.chain(["README.md", "CONTRIBUTING.md"].map(String::from));
    all.map(|path| (path.clone(), read(&path))).collect()
}

/// `part/scenario`, in backticks.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|name| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '+';
        let part = name.split_once('/').filter(|(_, scenario)| scenario.chars().all(is_name));
        part.is_some_and(|(part, scenario)| PARTS.contains(&part) && !scenario.is_empty())
    })
}

/// The numbers of the certificate's first sentence: models, executions, red twins.
fn totals(certificate: &str) -> Vec<&str> {
    let sentence = certificate.lines().find(|line| line.contains(" models, ")).expect("the totals");
    let words: Vec<_> = sentence.split_whitespace().collect();
    let before = |word: &str| words.windows(2).find(|pair| pair[1].starts_with(word)).map(|pair| pair[0]);
    ["models", "executions", "red"].iter().filter_map(|word| before(word)).collect()
}

fn quotes(readme: &str, totals: &[&str]) -> bool {
    let words: Vec<_> = readme.split_whitespace().collect();
    let nouns = ["models", "executions", "red"];
    totals.len() == nouns.len()
        && totals.iter().zip(nouns).all(|(total, noun)| {
            words.windows(2).any(|pair| pair[0] == *total && pair[1].trim_end_matches(',') == noun)
        })
}

#[test]
fn the_readme_quotes_the_totals_of_the_certificate() {
    let (readme, certificate) = (read("README.md"), read("docs/certificate.md"));
    assert!(quotes(&readme, &totals(&certificate)), "README.md should quote {:?}", totals(&certificate));
}

#[test]
fn twin_other_totals_are_not_quoted() {
    let readme = read("README.md");
    assert!(!quotes(&readme, &["1", "2", "3"]));
    assert!(!quotes(&readme, &[]), "no totals are no totals");
}

#[test]
fn every_model_that_the_docs_name_is_in_the_certificate() {
    let certificate = read("docs/certificate.json");
    let is_known = |name: &str| certificate.contains(&format!("\"{name}\""));
    let (mut named, mut unknown) = (0, Vec::new());
    for (path, text) in pages() {
        named += names(&text).count();
        unknown.extend(names(&text).filter(|name| !is_known(name)).map(|name| format!("{path}: {name}")));
    }
    assert!(named > 100, "only {named} names were found");
    assert_eq!(unknown, Vec::<String>::new());
    assert!(!is_known("replace/of-nothing"), "twin: a name that is no model's");
}
