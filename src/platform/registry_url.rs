//! The URL of a registry, as an operator gives it to a command.

use url::Url;

/// Reads the URL of a registry; the result ends with `/v2/`. People may paste it with the `/v2/` that clients ask for.
pub fn parse(text: &str) -> Result<Url, String> {
    let wrong = || "must be http:// or https:// with a host and an optional port, and without a path".to_owned();
    let mut url = Url::parse(text).map_err(|_| wrong())?;
    let is_bare = matches!(url.path(), "/" | "/v2" | "/v2/") && url.query().is_none() && url.fragment().is_none();
    let has_no_credentials = url.username().is_empty() && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare && has_no_credentials {
        url.set_path("/v2/");
        Ok(url)
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_url_has_no_path_and_no_credentials() {
        for good in ["https://hub.example.com", "http://127.0.0.1:5000/", "http://hub:5000/v2", "http://[::1]:5000/v2/"]
        {
            assert_eq!(parse(good).unwrap().path(), "/v2/", "{good}");
        }
        for bad in ["hub.example.com", "localhost:5000", "ftp://hub", "http://hub/alice", "http://a:b@hub", "http://"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
