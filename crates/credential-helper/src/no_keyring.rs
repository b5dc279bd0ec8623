//! Where this program knows no keyring: there is none, and the file is what is chosen.

use zeroize::Zeroizing;

const REASON: &str = "no keyring of this system is supported";

/// Never.
pub async fn probe() -> Result<(), String> {
    Err(REASON.to_owned())
}

/// Cannot be.
pub async fn write(_host: &str, _secret: &str) -> Result<(), String> {
    Err(REASON.to_owned())
}

/// Nothing.
pub async fn read(_host: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
    Err(REASON.to_owned())
}

/// Nothing to do.
pub async fn remove(_host: &str) -> Result<(), String> {
    Err(REASON.to_owned())
}
