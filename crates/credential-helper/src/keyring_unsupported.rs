//! Stands in for [`crate::keyring`] on systems whose keyring this program does not support: secrets go to the file.

use zeroize::Zeroizing;

const REASON: &str = "this system's keyring is not supported";

pub async fn probe() -> Result<(), String> {
    Err(REASON.to_owned())
}

pub async fn write(_host: &str, _secret: &str) -> Result<(), String> {
    Err(REASON.to_owned())
}

pub async fn read(_host: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
    Err(REASON.to_owned())
}

pub async fn remove(_host: &str) -> Result<(), String> {
    Err(REASON.to_owned())
}
