//! The rules of the whole tree that no compiler and no lint checks: `cargo test --test house`.
//!
//! It prints one line that begins with `house:` and has the counts, and fails if one that must be zero is not,
//! with each finding and what to do; and one that begins with `faults:`, of the rows of `docs/faults.md`. What it looks for is in `tests/repository/`, each pattern with samples
//! that it must find and samples that it must not.

#[cfg(not(any(loom, traceset)))]
mod repository;

/// Nothing here depends on the cfg: the plain run checks it.
#[cfg(any(loom, traceset))]
fn main() {}

#[cfg(not(any(loom, traceset)))]
fn main() -> std::process::ExitCode {
    use loom_harness::binary::{Check, run};

    let checks = vec![
        Check::new("the_patterns_find_their_samples_and_nothing_else", house::patterns),
        Check::new("circles_are_found_in_small_crates", repository::circles::test),
        Check::new("twin_broken_ways_are_noticed", repository::ways::test),
        Check::new("the_house_is_in_order", house::inspect),
        Check::new("declared_models_and_twins_are_found", repository::declared::test),
        Check::new("twin_rows_that_lack_something_are_noticed", repository::faults::test),
        Check::new("every_fault_has_what_shows_it_and_a_twin", repository::faults::inspect),
    ];
    run("blockgate", checks)
}

#[cfg(not(any(loom, traceset)))]
mod house {
    use std::collections::BTreeSet;
    use std::fs;

    use crate::repository::circles::{self, Crate};
    use crate::repository::words::{self, NOUNS, OLD_WORDS, PATH_ATTRIBUTE, PRONOUNS, RULES, Rule};
    use crate::repository::{Finding, files, items, none_of, read, root, ways};

    /// The samples of each pattern.
    pub(super) fn patterns() -> Result<(), String> {
        RULES.into_iter().chain([&PATH_ATTRIBUTE]).try_for_each(Rule::test)
    }

    /// Prints the line, and the findings.
    pub(super) fn inspect() -> Result<(), String> {
        let paths = search(&PATH_ATTRIBUTE, &["rs"]);
        let circles = circles();
        let [pronouns, nouns, old] =
            [&PRONOUNS, &NOUNS, &OLD_WORDS].map(|rule| search(rule, &words::EXTENSIONS));
        let (with_example, public) = examples();
        let ways = ways::WAYS.iter().map(ways::Way::follow).collect::<Result<Vec<_>, _>>();
        let steps =
            ways.as_ref().map_or_else(|_| "?".to_owned(), |steps| steps.iter().sum::<usize>().to_string());
        println!(
            "house: {} {}, {} circles, {} {}, {} {}, {with_example} of {public} public items with examples, {steps} steps",
            paths.len(),
            PATH_ATTRIBUTE.name,
            circles.len(),
            pronouns.len(),
            PRONOUNS.name,
            nouns.len(),
            NOUNS.name,
        );
        ways?;
        none_of(&[paths, circles, pronouns, nouns, old].into_iter().flatten().collect::<Vec<_>>())
    }

    fn search(rule: &Rule, extensions: &[&str]) -> Vec<Finding> {
        let files = files("", extensions).into_iter().chain([".ci/run".to_owned()]);
        let files = files.filter(|file| file != words::THIS_FILE);
        let search = rule.compile();
        files.flat_map(|file| search.check(&file, &read(&file))).collect()
    }

    struct Disk;

    impl circles::Source for Disk {
        fn text(&self, path: &str) -> Option<String> {
            fs::read_to_string(root().join(path)).ok()
        }
    }

    /// In every crate of the workspace: a file that is no other's module is the root of one.
    fn circles() -> Vec<Finding> {
        let crates: Vec<_> =
            files("", &["rs"]).into_iter().map(|file| (Crate::read(&file, &Disk), file)).collect();
        let is_below =
            |file: &String| crates.iter().any(|(read, root)| root != file && read.files().contains(file));
        let roots = crates.iter().filter(|(_, root)| !is_below(root));
        // What several crates include is found once.
        let found: BTreeSet<_> = roots.flat_map(|(read, _)| read.circles()).collect();
        let finding = |circle: BTreeSet<String>| {
            let first =
                circle.first().and_then(|edge| edge.split(" -> ").next()).unwrap_or_default().to_owned();
            let imports = circle.into_iter().collect::<Vec<_>>().join(", ");
            Finding::new(&first, 1, format!("circle: {imports}; move what both need below both"))
        };
        found.into_iter().map(finding).collect()
    }

    /// Of the public items of `src`: those with an example, and all.
    fn examples() -> (usize, usize) {
        let public = files("src", &["rs"]);
        let public: Vec<_> =
            public.iter().flat_map(|file| items::public(&items::parse(file, &read(file)))).collect();
        (public.iter().filter(|item| item.has_example()).count(), public.len())
    }
}
