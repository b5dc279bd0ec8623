//! The ready commands in the dialog that shows a new token.

use std::collections::BTreeMap;

use super::Browser;

/// A generated token, with the code blocks of its dialog by their ids.
pub struct ShownToken {
    pub secret: String,
    pub commands: BTreeMap<String, String>,
}

impl Browser {
    /// Generates a token of the level Read & Write, and reads the dialog.
    pub async fn generate_and_read(&self, description: &str) -> ShownToken {
        let key = self.form_key().await;
        let form = [
            ("form_key", key.as_str()),
            ("description", description),
            ("expiration", "30"),
            ("permission", "repo:write"),
        ];
        let answer = self.post("/settings/tokens", &form).await;
        let blocks = answer.body.split("<pre class=\"code\" id=\"").skip(1);
        let commands = blocks
            .map(|block| {
                let (id, rest) = block.split_once('"').unwrap();
                let code = rest.split_once("<code>").unwrap().1.split_once("</code>").unwrap().0;
                (id.to_owned(), unescaped(&code.replace("<span>", "").replace("</span>", "")))
            })
            .collect();
        ShownToken { secret: answer.shown_once(), commands }
    }
}

fn unescaped(html: &str) -> String {
    let text = html
        .replace("&lt;", "<")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">");
    text.replace("&#38;", "&")
}
