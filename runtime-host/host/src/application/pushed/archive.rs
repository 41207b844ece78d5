//! Archives of files: `tar`, packed with gzip. They are the same for the same files.

pub(super) use super::super::pulled::ARCHIVE_MEDIA_TYPE as MEDIA_TYPE;
use anyhow::{Context as _, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Maximum size of an archive before it is packed. It is what a pull accepts.
const CONTENT_MAX_BYTES: usize = 1 << 30;
/// What an archive consists of.
const BLOCK_BYTES: usize = 512;
/// What an archive ends with.
const END: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];
/// Maximum length of a name in the header of a file.
const NAME_MAX_BYTES: usize = 100;
/// The name of an entry with the name of the next one.
const LONG_NAME: &str = "././@LongLink";

/// Packs files, each with its name in the archive.
pub(super) fn pack<'a>(
    files: impl Iterator<Item = (&'a str, &'a Path)>,
) -> anyhow::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    let mut bytes = END.len();
    for (name, path) in files {
        let content =
            fs::read(path).with_context(|| format!("{} can't be read", path.display()))?;
        let long_name = (name.len() > NAME_MAX_BYTES).then(|| [name.as_bytes(), &[0]].concat());
        bytes += entry_bytes(&content) + long_name.as_deref().map_or(0, entry_bytes);
        ensure!(
            bytes <= CONTENT_MAX_BYTES,
            "there are more than {CONTENT_MAX_BYTES} bytes of files, with what an archive adds"
        );
        if let Some(long_name) = long_name {
            entry(&mut packed, LONG_NAME, b'L', &long_name)?;
        }
        entry(&mut packed, name, b'0', &content)?;
    }
    packed.write_all(&END)?;
    Ok(packed.finish()?)
}

/// The size of an entry, with its header and what fills its last block.
fn entry_bytes(content: &[u8]) -> usize {
    BLOCK_BYTES + content.len().next_multiple_of(BLOCK_BYTES)
}

fn entry(archive: &mut impl Write, name: &str, kind: u8, content: &[u8]) -> io::Result<()> {
    archive.write_all(&header(name, kind, content.len()))?;
    archive.write_all(content)?;
    let padding = content.len().next_multiple_of(BLOCK_BYTES) - content.len();
    archive.write_all(&[0; BLOCK_BYTES][..padding])
}

/// A header. All files have the same owner, permissions and time.
fn header(name: &str, kind: u8, size: usize) -> [u8; BLOCK_BYTES] {
    let mut header = [0; BLOCK_BYTES];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(NAME_MAX_BYTES)]);
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar  \0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn other_programs_can_unpack_an_archive() {
        let folder = tempfile::tempdir().unwrap();
        let long = format!("{}/{}.txt", "a".repeat(90), "b".repeat(90));
        let source = folder.path().join("source");
        fs::write(&source, "content").unwrap();
        let packed = pack([("x/short.txt", &*source), (&long, &*source)].into_iter()).unwrap();
        let archive = folder.path().join("archive.tar.gz");
        fs::write(&archive, packed).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(&archive).arg("-C").arg(folder.path());
        assert!(tar.status().unwrap().success());
        for name in ["x/short.txt", &long] {
            assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), "content", "{name}");
        }
    }
}
