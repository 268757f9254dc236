//! Reuse of a decoder for another input.

use std::collections::VecDeque;

use bumpalo::Bump;
use sha2::{Digest, Sha256};

use super::{
    super::{
        diagnostics::{DocumentDiagnostics, FrameDiagnostics},
        scan::Document,
        text::Encoding,
        transcode::Transcoder,
    },
    Decoder, EscapedScan, Phase, START,
};
use crate::model::ScanEvent;

/// Maximum number of bytes of each buffer that are kept for the next input.
const KEPT: usize = 64 << 10;

impl Decoder {
    /// Resets the decoder to the start of another input, keeping some of its memory.
    pub(in crate::xml) fn reset(&mut self) {
        // Every field is listed, so that a new one cannot be forgotten.
        let Self {
            options,
            transcoder,
            framer,
            pending_input,
            bump,
            diagnostics,
            document_diagnostics,
            encoding,
            document,
            phase,
            queue,
            host,
            emitted_len,
            batches,
            failed,
            input_finished,
            unreadable,
            done,
            lines,
            doc_start,
            escaped,
            refused,
            hides_scan,
            hash_input,
            hash_position,
            hash,
            hash_before_junk,
        } = self;
        let unknown = options.limits.max_unknown_names;
        *transcoder = Transcoder::default();
        framer.reset(KEPT);
        *pending_input = VecDeque::new();
        bump.reset();
        if bump.allocated_bytes() > KEPT {
            *bump = Bump::new();
        }
        *diagnostics = FrameDiagnostics::new(unknown);
        *document_diagnostics = DocumentDiagnostics::new(unknown);
        *encoding = Encoding::default();
        *document = Document::new(0);
        *phase = Phase::default();
        queue.clear();
        queue.shrink_to(KEPT / size_of::<ScanEvent<'_>>());
        *host = None;
        *emitted_len = 0;
        *batches = None;
        *failed = None;
        (*input_finished, *unreadable, *done) = (false, false, false);
        *lines = 0;
        *doc_start = START;
        *escaped = EscapedScan::default();
        (*refused, *hides_scan) = (None, false);
        *hash_input = VecDeque::new();
        *hash_position = 0;
        *hash = Sha256::new();
        *hash_before_junk = None;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::xml::{Options, Reader};

    /// Reads at most `most` events of an input and describes them, followed by the error that ended it.
    fn told(mut reader: Reader<&[u8]>, most: usize) -> (Vec<String>, Reader<&[u8]>) {
        let mut told = Vec::new();
        loop {
            if told.len() == most {
                return (told, reader);
            }
            match reader.next_event() {
                Ok(Some(event)) => told.push(format!("{event:?}")),
                Ok(None) => return (told, reader),
                Err(error) => told.push(format!("{error:?}")),
            }
        }
    }

    fn inputs() -> Vec<Vec<u8>> {
        let mut inputs: Vec<Vec<u8>> = [
            "",
            "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><nmaprun args=\"@\"><host>",
            "<nmaprun><host><address addr=\"192.0.2.7\" vendor=\"@\"/></host><verbose level=\"1\"/",
            "<nmaprun args=\"x\"><host><hostscript><script id=\"y\" output=\"z\"><![CDATA[ open",
            "<nmaprun args=\"x\"><!-- no end <host/>",
            "<nmaprun args=\"x\"><strange><strange><deep>",
            "<nmaprun args=\"x\"><host><a\0b/></host><?pi",
            "<nmaprun args=\"x\"/><nmaprun/><other/>",
            "<html>none of ours</html>",
            "junk before <nmaprun args=\"x\">\u{fffd}\0<prescript><script id=\"y\"><table><elem>t",
        ]
        .iter()
        // A byte that is not UTF-8, and a letter in the encoding that one of the inputs declares.
        .map(|text| {
            text.chars()
                .flat_map(|c| if c == '@' { vec![0xe9] } else { c.to_string().into() })
                .collect()
        })
        .collect();
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        inputs
            .push(utf16("\u{feff}<nmaprun args=\"x\"><host><address addr=\"192.0.2.7\"/></host>"));
        let long =
            format!("<nmaprun args=\"{}\"><host {}", "x".repeat(70_000), "y ".repeat(70_000));
        inputs.push(long.into_bytes());
        let mut names: Vec<_> = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        names.retain(|path| path.extension().is_some_and(|extension| extension == "xml"));
        names.sort();
        for whole in names.iter().map(|path| fs::read(path).unwrap()) {
            for part in [3, 2, 1] {
                inputs.push(whole[..whole.len() / part].to_vec());
            }
        }
        inputs
    }

    #[test]
    fn no_state_of_an_input_affects_the_next() {
        let inputs = inputs();
        assert!(inputs.len() > 100);
        for strict in [false, true] {
            let options = Options { hash: true, ..Options::default().with_strict(strict) };
            let mut spare = Reader::new(&[][..], options.clone()).into_decoder();
            // Each input follows every other one that was read to its end or abandoned before.
            for most in [usize::MAX, 1, 2, 3] {
                for bytes in inputs.iter().chain(inputs.iter().rev()) {
                    let fresh = Reader::new(bytes.as_slice(), options.clone());
                    let (expected, _) = told(fresh, usize::MAX);
                    let again = Reader::with_decoder(&[][..], spare).with_prefix(bytes);
                    let (found, reader) = told(again, usize::MAX);
                    assert_eq!(found, expected, "{}", String::from_utf8_lossy(bytes));
                    spare = reader.into_decoder();
                    if most < usize::MAX {
                        let left = Reader::with_decoder(bytes.as_slice(), spare);
                        spare = told(left, most).1.into_decoder();
                    }
                }
            }
        }
    }
}
