//! The public URL that the running server has, for commands that were started without its `--public-url`.

use serde_json::Value;
use url::Url;

use crate::config::Config;
use crate::platform::http_client;

/// The public URL, without a trailing slash: that of the settings, or that which the server at the listen address of the
/// same settings says. An error is a sentence that names `--public-url`.
pub async fn find(config: &Config) -> Result<String, String> {
    if config.public_url.is_some() {
        return Ok(config.urls(config.listen).public);
    }
    let asked = http_client::own_url(config.listen, "/.well-known/oauth-authorization-server")
        .ok_or("the port is not known: give the server's --public-url or its --listen")?;
    let answer = http_client::get_own(&asked).await;
    let answer = answer.map_err(|sentence| format!("{sentence}: start the server, or give its --public-url"))?;
    let metadata: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    match metadata["issuer"].as_str().filter(|url| answer.status == 200 && Url::parse(url).is_ok()) {
        Some(url) => Ok(url.trim_end_matches('/').to_owned()),
        None => Err(format!("{asked} is not answered by Dockpass ({}): give the server's --public-url", answer.kind())),
    }
}
