//! Page texts in the reader's language.

use std::borrow::Cow;
use std::fmt::Display;

use axum::http::HeaderMap;
use dockpass_core::user_agent::{self, Program};
use time::Date;

/// The languages of the locale files, each with its own name.
pub const LANGUAGES: [(&str, &str); 2] = [("en", "English"), ("zh-CN", "简体中文")];

/// The texts of one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    locale: &'static str,
}

impl Default for Words {
    fn default() -> Self {
        Self { locale: "en" }
    }
}

impl Words {
    /// The texts of the language with this name, if there is a locale file for it.
    pub fn named(name: &str) -> Option<Self> {
        let known = LANGUAGES.into_iter().find(|(locale, _)| locale.eq_ignore_ascii_case(name));
        known.map(|(locale, _)| Self { locale })
    }

    /// The language that the browser asks for (RFC 9110 section 12.5.4), else English.
    pub fn accepted(headers: &HeaderMap) -> Self {
        let header = headers.get("accept-language").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut preferences: Vec<(f32, &str)> = header.split(',').filter_map(preference).collect();
        preferences.sort_by(|a, b| b.0.total_cmp(&a.0));
        preferences.into_iter().find_map(|(_, range)| Self::of_range(range)).unwrap_or_default()
    }

    /// The texts that a reader of this language range (RFC 4647) can read.
    fn of_range(range: &str) -> Option<Self> {
        let range = range.to_ascii_lowercase();
        let mut subtags = range.split('-');
        match subtags.next()? {
            "*" => Some(Self::default()),
            "zh" => {
                let is_traditional = |subtag: &str| matches!(subtag, "hant" | "tw" | "hk" | "mo");
                let has_script = range.contains("-hans");
                if !has_script && subtags.any(is_traditional) { None } else { Self::named("zh-CN") }
            }
            language => Self::named(language),
        }
    }

    /// The name for `lang` attributes and the database.
    pub fn locale(self) -> &'static str {
        self.locale
    }

    /// The text under a key. A test checks that every language has every key.
    pub fn t(self, key: &str) -> Cow<'static, str> {
        // `rust_i18n::t!` gives the text the lifetime of the key, so it would have to be copied.
        crate::_RUST_I18N_BACKEND.translate(self.locale, key).unwrap_or_else(|| key.to_owned().into())
    }

    /// The text under a key with `%{name}` replaced.
    pub fn t1(self, key: &str, name: &str, value: impl Display) -> String {
        // `str::replace` would need the placeholder as a text of its own, and the tokens page fills hundreds.
        let (text, value) = (self.t(key), value.to_string());
        let mut parts = text.split('%');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            match part.strip_prefix('{').and_then(|part| part.strip_prefix(name)?.strip_prefix('}')) {
                Some(rest) => filled.extend([value.as_str(), rest]),
                None => filled.extend(["%", part]),
            }
        }
        filled
    }

    /// A count with its noun, from the key's `one` or `other`.
    pub fn count(self, key: &str, count: i64) -> String {
        let form = if count == 1 { "one" } else { "other" };
        self.t1(&format!("{key}.{form}"), "count", count)
    }

    /// The program of a `User-Agent` and its system: "Firefox 131 on Windows", "Windows 上的 Firefox 131".
    pub fn program(self, agent: &str) -> String {
        match user_agent::describe(agent) {
            Program { name, system: None } => name,
            Program { name, system: Some(system) } => {
                self.t1("app.program_on", "program", name).replace("%{system}", system)
            }
        }
    }

    /// A date: "21 February 2027", "2027年2月21日".
    pub fn date(self, date: Date) -> String {
        let (year, month, day) = (date.year(), date.month(), date.day());
        if self.locale == "zh-CN" {
            format!("{year}年{}月{day}日", u8::from(month))
        } else {
            format!("{day} {month} {year}")
        }
    }
}

fn preference(part: &str) -> Option<(f32, &str)> {
    let mut pieces = part.split(';').map(str::trim);
    let tag = pieces.next().filter(|tag| !tag.is_empty())?;
    let weight = pieces.find_map(|piece| piece.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok())?;
    (weight > 0.0).then_some((weight, tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(header: &str) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert("accept-language", header.parse().unwrap());
        Words::accepted(&headers).locale()
    }

    #[test]
    fn the_browsers_order_of_languages_is_respected() {
        assert_eq!(accepted("zh-CN,zh;q=0.9,en;q=0.8"), "zh-CN");
        assert_eq!(accepted("en;q=0.5, zh-Hans;q=0.9"), "zh-CN");
        assert_eq!(accepted("de-DE, fr;q=0.9, en-GB;q=0.1"), "en");
        assert_eq!(accepted("de"), "en");
        assert_eq!(accepted("zh;q=0, en"), "en");
        assert_eq!(accepted("*, zh;q=0.5"), "en");
        assert_eq!(accepted(";;,q=,"), "en");
    }

    #[test]
    fn readers_of_traditional_chinese_get_their_next_language() {
        for traditional in ["zh-TW", "zh-Hant", "zh-Hant-CN", "zh-HK", "zh-mo", "zh-yue-HK"] {
            assert_eq!(accepted(&format!("{traditional},en;q=0.7")), "en", "{traditional}");
            assert_eq!(accepted(&format!("{traditional},zh-Hans;q=0.7,en;q=0.5")), "zh-CN", "{traditional}");
        }
        for simplified in ["zh", "zh-CN", "zh-SG", "zh-Hans", "ZH-hans-hk"] {
            assert_eq!(accepted(&format!("{simplified},en;q=0.7")), "zh-CN", "{simplified}");
        }
    }

    #[test]
    fn programs_are_said_in_the_readers_language() {
        let firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0";
        assert_eq!(Words::named("en").unwrap().program(firefox), "Firefox 131 on Windows");
        let chinese = Words::named("zh-CN").unwrap();
        assert_eq!(chinese.program(firefox), "Windows 上的 Firefox 131");
        assert_eq!(chinese.program("Docker-Client/28.2.2 (linux)"), "linux 上的 docker 28.2");
        assert_eq!(chinese.program("skopeo/1.9.3"), "skopeo 1.9");
    }

    #[test]
    fn dates_are_said_in_the_readers_language() {
        let day = time::macros::date!(2027 - 02 - 21);
        assert_eq!(Words::named("en").unwrap().date(day), "21 February 2027");
        assert_eq!(Words::named("zh-cn").unwrap().date(day), "2027年2月21日");
    }
}
