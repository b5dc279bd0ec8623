//! All words that people read come from the locale files, and templates hold neither styles nor scripts.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{files, read};

type Locale = BTreeMap<String, String>;

/// Reads the part of YAML that the locale files use: maps by indentation, texts, and maps in braces on one line.
fn locale(text: &str) -> Locale {
    let (mut above, mut all) = (Vec::<(usize, String)>::new(), Locale::new());
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        let depth = line.len() - line.trim_start().len();
        let (name, value) = line.trim().split_once(':').unwrap_or_else(|| panic!("no key in {line:?}"));
        above.retain(|(outer, _)| *outer < depth);
        above.push((depth, name.to_owned()));
        let key = above.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(".");
        let value = value.trim();
        if let Some(inner) = value.strip_prefix('{') {
            for pair in inner.trim_end_matches('}').split("\", ") {
                let (name, value) = pair.split_once(':').unwrap();
                all.insert(format!("{key}.{}", name.trim()), value.trim().trim_matches('"').to_owned());
            }
        } else if !value.is_empty() {
            let was = all.insert(key.clone(), value.trim_matches('"').to_owned());
            assert!(was.is_none(), "{key} stands twice");
        }
    }
    all
}

/// `%{name}` in a text, sorted.
fn holes(text: &str) -> BTreeSet<&str> {
    text.split("%{").skip(1).map(|part| part.split('}').next().unwrap()).collect()
}

/// What one of two languages lacks or says otherwise.
fn differences(one: &Locale, other: &Locale) -> Vec<String> {
    let lacks = |a: &Locale, b: &Locale| a.keys().filter(|key| !b.contains_key(*key)).cloned().collect::<Vec<_>>();
    let differs = |key: &str, text: &str| other.get(key).is_some_and(|said| holes(said) != holes(text));
    let filled = one.iter().filter(|(key, text)| differs(key, text)).map(|(key, _)| key.clone());
    [lacks(one, other), lacks(other, one), filled.collect()].concat()
}

/// A text in the sources that may be a key, or the frame of one: `errors.{key}.title`.
fn is_key_shaped(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || matches!(c, '_' | '.' | '{' | '}');
    text.contains(['.', '{']) && text.len() > 3 && text.chars().all(is_word)
}

/// Whether a key, without the form of its count, is what a text means.
fn means(text: &str, key: &str) -> bool {
    let key = key.strip_suffix(".one").or_else(|| key.strip_suffix(".other")).unwrap_or(key);
    let Some((head, rest)) = text.split_once('{') else { return text == key };
    let Some(tail) = rest.split_once('}').map(|(_, tail)| tail) else { return false };
    let Some(middle) = key.strip_prefix(head) else { return false };
    if tail.contains('{') {
        return (0..=middle.len()).any(|at| middle.is_char_boundary(at) && means(tail, &middle[at..]));
    }
    middle.len() > tail.len() && middle.ends_with(tail)
}

/// Texts in quotes within the `{{ }}` and `{% %}` of a template.
fn template_texts(template: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for (open, close) in [("{{", "}}"), ("{%", "%}")] {
        for part in template.split(open).skip(1) {
            let code = part.split_once(close).map_or(part, |(code, _)| code);
            // `{}` of a format may have ended the part too early: what is quoted is read from the whole.
            texts.extend(code.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    texts
}

/// Texts that must be keys: the first argument of `t`, `t1` and `count`.
fn asked(source: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for call in [".t(\"", ".t1(\"", ".count(\""] {
        keys.extend(source.split(call).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
    }
    keys
}

/// What is asked and not there, and what is there and not asked.
fn mismatches(keys: &Locale, asked: &[String], texts: &[String]) -> Vec<String> {
    let known = |text: &str| keys.keys().any(|key| means(text, key));
    let sections: BTreeSet<&str> = keys.keys().map(|key| key.split('.').next().unwrap()).collect();
    let is_file = |text: &str| [".css", ".js", ".svg", ".html"].iter().any(|ending| text.ends_with(ending));
    let in_section = |text: &&String| {
        is_key_shaped(text) && !is_file(text) && text.split_once('.').is_some_and(|(head, _)| sections.contains(head))
    };
    let missing = asked.iter().chain(texts.iter().filter(in_section)).filter(|text| !known(text));
    let used = |key: &String| asked.iter().chain(texts).any(|text| means(text, key));
    let unused = keys.keys().filter(|key| !used(key));
    let said = missing.map(|text| format!("no language has {text}"));
    said.chain(unused.map(|key| format!("nobody asks for {key}"))).collect()
}

/// Styles and scripts that stand in a template.
fn inline(template: &str) -> Vec<String> {
    let lower = template.to_lowercase();
    let mut found: Vec<String> = [" style=", "<style", "javascript:", "hx-on", "\nstyle="]
        .into_iter()
        .filter(|banned| lower.contains(banned))
        .map(str::to_owned)
        .collect();
    let scripts = lower.split("<script").skip(1).map(|rest| rest.split_once("</script>").unwrap_or((rest, "")).0);
    found.extend(scripts.filter(|script| !script.contains("src=") || !script.ends_with('>')).map(str::to_owned));
    for (at, _) in lower.match_indices("on") {
        let begins = lower[..at].ends_with([' ', '\n', '"', '\'']);
        let name: String = lower[at..].chars().take_while(char::is_ascii_alphabetic).collect();
        if begins && name.len() > 3 && lower[at + name.len()..].starts_with("=\"") {
            found.push(name);
        }
    }
    found
}

fn locales() -> BTreeMap<String, Locale> {
    files("templates/locales", ".yml").into_iter().map(|(file, text)| (file, locale(&text))).collect()
}

#[test]
fn no_language_lacks_a_key() {
    let locales = locales();
    assert_eq!(locales.len(), dockpass::web::i18n::LANGUAGES.len());
    let (first, english) = locales.first_key_value().unwrap();
    assert!(english.len() > 100, "{first} was read");
    for (file, other) in &locales {
        let differences = differences(english, other);
        assert!(differences.is_empty(), "{file} and {first} differ in {differences:?}");
        let empty: Vec<&String> = other.iter().filter(|(_, text)| text.trim().is_empty()).map(|(key, _)| key).collect();
        assert!(empty.is_empty(), "{file} says nothing for {empty:?}");
    }
}

#[test]
fn every_key_is_asked_for_and_every_key_asked_for_is_there() {
    let (mut asked_for, mut texts) = (Vec::new(), Vec::new());
    for (_, template) in files("templates", ".html") {
        asked_for.extend(asked(&template));
        texts.extend(template_texts(&template));
    }
    for (file, text) in files("src", ".rs") {
        asked_for.extend(asked(text.split("#[cfg(test)]").next().unwrap()));
        texts.extend(read(&file, &text).texts);
    }
    let locales = locales();
    let mismatches = mismatches(locales.values().next().unwrap(), &asked_for, &texts);
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
}

#[test]
fn templates_hold_neither_styles_nor_scripts() {
    for (file, template) in files("templates", ".html") {
        assert!(inline(&template).is_empty(), "{file}: {:?}", inline(&template));
    }
}

#[test]
fn a_missing_an_unknown_and_an_unused_key_are_found() {
    let english =
        locale("app:\n  name: Dockpass\n  said: \"%{a} and %{b}\"\n  many: {one: \"%{n} x\", other: \"%{n} y\"}");
    assert_eq!(english.keys().collect::<Vec<_>>(), ["app.many.one", "app.many.other", "app.name", "app.said"]);
    let other = locale("app:\n  name: 名\n  said: \"%{a}\"\n  more: 更多");
    assert_eq!(differences(&english, &other), ["app.many.one", "app.many.other", "app.more", "app.said"]);
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let right = text(&["app.name", "app.said", "app.many"]);
    assert!(mismatches(&english, &right, &[]).is_empty());
    assert_eq!(mismatches(&english, &right, &text(&["app.gone"])), ["no language has app.gone"]);
    assert_eq!(mismatches(&english, &right[..2], &[]).len(), 2, "nobody asks for either form of app.many");
    assert!(mismatches(&english, &[], &text(&["app.{name}"])).is_empty(), "a frame means every key that fits");
    assert_eq!(mismatches(&english, &right, &text(&["app.{name}_can"])), ["no language has app.{name}_can"]);
}

#[test]
fn a_style_and_a_script_in_a_template_are_found() {
    let bad = [
        "<p style=\"color: red\">",
        "<style>p {}</style>",
        "<script>alert(1)</script>",
        "<script src=\"x\">alert(1)</script>",
        "<button onclick=\"x()\">",
        "<a href=\"javascript:x()\">",
        "<a hx-on:click=\"x()\">",
    ];
    for template in bad {
        assert_eq!(inline(template).len(), 1, "{template}");
    }
    assert!(inline("<script src=\"x.js\" defer></script><p class=\"once\" data-on=\"1\">on = 2</p>").is_empty());
}
