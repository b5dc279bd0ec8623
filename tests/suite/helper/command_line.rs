//! The command line.

use crate::helper::workstation::Workstation;

#[test]
fn a_wrong_command_line_is_one_sentence() {
    let workstation = Workstation::new();
    for (arguments, sentence) in [
        (&[][..], "a command is missing"),
        (&["gett"], "unrecognized subcommand 'gett'"),
        (&["login"], "HOST is missing"),
        (&["login", "--no-browser"], "HOST is missing"),
        (&["logout"], "HOST is missing"),
        (&["logout", "a", "b"], "unexpected argument 'b' found"),
    ] {
        assert_eq!(workstation.run(arguments).fail(), format!("{sentence}: see docker-credential-dockpass --help"));
    }
    assert_eq!(
        workstation.run(&["version"]).succeed(),
        format!("docker-credential-dockpass {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert!(workstation.run(&["--help"]).succeed().contains("login"));
    assert_eq!(workstation.run(&["list"]).succeed(), "{}\n");
}
