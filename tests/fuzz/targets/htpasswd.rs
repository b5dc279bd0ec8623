//! htpasswd files, as operators import them.

#![no_main]

use dockpass_core::htpasswd;
use dockpass_core::password::PasswordDigest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let lines = htpasswd::parse(&text);
    assert!(lines.is_sorted_by(|line, next| line.number < next.number));
    let mut names = Vec::new();
    for line in &lines {
        let Ok(account) = &line.content else { continue };
        assert!(text.contains(account.digest.as_str()) && !format!("{line:?}").contains(account.digest.as_str()));
        assert_eq!(PasswordDigest::from_bcrypt(account.digest.as_str()).as_ref(), Ok(&account.digest));
        names.push(account.username.as_str());
    }
    names.sort_unstable();
    assert!(names.is_sorted_by(|name, next| name < next), "each name once");
});
