//! Changes one member of a JSON text and leaves every other byte as it stands. A parser and a printer would change
//! the order, the indentation and the numbers of a file that belongs to somebody else.

use std::ops::Range;

use serde::de::IgnoredAny;

/// Why a text cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Odd {
    /// It is no JSON object.
    NoObject,
    /// The member that should hold objects holds something else.
    NoSection,
}

/// Where the members of an object stand in its text.
struct Object {
    open: usize,
    close: usize,
    members: Vec<Member>,
}

struct Member {
    key: String,
    start: usize,
    value: Range<usize>,
}

impl Object {
    /// The last of its name: it is the one that readers take.
    fn find(&self, key: &str) -> Option<usize> {
        self.members.iter().rposition(|member| member.key == key)
    }
}

/// The text value of `section.key`, if it is there.
pub fn get(text: &str, section: &str, key: &str) -> Result<Option<String>, Odd> {
    let Some((_, inner)) = find_section(text, section)? else { return Ok(None) };
    let value = inner.find(key).map(|at| &text[inner.members[at].value.clone()]);
    Ok(value.and_then(|value| serde_json::from_str(value).ok()))
}

/// The keys of a section whose value is this text.
pub fn keys_with(text: &str, section: &str, value: &str) -> Result<Vec<String>, Odd> {
    let Some((_, inner)) = find_section(text, section)? else { return Ok(Vec::new()) };
    let said = quoted(value);
    let members = inner.members.into_iter().filter(|member| text[member.value.clone()] == said);
    Ok(members.map(|member| member.key).collect())
}

/// The text with `section.key` set.
pub fn set(text: &str, section: &str, key: &str, value: &str) -> Result<String, Odd> {
    let outer = object(text)?;
    let Some((at, inner)) = find_section(text, section)? else {
        let lead = lead(text, &outer).unwrap_or("\n\t").to_owned();
        let unit = lead.rsplit_once('\n').map(|(_, unit)| unit);
        let (inner_lead, tail, colon) = match unit {
            Some(unit) => (format!("{lead}{unit}"), lead.as_str(), ": "),
            None => (String::new(), "", ":"),
        };
        let pair = format!("{{{inner_lead}{}{colon}{}{tail}}}", quoted(key), quoted(value));
        let is_null = outer.find(section).map(|at| outer.members[at].value.clone());
        return Ok(match is_null {
            Some(null) => spliced(text, null, &pair),
            None => with_member(text, &outer, &lead, "\n", &format!("{}{colon}{pair}", quoted(section))),
        });
    };
    if let Some(at) = inner.find(key) {
        return Ok(spliced(text, inner.members[at].value.clone(), &quoted(value)));
    }
    let around = text[..outer.members[at].start].rfind(|c: char| !c.is_whitespace()).map_or(0, |end| end + 1);
    let around = &text[around..outer.members[at].start];
    let fresh = around.rsplit_once('\n').map(|(_, unit)| format!("{around}{unit}")).unwrap_or_default();
    let lead = lead(text, &inner).unwrap_or(&fresh);
    let colon = if lead.is_empty() { ":" } else { ": " };
    Ok(with_member(text, &inner, lead, around, &format!("{}{colon}{}", quoted(key), quoted(value))))
}

/// The text without `section.key`, and without the section if nothing else is in it.
pub fn remove(text: &str, section: &str, key: &str) -> Result<String, Odd> {
    let Some((at, inner)) = find_section(text, section)? else { return Ok(text.to_owned()) };
    let Some(found) = inner.find(key) else { return Ok(text.to_owned()) };
    Ok(match inner.members.len() {
        1 => without_member(text, &object(text)?, at),
        _ => without_member(text, &inner, found),
    })
}

/// The section's place among the members, and its own members; `null` is as good as none.
fn find_section(text: &str, section: &str) -> Result<Option<(usize, Object)>, Odd> {
    let outer = object(text)?;
    let Some(at) = outer.find(section) else { return Ok(None) };
    let value = outer.members[at].value.clone();
    match text.as_bytes()[value.start] {
        b'{' => Ok(Some((at, members(text, value.start)))),
        b'n' => Ok(None),
        _ => Err(Odd::NoSection),
    }
}

/// The space before an object's first member.
fn lead<'a>(text: &'a str, object: &Object) -> Option<&'a str> {
    object.members.first().map(|first| &text[object.open + 1..first.start])
}

fn with_member(text: &str, object: &Object, lead: &str, tail: &str, member: &str) -> String {
    match object.members.last() {
        Some(last) => spliced(text, last.value.end..last.value.end, &format!(",{lead}{member}")),
        None => spliced(text, object.open + 1..object.close, &format!("{lead}{member}{tail}")),
    }
}

fn without_member(text: &str, object: &Object, at: usize) -> String {
    let (member, next) = (&object.members[at], object.members.get(at + 1));
    let range = match (at.checked_sub(1), next) {
        (_, Some(next)) => member.start..next.start,
        (Some(before), None) => object.members[before].value.end..member.value.end,
        (None, None) => object.open + 1..object.close,
    };
    spliced(text, range, "")
}

fn spliced(text: &str, range: Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..range.start], &text[range.end..])
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The outermost object. serde judges whether the text is JSON, so that the walk below can trust it.
fn object(text: &str) -> Result<Object, Odd> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|_| Odd::NoObject)?;
    let open = skip_space(text.as_bytes(), 0);
    if text.as_bytes()[open] == b'{' { Ok(members(text, open)) } else { Err(Odd::NoObject) }
}

/// The members of the object that opens here.
fn members(text: &str, open: usize) -> Object {
    let bytes = text.as_bytes();
    let (mut members, mut at) = (Vec::new(), skip_space(bytes, open + 1));
    while bytes[at] != b'}' {
        let start = at;
        let end = skip_value(bytes, start);
        let key = serde_json::from_str(&text[start..end]).unwrap_or_default();
        // Past the colon.
        let value = skip_space(bytes, skip_space(bytes, end) + 1);
        let value = value..skip_value(bytes, value);
        at = skip_space(bytes, value.end);
        if bytes[at] == b',' {
            at = skip_space(bytes, at + 1);
        }
        members.push(Member { key, start, value });
    }
    Object { open, close: at, members }
}

fn skip_space(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The end of the value that begins here.
fn skip_value(bytes: &[u8], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0);
    loop {
        match bytes[at] {
            b'"' => at = skip_text(bytes, at),
            b'{' | b'[' => (depth, at) = (depth + 1, at + 1),
            b'}' | b']' => (depth, at) = (depth - 1, at + 1),
            b',' | b':' => at += 1,
            byte if byte.is_ascii_whitespace() => at += 1,
            _ => at += bytes[at..].iter().take_while(|byte| !b",:]} \t\r\n".contains(byte)).count(),
        }
        if depth == 0 {
            return at;
        }
    }
}

fn skip_text(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
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
    fn a_member_comes_and_goes_and_nothing_else_moves() {
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
            assert_eq!(set_hub(&after), after, "twice is once");
            assert_eq!(remove_hub(&after), before);
        }
    }

    #[test]
    fn an_empty_section_and_null_are_filled() {
        let filled = "{\n  \"credHelpers\": {\n    \"hub:5000\": \"dockpass\"\n  }\n}";
        assert_eq!(set_hub("{\n  \"credHelpers\": {}\n}"), filled);
        assert_eq!(set_hub("{\n  \"credHelpers\": null\n}"), filled);
        assert_eq!(set_hub("{\"credHelpers\":{}}"), "{\"credHelpers\":{\"hub:5000\":\"dockpass\"}}");
    }

    #[test]
    fn another_value_is_replaced_and_of_two_the_last_counts() {
        let text = "{\"credHelpers\": {\"hub:5000\": \"a\", \"hub\\u003a5000\": \"b\"}}";
        assert_eq!(get(text, SECTION, "hub:5000"), Ok(Some("b".to_owned())));
        assert_eq!(set_hub(text), "{\"credHelpers\": {\"hub:5000\": \"a\", \"hub\\u003a5000\": \"dockpass\"}}");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "[]", "{", "{\"a\":1,}", "// x\n{}", "null", "\"{}\""] {
            assert_eq!(set(text, SECTION, "h", "v"), Err(Odd::NoObject), "{text}");
        }
        for text in ["{\"credHelpers\": []}", "{\"credHelpers\": \"x\"}", "{\"credHelpers\": 1}"] {
            assert_eq!(set(text, SECTION, "h", "v"), Err(Odd::NoSection), "{text}");
        }
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
        fn whatever_else_stands_there_stays(pairs in prop::collection::vec((".{0,4}", value()), 0..4), pretty: bool, key in ".{0,8}") {
            let before = Value::Object(pairs.into_iter().collect());
            let text = if pretty { format!("{before:#}") } else { before.to_string() };
            let after = set(&text, SECTION, &key, "dockpass").unwrap();
            let mut expected = before.clone();
            expected[SECTION][&key] = "dockpass".into();
            prop_assert_eq!(serde_json::from_str::<Value>(&after).unwrap(), expected);
            prop_assert_eq!(get(&after, SECTION, &key), Ok(Some("dockpass".to_owned())));
            let back = remove(&after, SECTION, &key).unwrap();
            prop_assert_eq!(back, text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[{}\\[\\]\",:a\\\\ 1]{0,12}") {
            let _ = set(&text, SECTION, "k", "v");
            let _ = remove(&text, SECTION, "k");
        }
    }
}
