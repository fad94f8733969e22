//! Tables that fit: columns are as wide as what stands in them, and the least important go first when there is no room.

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

/// Spaces between two columns.
const GAP: usize = 2;
/// No name is cut shorter than this.
const LEAST_NAME: usize = 8;

/// What stands in one place of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Cell { text: text.into(), style: Style::new() }
    }

    pub(super) fn styled(text: impl Into<String>, style: Style) -> Self {
        Cell { text: text.into(), style }
    }

    fn width(&self) -> usize {
        self.text.width()
    }
}

/// How a column behaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    right: bool,
    /// When there is no room the column with the highest number goes first; 0 stays.
    drop: u8,
}

impl Column {
    /// Text, to the left.
    pub(super) const TEXT: Column = Column { right: false, drop: 0 };
    /// Figures, to the right; never dropped.
    pub(super) const NUMBER: Column = Column { right: true, drop: 0 };
    /// Remarks, which go before figures do.
    pub(super) const NOTE: Column = Column { right: false, drop: 1 };
    /// Pictures, which go first.
    pub(super) const BAR: Column = Column { right: false, drop: 2 };
}

/// Rows of cells under columns.
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    /// Columns that everything is moved to the right.
    indent: usize,
}

impl Table {
    pub(super) fn new(columns: &[Column], indent: usize) -> Self {
        Table { columns: columns.to_vec(), rows: Vec::new(), indent }
    }

    /// Adds a row; cells that are missing at its end are empty.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let mut row: Vec<Cell> = cells.into_iter().collect();
        debug_assert!(row.len() <= self.columns.len(), "a row is no longer than the table is wide");
        row.resize(self.columns.len(), Cell::default());
        self.rows.push(row);
    }

    /// All rows as lines of at most `width` columns, as far as figures are not cut for it.
    pub(super) fn lines(&self, width: usize) -> Vec<String> {
        let (kept, widths) = self.fit(width);
        self.rows.iter().map(|row| self.line(row, &kept, &widths)).collect()
    }

    /// Which columns stay, and how wide they are.
    fn fit(&self, width: usize) -> (Vec<usize>, Vec<usize>) {
        let natural = |c: usize| self.rows.iter().map(|row| row[c].width()).max().unwrap_or(0);
        let mut kept: Vec<usize> = (0..self.columns.len()).filter(|&c| 0 < natural(c)).collect();
        let mut widths: Vec<usize> = (0..self.columns.len()).map(natural).collect();
        let total = |kept: &[usize], widths: &[usize]| {
            self.indent + kept.iter().map(|&c| widths[c] + GAP).sum::<usize>().saturating_sub(GAP)
        };
        while width < total(&kept, &widths) {
            let worst = kept.iter().copied().max_by_key(|&c| self.columns[c].drop);
            match worst.filter(|&c| 0 < self.columns[c].drop) {
                Some(column) => kept.retain(|&c| c != column),
                None => break,
            }
        }
        if let Some(&first) = kept.first() {
            let over = total(&kept, &widths).saturating_sub(width);
            widths[first] = widths[first].saturating_sub(over).max(LEAST_NAME.min(widths[first]));
        }
        (kept, widths)
    }

    fn line(&self, row: &[Cell], kept: &[usize], widths: &[usize]) -> String {
        let mut line = " ".repeat(self.indent);
        let mut pending = 0;
        for (place, &c) in kept.iter().enumerate() {
            let text = cut(&row[c].text, widths[c]);
            let padding = widths[c] - text.width().min(widths[c]);
            let before = pending + if self.columns[c].right { padding } else { 0 } + if 0 < place { GAP } else { 0 };
            pending = if self.columns[c].right { 0 } else { padding };
            if text.is_empty() {
                pending += before;
                continue;
            }
            line.push_str(&" ".repeat(before));
            line.push_str(&paint(&text, row[c].style));
        }
        line
    }
}

/// Text with its style around it.
pub(super) fn paint(text: &str, style: Style) -> String {
    if style == Style::new() { text.to_string() } else { format!("{style}{text}{style:#}") }
}

/// A line that is too wide, broken where three spaces set its remark off.
pub(super) fn broken(line: &str, width: usize) -> String {
    if shown_width(line) <= width { line.to_owned() } else { line.replacen("   ", "\n  ", 1) }
}

/// Two blocks of lines beside each other, the right one starting at `at`.
pub(super) fn beside(left: &[String], right: &[String], at: usize) -> Vec<String> {
    let rows = left.len().max(right.len());
    let join = |i: usize| {
        let (l, r) = (left.get(i).map_or("", String::as_str), right.get(i).map_or("", String::as_str));
        if r.is_empty() { l.to_string() } else { format!("{l}{}{r}", " ".repeat(at.saturating_sub(shown_width(l)))) }
    };
    (0..rows).map(join).collect()
}

/// Text broken between words, so that no line is longer than `width`. The first line follows a label of `indent` columns,
/// the others start with as many spaces.
pub(super) fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = indent;
    for word in text.split_whitespace() {
        if indent < column && width < column + 1 + word.width() {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            column = indent;
        } else if indent < column {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += word.width();
    }
    lines
}

/// A bar of `share` of `cells` characters, to an eighth of one where the terminal can show it.
pub(super) fn bar(share: f64, cells: usize, unicode: bool) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let eighths = (share * cells as f64 * 8.0).round() as usize;
    if !unicode {
        return "#".repeat((eighths + 4) / 8);
    }
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

/// Columns a line takes, without the escape sequences of its colours.
fn shown_width(line: &str) -> usize {
    anstream::adapter::strip_str(line).to_string().width()
}

/// At most `width` columns of a text, with a mark where it was cut.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_string();
    }
    let mut kept = String::new();
    for c in text.chars() {
        let longer = format!("{kept}{c}");
        if width < longer.width() + 1 {
            break;
        }
        kept = longer;
    }
    kept.push(if text.is_ascii() { '~' } else { '…' });
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[Column::TEXT, Column::NUMBER, Column::BAR, Column::NOTE], 2);
        table.row(["name", "p99", "", "notes"].map(Cell::new));
        table.row([Cell::new("db"), Cell::new("1,231ms"), Cell::new(bar(0.5, 10, true)), Cell::new("8 connections")]);
        table
    }

    #[test]
    fn numbers_stand_to_the_right_and_nothing_trails() {
        assert_eq!(table().lines(100), ["  name      p99         notes", "  db    1,231ms  █████  8 connections"]);
    }

    #[test]
    fn bars_go_first_then_notes_and_numbers_never() {
        assert_eq!(table().lines(30)[1], "  db    1,231ms  8 connections");
        assert_eq!(table().lines(20)[1], "  db    1,231ms");
        assert_eq!(table().lines(5)[1], "  db    1,231ms");
    }

    #[test]
    fn wide_letters_count_twice_and_long_names_are_cut() {
        let mut table = Table::new(&[Column::TEXT, Column::NUMBER], 0);
        table.row([Cell::new("倉庫"), Cell::new("1")]);
        table.row([Cell::new("a_very_long_name_of_an_operation"), Cell::new("22")]);
        let lines = table.lines(16);
        assert_eq!(lines, ["倉庫           1", "a_very_long~  22"]);
    }

    #[test]
    fn bars_measure_to_an_eighth() {
        assert_eq!([0.0, 0.12, 0.94, 1.5].map(|s| bar(s, 10, true)), ["", "█▎", "█████████▍", "██████████"]);
        assert_eq!(bar(0.94, 10, false), "#########");
    }

    #[test]
    fn blocks_stand_beside_each_other_whatever_their_colours() {
        let red = paint("ab", anstyle::AnsiColor::Red.on_default());
        let joined = beside(&[red, "abc".to_string()], &["x".to_string()], 5);
        assert_eq!(
            joined.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect::<Vec<_>>(),
            ["ab   x", "abc"]
        );
    }

    #[test]
    fn a_remark_goes_below_where_there_is_no_room_beside() {
        let line = paint("carries 900/s", anstyle::AnsiColor::Red.on_default()) + "   (95%: 880 to 910)";
        assert_eq!(broken(&line, 40), line);
        assert!(broken(&line, 30).ends_with("\n  (95%: 880 to 910)"));
    }

    #[test]
    fn long_texts_break_between_words() {
        assert_eq!(wrap("one two three", 9, 2), "one two\n  three");
    }
}
