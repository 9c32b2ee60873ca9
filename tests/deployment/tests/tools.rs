//! Without its tools it says what is missing, and tries nothing.

use std::process::Command;

#[test]
fn a_missing_tool_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_deployment"))
        .env("PATH", "")
        .arg("--folder")
        .arg(folder.path())
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("cargo cannot be started"), "{said}");
}
