//! Which thread went on at each step: enough to run an execution again.

use crate::event::Step;
use crate::threads::MOST_THREADS;
use std::fmt;
use std::str::FromStr;

/// What is chosen at a step: the thread, and which value it reads if it loads (0: the newest).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Decision {
    pub(crate) thread: usize,
    pub(crate) choice: u8,
}

/// The decisions of an execution, as a token that can be printed, kept, and parsed back.
///
/// The text has one digit for each step, the thread; a letter after it says that the thread loaded an older
/// value (`a`: the one before the newest). It is valid for the program that it was found in.
///
/// ```
/// let schedule: traceset::Schedule = "t0012a1".parse()?;
/// assert_eq!(schedule.len(), 5);
/// assert_eq!(schedule.to_string(), "t0012a1");
/// # Ok::<(), traceset::ScheduleError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Schedule(Vec<Decision>);

/// How many values a load can choose from: the newest, and a letter for each older one.
pub(crate) const MOST_CHOICES: usize = 27;

impl Schedule {
    pub(crate) fn of(steps: &[Step]) -> Self {
        Self(steps.iter().map(|step| Decision { thread: step.thread(), choice: step.choice }).collect())
    }

    pub(crate) fn decisions(&self) -> &[Decision] {
        &self.0
    }

    /// The number of steps.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the execution had no step.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Decision> for Schedule {
    fn from_iter<I: IntoIterator<Item = Decision>>(decisions: I) -> Self {
        Self(decisions.into_iter().collect())
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("t")?;
        self.0.iter().try_for_each(|Decision { thread, choice }| {
            write!(f, "{thread}")?;
            if *choice == 0 { Ok(()) } else { write!(f, "{}", char::from(b'a' + choice - 1)) }
        })
    }
}

/// Why a text is not a schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScheduleError {
    text: String,
    at: usize,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, at } = self;
        write!(
            f,
            "{text:?} is not a schedule, from character {at} on: give what a failure printed, as `t0012a1`: \
             `t`, then for each step a thread from 0 to {}, and a letter where it loads an older value",
            MOST_THREADS - 1
        )
    }
}

impl std::error::Error for ScheduleError {}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let wrong = |at| ScheduleError { text: text.into(), at };
        let steps = text.strip_prefix('t').ok_or_else(|| wrong(0))?;
        let mut decisions: Vec<Decision> = Vec::with_capacity(steps.len());
        let mut may_choose = false;
        for (at, byte) in steps.bytes().enumerate() {
            match (byte, decisions.last_mut()) {
                (b'0'..=b'7', _) => decisions.push(Decision { thread: usize::from(byte - b'0'), choice: 0 }),
                (b'a'..=b'z', Some(last)) if may_choose => last.choice = byte - b'a' + 1,
                _ => return Err(wrong(at + 1)),
            }
            may_choose = byte.is_ascii_digit();
        }
        Ok(Self(decisions))
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn what_is_printed_is_parsed_back() {
        for text in ["t", "t0", "t01234567", "t0a1z"] {
            assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_the_place() {
        for (text, at) in [("", 0), ("0", 0), ("t8", 1), ("ta", 1), ("t0ab", 3), ("t0 1", 2), ("t0ä", 2)] {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains(&format!("from character {at} on")), "{text}: {error}");
        }
    }
}
