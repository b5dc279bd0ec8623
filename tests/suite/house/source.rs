//! Reads Rust source as far as the law of imports needs it: paths, and texts in quotes.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a source file names.
#[derive(Debug, Default)]
pub struct Source {
    /// Every path, `use` trees taken apart, `super` and `self` resolved: `crate::core::moment::Moment`.
    pub paths: Vec<String>,
    /// Every text in quotes, as it stands in the file.
    pub texts: Vec<String>,
}

/// All files with this ending below a folder, by their path from the crate's root.
pub fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut found, mut folders) = (Vec::new(), vec![root.join(folder)]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The module of a file: `src/core/moment.rs` is `crate::core::moment`, `src/core/mod.rs` is `crate::core`.
fn module(file: &str) -> Vec<String> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    let parts = path.split('/').filter(|part| !matches!(*part, "lib" | "main"));
    ["crate"].into_iter().chain(parts).map(str::to_owned).collect()
}

/// Reads a file without the tests at its end: those may reach further.
pub fn read(file: &str, text: &str) -> Source {
    let text = text.split("#[cfg(test)]").next().unwrap();
    let (code, texts) = without_comments(text);
    let module = module(file);
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let is_word = code[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || c == ';' || c == '}');
        if is_word && let Some(end) = code[at..].find(';') {
            tree(&code[at + 4..at + end], "", &mut paths);
        }
    }
    paths.extend(words(&code).filter(|word| word.contains("::")).map(str::to_owned));
    Source { paths: paths.into_iter().map(|path| resolve(&path, &module)).collect(), texts }
}

/// Takes the tree of a `use` apart.
fn tree(text: &str, prefix: &str, paths: &mut Vec<String>) {
    for branch in branches(text) {
        match branch.split_once('{') {
            Some((head, rest)) => {
                let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
                tree(inner, &format!("{prefix}{}", head.trim()), paths);
            }
            None => paths.push(format!("{prefix}{}", branch.split_whitespace().next().unwrap_or_default())),
        }
    }
}

/// The parts between the commas of this level.
fn branches(text: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').map(|word| word.trim_matches(':'))
}

fn resolve(path: &str, module: &[String]) -> String {
    let (mut at, mut rest) = (module.to_vec(), path);
    if let Some(inner) = path.strip_prefix("self::") {
        return format!("{}::{inner}", at.join("::"));
    }
    while let Some(outer) = rest.strip_prefix("super::") {
        at.pop();
        rest = outer;
    }
    if rest == path { path.to_owned() } else { format!("{}::{rest}", at.join("::")) }
}

/// The code with comments and texts blanked, and the texts.
fn without_comments(text: &str) -> (String, Vec<String>) {
    let (mut code, mut texts, mut rest) = (String::new(), Vec::new(), text);
    while let Some(c) = rest.chars().next() {
        let raw = rest.strip_prefix('r').map(|tail| tail.len() - tail.trim_start_matches('#').len());
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(hashes) = raw.filter(|hashes| rest[1 + hashes..].starts_with('"')) {
            let close = format!("\"{}", "#".repeat(hashes));
            let body = &rest[2 + hashes..];
            let end = body.find(&close).unwrap_or(body.len());
            texts.push(body[..end].to_owned());
            (2 + hashes + end + close.len()).min(rest.len())
        } else if c == '"' {
            let end = quoted(&rest[1..], '"');
            texts.push(rest[1..=end].to_owned());
            (end + 2).min(rest.len())
        } else if c == '\'' && is_character(rest) {
            quoted(&rest[1..], '\'') + 2
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        code.push(' ');
        rest = &rest[taken..];
    }
    (code, texts)
}

/// Where a quoted text ends, escapes passed over.
fn quoted(text: &str, mark: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == mark => return at,
            _ => {}
        }
    }
    text.len()
}

/// `'x'` and `'\n'`, but not the lifetime `'x`.
fn is_character(text: &str) -> bool {
    let mut characters = text.chars().skip(1);
    let first = characters.next();
    first == Some('\\') || (first.is_some() && characters.next() == Some('\''))
}
