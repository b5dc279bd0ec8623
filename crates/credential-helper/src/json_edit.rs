//! Sets and removes one member of a JSON text and leaves every other byte: the file belongs to docker and to the person.
//!
//! jsonc-parser says where the members are. Its own editor is not used: it breaks one-line objects into several lines.

use std::collections::BTreeMap;
use std::ops::Range;

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde::de::IgnoredAny;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonEditError {
    NotAnObject,
    /// The section is neither an object nor null.
    SectionNotAnObject,
}

/// The members of a section that are strings.
pub fn strings(text: &str, section: &str) -> Result<BTreeMap<String, String>, JsonEditError> {
    let root = parse(text)?;
    let properties = find_section(&root, section)?.into_iter().flat_map(|(_, object)| &object.properties);
    let string = |property: &ObjectProp<'_>| {
        let value = property.value.as_string_lit()?.value.clone().into_owned();
        Some((property.name.as_str().to_owned(), value))
    };
    Ok(properties.filter_map(string).collect())
}

/// The text with `section.key` set to a string.
pub fn set(text: &str, section: &str, key: &str, value: &str) -> Result<String, JsonEditError> {
    let root = parse(text)?;
    if let Some((index, object)) = find_section(&root, section)? {
        if let Some(property) = find(object, key).map(|index| &object.properties[index]) {
            return Ok(splice(text, range(&property.value), &quote(value)));
        }
        let outer_indent = space_before(text, &root.properties[index]);
        let indent = first_indent(text, object).map_or_else(|| deeper(outer_indent), str::to_owned);
        return Ok(insert(text, object, &indent, outer_indent, &member(&indent, key, &quote(value))));
    }
    let outer_indent = first_indent(text, &root).unwrap_or("\n\t");
    let indent = deeper(outer_indent);
    let last_indent = if indent.is_empty() { "" } else { outer_indent };
    let object = format!("{{{indent}{}{last_indent}}}", member(&indent, key, &quote(value)));
    Ok(match find(&root, section) {
        Some(null) => splice(text, range(&root.properties[null].value), &object),
        None => insert(text, &root, outer_indent, "\n", &member(&indent, section, &object)),
    })
}

/// The text without `section.key`, and without the section if it becomes empty.
pub fn remove(text: &str, section: &str, key: &str) -> Result<String, JsonEditError> {
    let root = parse(text)?;
    let Some((section_index, object)) = find_section(&root, section)? else { return Ok(text.to_owned()) };
    let Some(index) = find(object, key) else { return Ok(text.to_owned()) };
    Ok(if object.properties.len() == 1 { cut(text, &root, section_index) } else { cut(text, object, index) })
}

fn parse(text: &str) -> Result<Object<'_>, JsonEditError> {
    // docker reads strict JSON; jsonc-parser also accepts comments and control characters.
    serde_json::from_str::<IgnoredAny>(text).map_err(|_| JsonEditError::NotAnObject)?;
    match parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).map(|parsed| parsed.value) {
        Ok(Some(Value::Object(object))) => Ok(object),
        _ => Err(JsonEditError::NotAnObject),
    }
}

/// The index of a key: of two, readers take the last.
fn find<'a>(object: &'a Object<'a>, key: &str) -> Option<usize> {
    object.properties.iter().rposition(|property| property.name.as_str() == key)
}

/// The section's index and its object; null is as good as missing.
fn find_section<'a>(root: &'a Object<'a>, section: &str) -> Result<Option<(usize, &'a Object<'a>)>, JsonEditError> {
    let Some(index) = find(root, section) else { return Ok(None) };
    match &root.properties[index].value {
        Value::Object(object) => Ok(Some((index, object))),
        Value::NullKeyword(_) => Ok(None),
        _ => Err(JsonEditError::SectionNotAnObject),
    }
}

fn range(node: &impl Ranged) -> Range<usize> {
    node.start()..node.end()
}

fn space_before<'a>(text: &'a str, property: &ObjectProp<'_>) -> &'a str {
    let before = &text[..property.start()];
    &before[before.trim_end().len()..]
}

fn first_indent<'a>(text: &'a str, object: &Object<'_>) -> Option<&'a str> {
    object.properties.first().map(|property| space_before(text, property))
}

/// The indent one level below another; nothing in a text of one line.
fn deeper(indent: &str) -> String {
    indent.rsplit_once('\n').map(|(_, unit)| format!("{indent}{unit}")).unwrap_or_default()
}

fn member(indent: &str, key: &str, value: &str) -> String {
    let colon = if indent.is_empty() { ":" } else { ": " };
    format!("{}{colon}{value}", quote(key))
}

/// Adds a member at the end of an object; `last_indent` follows it if it is the only one.
fn insert(text: &str, object: &Object<'_>, indent: &str, last_indent: &str, member: &str) -> String {
    match object.properties.last() {
        Some(last) => splice(text, last.end()..last.end(), &format!(",{indent}{member}")),
        None => splice(text, object.start() + 1..object.end() - 1, &format!("{indent}{member}{last_indent}")),
    }
}

fn cut(text: &str, object: &Object<'_>, index: usize) -> String {
    let properties = &object.properties;
    let range = match (index.checked_sub(1), properties.get(index + 1)) {
        (_, Some(next)) => properties[index].start()..next.start(),
        (Some(previous), None) => properties[previous].end()..properties[index].end(),
        (None, None) => object.start() + 1..object.end() - 1,
    };
    splice(text, range, "")
}

fn splice(text: &str, range: Range<usize>, replacement: &str) -> String {
    format!("{}{replacement}{}", &text[..range.start], &text[range.end..])
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    const SECTION: &str = "credHelpers";

    fn set_hub(text: &str) -> String {
        set(text, SECTION, "hub:5000", "dockpass").unwrap()
    }

    fn remove_hub(text: &str) -> String {
        remove(text, SECTION, "hub:5000").unwrap()
    }

    #[test]
    fn adding_and_removing_a_member_leaves_every_other_byte() {
        let new = "\n\t\"credHelpers\": {\n\t\t\"hub:5000\": \"dockpass\"\n\t}";
        for (before, after) in [
            ("{}", format!("{{{new}\n}}")),
            ("{\n\t\"auths\": {}\n}", format!("{{\n\t\"auths\": {{}},{new}\n}}")),
            ("{\"a\":1.10,\"b\":[ ]}", "{\"a\":1.10,\"b\":[ ],\"credHelpers\":{\"hub:5000\":\"dockpass\"}}".to_owned()),
            (
                "{\n  \"credHelpers\": {\n    \"x\": \"y\"\n  },\n  \"z\": 1e400\n}\n",
                "{\n  \"credHelpers\": {\n    \"x\": \"y\",\n    \"hub:5000\": \"dockpass\"\n  },\n  \"z\": 1e400\n}\n"
                    .to_owned(),
            ),
        ] {
            assert_eq!(set_hub(before), after);
            assert_eq!(set_hub(&after), after, "a second time changes nothing");
            assert_eq!(remove_hub(&after), before);
        }
    }

    #[test]
    fn an_empty_and_a_null_section_are_filled() {
        let filled = "{\n  \"credHelpers\": {\n    \"hub:5000\": \"dockpass\"\n  }\n}";
        assert_eq!(set_hub("{\n  \"credHelpers\": {}\n}"), filled);
        assert_eq!(set_hub("{\n  \"credHelpers\": null\n}"), filled);
        assert_eq!(set_hub("{\"credHelpers\":{}}"), "{\"credHelpers\":{\"hub:5000\":\"dockpass\"}}");
    }

    #[test]
    fn a_value_is_replaced_and_the_last_of_two_counts() {
        let text = "{\"credHelpers\": {\"hub:5000\": \"a\", \"hub\\u003a5000\": \"b\"}}";
        assert_eq!(strings(text, SECTION).unwrap()["hub:5000"], "b");
        assert_eq!(set_hub(text), "{\"credHelpers\": {\"hub:5000\": \"a\", \"hub\\u003a5000\": \"dockpass\"}}");
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<i32>().prop_map(Value::from), ".{0,6}".prop_map(Value::from)];
        leaf.prop_recursive(3, 16, 4, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from);
            let object = prop::collection::vec((".{0,4}", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect()));
            prop_oneof![list, object]
        })
    }

    proptest! {
        #[test]
        fn every_other_member_stays(pairs in prop::collection::vec((".{0,4}", value()), 0..4), pretty: bool, key in ".{0,8}") {
            let before = Value::Object(pairs.into_iter().collect());
            let text = if pretty { format!("{before:#}") } else { before.to_string() };
            let after = set(&text, SECTION, &key, "dockpass").unwrap();
            let mut expected = before.clone();
            expected[SECTION][&key] = "dockpass".into();
            prop_assert_eq!(serde_json::from_str::<Value>(&after).unwrap(), expected);
            prop_assert_eq!(&strings(&after, SECTION).unwrap()[&key], "dockpass");
            let back = remove(&after, SECTION, &key).unwrap();
            prop_assert_eq!(back, text);
        }
    }
}
