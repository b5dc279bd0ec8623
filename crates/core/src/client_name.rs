//! The names that programs and devices give themselves.

use std::fmt;

use crate::token::Description;
use crate::visible_text::is_invisible;

const MAX_CLIENT_NAME: usize = 64;
const MAX_DESCRIPTION: usize = 100;

/// The name that a program or a device gives itself: one line of at most 64 visible characters. Nobody checks whether
/// it is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientName(String);

impl ClientName {
    /// Drops invisible characters, so that two names that look alike are equal, and cuts long names. `None` if nothing
    /// is left.
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
        let visible: String = line.filter(|c| !is_invisible(*c)).collect();
        let name: String = visible.trim().chars().take(MAX_CLIENT_NAME).collect();
        let name = name.trim_end();
        (!name.is_empty()).then(|| Self(name.to_owned()))
    }

    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A program that signs in on a device, as both call themselves.
#[derive(Debug, Clone)]
pub struct DeviceClient {
    pub program: ClientName,
    pub device: Option<ClientName>,
}

impl DeviceClient {
    /// The description of its token: `laptop (docker-credential-dockpass)`, or only the program. The program's name is cut
    /// if both together are too long.
    pub fn token_description(&self) -> Description {
        let text = match &self.device {
            None => self.program.to_string(),
            Some(device) => {
                let room = MAX_DESCRIPTION - device.as_str().chars().count() - " ()".len();
                let program: String = self.program.as_str().chars().take(room).collect();
                format!("{device} ({program})")
            }
        };
        Description::from_stored(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_one_visible_line() {
        let parsed = |text: &str| ClientName::parse(text).map(|name| name.to_string());
        assert_eq!(parsed(" my\tlaptop\u{202e}\u{200b}\u{7} ").as_deref(), Some("my laptop"));
        assert_eq!(parsed(" \u{200b}\n"), None);
        assert_eq!(parsed(&format!("\u{200b}{}laptop", " ".repeat(70))).as_deref(), Some("laptop"));
        assert_eq!(parsed(&"é".repeat(70)), Some("é".repeat(64)));
    }

    #[test]
    fn a_token_is_described_by_device_and_program_within_the_limit_of_descriptions() {
        let description = |program: &str, device: &str| {
            let client =
                DeviceClient { program: ClientName::parse(program).unwrap(), device: ClientName::parse(device) };
            client.token_description().to_string()
        };
        assert_eq!(description("docker-credential-dockpass", "laptop"), "laptop (docker-credential-dockpass)");
        assert_eq!(description("docker-credential-dockpass", ""), "docker-credential-dockpass");
        let long = description(&"p".repeat(64), &"d".repeat(64));
        assert!(long.chars().count() == 100 && long.ends_with("p)"));
    }

    proptest! {
        #[test]
        fn names_and_descriptions_stay_short(text in "\\PC{0,200}") {
            if let Some(name) = ClientName::parse(&text) {
                prop_assert!((1..=64).contains(&name.as_str().chars().count()));
                let client = DeviceClient { program: name.clone(), device: Some(name) };
                prop_assert!(client.token_description().as_str().chars().count() <= 100);
            }
        }

        #[test]
        fn a_name_keeps_the_visible_characters_in_their_order(text in prop::collection::vec(any::<char>(), 0..200)) {
            let text: String = text.into_iter().collect();
            let is_visible = |c: &char| !is_invisible(*c) && !c.is_whitespace();
            let name = ClientName::parse(&text);
            let kept = name.iter().flat_map(|name| name.as_str().chars()).filter(is_visible);
            let visible = text.chars().filter(is_visible);
            prop_assert!(kept.clone().eq(visible.clone().take(kept.count())));
            prop_assert_eq!(name.is_none(), visible.count() == 0);
            prop_assert!(name.iter().all(|name| !name.as_str().contains(is_invisible)));
        }
    }
}
