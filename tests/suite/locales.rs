//! Every text that people read comes from the locale files, and both languages have them all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::harness::files;

type Texts = BTreeMap<String, String>;

fn flatten(prefix: &str, value: &Value, texts: &mut Texts) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| flatten(&format!("{prefix}.{name}"), value, texts)),
        other => {
            texts.insert(prefix.trim_start_matches('.').to_owned(), other.as_str().unwrap_or_default().to_owned());
        }
    }
}

fn locales() -> Vec<(String, Texts)> {
    let read = |(file, text): (String, String)| {
        let (value, mut texts): (Value, _) = (serde_saphyr::from_str(&text).unwrap(), Texts::new());
        flatten("", &value, &mut texts);
        (file, texts)
    };
    files("templates/locales", ".yml").into_iter().map(read).collect()
}

/// `%{name}` in a text.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split("%{").skip(1).map(|part| part.split('}').next().unwrap()).collect()
}

#[test]
fn both_languages_have_the_same_keys_and_placeholders() {
    let locales = locales();
    assert_eq!(locales.len(), dockpass::web::i18n::LANGUAGES.len());
    let keys = |texts: &Texts| texts.keys().cloned().collect::<BTreeSet<_>>();
    let (_, english) = &locales[0];
    for (file, texts) in &locales {
        let differing: Vec<String> = keys(english).symmetric_difference(&keys(texts)).cloned().collect();
        assert!(differing.is_empty(), "{file} and English differ in {differing:?}");
        for (key, text) in texts {
            assert!(!text.trim().is_empty(), "{file} says nothing for {key}");
            assert_eq!(placeholders(text), placeholders(&english[key]), "{file}: {key}");
        }
    }
}

/// Keys in quotes, and keys put together with one value: `errors.{key}.title`, `{}_can`.
#[test]
fn every_key_is_used_and_every_used_key_exists() {
    let sources: Vec<String> =
        [files("src", ".rs"), files("templates", ".html")].concat().into_iter().map(|(_, text)| text).collect();
    let all = sources.join("\n");
    let quoted: BTreeSet<&str> = all.split('"').filter(|text| text.len() < 80 && text.contains(['.', '{'])).collect();
    let english = &locales()[0].1;
    let plain = |key: &str| key.trim_end_matches(".one").trim_end_matches(".other").to_owned();
    let known: BTreeSet<String> = english.keys().map(|key| plain(key)).collect();
    let fits = |frame: &str, key: &str| {
        let parts: Vec<&str> = frame.split(['{', '}']).step_by(2).collect();
        parts.len() > 1 && key.starts_with(parts[0]) && key.ends_with(parts[parts.len() - 1]) && frame != "{}"
    };
    for key in &known {
        let is_used = quoted.contains(key.as_str()) || quoted.iter().any(|frame| fits(frame, key));
        assert!(is_used, "nothing asks for {key}");
    }
    for call in [".t(\"", ".t1(\"", ".count(\""] {
        for key in all.split(call).skip(1).map(|rest| rest.split('"').next().unwrap()).filter(|key| !key.contains('{'))
        {
            assert!(known.contains(key), "no language has {key}");
        }
    }
}

/// Placeholders whose values are Chinese, so that no space stands beside them.
const CHINESE_VALUES: [&str; 7] = ["date", "wait", "tokens", "more", "what", "reason", "level"];
/// Another word for what surface.md names, and words that the texts do without.
const AVOIDED: [&str; 9] = ["账户", "账号", "帐号", "登陆", "撤消", "您", "令牌们", "...", "PAT 令牌"];

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// The text with a value in the place of each placeholder: a Chinese one or a Latin one.
fn with_values(text: &str) -> String {
    let mut parts = text.split("%{");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        filled.push(if CHINESE_VALUES.contains(&name) { '值' } else { 'v' });
        filled.push_str(rest);
    }
    filled
}

#[test]
fn chinese_is_written_with_its_own_punctuation_and_spaces() {
    let locales = locales();
    let (_, chinese) = locales.iter().find(|(file, _)| file.contains("zh-CN")).unwrap();
    for (key, text) in chinese {
        let letters: Vec<char> = with_values(text).chars().collect();
        for pair in letters.windows(2) {
            let (one, other) = if is_han(pair[0]) { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
            if is_han(one) {
                assert!(!other.is_ascii_alphanumeric(), "{key}: a space between {one} and {other} in {text}");
                assert!(!",.;:?!()\"'".contains(other), "{key}: full-width punctuation beside {one} in {text}");
            }
        }
        for word in AVOIDED {
            assert!(!text.contains(word), "{key}: {word} in {text}");
        }
    }
}
