//! Seeded nmap XML of any size: the same kind, seed and size give the same bytes on every machine.
//!
//! The shapes follow real files: `rich` is `-A` output with its long `extrareasons ports` lists, `sweep` is
//! `-sS` over many hosts, `masscan` has one host element per finding.

mod masscan;
mod rich;
mod rng;
mod sweep;

use std::io::{self, Write};

use self::rng::Rng;

/// Kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `nmap -A`: services, scripts, operating systems, routes; about 16 KB per host.
    Rich,
    /// `nmap -sS`: only ports; about 700 bytes per host.
    Sweep,
    /// masscan: about 170 bytes per finding, CRLF.
    Masscan,
}

/// Size of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Total bytes.
    pub bytes: u64,
    /// Host elements.
    pub hosts: u64,
}

/// Start of every generated scan, in seconds since 1970.
const START: u64 = 1_700_000_000;

/// Writes a complete document. It ends with the host that takes it to `size` bytes or more.
///
/// # Errors
///
/// If `out` cannot be written.
pub fn write(kind: Kind, seed: u64, size: u64, out: &mut dyn Write) -> io::Result<Written> {
    let mut rng = Rng::new(seed);
    let mut written = Written { bytes: 0, hosts: 0 };
    let mut piece = Vec::with_capacity(64 << 10);
    match kind {
        Kind::Rich => rich::head(&mut piece),
        Kind::Sweep => sweep::head(&mut piece),
        Kind::Masscan => masscan::head(&mut piece),
    }
    while written.bytes + piece.len() as u64 <= size {
        match kind {
            Kind::Rich => rich::host(&mut rng, written.hosts, &mut piece),
            Kind::Sweep => sweep::host(&mut rng, written.hosts, &mut piece),
            Kind::Masscan => masscan::host(&mut rng, written.hosts, &mut piece),
        }
        written.hosts += 1;
        if piece.len() > 48 << 10 {
            flush(&mut piece, &mut written, out)?;
        }
    }
    match kind {
        Kind::Rich | Kind::Sweep => tail(written.hosts, &mut piece),
        Kind::Masscan => masscan::tail(written.hosts, &mut piece),
    }
    flush(&mut piece, &mut written, out)?;
    Ok(written)
}

fn flush(piece: &mut Vec<u8>, written: &mut Written, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(piece)?;
    written.bytes += piece.len() as u64;
    piece.clear();
    Ok(())
}

/// Appends formatted text. Writing to a `Vec` cannot fail.
macro_rules! put {
    ($out:expr, $($text:tt)*) => {
        let _ = std::io::Write::write_fmt($out, format_args!($($text)*));
    };
}
use put;

/// Writes everything before the first host, as nmap 7.94 does.
fn nmap_head(words: &str, services: &str, out: &mut Vec<u8>) {
    put!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nmaprun>\n");
    put!(
        out,
        "<?xml-stylesheet href=\"file:///usr/bin/../share/nmap/nmap.xsl\" type=\"text/xsl\"?>\n"
    );
    put!(
        out,
        "<!-- Nmap 7.94 scan initiated Tue Nov 14 22:13:20 2023 as: nmap {words} -oX - 10.0.0.0/8 -->\n"
    );
    put!(
        out,
        "<nmaprun scanner=\"nmap\" args=\"nmap {words} -oX - 10.0.0.0/8\" start=\"{START}\" startstr=\"Tue Nov 14 22:13:20 2023\" version=\"7.94\" xmloutputversion=\"1.05\">\n"
    );
    put!(
        out,
        "<scaninfo type=\"syn\" protocol=\"tcp\" numservices=\"1000\" services=\"{services}\"/>\n<verbose level=\"0\"/>\n<debugging level=\"0\"/>\n"
    );
}

fn tail(hosts: u64, out: &mut Vec<u8>) {
    let end = START + hosts;
    put!(
        out,
        "<runstats><finished time=\"{end}\" timestr=\"Tue Nov 14 23:13:20 2023\" summary=\"Nmap done at Tue Nov 14 23:13:20 2023; {hosts} IP addresses ({hosts} hosts up) scanned in {hosts}.25 seconds\" elapsed=\"{hosts}.25\" exit=\"success\"/><hosts up=\"{hosts}\" down=\"0\" total=\"{hosts}\"/>\n</runstats>\n</nmaprun>\n"
    );
}

/// Returns the address of a host by its number.
fn address(host: u64) -> String {
    format!("10.{}.{}.{}", host >> 16 & 255, host >> 8 & 255, host & 255)
}

/// Returns the thousand ports of a default scan: ascending, some of them adjacent, and as long in text as
/// nmap's.
fn thousand_ports() -> Vec<u16> {
    let mut rng = Rng::new(1000);
    let mut ports = Vec::with_capacity(1000);
    let mut port = 0_u16;
    while ports.len() < 1000 {
        let gap = match ports.len() {
            0..300 => rng.below(4) + 1,
            300..700 => rng.below(12) + 1,
            _ => rng.below(330) + 1,
        };
        port = port.saturating_add(u16::try_from(gap).unwrap_or(1));
        ports.push(port);
    }
    ports.dedup();
    ports
}

/// Writes numbers as nmap lists them: `1,3-4,6`.
fn ranges(ports: impl Iterator<Item = u16>, out: &mut Vec<u8>) {
    let mut open: Option<(u16, u16)> = None;
    let close = |(first, last): (u16, u16), out: &mut Vec<u8>| {
        if first == last {
            put!(out, "{first}");
        } else {
            put!(out, "{first}-{last}");
        }
    };
    for port in ports {
        open = match open {
            Some((first, last)) if last.checked_add(1) == Some(port) => Some((first, port)),
            Some(range) => {
                close(range, out);
                out.push(b',');
                Some((port, port))
            }
            None => Some((port, port)),
        };
    }
    if let Some(range) = open {
        close(range, out);
    }
}
