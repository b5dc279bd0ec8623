//! `dockpass healthcheck`, for supervisors that run a command, as those of containers do.

use std::time::Duration;

use tokio::time;

use crate::config::Config;
use crate::platform::http_client;

/// Less than supervisors wait.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks the server at the listen address of these settings whether it is ready. Returns what it says; errors are sentences.
pub async fn run(config: &Config) -> Result<String, String> {
    let url =
        http_client::own_url(config.listen, "/readyz").ok_or("the port is not known: give the server's --listen")?;
    let asked = time::timeout(TIMEOUT, http_client::get_own(&url)).await;
    let answer = asked.map_err(|_| format!("{url} does not answer in time"))??;
    match answer.status {
        200 if answer.body.starts_with("ready") => Ok(answer.body),
        _ => Err(format!("{url} answers {}: {}", answer.kind(), answer.body.lines().next().unwrap_or_default())),
    }
}
