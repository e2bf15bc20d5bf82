//! Counts and words that agree: "1 execution", "2 executions".

/// `number` and `noun`, which takes an "s" unless there is exactly one.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        assert_eq!([0, 1, 2].map(|n| count(n, "model")), ["0 models", "1 model", "2 models"]);
    }
}
