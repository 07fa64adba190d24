//! Docker's framing of two outputs on one connection. Pure.
//!
//! Each frame has a header of eight bytes: the stream (0 and 1 are standard output, 2 is standard error), three zero
//! bytes, and the length as a big-endian number. Processes with a terminal have one output without frames.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec::Decoder;

use crate::engine::{OutputChunk, OutputStream};

const HEADER: usize = 8;

/// The longest frame, in bytes. Docker splits output into frames of at most 16 KiB; other engines may not.
const MAX_FRAME: usize = 16 << 20;

/// Decodes the output of a process.
#[derive(Debug)]
pub(super) enum OutputDecoder {
    /// The process has no terminal.
    Frames,
    /// The process has a terminal.
    Raw,
}

impl Decoder for OutputDecoder {
    type Item = OutputChunk;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<OutputChunk>> {
        match self {
            Self::Raw => Ok((!buffer.is_empty()).then(|| OutputChunk {
                stream: OutputStream::Stdout,
                bytes: buffer.split().freeze(),
            })),
            Self::Frames => decode_frame(buffer),
        }
    }
}

fn decode_frame(buffer: &mut BytesMut) -> io::Result<Option<OutputChunk>> {
    let Some((header, _)) = buffer.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let [kind, 0, 0, 0, length @ ..] = *header else {
        return Err(invalid("the output is not divided into frames"));
    };
    let stream = match kind {
        0 | 1 => OutputStream::Stdout,
        2 => OutputStream::Stderr,
        _ => return Err(invalid("the output has an unknown stream")),
    };
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX_FRAME {
        return Err(invalid("the output has a frame longer than 16 MB"));
    }
    if buffer.len() < HEADER + length {
        return Ok(None);
    }
    buffer.advance(HEADER);
    let bytes: Bytes = buffer.split_to(length).freeze();
    Ok(Some(OutputChunk { stream, bytes }))
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[kind, 0, 0, 0][..], &length, text.as_bytes()].concat()
    }

    fn decode(mut bytes: BytesMut, mut decoder: OutputDecoder) -> Vec<(OutputStream, String)> {
        let mut chunks = Vec::new();
        while let Some(chunk) = decoder.decode(&mut bytes).unwrap() {
            chunks.push((chunk.stream, String::from_utf8(chunk.bytes.to_vec()).unwrap()));
        }
        chunks
    }

    #[test]
    fn frames_are_split_by_stream() {
        let bytes = [frame(1, "out\n"), frame(2, "err\n"), frame(1, "")].concat();
        let expected = [
            (OutputStream::Stdout, "out\n".to_owned()),
            (OutputStream::Stderr, "err\n".to_owned()),
            (OutputStream::Stdout, String::new()),
        ];
        assert_eq!(decode(bytes[..].into(), OutputDecoder::Frames), expected);
    }

    #[test]
    fn incomplete_frame_waits_for_more() {
        let bytes = frame(1, "out\n");
        for length in 0..bytes.len() {
            let mut part = BytesMut::from(&bytes[..length]);
            assert!(
                OutputDecoder::Frames.decode(&mut part).unwrap().is_none(),
                "{length}"
            );
        }
    }

    #[test]
    fn invalid_frames_are_errors() {
        for bytes in [
            &b"plain text"[..],
            &[3, 0, 0, 0, 0, 0, 0, 1, 1],
            &[1, 0, 0, 0, 255, 0, 0, 0],
        ] {
            let decoded = OutputDecoder::Frames.decode(&mut BytesMut::from(bytes));
            assert!(decoded.is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn terminal_output_is_returned_unchanged() {
        let text = "\u{1}\u{1b}[31mred".to_owned();
        assert_eq!(
            decode(text.as_bytes().into(), OutputDecoder::Raw),
            [(OutputStream::Stdout, text)]
        );
    }
}
