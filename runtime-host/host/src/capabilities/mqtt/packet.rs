//! The packets of MQTT 3.1.1 that a client needs to publish.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// The maximum size of what follows the first header of a packet.
const PACKET_MAX_BYTES: usize = 268_435_455;
/// The maximum size of a text: its length is a number of 16 bits.
const TEXT_MAX_BYTES: usize = u16::MAX as usize;
/// The maximum size of a packet from the broker. Acknowledgments have a few bytes.
const INCOMING_MAX_BYTES: usize = 1024;

/// How often a message arrives: at most once, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quality {
    AtMost,
    AtLeast,
    Exactly,
}

/// How a client introduces itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connect<'a> {
    pub(super) client_id: &'a str,
    pub(super) clean_session: bool,
    /// Empty without one, and so is the password.
    pub(super) username: &'a str,
    pub(super) password: &'a str,
    /// Zero if the broker shall not expect anything.
    pub(super) keep_alive_secs: u16,
}

/// A packet from the broker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// The answer to [`connect`], with its return code.
    Connected(u8),
    /// A message of [`Quality::AtLeast`] is published.
    Acknowledged(u16),
    /// A message of [`Quality::Exactly`] has arrived.
    Received(u16),
    /// A message of [`Quality::Exactly`] is published.
    Completed(u16),
    Pong,
}

pub(super) const PING: [u8; 2] = [0xC0, 0];

/// The packet that begins a session, or `None` if a text is too long.
pub(super) fn connect(connect: Connect<'_>) -> Option<Bytes> {
    let Connect { client_id, clean_session, username, password, keep_alive_secs } = connect;
    let mut flags = u8::from(clean_session) << 1;
    flags |= u8::from(!username.is_empty()) << 7;
    flags |= u8::from(!password.is_empty()) << 6;
    let mut body = BytesMut::new();
    put_text(&mut body, "MQTT")?;
    // Version 3.1.1.
    body.put_u8(4);
    body.put_u8(flags);
    body.put_u16(keep_alive_secs);
    put_text(&mut body, client_id)?;
    for text in [username, password].into_iter().filter(|text| !text.is_empty()) {
        put_text(&mut body, text)?;
    }
    packet(0x10, &body, &[])
}

/// A message, or `None` if it is too long. One that is at most delivered once has no number.
pub(super) fn publish(topic: &str, payload: &[u8], quality: Quality, number: u16) -> Option<Bytes> {
    let mut head = BytesMut::new();
    put_text(&mut head, topic)?;
    let level = match quality {
        Quality::AtMost => 0,
        Quality::AtLeast => 1,
        Quality::Exactly => 2,
    };
    if level > 0 {
        head.put_u16(number);
    }
    packet(0x30 | level << 1, &head, payload)
}

/// The client has stored that a message has arrived.
pub(super) fn release(number: u16) -> [u8; 4] {
    let [high, low] = number.to_be_bytes();
    [0x62, 2, high, low]
}

/// Whether a message can have this topic.
pub(super) fn is_topic(topic: &str) -> bool {
    !topic.is_empty() && topic.len() <= TEXT_MAX_BYTES && !topic.contains(['#', '+', '\0'])
}

/// Takes the first packet out of what has been read; `None` if it is not complete.
///
/// # Errors
/// The broker has sent what no broker sends to a client without subscriptions.
pub(super) fn take(read: &mut BytesMut) -> Result<Option<Incoming>, &'static str> {
    if read.first().is_some_and(|kind| !KINDS.contains(kind)) {
        return Err(UNKNOWN);
    }
    let Some((length, head)) = body_length(read)? else { return Ok(None) };
    if read.len() < head + length {
        return Ok(None);
    }
    let kind = read[0];
    let mut body = read.split_to(head + length);
    body.advance(head);
    let number = || <[u8; 2]>::try_from(&body[..]).map(u16::from_be_bytes);
    let incoming = match (kind, &body[..]) {
        (0x20, [_, code]) => Incoming::Connected(*code),
        (0xD0, []) => Incoming::Pong,
        (0x40, _) => Incoming::Acknowledged(number().map_err(|_| UNKNOWN)?),
        (0x50, _) => Incoming::Received(number().map_err(|_| UNKNOWN)?),
        (0x70, _) => Incoming::Completed(number().map_err(|_| UNKNOWN)?),
        _ => return Err(UNKNOWN),
    };
    Ok(Some(incoming))
}

/// The first bytes of the packets that a broker may send.
const KINDS: [u8; 5] = [0x20, 0x40, 0x50, 0x70, 0xD0];
const UNKNOWN: &str = "the broker has sent an unexpected packet";

/// The size of the body of the first packet, and that of what is before it.
fn body_length(read: &BytesMut) -> Result<Option<(usize, usize)>, &'static str> {
    let mut length = 0;
    for (index, byte) in read.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return if length > INCOMING_MAX_BYTES {
                Err(UNKNOWN)
            } else {
                Ok(Some((length, index + 2)))
            };
        }
    }
    if read.len() > 4 { Err(UNKNOWN) } else { Ok(None) }
}

fn packet(kind: u8, head: &[u8], payload: &[u8]) -> Option<Bytes> {
    let mut length = head.len() + payload.len();
    if length > PACKET_MAX_BYTES {
        return None;
    }
    let mut packet = BytesMut::with_capacity(length + 5);
    packet.put_u8(kind);
    loop {
        let low = (length & 0x7F) as u8;
        length >>= 7;
        packet.put_u8(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    packet.put_slice(head);
    packet.put_slice(payload);
    Some(packet.freeze())
}

fn put_text(body: &mut BytesMut, text: &str) -> Option<()> {
    body.put_u16(u16::try_from(text.len()).ok()?);
    body.put_slice(text.as_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn packets_are_those_of_the_standard() {
        let client = Connect {
            client_id: "me",
            clean_session: true,
            username: "u",
            password: "",
            keep_alive_secs: 10,
        };
        assert_eq!(
            &connect(client).unwrap()[..],
            b"\x10\x11\0\x04MQTT\x04\x82\0\x0A\0\x02me\0\x01u"
        );
        let message = publish("a/b", b"hi", Quality::AtMost, 7).unwrap();
        assert_eq!(&message[..], b"\x30\x07\0\x03a/bhi");
        let message = publish("a/b", b"hi", Quality::Exactly, 7).unwrap();
        assert_eq!(&message[..], b"\x34\x09\0\x03a/b\0\x07hi");
        let long = publish("a", &[0; 200], Quality::AtLeast, 1).unwrap();
        assert_eq!(&long[..3], &[0x32, 0xCD, 0x01]);
        assert_eq!(long.len(), 3 + 205);
        assert_eq!(release(258), [0x62, 2, 1, 2]);
    }

    #[test]
    fn packets_are_taken_when_they_are_complete() {
        let mut read = BytesMut::from(&b"\x20\x02\0\x05\x40\x02\x01\x02\xD0"[..]);
        assert_eq!(take(&mut read), Ok(Some(Incoming::Connected(5))));
        assert_eq!(take(&mut read), Ok(Some(Incoming::Acknowledged(258))));
        assert_eq!(take(&mut read), Ok(None));
        read.put_u8(0);
        assert_eq!(take(&mut read), Ok(Some(Incoming::Pong)));
        assert!(read.is_empty());
    }

    #[test]
    fn what_no_broker_sends_is_refused() {
        for bytes in [
            &b"\x30\x02ab"[..],
            b"\x40\x01a",
            b"\x20\x00",
            b"\x40\xFF\xFF\x7F",
            b"\x40\xFF\xFF\xFF\xFF\x01",
            b"HTTP/1.1 400 Bad Request\r\n",
        ] {
            let mut read = BytesMut::from(bytes);
            assert!(take(&mut read).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn topics_have_no_wildcards() {
        assert!(is_topic("a/b c/ä"));
        for bad in ["", "a/#", "+/b", "a\0"] {
            assert!(!is_topic(bad), "{bad}");
        }
        assert!(!is_topic(&"a".repeat(TEXT_MAX_BYTES + 1)));
    }
}
