//! Environment variables whose names are nearly those that are read: one that is misspelt would do nothing, and the run
//! would be another than was asked for.

use std::env;

/// More letters than these are another word.
const NEAR: usize = 2;

/// # Errors
/// When a variable is called nearly as `prefix`, an underscore, and one of `known`; of loom's own prefix also any other
/// that begins with `LOOM_MAX_`.
pub(crate) fn check(prefix: &str, known: &[&str]) -> Result<(), String> {
    let mut names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.find_map(|name| mistake(&name, prefix, known)).map_or(Ok(()), Err)
}

fn mistake(name: &str, prefix: &str, known: &[&str]) -> Option<String> {
    let rest = name.strip_prefix(prefix)?.strip_prefix('_')?;
    if known.contains(&rest) {
        return None;
    }
    let nearest = known.iter().min_by_key(|known| strsim::osa_distance(known, rest))?;
    let is_near = strsim::osa_distance(nearest, rest) <= NEAR;
    let is_bound = prefix == "LOOM" && rest.starts_with("MAX_");
    (is_near || is_bound).then(|| {
        format!("{name}: there is no such variable; is {prefix}_{nearest} meant? Unset it or spell it so")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_a_name_is_a_mistake() {
        let of = |name| mistake(name, "LOOM", &["MAX_PREEMPTIONS", "LOG"]);
        assert!(of("LOOM_MAX_PREEMPTION").unwrap().contains("LOOM_MAX_PREEMPTIONS"));
        assert!(of("LOOM_MAX_THREADS").unwrap().contains("LOOM_MAX_PREEMPTIONS"));
        assert_eq!([of("LOOM_LOG"), of("LOOM_OTHER"), of("LOGS"), of("BLOOM_LOGS")], [const { None }; 4]);
    }
}
