//! The public URL that the running server has, for commands that were started without its `--public-url`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    let mut address = config.listen;
    if address.port() == 0 {
        return Err("the port is not known: give the server's --public-url or its --listen".to_owned());
    }
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    let asked = format!("http://{address}/.well-known/oauth-authorization-server");
    let answer = http_client::get(&asked, None).await;
    let answer = answer.map_err(|sentence| format!("{sentence}: start the server, or give its --public-url"))?;
    let metadata: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    match metadata["issuer"].as_str().filter(|url| answer.status == 200 && Url::parse(url).is_ok()) {
        Some(url) => Ok(url.trim_end_matches('/').to_owned()),
        None => Err(format!("{asked} is not answered by Dockpass ({}): give the server's --public-url", answer.kind())),
    }
}
