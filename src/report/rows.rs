//! Plain tables of text: the CSV and the Markdown of every study.

/// A head and rows as long as it.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Rows {
    pub fn new<'a>(head: impl IntoIterator<Item = &'a str>) -> Self {
        Rows { head: head.into_iter().map(str::to_owned).collect(), rows: Vec::new() }
    }

    /// Comma-separated values with a head.
    pub fn csv(&self) -> String {
        let line = |cells: &Vec<String>| cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\n";
        std::iter::once(&self.head).chain(&self.rows).map(line).collect()
    }

    /// A table in Markdown, without a blank line around it.
    pub fn markdown(&self) -> String {
        let line = |cells: &Vec<String>| {
            let cells: Vec<String> = cells.iter().map(|cell| plain(cell)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = format!("|{}\n", "---|".repeat(self.head.len()));
        line(&self.head) + &rule + &self.rows.iter().map(line).collect::<String>()
    }
}

/// A number for a table that programs read; nothing where there is none.
pub fn number(value: Option<f64>) -> String {
    value.map(|value| format!("{}", crate::report::json::twelve_digits(value))).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// Text that is nothing but text to Markdown.
pub fn plain(text: &str) -> String {
    let mut plain = String::new();
    for letter in text.chars() {
        match letter {
            '\n' | '\r' => plain.push(' '),
            '|' | '*' | '_' | '`' | '<' | '[' | '\\' | '#' => plain.extend(['\\', letter]),
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authors_words_stay_words() {
        assert_eq!(plain("a|b *c*\n<d>"), r"a\|b \*c\* \<d>");
    }

    #[test]
    fn commas_and_bars_stay_text() {
        let mut rows = Rows::new(["name", "p99"]);
        rows.rows.push(vec!["a,b|c".to_owned(), number(Some(0.1 + 0.2))]);
        assert_eq!(rows.csv(), "name,p99\n\"a,b|c\",0.3\n");
        assert_eq!(rows.markdown(), "| name | p99 |\n|---|---|\n| a,b\\|c | 0.3 |\n");
    }
}
