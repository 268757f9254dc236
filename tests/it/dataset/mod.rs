//! Datasets: each document is stored exactly once, whatever happens to the runs that load it.

mod copies;
mod crashes;
mod damage;
mod jobs;
mod lost;
mod maintenance;
mod older;
mod replay;
mod rows;

use std::{
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use assert_cmd::cargo::cargo_bin;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use scanmill::table::Table;

use crate::support;

/// A document: a scan of this second with `hosts` hosts, whose last port is `last`.
struct Scan {
    second: u32,
    hosts: u32,
    last: u16,
    end: End,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Finished,
    /// Truncated after its last host.
    Cut,
}

impl Scan {
    fn new(second: u32, hosts: u32) -> Self {
        Self { second, hosts, last: 443, end: End::Finished }
    }

    fn cut(second: u32, hosts: u32) -> Self {
        Self { end: End::Cut, ..Self::new(second, hosts) }
    }

    fn xml(&self) -> String {
        // Every third scan starts on a new date.
        let start = 1_600_000_000 + self.second / 3 * 86_400 + self.second % 3;
        let mut xml = format!(
            "<?xml version=\"1.0\"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner=\"nmap\" version=\"7.94\" \
             args=\"nmap -sV 10.0.0.0/16\" start=\"{start}\">\n<scaninfo type=\"syn\" protocol=\"tcp\" \
             numservices=\"2\" services=\"80,443\"/>\n"
        );
        for host in 0..self.hosts {
            let (a, b) = (host / 250, host % 250);
            writeln!(
                xml,
                "<host starttime=\"{start}\"><status state=\"up\" reason=\"echo-reply\"/><address \
                 addr=\"10.0.{a}.{b}\" addrtype=\"ipv4\"/><hostnames><hostname \
                 name=\"h{host}.example\" type=\"PTR\"/></hostnames><ports><port protocol=\"tcp\" \
                 portid=\"80\"><state state=\"open\" reason=\"syn-ack\"/><service name=\"http\" \
                 product=\"nginx {host}\" method=\"probed\" conf=\"10\"/><script id=\"http-title\" \
                 output=\"Title {} of {host}\"/></port><port protocol=\"tcp\" portid=\"{}\"><state \
                 state=\"closed\" reason=\"reset\"/></port></ports></host>",
                self.second, self.last
            )
            .unwrap();
        }
        if self.end == End::Finished {
            write!(
                xml,
                "<runstats><finished time=\"{}\" exit=\"success\"/><hosts up=\"{}\" down=\"0\" \
                 total=\"{}\"/></runstats>\n</nmaprun>\n",
                start + 60,
                self.hosts,
                self.hosts
            )
            .unwrap();
        }
        xml
    }
}

/// A folder with inputs and a dataset.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self::of(tempfile::tempdir().unwrap())
    }

    /// Creates a place in memory, if the system has such a folder. A killed process leaves the same files
    /// there as on a disk, and no call waits for a disk.
    fn in_memory() -> Self {
        tempfile::tempdir_in("/dev/shm").map_or_else(|_| Self::new(), Self::of)
    }

    fn of(folder: tempfile::TempDir) -> Self {
        let place = Self(folder);
        fs::create_dir(place.input("")).unwrap();
        place
    }

    fn input(&self, name: &str) -> PathBuf {
        self.0.path().join("in").join(name)
    }

    fn dataset(&self) -> PathBuf {
        self.0.path().join("dataset")
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.input(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Returns the command that ingests into the dataset. Names of inputs are relative.
    fn command(&self, args: &[&str]) -> Command {
        self.command_into(&self.dataset(), args)
    }

    fn command_into(&self, dataset: &Path, args: &[&str]) -> Command {
        let mut command = support::command(cargo_bin!("scanmill"));
        command.current_dir(self.0.path()).arg("ingest").arg("--into").arg(dataset).args(args);
        command
    }

    /// Loads all inputs with these options, and returns the report.
    fn load(&self, args: &[&str]) -> serde_json::Value {
        let mut all = vec!["in", "--report", "report.json"];
        all.extend_from_slice(args);
        support::output_of(&mut self.command(&all));
        let report = fs::read(self.0.path().join("report.json")).unwrap();
        serde_json::from_slice(&report).unwrap()
    }

    /// Returns the standard output of `ingest` with these arguments.
    fn says(&self, args: &[&str]) -> String {
        support::output_of(&mut self.command(args))
    }

    /// Returns every row of the dataset, sorted: table, partition and values.
    fn rows(&self) -> Vec<String> {
        rows_of(&self.dataset())
    }
}

/// Returns every row of the newest commit's files, sorted. All of the files must exist and be complete.
fn rows_of(dataset: &Path) -> Vec<String> {
    let mut command = support::command(cargo_bin!("scanmill"));
    let files = support::output_of(command.args(["ingest", "--files", "--into"]).arg(dataset));
    let mut rows = Vec::new();
    for name in files.lines() {
        let (partition, _) = name.rsplit_once('/').unwrap();
        rows_of_file(&dataset.join(name), partition, &mut rows);
    }
    rows.sort_unstable();
    rows
}

fn rows_of_file(path: &Path, prefix: &str, rows: &mut Vec<String>) {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    for row in reader.get_row_iter(None).unwrap() {
        rows.push(format!("{prefix} {}", row.unwrap()));
    }
}

/// Returns the paths of the files below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// Returns a table's rows from `convert --hash` of the inputs, sorted.
fn converted(place: &Place, table: Table) -> Vec<String> {
    let out = place.0.path().join("converted");
    if !out.exists() {
        let mut command = support::command(cargo_bin!("scanmill"));
        command.current_dir(place.0.path()).args(["convert", "in", "--hash", "-o"]).arg(&out);
        support::output_of(&mut command);
    }
    let mut rows = Vec::new();
    rows_of_file(&out.join(format!("{}.parquet", table.name())), "", &mut rows);
    rows.sort_unstable();
    rows
}

#[test]
fn a_dataset_holds_what_convert_writes() {
    let place = Place::new();
    for fixture in support::fixtures() {
        // These are copies of the truncated scan; the others are separate scans.
        if !["35-", "38-"].iter().any(|copy| fixture.name.starts_with(copy)) {
            place.write(&fixture.name, &fixture.bytes);
        }
    }
    for threads in ["1", "2", "8"] {
        let dataset = place.0.path().join(format!("dataset-{threads}"));
        support::output_of(&mut place.command_into(&dataset, &["in", "-j", threads]));
        let rows = rows_of(&dataset);
        for table in Table::ALL {
            let of_table = format!("{}/", table.name());
            let mut found: Vec<_> = rows
                .iter()
                .filter(|row| row.starts_with(&of_table))
                .map(|row| &row[row.find(' ').unwrap()..])
                .collect();
            found.sort_unstable();
            assert_eq!(found, converted(&place, table), "{} with {threads}", table.name());
        }
    }
    let files = |dataset: &str| -> Vec<_> {
        let files = files_below(&place.0.path().join(dataset)).into_iter();
        let parts = files.filter(|path| path.extension().is_some_and(|end| end == "parquet"));
        let part = |path: PathBuf| path.components().skip(3).collect::<PathBuf>();
        parts.map(part).map(|path| path.file_name().unwrap().to_owned()).collect()
    };
    assert_eq!(files("dataset-1"), files("dataset-2"));
    assert_eq!(files("dataset-1"), files("dataset-8"));
}

#[test]
fn convert_creates_the_partitions_of_a_dataset() {
    let place = Place::new();
    // More dates than files are kept open for, each date again after others have come.
    for second in 0..40 {
        place.write(&format!("{:02}-{second:02}.xml", second % 3), Scan::new(second, 40).xml());
    }
    for (name, start, end) in [
        ("00-05-open", "", " time=\"1600086400\""),
        ("01-05-open", "", " time=\"951782400\""),
        ("01-06-none", "", ""),
        ("02-05-start", " start=\"1700006399\"", " time=\"1700100000\""),
    ] {
        place.write(&format!("{name}.xml"), brief(name, start, end));
    }
    // A file that several threads read, and whose partition is unknown until it ends.
    let host = format!(
        "<host><status state=\"up\"/><address addr=\"192.0.2.1\" vendor=\"{}\"/><ports><port protocol=\"tcp\" \
         portid=\"80\"><state state=\"open\"/></port></ports></host>\n",
        "v".repeat(2000)
    );
    let end = "<runstats><finished time=\"951782401\"/></runstats></nmaprun>";
    let large = format!("<nmaprun args=\"large\">{}{end}", host.repeat(2100));
    assert!(large.len() > 4 << 20);
    place.write("01-07-large.xml", large);
    place.write("empty.xml", "\n");
    place.load(&[]);
    let loaded = place.rows();
    for more in [&[][..], &["--rows-per-file", "200"]] {
        let mut before: Option<Vec<(PathBuf, Vec<u8>)>> = None;
        for threads in ["1", "2", "8"] {
            let out = place.0.path().join("parts");
            let mut command = support::command(cargo_bin!("scanmill"));
            command.current_dir(place.0.path()).args(["convert", "in", "--hash", "-j", threads]);
            command.args(["--partition-by", "scan_date", "--overwrite", "-o", "parts/"]).args(more);
            support::output_of(&mut command);
            let mut files = files_below(&out);
            let marker = files.iter().position(|path| path.ends_with("_scanmill.json"));
            files.remove(marker.unwrap());
            let mut rows = Vec::new();
            for file in &files {
                let folder = file.strip_prefix(&out).unwrap().parent().unwrap();
                rows_of_file(file, folder.to_str().unwrap(), &mut rows);
            }
            rows.sort_unstable();
            let other = rows.iter().zip(&loaded).find(|(row, loaded)| row != loaded);
            assert_eq!(other, None, "{threads} threads, {more:?}");
            assert_eq!(rows.len(), loaded.len(), "{threads} threads, {more:?}");
            let read = |path: PathBuf| (path.clone(), fs::read(path).unwrap());
            let files: Vec<_> = files.into_iter().map(read).collect();
            assert_eq!(
                files.iter().any(|(path, _)| path.ends_with("part-9.parquet")),
                !more.is_empty()
            );
            let before = before.get_or_insert_with(|| files.clone());
            assert!(*before == files, "{threads} threads, {more:?}: other files than one thread");
        }
    }
}

/// Returns a scan with these arguments, and with these attributes on its start and its end.
fn brief(args: &str, start: &str, end: &str) -> String {
    format!(
        "<nmaprun args=\"{args}\"{start}><host><address addr=\"10.0.0.1\"/></host><runstats>\
         <finished{end}/></runstats></nmaprun>"
    )
}

#[test]
fn partitions_are_dates_in_utc() {
    let place = Place::new();
    place.write("start.xml", brief("start", " start=\"1700006399\"", " time=\"1700100000\""));
    place.write("next.xml", brief("next", " start=\"1700006400\"", ""));
    place.write("end.xml", brief("end", "", " time=\"951782400\""));
    place.write("none.xml", brief("none", "", ""));
    place.write("empty.xml", "\n");
    place.load(&[]);
    let dates = |table: &str| -> Vec<String> {
        let files = place.says(&["--files", "--table", table]);
        let date = |line: &str| line.split('/').nth(1).unwrap().to_owned();
        files.lines().map(date).collect()
    };
    let expected = ["2000-02-29", "2023-11-14", "2023-11-15", "__HIVE_DEFAULT_PARTITION__"];
    assert_eq!(dates("hosts"), expected.map(|date| format!("scan_date={date}")));
    let empty = |row: &&String| row.contains("W_EMPTY");
    let rows = place.rows();
    let [row] = *rows.iter().filter(empty).collect::<Vec<_>>() else { panic!("{rows:?}") };
    assert!(row.starts_with("warnings/scan_date=__HIVE_DEFAULT_PARTITION__ "));
}
