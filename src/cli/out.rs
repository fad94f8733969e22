//! The two streams: results to standard output, everything else to standard error.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use crate::cli::Stop;
use crate::cli::args::{Color, Shared};

/// Columns when standard output is no terminal; the tables are designed for it.
const DESIGN_WIDTH: usize = 100;
/// Narrower than this nothing can be laid out; the terminal wraps instead.
const LEAST_WIDTH: usize = 60;

const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Where a verb writes, and what the reader's terminal can show.
pub(crate) struct Out {
    stdout: AutoStream<io::Stdout>,
    stderr: AutoStream<io::Stderr>,
    /// Columns of standard output.
    pub(crate) width: usize,
    /// Whether the reader's locale can show more than ASCII.
    pub(crate) unicode: bool,
    /// Whether progress may be drawn: standard error is a terminal that can move its cursor.
    pub(crate) live: bool,
    pub(crate) quiet: u8,
    pub(crate) verbose: u8,
    /// The reader of standard output has gone away.
    is_alone: bool,
}

impl Out {
    /// Looks at flags, terminal and environment once.
    pub(crate) fn new(shared: &Shared) -> Self {
        let choice = match shared.color {
            Color::Auto => None,
            Color::Always => Some(ColorChoice::Always),
            Color::Never => Some(ColorChoice::Never),
        };
        let stdout = io::stdout();
        let stderr = io::stderr();
        let live = stderr.is_terminal() && variable("TERM").as_deref() != Some("dumb");
        let (of_stdout, of_stderr) = (
            choice.unwrap_or_else(|| AutoStream::choice(&stdout)),
            choice.unwrap_or_else(|| AutoStream::choice(&stderr)),
        );
        Out {
            width: width(stdout.is_terminal()),
            unicode: unicode(),
            live,
            quiet: shared.quiet,
            verbose: shared.verbose,
            is_alone: false,
            stdout: AutoStream::new(stdout, of_stdout),
            stderr: AutoStream::new(stderr, of_stderr),
        }
    }

    /// From here on ASCII without colour.
    pub(crate) fn make_plain(&mut self) {
        self.unicode = false;
        self.stdout = AutoStream::never(io::stdout());
        self.stderr = AutoStream::never(io::stderr());
    }

    /// Writes a result. A reader that has gone away has seen enough, but the verb may have files to write.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), Stop> {
        if self.is_alone {
            return Ok(());
        }
        match self.stdout.write_all(text.as_bytes()).and_then(|()| self.stdout.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_alone = true;
                Ok(())
            }
            Err(error) => Err(Stop::cannot_write("standard output", &error)),
        }
    }

    /// Says something about the work, unless asked to be quiet.
    pub(crate) fn note(&mut self, text: &str) {
        if self.quiet == 0 {
            self.tell(text);
        }
    }

    /// Writes to standard error, whatever was asked; nobody is left to tell if that fails.
    pub(crate) fn tell(&mut self, text: &str) {
        let _ = self.stderr.write_all(text.as_bytes()).and_then(|()| self.stderr.flush());
    }

    /// Tells why nothing came of it.
    pub(crate) fn error(&mut self, message: &str) {
        self.tell(&format!("{ERROR}error{ERROR:#}: {message}\n"));
    }

    /// Whether standard error is shown in colour.
    pub(crate) fn colour_of_stderr(&self) -> bool {
        self.stderr.current_choice() != ColorChoice::Never
    }
}

/// An environment variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "only cli reads the environment, and only here")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn width(terminal: bool) -> usize {
    let asked = variable("COLUMNS").and_then(|columns| columns.parse().ok());
    let shown = || terminal.then(terminal_size::terminal_size).flatten().map(|(columns, _)| usize::from(columns.0));
    asked.or_else(shown).unwrap_or(DESIGN_WIDTH).max(LEAST_WIDTH)
}

/// A locale that is set and does not name UTF-8 gets ASCII; the first variable that is set decides, as in POSIX.
fn unicode() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).is_none_or(|locale| is_utf8(&locale))
}

fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::is_utf8;

    #[test]
    fn a_locale_names_its_encoding() {
        assert!(is_utf8("en_GB.UTF-8") && is_utf8("C.utf8"));
        assert!(!is_utf8("C") && !is_utf8("de_DE.ISO-8859-1"));
    }
}
