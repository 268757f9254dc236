//! Workbook as a zip archive of XML files.
//!
//! The rows of a sheet are compressed before their size is known, and what stands before them in the file depends on
//! them. So a sheet is one DEFLATE stream of two parts: its head as stored blocks, and the stream of its rows, which
//! follows at a byte boundary. Sizes and checksums are known when a file is added, so no header is written twice.
//!
//! Nothing in the archive depends on the time: the same rows give the same bytes.

use std::{
    fmt::Write as _,
    io::{self, Seek as _, SeekFrom, Write},
};

use flate2::Crc;

use super::{
    sheet::{SheetFile, TableSheets},
    styles,
};

/// Version of the format that a reader needs: 2.0, for DEFLATE.
const VERSION: u16 = 20;
/// Compression methods.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Date of every file, as MS-DOS writes 1980-01-01.
const DATE: u16 = 0x0021;
/// Maximum size of a stored block.
const MAX_BLOCK: usize = 0xffff;

/// Writes the workbook.
pub(super) fn write(out: impl Write, tables: Vec<TableSheets>) -> io::Result<()> {
    let mut package = Package { out, offset: 0, entries: Vec::new() };
    let names: Vec<String> = tables
        .iter()
        .flat_map(|table| table.sheets.iter().map(|sheet| table.absolute_range(sheet)))
        .collect();
    package.store("[Content_Types].xml", &content_types(names.len()))?;
    package.store("_rels/.rels", &root_relationships())?;
    package.store("xl/workbook.xml", &workbook(&tables, &names))?;
    package.store("xl/_rels/workbook.xml.rels", &workbook_relationships(names.len()))?;
    package.store("xl/styles.xml", &format!("{}{}", styles::XML, styles::STYLES))?;
    let mut number = 0_usize;
    for table in tables {
        let (first, other) = (table.head(true), table.head(false));
        for sheet in table.sheets {
            number = number.saturating_add(1);
            let head = if number == 1 { &first } else { &other };
            package.sheet(&format!("xl/worksheets/sheet{number}.xml"), head, sheet)?;
        }
    }
    package.finish()
}

fn content_types(sheets: usize) -> String {
    let part = "application/vnd.openxmlformats-officedocument.spreadsheetml";
    let mut xml = format!(
        "{}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
         <Override PartName=\"/xl/workbook.xml\" ContentType=\"{part}.sheet.main+xml\"/>\
         <Override PartName=\"/xl/styles.xml\" ContentType=\"{part}.styles+xml\"/>",
        styles::XML
    );
    for sheet in 1..=sheets {
        // Writing into a string cannot fail.
        let _ = write!(
            xml,
            "<Override PartName=\"/xl/worksheets/sheet{sheet}.xml\" ContentType=\"{part}.worksheet+xml\"/>"
        );
    }
    xml + "</Types>"
}

fn root_relationships() -> String {
    relationships(&[("officeDocument", "xl/workbook.xml".to_owned())])
}

fn workbook_relationships(sheets: usize) -> String {
    let sheets = (1..=sheets).map(|sheet| ("worksheet", format!("worksheets/sheet{sheet}.xml")));
    let all: Vec<_> = sheets.chain([("styles", "styles.xml".to_owned())]).collect();
    relationships(&all)
}

/// Returns a file of relationships with the ids `rId1`, `rId2`, ...
fn relationships(targets: &[(&str, String)]) -> String {
    let mut xml = format!(
        "{}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">",
        styles::XML
    );
    for ((kind, target), id) in targets.iter().zip(1..) {
        let of = styles::RELATIONSHIPS;
        let _ =
            write!(xml, "<Relationship Id=\"rId{id}\" Type=\"{of}/{kind}\" Target=\"{target}\"/>");
    }
    xml + "</Relationships>"
}

/// Returns the list of the sheets, and the ranges that their filters cover.
fn workbook(tables: &[TableSheets], ranges: &[String]) -> String {
    let mut xml = format!(
        "{}<workbook xmlns=\"{}\" xmlns:r=\"{}\"><sheets>",
        styles::XML,
        styles::MAIN,
        styles::RELATIONSHIPS
    );
    for (sheet, id) in tables.iter().flat_map(|table| &table.sheets).zip(1..) {
        let name = &sheet.name;
        let _ = write!(xml, "<sheet name=\"{name}\" sheetId=\"{id}\" r:id=\"rId{id}\"/>");
    }
    xml.push_str("</sheets><definedNames>");
    for (range, number) in ranges.iter().zip(0..) {
        let _ = write!(
            xml,
            "<definedName name=\"_xlnm._FilterDatabase\" localSheetId=\"{number}\" hidden=\"1\">{range}</definedName>"
        );
    }
    xml + "</definedNames></workbook>"
}

/// Zip archive that is being written.
struct Package<W> {
    out: W,
    offset: u64,
    entries: Vec<Entry>,
}

/// File in the archive.
struct Entry {
    name: String,
    method: u16,
    crc: u32,
    packed: u32,
    size: u32,
    offset: u32,
}

impl Entry {
    /// Returns the fields that both headers of a file share.
    fn fields(&self) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let name = u16::try_from(self.name.len()).map_err(|_| too_large())?;
        for field in [VERSION, 0, self.method, 0, DATE] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        for field in [self.crc, self.packed, self.size] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(&name.to_le_bytes());
        // No extra field.
        out.extend_from_slice(&0_u16.to_le_bytes());
        Ok(out)
    }
}

impl<W: Write> Package<W> {
    /// Adds a small file.
    fn store(&mut self, name: &str, text: &str) -> io::Result<()> {
        let mut crc = Crc::new();
        crc.update(text.as_bytes());
        let len = len_of(text.as_bytes());
        self.start(name, STORED, crc.sum(), (len, len))?;
        self.write(text.as_bytes())
    }

    /// Adds a sheet.
    fn sheet(&mut self, name: &str, head: &[u8], sheet: SheetFile) -> io::Result<()> {
        let SheetFile { mut file, crc, bytes, .. } = sheet;
        let mut whole = Crc::new();
        whole.update(head);
        whole.combine(&crc);
        let mut packed_head = Vec::new();
        for block in head.chunks(MAX_BLOCK) {
            let len = u16::try_from(block.len()).unwrap_or(u16::MAX);
            // Neither final nor compressed, then the length, and its complement.
            packed_head.push(0);
            packed_head.extend_from_slice(&len.to_le_bytes());
            packed_head.extend_from_slice(&(!len).to_le_bytes());
            packed_head.extend_from_slice(block);
        }
        let rows = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        let packed = len_of(&packed_head).saturating_add(rows);
        let size = len_of(head).saturating_add(bytes);
        self.start(name, DEFLATED, whole.sum(), (packed, size))?;
        self.write(&packed_head)?;
        let copied = io::copy(&mut file, &mut self.out)?;
        self.offset = self.offset.saturating_add(copied);
        if copied == rows { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Writes the header of a file.
    fn start(
        &mut self,
        name: &str,
        method: u16,
        crc: u32,
        (packed, size): (u64, u64),
    ) -> io::Result<()> {
        let [packed, size, offset] = [packed, size, self.offset].map(u32::try_from);
        let (Ok(packed), Ok(size), Ok(offset)) = (packed, size, offset) else {
            return Err(too_large());
        };
        let entry = Entry { name: name.to_owned(), method, crc, packed, size, offset };
        let header = [&b"PK\x03\x04"[..], &*entry.fields()?, name.as_bytes()].concat();
        self.write(&header)?;
        self.entries.push(entry);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.offset = self.offset.saturating_add(len_of(bytes));
        Ok(())
    }

    /// Writes the list of the files, and the end of the archive.
    fn finish(mut self) -> io::Result<()> {
        let start = self.offset;
        let entries = std::mem::take(&mut self.entries);
        for entry in &entries {
            let mut header = b"PK\x01\x02".to_vec();
            header.extend_from_slice(&VERSION.to_le_bytes());
            header.extend_from_slice(&entry.fields()?);
            // No comment, first disk, no attributes.
            header.extend_from_slice(&[0; 10]);
            header.extend_from_slice(&entry.offset.to_le_bytes());
            header.extend_from_slice(entry.name.as_bytes());
            self.write(&header)?;
        }
        let size = u32::try_from(self.offset.saturating_sub(start)).map_err(|_| too_large())?;
        let start = u32::try_from(start).map_err(|_| too_large())?;
        let count = u16::try_from(entries.len()).map_err(|_| too_large())?;
        // First disk, twice.
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        for count in [count, count] {
            end.extend_from_slice(&count.to_le_bytes());
        }
        for field in [size, start] {
            end.extend_from_slice(&field.to_le_bytes());
        }
        // No comment.
        end.extend_from_slice(&[0, 0]);
        self.write(&end)?;
        self.out.flush()
    }
}

fn len_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn too_large() -> io::Error {
    let message = "a workbook cannot be larger than 4 GiB: write fewer tables, or another format";
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}
