//! Rules about the code, each with its reason in the message.
//!
//! Lengths are read off the formatting (`cargo fmt` is a gate of its own): a function ends at the first line that closes
//! its indentation. Code of `#[cfg(test)] mod tests` is free of most rules, because a test should be read in one piece.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// No function may be longer; it should fit on a screen.
const LONGEST_FUNCTION: usize = 70;
/// All but one in a hundred are shorter than this.
const LONG_FUNCTION: usize = 45;
const DEEPEST_NESTING: usize = 4;
const MOST_ARGUMENTS: usize = 5;
/// Lines of a file without its tests.
const LONGEST_FILE: usize = 700;
/// Places that say `dyn`; every one hides what happens there.
const MOST_DYN: usize = 30;

/// Text that may not stand in `src`, why, and in which modules it may all the same.
const BANNED: &[(&str, &str, &[&str])] = &[
    ("Instant::now", "simulated time comes from the calendar; only cli may look at a clock", &["cli"]),
    ("SystemTime::now", "results carry no clock time", &[]),
    ("std::env", "only cli reads the environment", &["cli"]),
    ("std::fs", "only cli opens files; everybody else is given their text", &["cli"]),
    ("std::net", "nothing is ever sent anywhere", &[]),
    (
        "collections::HashMap",
        "its order is random; use a Table, a BTreeMap, or an FxHashMap that is never iterated",
        &[],
    ),
    ("collections::HashSet", "its order is random; use a BTreeSet", &[]),
    (".unwrap()", "say which invariant holds with `expect`, or return the error", &[]),
    ("todo!(", "finish it or leave it out", &[]),
    ("unimplemented!(", "finish it or leave it out", &[]),
    ("TODO", "finish it or leave it out", &[]),
    ("FIXME", "finish it or leave it out", &[]),
    ("println!", "write through cli's `Out`, which knows about broken pipes", &[]),
    ("eprintln!", "write through cli's `Out`, which knows about quiet and colour", &[]),
    ("dbg!(", "a left-over of a search", &[]),
    ("unsafe ", "the crate forbids it", &[]),
    ("#[allow", "use `#[expect(.., reason = \"..\")]`, which tells when it is no longer needed", &[]),
    ("thread_rng", "randomness is addressed: draw from a Stream", &[]),
    ("Rc<RefCell", "pass `&mut` to whoever changes it", &[]),
    ("rayon::", "replications run in parallel, nothing inside them does", &["analysis", "cli"]),
    ("derive(Serialize", "every derive is a promise to readers; only the report is one", &["report"]),
    ("Serialize)]", "every derive is a promise to readers; only the report is one", &["report"]),
];

/// What may stand at the top level besides dot files.
const TOP_LEVEL: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "docs",
    "output",
    "scenarios",
    "src",
    "target",
    "tests",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files under a folder, in the order of their paths.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join(folder)];
    let mut files = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                files.insert(path.strip_prefix(root()).expect("below the root").to_path_buf(), text);
            }
        }
    }
    files.into_iter().collect()
}

/// The first module of a path below `src`: `src/engine/call.rs` and `src/engine.rs` belong to `engine`.
fn module(path: &Path) -> String {
    let second = path.components().nth(1).expect("src/something");
    second.as_os_str().to_string_lossy().trim_end_matches(".rs").to_string()
}

/// A file up to its unit tests; nothing of a file that is nothing but unit tests.
fn without_tests<'a>(path: &Path, text: &'a str) -> &'a str {
    if path.file_name().is_some_and(|name| name == "tests.rs") {
        return "";
    }
    text.find("\n#[cfg(test)]\nmod tests").map_or(text, |end| &text[..=end])
}

/// The modules in reading order, as `lib.rs` declares them.
fn order() -> Vec<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let declared = lib.lines().filter_map(|line| line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod ")));
    declared.map(|name| name.trim_end_matches(';').to_string()).collect()
}

/// First names after `crate::` in a file, without its tests.
#[derive(Default)]
struct Used(Vec<String>);

impl<'ast> Visit<'ast> for Used {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if let syn::UseTree::Path(path) = &item.tree
            && path.ident == "crate"
        {
            self.add(&path.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut segments = path.segments.iter();
        if segments.next().is_some_and(|first| first.ident == "crate")
            && let Some(second) = segments.next()
        {
            self.0.push(second.ident.to_string());
        }
        visit::visit_path(self, path);
    }
}

impl Used {
    fn add(&mut self, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => self.0.push(path.ident.to_string()),
            syn::UseTree::Name(name) => self.0.push(name.ident.to_string()),
            syn::UseTree::Rename(rename) => self.0.push(rename.ident.to_string()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.add(item)),
            syn::UseTree::Glob(_) => self.0.push("*".to_string()),
        }
    }
}

#[test]
fn modules_use_only_what_stands_before_them() {
    let order = order();
    let rank = |name: &str| order.iter().position(|known| known == name);
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let Some(own) = rank(&module(&path)) else { continue };
        let mut used = Used::default();
        used.visit_file(&syn::parse_file(&text).expect("it compiles, so it parses"));
        for name in used.0 {
            if rank(&name).is_none_or(|other| own < other) {
                wrong.push(format!("{}: may not use `{name}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "a module may use only modules above it in src/lib.rs:\n{}", wrong.join("\n"));
}

#[test]
fn nothing_that_is_banned_stands_in_the_source() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let own = module(&path);
        for (line, content) in without_tests(&path, &text).lines().enumerate() {
            let code = content.split("//").next().unwrap_or_default();
            for (banned, reason, excused) in BANNED {
                let searched = if banned.chars().all(|c| c.is_ascii_uppercase()) { content } else { code };
                if searched.contains(banned) && !excused.contains(&own.as_str()) {
                    wrong.push(format!("{}:{}: `{banned}`: {reason}", path.display(), line + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_no_globs_no_re_exports_and_no_dyn_in_the_engine() {
    let mut wrong = Vec::new();
    let mut dynamic = 0;
    for (path, text) in sources("src") {
        for (line, content) in without_tests(&path, &text).lines().enumerate() {
            let code = content.split("//").next().unwrap_or_default();
            let mut say = |what: &str| wrong.push(format!("{}:{}: {what}", path.display(), line + 1));
            if code.trim_start().starts_with("use ") && code.contains("::*") {
                say("a glob hides what depends on what");
            }
            if code.trim_start().starts_with("pub use ") {
                say("a thing has one path; name it where it stands");
            }
            if code.contains("dyn ") {
                dynamic += 1;
                if module(&path) == "engine" {
                    say("the engine decides by `match`");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(dynamic <= MOST_DYN, "{dynamic} places say `dyn`, {MOST_DYN} is the most there ever were");
}

/// Name, first line and length of each function of a formatted file.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some(name) = function_name(line.trim_start()) else { continue };
        let ends_at_once = line.ends_with('}') || line.ends_with(';');
        let end = if ends_at_once { start } else { closing_line(&lines, start, &line[..indent]) };
        found.push((name, start + 1, end - start + 1));
    }
    found
}

/// The last line of a function: what closes its body, or the end of a signature without one.
fn closing_line(lines: &[&str], start: usize, indent: &str) -> usize {
    let closes = |line: &str| {
        line.strip_prefix(indent).is_some_and(|rest| rest == "}" || rest.starts_with(')') && rest.ends_with(';'))
    };
    (start + 1..lines.len()).find(|&at| closes(lines[at])).unwrap_or(start)
}

fn function_name(line: &str) -> Option<String> {
    let words = ["pub(crate) ", "pub(super) ", "pub(in crate) ", "pub ", "const ", "async ", "extern \"C\" "];
    let mut rest = line;
    while let Some(word) = words.iter().find(|word| rest.starts_with(**word)) {
        rest = &rest[word.len()..];
    }
    let name = rest.strip_prefix("fn ")?;
    Some(name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

#[test]
fn functions_fit_on_a_screen() {
    let mut lengths = Vec::new();
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        for (name, line, length) in functions(without_tests(&path, &text)) {
            lengths.push(length);
            if LONGEST_FUNCTION < length {
                wrong.push(format!("{}:{line}: `{name}` has {length} lines", path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{LONGEST_FUNCTION} lines are the most; keep the control flow in the parent:\n{}",
        wrong.join("\n")
    );
    let long = lengths.iter().filter(|length| LONG_FUNCTION < **length).count();
    assert!(
        long * 100 <= lengths.len() * 2,
        "{long} of {} functions have more than {LONG_FUNCTION} lines",
        lengths.len()
    );
}

/// How deep control flow is nested, and how many arguments functions take.
#[derive(Default)]
struct Shape {
    depth: usize,
    deepest: usize,
    wrong: Vec<String>,
}

impl Shape {
    fn inside(&mut self, visit: impl FnOnce(&mut Self)) {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        visit(self);
        self.depth -= 1;
    }

    fn function(&mut self, signature: &syn::Signature, visit: impl FnOnce(&mut Self)) {
        let given = signature.inputs.iter().filter(|input| matches!(input, syn::FnArg::Typed(_))).count();
        if MOST_ARGUMENTS < given {
            self.wrong.push(format!("`{}` takes {given} arguments; group what belongs together", signature.ident));
        }
        let outer = (std::mem::take(&mut self.depth), std::mem::take(&mut self.deepest));
        visit(self);
        if DEEPEST_NESTING < self.deepest {
            self.wrong.push(format!("`{}` is nested {} deep; move the inside out", signature.ident, self.deepest));
        }
        (self.depth, self.deepest) = outer;
    }
}

impl<'ast> Visit<'ast> for Shape {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, |shape| visit::visit_item_fn(shape, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, |shape| visit::visit_impl_item_fn(shape, item));
    }

    fn visit_expr_if(&mut self, expression: &'ast syn::ExprIf) {
        self.visit_expr(&expression.cond);
        self.inside(|shape| shape.visit_block(&expression.then_branch));
        match expression.else_branch.as_ref().map(|(_, branch)| branch.as_ref()) {
            // `else if` reads as one more case, not as something inside.
            Some(syn::Expr::If(next)) => self.visit_expr_if(next),
            Some(other) => self.inside(|shape| shape.visit_expr(other)),
            None => {}
        }
    }

    fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
        self.inside(|shape| visit::visit_expr_match(shape, expression));
    }

    fn visit_expr_for_loop(&mut self, expression: &'ast syn::ExprForLoop) {
        self.inside(|shape| visit::visit_expr_for_loop(shape, expression));
    }

    fn visit_expr_while(&mut self, expression: &'ast syn::ExprWhile) {
        self.inside(|shape| visit::visit_expr_while(shape, expression));
    }

    fn visit_expr_loop(&mut self, expression: &'ast syn::ExprLoop) {
        self.inside(|shape| visit::visit_expr_loop(shape, expression));
    }
}

#[test]
fn functions_are_flat_and_take_few_arguments() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        if path.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        let mut shape = Shape::default();
        shape.visit_file(&syn::parse_file(&text).expect("it compiles, so it parses"));
        wrong.extend(shape.wrong.into_iter().map(|what| format!("{}: {what}", path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let long: Vec<String> = sources("src")
        .into_iter()
        .map(|(path, text)| (without_tests(&path, &text).lines().count(), path))
        .filter(|(lines, _)| LONGEST_FILE < *lines)
        .map(|(lines, path)| format!("{}: {lines} lines without tests", path.display()))
        .collect();
    assert!(long.is_empty(), "{LONGEST_FILE} lines are the most:\n{}", long.join("\n"));
}

#[test]
fn an_ignored_test_says_why() {
    // Written in two parts, so that this line is not found itself.
    let bare = ["#[ig", "nore]"].concat();
    let all = sources("src").into_iter().chain(sources("tests")).chain(sources("benches"));
    let silent: Vec<_> = all.filter(|(_, text)| text.contains(&bare)).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "an ignored test gives its reason, `ignore = \"why, and how to run it\"`: {silent:?}");
}

#[test]
fn every_integration_test_file_is_compiled() {
    let main = fs::read_to_string(root().join("tests/main.rs")).expect("tests/main.rs");
    for (path, _) in sources("tests") {
        let name = path.file_stem().expect("a file name").to_string_lossy().to_string();
        if path.components().count() == 2 && name != "main" {
            assert!(main.contains(&format!("mod {name};")), "tests/main.rs does not list `mod {name};`");
        }
    }
}

#[test]
fn the_top_level_stays_as_it_is() {
    for entry in fs::read_dir(root()).expect("the root can be listed") {
        let name = entry.expect("an entry").file_name().to_string_lossy().to_string();
        assert!(name.starts_with('.') || TOP_LEVEL.contains(&name.as_str()), "`{name}` has no place at the top level");
    }
}

#[test]
fn the_rules_can_tell_right_from_wrong() {
    let text = "pub(crate) fn a(x: u8) -> u8 {\n    x\n}\n\nfn b() {}\n\nimpl C {\n    fn d(\n        x: u8,\n    ) {\n        x;\n    }\n}\n";
    let found: Vec<(String, usize)> = functions(text).into_iter().map(|(name, _, length)| (name, length)).collect();
    assert_eq!(found, [("a".to_string(), 3), ("b".to_string(), 1), ("d".to_string(), 5)]);

    let deep = "fn f(a: u8, b: u8, c: u8, d: u8, e: u8, g: u8) { loop { if x { for _ in y { match z { _ => { while w {} } } } } } }";
    let mut shape = Shape::default();
    shape.visit_file(&syn::parse_file(deep).expect("valid"));
    assert_eq!(shape.wrong.len(), 2, "{:?}", shape.wrong);

    let mut used = Used::default();
    used.visit_file(&syn::parse_file("use crate::engine::call; fn f() { crate::cli::main(); }").expect("valid"));
    assert_eq!(used.0, ["engine", "cli"]);
}
