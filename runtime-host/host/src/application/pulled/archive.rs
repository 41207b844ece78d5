//! Archives with the files of an application, which are packed if there are too many for layers of
//! their own.

use crate::oci::{Descriptor, digest_of};
use anyhow::{Context as _, bail, ensure};
use flate2::read::GzDecoder;
use std::io::Read;

/// The media type of archives.
pub(in crate::application) const MEDIA_TYPE: &str =
    "application/vnd.wasm.content.bundle.v1.tar+gzip";
/// Maximum size of what an archive contains.
const CONTENT_MAX_BYTES: u64 = 1 << 30;
/// Maximum size of a file in an archive.
const FILE_MAX_BYTES: u64 = 128 << 20;
/// What an archive of the format `tar` consists of.
const BLOCK_BYTES: usize = 512;
/// Where the header of an entry has the size of the file, in octal digits.
const SIZE: std::ops::Range<usize> = 124..136;
/// Where the header of an entry has its type.
const KIND: usize = 156;

/// Whether a layer is an archive.
pub(super) fn is_one(layer: &Descriptor) -> bool {
    layer.media_type == MEDIA_TYPE
}

/// Reads all files of an archive. Their paths are not needed: the configuration of the application
/// has them, with the digests of the files.
pub(super) fn read(
    archive: impl Read,
    mut found: impl FnMut(&str, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut tar = GzDecoder::new(archive).take(CONTENT_MAX_BYTES);
    let mut header = [0; BLOCK_BYTES];
    loop {
        tar.read_exact(&mut header).context("an archive is not complete")?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let size = size(&header).context("an archive is damaged")?;
        ensure!(
            size <= FILE_MAX_BYTES,
            "an archive has a file of more than {FILE_MAX_BYTES} bytes"
        );
        ensure!(size <= tar.limit(), "an archive has more than {CONTENT_MAX_BYTES} bytes");
        let mut content = vec![0; usize::try_from(size.next_multiple_of(BLOCK_BYTES as u64))?];
        tar.read_exact(&mut content).context("an archive is not complete")?;
        content.truncate(usize::try_from(size)?);
        match header[KIND] {
            b'0' | 0 => found(&digest_of(&content), &content)?,
            b'S' => bail!("an archive has a sparse file, which is not supported"),
            // Folders, links, and what other programs need.
            _ => {}
        }
    }
}

/// The size of a file: octal digits, which end with a blank or a zero byte.
fn size(header: &[u8; BLOCK_BYTES]) -> Option<u64> {
    let text = std::str::from_utf8(&header[SIZE]).ok()?;
    u64::from_str_radix(text.trim_matches([' ', '\0']), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn entry(kind: u8, size: &str, content: &[u8]) -> Vec<u8> {
        let mut entry = vec![0; BLOCK_BYTES];
        entry[KIND] = kind;
        entry[SIZE.start..][..size.len()].copy_from_slice(size.as_bytes());
        entry.extend(content);
        entry.resize(entry.len().next_multiple_of(BLOCK_BYTES), 0);
        entry
    }

    fn files(tar: &[u8]) -> anyhow::Result<Vec<String>> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(tar).unwrap();
        let mut files = Vec::new();
        read(&packed.finish().unwrap()[..], |digest, bytes| {
            assert_eq!(digest, digest_of(bytes));
            files.push(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(())
        })?;
        Ok(files)
    }

    #[test]
    fn files_are_read_and_other_entries_are_not() {
        let end = vec![0; 2 * BLOCK_BYTES];
        let tar = [
            entry(b'5', "00000000000\0", b""),
            entry(b'0', "00000000005\0", b"hello"),
            entry(b'x', "00000000003 ", b"pax"),
            entry(0, "00000001000\0", &[b'a'; 512]),
            end,
        ];
        let found = files(&tar.concat()).unwrap();
        assert_eq!(found, ["hello".to_owned(), "a".repeat(512)]);
    }

    #[test]
    fn damaged_archives_are_refused() {
        let cut = entry(b'0', "00000000005\0", b"hello");
        assert!(files(&cut).unwrap_err().to_string().contains("not complete"));
        let damaged = entry(b'0', "x", b"");
        assert!(files(&damaged).unwrap_err().to_string().contains("damaged"));
        let large = entry(b'0', "77777777777\0", b"");
        assert!(files(&large).unwrap_err().to_string().contains("more than"));
    }
}
