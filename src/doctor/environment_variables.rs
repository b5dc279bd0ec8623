//! Variables of the environment that look like settings and are none.

use std::ffi::OsString;

use super::Report;

/// Read by other programs: CI jobs and the build.
const NOT_SETTINGS: [&str; 2] = ["DOCKPASS_TOKEN", "DOCKPASS_HTMX"];

/// A variable whose name begins as those of the settings do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVariable {
    name: String,
    /// The setting whose name is most like it.
    nearest: Option<String>,
}

impl UnknownVariable {
    /// Those of an environment that are not among the `known` names of settings.
    pub fn find(known: &[&str], environment: impl Iterator<Item = (OsString, OsString)>) -> Vec<Self> {
        let texts = environment.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let is_unknown = |(name, value): &(String, String)| {
            let is_known = known.contains(&name.as_str()) || NOT_SETTINGS.contains(&name.as_str());
            name.starts_with("DOCKPASS_") && !is_known && !is_service_link(name, value)
        };
        let unknown = texts.filter(is_unknown).map(|(name, _)| Self { nearest: nearest(&name, known), name });
        let mut unknown: Vec<Self> = unknown.collect();
        unknown.sort_by(|a, b| a.name.cmp(&b.name));
        unknown
    }
}

/// Kubernetes sets such variables for each Service, and one is likely called dockpass.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let of_port = |part: &str| {
        part.split_once('_').is_some_and(|(port, protocol)| {
            port.parse::<u16>().is_ok() && ["TCP", "UDP", "SCTP"].iter().any(|name| protocol.starts_with(name))
        })
    };
    (name.ends_with("_PORT") && is_address)
        || name.ends_with("_SERVICE_HOST")
        || name.split_once("_SERVICE_PORT").is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('_'))
        || name.split("_PORT_").skip(1).any(of_port)
}

fn nearest(name: &str, known: &[&str]) -> Option<String> {
    let distance = |known: &&&str| strsim::damerau_levenshtein(name, known);
    let nearest = known.iter().min_by_key(distance)?;
    // Names that differ in more than half of what follows DOCKPASS_ have nothing in common.
    (distance(&nearest) * 2 <= name.len() - "DOCKPASS_".len()).then(|| (*nearest).to_owned())
}

/// Warns of each: a mistyped setting has no effect, and nothing else says so.
pub fn check(unknown: &[UnknownVariable], report: &mut Report) {
    for UnknownVariable { name, nearest } in unknown {
        let advice = match nearest {
            Some(nearest) => format!("perhaps it should be {nearest}"),
            None => "`dockpass serve --help` names all settings".to_owned(),
        };
        report.warning("environment", format_args!("{name} is no setting and has no effect: {advice}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] =
        ["DOCKPASS_PUBLIC_URL", "DOCKPASS_LISTEN", "DOCKPASS_METRICS_LISTEN", "DOCKPASS_TRUSTED_PROXIES"];

    fn found(variables: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        let environment = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        UnknownVariable::find(&KNOWN, environment).into_iter().map(|one| (one.name, one.nearest)).collect()
    }

    #[test]
    fn a_mistyped_setting_is_found_with_the_nearest_name() {
        let near = |name: &str, nearest: &str| (name.to_owned(), Some(nearest.to_owned()));
        assert_eq!(
            found(&[
                ("DOCKPASS_PUBLICURL", "x"),
                ("DOCKPASS_TRUSTED_PROXY", "x"),
                ("PATH", "x"),
                ("DOCKPASS_LISTEN", "x")
            ]),
            [
                near("DOCKPASS_PUBLICURL", "DOCKPASS_PUBLIC_URL"),
                near("DOCKPASS_TRUSTED_PROXY", "DOCKPASS_TRUSTED_PROXIES")
            ]
        );
        assert_eq!(found(&[("DOCKPASS_SMTP_HOST", "x")]), [("DOCKPASS_SMTP_HOST".to_owned(), None)]);
        assert!(found(&[("DOCKPASS_TOKEN", "dp_pat_…")]).is_empty());
    }

    #[test]
    fn variables_that_kubernetes_sets_for_services_are_none_of_ours() {
        let links = [
            ("DOCKPASS_SERVICE_HOST", "10.0.0.1"),
            ("DOCKPASS_SERVICE_PORT", "8080"),
            ("DOCKPASS_SERVICE_PORT_HTTP", "8080"),
            ("DOCKPASS_PORT", "tcp://10.0.0.1:8080"),
            ("DOCKPASS_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("DOCKPASS_PORT_8080_TCP_PROTO", "tcp"),
            ("DOCKPASS_PORT_8080_TCP_PORT", "8080"),
            ("DOCKPASS_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("DOCKPASS_DB_PORT_5432_TCP_ADDR", "10.0.0.2"),
        ];
        assert!(found(&links).is_empty(), "{:?}", found(&links));
        assert_eq!(found(&[("DOCKPASS_PORT", "8080"), ("DOCKPASS_LISTEN_PORT", "8080")]).len(), 2);
    }
}
