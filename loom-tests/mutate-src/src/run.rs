//! Running a test binary until something fails, or its time is up.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// A change may make a loop that allocates without end. So many KiB of addresses are enough for every model and test.
const MOST_MEMORY: &str = "12000000";

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    Passed,
    /// With the name of the test that failed first, where it was printed.
    Failed(Option<String>),
    TimedOut,
}

/// Runs a command until it ends, a test of it fails, or `limit` is over. Also returns what it printed.
pub fn run(command: &Command, limit: Duration) -> Result<(Ended, String), String> {
    let until = Instant::now() + limit;
    let mut child = limited(command).spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let lines = lines_of(&mut child);
    let mut printed = String::new();
    let ended = loop {
        match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                let failed = failed_test(&line);
                printed += &line;
                printed.push('\n');
                if failed.is_some() {
                    break Ended::Failed(failed);
                }
            }
            Err(RecvTimeoutError::Timeout) => break Ended::TimedOut,
            Err(RecvTimeoutError::Disconnected) => {
                let status = child.wait().map_err(|error| error.to_string())?;
                return Ok((if status.success() { Ended::Passed } else { Ended::Failed(None) }, printed));
            }
        }
    };
    end(&mut child);
    Ok((ended, printed))
}

/// The same command in a group of its own, which can be ended whole, and with a limit to its memory.
fn limited(command: &Command) -> Command {
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(format!("ulimit -v {MOST_MEMORY}; exec \"$0\" \"$@\""));
    limited.arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(key, value),
            None => limited.env_remove(key),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    limited.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    limited
}

fn lines_of(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || {
            for line in BufReader::new(out).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
    }
    lines
}

fn end(child: &mut Child) {
    // One that has ended meanwhile is no error.
    let _ = Command::new("kill")
        .args(["-KILL", "--", &format!("-{}", child.id())])
        .stderr(Stdio::null())
        .status();
    let _ = child.wait();
}

/// `test a::b ... FAILED`, or `check a ... FAILED, 0.1 s: …`.
fn failed_test(line: &str) -> Option<String> {
    let (name, rest) = line.split_once(" ... ")?;
    let name = name.strip_prefix("test ").or_else(|| name.strip_prefix("check "))?;
    // A test that is expected to panic says so.
    let name = name.trim_end_matches(" - should panic");
    rest.starts_with("FAILED").then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_test_that_fails_ends_a_run() {
        let began = Instant::now();
        let script = "echo 'test a ... ok'; echo 'test b::c - should panic ... FAILED'; sleep 60";
        assert_eq!(run(&shell(script), LONG).unwrap().0, Ended::Failed(Some("b::c".into())));
        assert!(began.elapsed() < LONG / 2);
    }

    #[test]
    fn other_ends_are_told_apart() {
        assert_eq!(run(&shell("echo a"), LONG).unwrap(), (Ended::Passed, "a\n".into()));
        assert_eq!(run(&shell("kill -ABRT $$"), LONG).unwrap().0, Ended::Failed(None));
        assert_eq!(run(&shell("sleep 60 & wait"), Duration::from_millis(50)).unwrap().0, Ended::TimedOut);
    }
}
