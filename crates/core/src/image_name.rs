//! Names of images, as people copy them from a terminal or a file.

/// The repository of an image name: without the scheme, the registry's host, the tag and the digest. A first component
/// with a port is always a host; one without is only if it is this registry's, because usernames can contain dots.
pub fn repository_of<'i>(image: &'i str, registry_host: &str) -> &'i str {
    let name = image.strip_prefix("https://").or_else(|| image.strip_prefix("http://")).unwrap_or(image);
    let name = name.split_once('@').map_or(name, |(name, _digest)| name);
    let name = match name.split_once('/') {
        Some((host, rest)) if host.contains(':') || host.eq_ignore_ascii_case(registry_host) => rest,
        _ => name,
    };
    name.split_once(':').map_or(name, |(name, _tag)| name)
}

#[cfg(test)]
mod tests {
    use super::repository_of;

    #[test]
    fn host_tag_and_digest_are_cut_off() {
        for (image, repository) in [
            ("alice/api", "alice/api"),
            ("alice/api:v1", "alice/api"),
            ("hub.example.com/alice/api", "alice/api"),
            ("Hub.Example.com/alice/team/api:v1@sha256:00ff", "alice/team/api"),
            ("https://hub.example.com/alice/api", "alice/api"),
            ("localhost:5000/alice/*", "alice/*"),
            ("other.example:443/alice/api:latest", "alice/api"),
            ("j.doe/api", "j.doe/api"),
            ("ghcr.io/alice/api", "ghcr.io/alice/api"),
            ("web:latest", "web"),
            ("", ""),
            (":", ""),
        ] {
            assert_eq!(repository_of(image, "hub.example.com"), repository, "{image}");
        }
    }
}
