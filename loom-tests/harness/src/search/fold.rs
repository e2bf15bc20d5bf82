//! Operations that repeat themselves, as a spin loop's do: shown once, with how often.

use super::Row;

/// No longer loop is looked for.
const LONGEST: usize = 6;

/// Fewer repetitions are shown as they are.
const FEWEST: usize = 4;

/// `rows` with each loop of the engine's operations once. What a model says itself is not folded.
pub(crate) fn folded(rows: &[Row]) -> Vec<Row> {
    let (mut out, mut next) = (Vec::new(), 0);
    while next < rows.len() {
        let (length, times) = longest_loop(&rows[next..]);
        out.extend_from_slice(&rows[next..next + length]);
        next += length * times;
        if times > 1 {
            out.push(repeated(&rows[next - 1], length, times));
        }
    }
    out
}

/// The loop at the beginning of `rows`, and how often it runs; a single row once, if there is none.
fn longest_loop(rows: &[Row]) -> (usize, usize) {
    let times = |length: usize| {
        let (first, is_seen) = (rows.get(..length), rows[0].located.is_some());
        let again = rows.chunks(length).take_while(|chunk| Some(*chunk) == first && is_seen);
        again.count()
    };
    let loops = (1..=LONGEST).map(|length| (length, times(length)));
    let worth = loops.filter(|(_, times)| *times >= FEWEST);
    worth.max_by_key(|(length, times)| (length * times, std::cmp::Reverse(*length))).unwrap_or((1, 1))
}

fn repeated(last: &Row, length: usize, times: usize) -> Row {
    let what = if length == 1 { String::new() } else { format!("these {length} steps, ") };
    let text = format!("  ... {what}{times} times");
    Row { located: Some(text.clone()), text, ..last.clone() }
}

/// What the last rows repeat, and whose they are, if all are of one role.
pub(crate) fn spinning(rows: &[Row]) -> Option<(usize, Vec<&str>)> {
    let backwards: Vec<Row> = rows.iter().rev().cloned().collect();
    // The last operation may have been cut off in the middle of the loop.
    let from = (0..LONGEST.min(backwards.len())).find(|from| longest_loop(&backwards[*from..]).1 > 1)?;
    let (length, _) = longest_loop(&backwards[from..]);
    let end = rows.len() - from;
    let once = &rows[end - length..end];
    let role = once.first()?.role;
    let steps = once.iter().map(|row| row.text.as_str()).collect();
    once.iter().all(|row| row.role == role).then_some((role, steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Row {
        Row { role: 1, text: text.into(), file: "a.rs".into(), located: Some(text.into()) }
    }

    #[test]
    fn a_loop_is_shown_once() {
        let turns = (0..214).flat_map(|_| ["load", "yield"]).map(row);
        let rows: Vec<_> = [row("lock")].into_iter().chain(turns).chain([row("load")]).collect();
        let texts: Vec<_> = folded(&rows).into_iter().map(|row| row.text).collect();
        assert_eq!(texts, ["lock", "load", "yield", "  ... these 2 steps, 214 times", "load"]);
        assert_eq!(spinning(&rows).unwrap(), (1, vec!["yield", "load"]));
    }

    #[test]
    fn what_a_model_says_and_what_is_no_loop_stay() {
        let said: Vec<_> = (0..9).map(|_| Row { located: None, ..row("note") }).collect();
        assert_eq!(folded(&said).len(), 9);
        let rows = ["a", "b", "c"].map(row);
        assert_eq!(folded(&rows), rows);
        assert!(spinning(&rows).is_none());
    }
}
