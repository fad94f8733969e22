//! Files out, whole or not at all, each announced.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::cli::Stop;
use crate::cli::out::Out;

/// Writes a file beside its place and renames it into it, so that nobody ever reads half a file, and says so.
pub(crate) fn write(path: &Path, bytes: &[u8], out: &mut Out) -> Result<(), Stop> {
    replace(path, bytes).map_err(|error| Stop::cannot_write(&path.display().to_string(), &error))?;
    out.note(&format!("  wrote {}\n", path.display()));
    Ok(())
}

/// Writes several files into one folder, and says so once.
pub(crate) fn write_all(folder: &Path, files: &[(String, Vec<u8>)], out: &mut Out) -> Result<(), Stop> {
    for (name, bytes) in files {
        let path = folder.join(name);
        replace(&path, bytes).map_err(|error| Stop::cannot_write(&path.display().to_string(), &error))?;
    }
    out.note(&format!("  wrote {}/ ({} files)\n", folder.display(), files.len()));
    Ok(())
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::other("this names no file"))?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let beside = directory.join(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    let written = fs::File::create(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The mistake to report is the first one; the left-over, if it is there at all, is hidden and named.
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::replace;

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("deep/report.json");
        replace(&path, b"one").expect("writable");
        replace(&path, b"two").expect("writable");
        assert_eq!(std::fs::read(&path).expect("readable"), b"two");
        assert_eq!(std::fs::read_dir(path.parent().expect("a parent")).expect("readable").count(), 1);
    }

    #[test]
    fn a_place_that_is_no_place_is_an_error() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(directory.path().join("file"), b"x").expect("writable");
        assert!(replace(&directory.path().join("file/report.json"), b"x").is_err());
    }
}
