//! Checks README.md, CONTRIBUTING.md and docs/*.md against the code, in both directions where that is possible: links
//! and anchors, options, warning and error codes, tables and columns, exit codes.
//!
//! The pages are read when the tests run, so a check can be seen to fail by editing a page. `readme.rs` runs the
//! examples and compares what they print.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use scanmill::{
    error::DiagnosticCode,
    table::{ColumnType, Table},
};

use crate::support::root;

/// A document of the project, with its fenced blocks separated from its prose.
struct Page {
    /// Path relative to the root of the project, such as `docs/cli.md`.
    name: String,
    path: PathBuf,
    /// The text without fenced blocks.
    prose: String,
    /// Language and content of each fenced block.
    blocks: Vec<(String, String)>,
}

impl Page {
    fn read(path: PathBuf) -> Self {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let mut page = Self { name, prose: String::new(), blocks: Vec::new(), path };
        let mut open = false;
        for line in fs::read_to_string(&page.path).unwrap().lines() {
            match line.trim_start().strip_prefix("```") {
                Some(_) if open => open = false,
                Some(language) => {
                    page.blocks.push((language.to_owned(), String::new()));
                    open = true;
                }
                None => {
                    let block = page.blocks.last_mut().filter(|_| open);
                    let text = block.map_or(&mut page.prose, |(_, content)| content);
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        assert!(!open, "{}: a fenced block has no end", page.name);
        page
    }

    /// Returns the title of each heading of the page, with its level and the text up to the next heading of
    /// the same or a higher level.
    fn sections(&self) -> Vec<(usize, &str, &str)> {
        let level = |line: &str| match line.chars().take_while(|c| *c == '#').count() {
            count if line[count..].starts_with(' ') => count,
            _ => 0,
        };
        let mut at = 0;
        let lines: Vec<(usize, usize, &str)> = (self.prose.split_inclusive('\n'))
            .map(|line| {
                at += line.len();
                (level(line), at, line)
            })
            .collect();
        let headings = lines.iter().enumerate().filter(|(_, (level, ..))| *level > 0);
        headings
            .map(|(index, (level, start, line))| {
                let next =
                    lines[index + 1..].iter().find(|(other, ..)| (1..=*level).contains(other));
                let end = next.map_or(self.prose.len(), |(_, end, line)| end - line.len());
                (*level, line[*level..].trim(), &self.prose[*start..end])
            })
            .collect()
    }

    /// Returns the text of the section with this title.
    fn section(&self, title: &str) -> &str {
        let found = self.sections().into_iter().find(|(_, other, _)| *other == title);
        found.unwrap_or_else(|| panic!("{} has no section {title:?}", self.name)).2
    }

    /// Returns the names that a link may put after `#`: those of headings, as GitHub makes them, and of `<a
    /// id="...">`.
    fn anchors(&self) -> BTreeSet<String> {
        let ids = self.prose.split("<a id=\"").skip(1);
        let mut anchors: BTreeSet<String> =
            ids.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
        for (_, title, _) in self.sections() {
            let name = anchor(title);
            let numbered = (1..).map(|number| format!("{name}-{number}"));
            let free =
                std::iter::once(name.clone()).chain(numbered).find(|name| !anchors.contains(name));
            anchors.extend(free);
        }
        anchors
    }

    /// Returns the targets of links that stay within the site.
    fn links(&self) -> impl Iterator<Item = &str> {
        let targets = self.prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        targets.filter(|target| !target.contains("://"))
    }
}

/// Returns README.md, CONTRIBUTING.md, CHANGELOG.md and docs/*.md.
fn pages() -> Vec<Page> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    paths.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)));
    paths.sort();
    assert!(paths.len() >= 13, "{paths:?}");
    paths.into_iter().map(Page::read).collect()
}

fn page(name: &str) -> Page {
    Page::read(root().join(name))
}

/// Returns the anchor of a heading: lower case, hyphens for spaces, without punctuation.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// Returns the cells of the rows of all tables in a text, without separator rows. A `|` inside a cell is
/// written `\|`.
fn rows(text: &str) -> Vec<Vec<String>> {
    let rows = text.lines().filter_map(|line| line.trim().strip_prefix('|')?.strip_suffix('|'));
    rows.filter(|row| !row.trim_start().starts_with("--"))
        .map(|row| {
            let row = row.replace("\\|", "\0");
            row.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
        })
        .collect()
}

/// Returns the texts between backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the words that match. A word is bounded by anything but letters, digits, `_` and `-`.
fn words(text: &str, matches: impl Fn(&str) -> bool) -> Vec<&str> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
    words.filter(|word| matches(word)).collect()
}

#[test]
fn links_and_their_anchors_resolve() {
    let mut links = 0;
    for page in pages() {
        for link in page.links() {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                page.path.clone()
            } else {
                page.path.parent().unwrap().join(file)
            };
            assert!(target.exists(), "{}: no file {link}", page.name);
            if !anchor.is_empty() {
                let anchors = Page::read(real(&target)).anchors();
                assert!(anchors.contains(anchor), "{}: no anchor {link}: {anchors:?}", page.name);
            }
            links += 1;
        }
    }
    assert!(links > 100, "{links} links");
}

fn real(path: &Path) -> PathBuf {
    let found = path.canonicalize().unwrap();
    root().join(found.strip_prefix(root().canonicalize().unwrap()).unwrap())
}

#[test]
fn anchors_are_those_of_github() {
    assert_eq!(anchor("Every night: `--state`"), "every-night---state");
    assert_eq!(anchor("1.2 Damaged and hostile input"), "12-damaged-and-hostile-input");
    assert_eq!(anchor("Kafka, by kcat (not tested here)"), "kafka-by-kcat-not-tested-here");
}

/// Programs match on codes, so a code is never removed or renamed: this list only grows.
#[test]
fn codes_stay() {
    let listed = include_str!("codes.txt");
    let known: Vec<&str> = DiagnosticCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(listed.lines().collect::<Vec<_>>(), known, "tests/it/codes.txt");
    let unique: BTreeSet<&str> = known.iter().copied().collect();
    assert_eq!(unique.len(), known.len());
}

#[test]
fn codes_are_listed_once_in_order_and_no_unknown_code_is_named() {
    let known: Vec<&str> = DiagnosticCode::ALL.iter().map(|code| code.as_str()).collect();
    let page = page("docs/data-model.md");
    let rows = rows(page.section("Warnings and errors"));
    let listed: Vec<&str> = rows.iter().filter_map(|row| code(&row[0]).next()).collect();
    assert_eq!(listed, known);
    for page in pages() {
        let text: Vec<&str> =
            page.blocks.iter().map(|(_, block)| &**block).chain([&*page.prose]).collect();
        for text in text {
            let is_code = |word: &str| word.starts_with("W_") || word.starts_with("E_");
            for word in words(text, is_code) {
                assert!(known.contains(&word), "{}: no code {word}", page.name);
            }
        }
    }
}

/// Returns the names of a table's columns and of the fields inside them.
fn fields(table: Table) -> BTreeSet<&'static str> {
    fn add(kind: &ColumnType, name: &'static str, names: &mut BTreeSet<&'static str>) {
        names.insert(name);
        if let ColumnType::Structs(fields) = kind {
            for field in *fields {
                add(&field.kind, field.name, names);
            }
        }
    }
    let mut names = BTreeSet::new();
    for column in table.columns().iter().chain(table.merged_columns()) {
        add(&column.field.kind, column.field.name, &mut names);
    }
    names
}

#[test]
fn tables_of_the_data_model_are_those_of_the_code() {
    let page = page("docs/data-model.md");
    let rows = rows(page.section("3. Tables"));
    let is_table = |row: &&Vec<String>| row.len() == 3 && row[0].starts_with('`');
    let listed: Vec<(&str, Vec<&str>)> = (rows.iter().filter(is_table))
        .map(|row| (code(&row[0]).next().unwrap(), code(&row[2]).collect()))
        .collect();
    let known: Vec<(&str, Vec<&str>)> =
        tables().iter().map(|table| (table.name(), table.key().to_vec())).collect();
    assert_eq!(listed, known);
}

/// Returns the tables of conversions, with those that are derived.
fn tables() -> Vec<Table> {
    Table::ALL.into_iter().chain(Table::DERIVED).collect()
}

/// Names of views.
const VIEWS: [&str; 5] = [
    "latest_hosts",
    "latest_open_services",
    "host_seen",
    "open_port_seen",
    "certificates_expiring",
];

/// Names with an underscore in sections 3 and 4 of the data model that are not columns.
const OTHER_NAMES: [&str; 8] = [
    "_type",
    "_table",
    "args_truncated",
    "json_each",
    "output_warnings",
    "ports_used",
    "sqlite_schema",
    "user_version",
];

#[test]
fn columns_that_the_documents_name_exist() {
    let all: BTreeSet<&str> =
        (Table::MERGED.into_iter().chain(Table::HISTORY).chain([Table::Changes]))
            .chain(Table::DERIVED)
            .flat_map(fields)
            .collect();
    let tables: BTreeSet<&str> =
        tables().iter().map(|table| table.name()).chain(VIEWS).chain(["days_left"]).collect();
    let model = page("docs/data-model.md");
    let mut named = 0;
    for title in ["3. Tables", "4. Formats"] {
        for quoted in
            code(model.section(title)).filter(|quoted| !quoted.contains(['/', '=', '.', '<']))
        {
            let has_underscore = |word: &str| {
                word.contains('_')
                    && word.chars().any(char::is_lowercase)
                    && !word.chars().any(char::is_uppercase)
            };
            for word in words(quoted, has_underscore) {
                let known =
                    all.contains(word) || tables.contains(word) || OTHER_NAMES.contains(&word);
                assert!(known, "docs/data-model.md, section {title}: no column {word}");
                named += 1;
            }
        }
    }
    assert!(named > 60, "{named} names");
    // References such as `scans.content_sha256` may occur anywhere, and so may names of files.
    let endings = [
        "arrow", "arrows", "csv", "db", "gnmap", "json", "jsonl", "md", "parquet", "sqlite",
        "sqlite3", "txt", "xlsx", "xml",
    ];
    for page in pages() {
        for quoted in code(&page.prose) {
            let Some((table, column)) = quoted.split_once('.') else { continue };
            if let Ok(table) = Table::from_name(table)
                && column.chars().all(|c| c.is_alphanumeric() || c == '_')
                && !endings.contains(&column)
            {
                assert!(fields(table).contains(column), "{}: no column {quoted}", page.name);
            }
        }
    }
}

#[test]
fn columns_of_merges_are_listed() {
    let page = page("docs/merge.md");
    let mut listed = BTreeSet::new();
    for row in rows(page.section("Output")) {
        for table in row[0].split(", ").filter(|_| row[1].starts_with('`')) {
            listed.extend(code(&row[1]).map(|column| (table.to_owned(), column.to_owned())));
        }
    }
    let mut known = BTreeSet::new();
    for table in Table::MERGED.into_iter().chain(Table::DERIVED) {
        let columns = table.merged_columns().iter().map(|column| column.field.name);
        known.extend(columns.map(|column| (table.name().to_owned(), column.to_owned())));
    }
    assert_eq!(listed, known);
}

#[test]
fn exit_codes_are_those_of_the_command() {
    let source = fs::read_to_string(root().join("src/cli/exit.rs")).unwrap();
    let variants =
        source.split("enum Exit {").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    let known: Vec<&str> =
        (variants.lines()).filter_map(|line| line.split_once(" = ")?.1.strip_suffix(',')).collect();
    assert!(known.len() >= 7, "{known:?}");
    let cli = page("docs/cli.md");
    let readme = page("README.md");
    for text in [cli.section("Exit codes"), &readme.prose] {
        let rows = rows(text);
        let starts =
            rows.iter().position(|row| row[0].starts_with("Code") || row[0] == "Exit code");
        let listed: Vec<&str> = (rows[starts.unwrap() + 1..].iter())
            .map(|row| &*row[0])
            .take_while(|cell| cell.parse::<u8>().is_ok())
            .collect();
        assert_eq!(listed, known);
    }
}

/// Returns the long and short options of each command, as listed in its help. Options of all commands are
/// included in each.
#[cfg(feature = "cli")]
fn options() -> std::collections::BTreeMap<String, BTreeSet<String>> {
    let help = |args: &[&str]| {
        let run = assert_cmd::cargo::cargo_bin_cmd!("scanmill").args(args).output().unwrap();
        String::from_utf8(run.stdout).unwrap()
    };
    let short = help(&["-h"]);
    let commands = short.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    // A description that wraps continues in the same column.
    let lines = commands.unwrap().lines().filter_map(|line| line.strip_prefix("  "));
    let commands = lines.filter_map(|line| line.split(' ').next().filter(|name| !name.is_empty()));
    let mut options = std::collections::BTreeMap::new();
    for command in commands.filter(|command| *command != "help") {
        let help = help(&[command, "--help"]);
        let definitions = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
        let words = definitions.flat_map(|line| {
            line.split([' ', ',', '=', '[']).map(|word| word.trim_end_matches('.'))
        });
        let names = words.filter(|word| word.starts_with('-') && word.len() > 1);
        let names: BTreeSet<String> = names.map(str::to_owned).collect();
        assert!(names.len() > 6, "{command}: {names:?}");
        options.insert(command.to_owned(), names);
    }
    assert!(options.len() >= 11, "{options:?}");
    options
}

/// Options of nmap, cargo and other programs that the documents mention.
#[cfg(feature = "cli")]
const OTHER_OPTIONS: [&str; 25] = [
    "--append-output",
    "--cfg",
    "--deprecated-xml-osclass",
    "--exclude-ports",
    "--host-timeout",
    "--iflist",
    "--port-ratio",
    "--resume",
    "--script",
    "--script-args",
    "--script-help",
    "--script-trace",
    "--script-updatedb",
    "--stats-every",
    "--top-ports",
    "--tr",
    "--traceroute",
    "--features",
    "--lib",
    "--locked",
    "--noout",
    "--open",
    "--path",
    "--stream",
    "--test",
];

/// Returns the long options in a text, without families such as `--max-...` and `--no-…`.
#[cfg(feature = "cli")]
fn long_options(text: &str) -> impl Iterator<Item = &str> {
    words(text, |word| word.starts_with("--") && word.len() > 2 && !word.ends_with('-')).into_iter()
}

#[cfg(feature = "cli")]
#[test]
fn options_that_the_documents_name_exist() {
    let options = options();
    let all: BTreeSet<&str> = options.values().flatten().map(|option| &**option).collect();
    for page in pages().iter().filter(|page| page.name != "CHANGELOG.md") {
        for option in long_options(&page.prose) {
            let known = all.contains(option) || OTHER_OPTIONS.contains(&option);
            assert!(known, "{}: no option {option}", page.name);
        }
    }
    // Tables of options: on the page of a command, and in its section of docs/cli.md.
    let cli = page("docs/cli.md");
    let sections = cli.sections().into_iter().filter(|(level, ..)| *level == 2);
    let mut tables: Vec<(&str, String)> =
        sections.map(|(_, title, text)| (title, text.to_owned())).collect();
    tables.push(("scan", page("docs/scan.md").prose));
    tables.push(("watch", page("docs/watch.md").prose));
    tables.push(("ingest", page("docs/dataset.md").prose));
    let mut checked = 0;
    for (command, text) in tables {
        let Some(known) = options.get(command) else { continue };
        for row in rows(&text) {
            for option in long_options(&row[0]) {
                assert!(known.contains(option), "{command} has no option {option}");
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "{checked} options");
}

#[cfg(feature = "cli")]
#[test]
fn every_option_is_in_the_reference() {
    let page = page("docs/cli.md");
    let named: BTreeSet<&str> = long_options(&page.prose).collect();
    for (command, options) in options() {
        for option in options.iter().filter(|option| option.starts_with("--")) {
            assert!(named.contains(&**option), "docs/cli.md lacks {option} of {command}");
        }
    }
}

/// Returns the commands of `scanmill` in a shell block, each as its words after the program's name.
#[cfg(feature = "cli")]
fn commands(block: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut open = String::new();
    for line in block.replace("\\\n", " ").lines() {
        open.push_str(line);
        open.push('\n');
        let Some(words) = shlex::split(&open) else { continue };
        open.clear();
        for command in words.split(|word| matches!(&**word, "|" | "&" | "&&" | ";" | ">")) {
            if command.first().is_some_and(|program| program == "scanmill") {
                commands.push(command[1..].to_vec());
            }
        }
    }
    assert!(open.is_empty(), "a quote has no end: {open}");
    commands
}

#[cfg(feature = "cli")]
#[test]
fn options_in_the_examples_belong_to_their_command() {
    let options = options();
    let mut checked = 0;
    for page in pages() {
        for (_, block) in page.blocks.iter().filter(|(language, _)| language == "sh") {
            for command in commands(block) {
                let known = options.get(&command[0]);
                let known =
                    known.unwrap_or_else(|| panic!("{}: no command {}", page.name, command[0]));
                for word in command.iter().filter(|word| word.len() > 1) {
                    let name = word.split('=').next().unwrap();
                    let is_option = name.starts_with('-') && !name.contains(' ');
                    let joined = !name.starts_with("--") && name.len() > 2;
                    let name = if joined { &name[..2] } else { name };
                    assert!(
                        !is_option || known.contains(name),
                        "{}: {command:?}: {name}",
                        page.name
                    );
                    checked += usize::from(is_option);
                }
            }
        }
    }
    assert!(checked > 80, "{checked} options");
}
