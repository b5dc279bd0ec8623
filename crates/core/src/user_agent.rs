//! `User-Agent` headers in words: "Firefox 131" on "Linux", "docker 28.2" on "linux".

/// A program, as its `User-Agent` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program<'a> {
    /// With its version. Empty if the header is.
    pub name: String,
    pub system: Option<&'a str>,
}

const MAX_CHARACTERS: usize = 200;

/// A `User-Agent` as the database stores it: one line of at most 200 characters.
pub fn shorten(header: &str) -> String {
    header.chars().filter(|c| !c.is_control()).take(MAX_CHARACTERS).collect()
}

/// The program and its system. The name of an unknown program is the first product of the `User-Agent`.
pub fn describe(agent: &str) -> Program<'_> {
    if let Some(registry) = registry_client(agent) {
        return registry;
    }
    let system = SYSTEMS.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    let browser = BROWSERS.iter().find_map(|(mark, name)| version_after(agent, mark).map(|major| (*name, major)));
    match browser {
        Some((name, major)) => Program { name: format!("{name} {major}"), system },
        None => {
            let product = agent.split([' ', '(']).next().unwrap_or_default();
            Program { name: product.replacen('/', " ", 1), system: None }
        }
    }
}

/// The order matters: Edge and Opera call themselves Chrome too, and Chrome calls itself Safari.
const BROWSERS: [(&str, &str); 6] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
];

const SYSTEMS: [(&str, &str); 6] = [
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

fn version_after<'a>(agent: &'a str, mark: &str) -> Option<&'a str> {
    let (_, rest) = agent.split_once(mark)?;
    rest.split(|c: char| !c.is_ascii_digit()).next().filter(|major| !major.is_empty())
}

/// Reads `Docker-Client/28.2.2 (linux)`, `docker/20.10.24 go/… os/linux …`, `skopeo/1.9.3`, `Buildah/1.28.2`,
/// `containerd/1.6.20~ds1` and `containers/5.23.1 (github.com/containers/image)`. The last one is podman: it sends the
/// version of its registry library, and other programs with that library may send the same.
fn registry_client(agent: &str) -> Option<Program<'_>> {
    let (product, rest) = agent.split_once('/')?;
    let name = match product {
        "Docker-Client" | "docker" => "docker",
        "skopeo" => "skopeo",
        "containers" => "containers/image",
        "Buildah" => "buildah",
        "containerd" => "containerd",
        _ => return None,
    };
    let version = rest.split(|c: char| !(c.is_ascii_digit() || c == '.')).next().unwrap_or_default();
    let short: Vec<&str> = version.split('.').take(2).collect();
    let system = rest.split_once("os/").or_else(|| rest.split_once(" (")).map(|(_, after)| after);
    let system = system.and_then(|after| after.split([' ', ')', ';']).next()).filter(|_| name == "docker");
    let words = format!("{name} {}", short.join("."));
    let name = if product == "containers" { format!("podman ({words})") } else { words };
    Some(Program { name, system })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_described_in_words() {
        let cases = [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0", "Firefox 131 on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 \
                 Safari/537.36 Edg/130.0.0.0",
                "Edge 130 on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari 17 on iOS",
            ),
            ("Docker-Client/28.2.2 (linux)", "docker 28.2 on linux"),
            ("docker/20.10.24+dfsg1 go/go1.19.8 git-commit/x kernel/6 os/linux arch/amd64", "docker 20.10 on linux"),
            ("skopeo/1.9.3", "skopeo 1.9"),
            ("containers/5.23.1 (github.com/containers/image)", "podman (containers/image 5.23)"),
            ("containerd/1.6.20~ds1", "containerd 1.6"),
            ("curl/8.5.0", "curl 8.5.0"),
            ("", ""),
        ];
        for (agent, words) in cases {
            let Program { name, system } = describe(agent);
            assert_eq!(system.map_or(name.clone(), |system| format!("{name} on {system}")), words);
        }
    }
}
