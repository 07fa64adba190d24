//! The state directory and its files.

use super::*;

#[tokio::test]
async fn second_claim_of_a_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _registry = open(&directory);
    let error = try_open(directory.path()).err().unwrap();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
}

#[tokio::test]
async fn directory_and_files_are_private() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let registry = try_open(&state).unwrap();
    bound(&registry, 1).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    for entry in fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn damaged_file_is_refused_and_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE_NAME);
    let garbage = "this is not a registry ".repeat(1000);
    fs::write(&file, &garbage).unwrap();
    let error = try_open(directory.path()).err().unwrap();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), garbage);
}

#[test]
fn directory_writable_by_others_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for mode in [0o777, 0o1777, 0o770, 0o702] {
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
        let error = StateDirectory::claim(directory.path()).unwrap_err();
        assert!(error.to_string().contains("chmod go-w"), "{mode:o}: {error}");
    }
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(StateDirectory::claim(directory.path()).is_ok());
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = StateDirectory::claim(&file).unwrap_err().to_string();
    assert_eq!(error.matches("not a directory").count(), 1, "{error}");
}
