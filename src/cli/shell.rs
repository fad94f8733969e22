//! What shells and their users want: completions, manual pages, help, quoting.

use std::path::Path;

use clap::Command;
use clap_complete::env::Shells;

use crate::cli::args::{Completions, Help, Man};
use crate::cli::complete::VARIABLE;
use crate::cli::out::Out;
use crate::cli::{EXIT_CODES, Exit, Stop, command, files};

/// Prints a completion script, which asks the program itself what may come next.
pub(crate) fn completions(args: &Completions, out: &mut Out) -> Result<Exit, Stop> {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let shell = shells.completer(&args.shell.to_string()).expect("both lists of shells are of one library");
    let written = shell.write_registration(VARIABLE, "plimsoll", "plimsoll", "plimsoll", &mut script);
    written.map_err(|error| Stop::cannot_write("the script", &error))?;
    out.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Writes a manual page for the program and one for each verb.
pub(crate) fn man(args: &Man, out: &mut Out) -> Result<Exit, Stop> {
    let mut program = command();
    program.build();
    write_pages(&program, "plimsoll", &args.out, out)?;
    Ok(Exit::Done)
}

/// The page of a command after those of its verbs.
fn write_pages(command: &Command, name: &str, directory: &str, out: &mut Out) -> Result<(), Stop> {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        write_pages(verb, &format!("{name}-{}", verb.get_name()), directory, out)?;
    }
    write_page(command.clone().display_name(name.to_owned()), name, directory, out)
}

fn write_page(command: Command, name: &str, directory: &str, out: &mut Out) -> Result<(), Stop> {
    let path = Path::new(directory).join(format!("{name}.1"));
    let mut page = Vec::new();
    let shown = path.display().to_string();
    clap_mangen::Man::new(command).render(&mut page).map_err(|error| Stop::cannot_write(&shown, &error))?;
    files::write(&path, &page, out)
}

/// Prints help on a verb or a topic.
pub(crate) fn help(args: &Help, out: &mut Out) -> Result<Exit, Stop> {
    let mut program = command();
    program.build();
    let text = match args.topic.as_deref() {
        None => program.render_long_help(),
        Some("exit-codes") => {
            out.print(EXIT_CODES)?;
            return Ok(Exit::Done);
        }
        Some(topic) => match program.find_subcommand_mut(topic) {
            Some(verb) => verb.render_long_help(),
            None => return Err(unknown_topic(&program, topic)),
        },
    };
    out.print(&text.ansi().to_string())?;
    Ok(Exit::Done)
}

fn unknown_topic(program: &Command, topic: &str) -> Stop {
    let verbs = program.get_subcommands().filter(|verb| !verb.is_hide_set()).map(Command::get_name);
    let topics: Vec<&str> = verbs.chain(["exit-codes"]).collect();
    Stop::usage(format!("no help on `{topic}`; topics: {}", topics.join(", ")))
}

/// A word as a POSIX shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,%+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn only_what_a_shell_would_read_otherwise_is_quoted() {
        assert_eq!(quoted("scenarios/01-single-server.yaml"), "scenarios/01-single-server.yaml");
        assert_eq!(quoted("let.users=it's 5"), r"'let.users=it'\''s 5'");
        assert_eq!(quoted(""), "''");
    }
}
