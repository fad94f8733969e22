//! A part of a study that several machines share: its head, its evaluations, and its end, a line each.

use serde::{Deserialize, Serialize};

/// Name and version of the document.
pub const SCHEMA: &str = "plimsoll.part/1";

/// What the part is a part of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub schema: String,
    /// The version of the engine.
    pub engine: String,
    /// The words of the command, without those that differ from machine to machine.
    pub command: Vec<String>,
    /// Hash of the scenarios that it is about.
    pub about: String,
    /// Which of how many, from 1.
    pub shard: [usize; 2],
}

/// A part as far as it is whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub head: Head,
    /// Keys and documents of evaluations in the order of the file.
    pub evaluations: Vec<(String, String)>,
    /// Its end is there, and speaks of as many evaluations.
    pub is_whole: bool,
}

/// A line after the head.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Evaluation { key: String, figures: serde_json::Value },
    End { evaluations: usize },
}

/// The first line.
pub fn head(head: &Head) -> String {
    plain(head)
}

/// The line of an evaluation, whose document is JSON.
pub fn line(key: &str, document: &str) -> String {
    let figures = serde_json::from_str(document).expect("figures are written as JSON");
    plain(&Line::Evaluation { key: key.to_owned(), figures })
}

/// The last line.
pub fn end(evaluations: usize) -> String {
    plain(&Line::End { evaluations })
}

/// Figures are written as they are: they have been rounded already.
fn plain(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("a tree of plain values") + "\n"
}

/// Reads a part that may have been cut anywhere; `None` if not even its head is whole.
pub fn read(text: &str) -> Option<Part> {
    let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let head: Head = serde_json::from_str(lines.next()?).ok().filter(|head: &Head| head.schema == SCHEMA)?;
    let mut part = Part { head, evaluations: Vec::new(), is_whole: false };
    for line in lines {
        match serde_json::from_str(line) {
            Ok(Line::Evaluation { key, figures }) => part.evaluations.push((key, figures.to_string())),
            Ok(Line::End { evaluations }) => part.is_whole = evaluations == part.evaluations.len(),
            Err(_) => break,
        }
    }
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_was_cut_anywhere_has_its_whole_lines() {
        let of = Head {
            schema: SCHEMA.into(),
            engine: "1".into(),
            command: vec!["size".into()],
            about: "x".into(),
            shard: [1, 2],
        };
        let text = head(&of) + &line("a", "{\"p\":0.1}") + &line("b", "{\"p\":2}") + &end(2);
        for cut in 0..text.len() {
            let Some(read) = read(&text[..cut]) else { continue };
            assert!(read.head == of && read.evaluations.len() <= 2 && !read.is_whole, "{cut}");
        }
        let whole = read(&text).expect("whole");
        assert!(whole.is_whole);
        assert_eq!(whole.evaluations[0], ("a".to_owned(), "{\"p\":0.1}".to_owned()));
    }
}
