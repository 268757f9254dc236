//! Runs that are killed, run out of space, or run at the same time.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Place, Scan, files_below, rows_of};
use crate::support;

/// Commits are small, so a run makes many.
const SMALL: [&str; 3] = ["in", "--commit-size", "64K"];

/// Writes a few hundred files on a hundred dates: complete scans, copies that grow, duplicates, and two scans
/// that exceed a commit.
fn archive(place: &Place) {
    for second in 0..250 {
        let name = format!("{:03}.xml", second * 7 % 250);
        place.write(&name, Scan::new(second, 1 + second % 7).xml());
        if second % 5 == 0 {
            place.write(&format!("{second:03}-cut.xml"), Scan::cut(second, second % 4).xml());
            place.write(&format!("later/{second:03}.xml"), Scan::new(second, 1 + second % 7).xml());
        }
    }
    for second in [400, 401] {
        place.write(&format!("100-large-{second}.xml"), Scan::new(second, 700).xml());
        place.write(&format!("090-large-{second}-cut.xml"), Scan::cut(second, 500).xml());
    }
    // Another scan with an ID that is in use.
    place.write("later/collides.xml", Scan { last: 22, ..Scan::new(3, 4) }.xml());
}

fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Pseudo-random delays, the same in every test run.
struct Moments(u64);

impl Moments {
    fn next(&mut self, most: Duration) -> Duration {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let part = u32::try_from(self.0 >> 33).unwrap() % 1000;
        most * part / 1000
    }
}

#[test]
fn a_hundred_kills_do_not_change_the_result() {
    let place = Place::in_memory();
    archive(&place);
    let undisturbed = place.0.path().join("undisturbed");
    let begun = Instant::now();
    let mut args = SMALL.to_vec();
    args.extend(["-j", "2"]);
    support::output_of(&mut place.command_into(&undisturbed, &args));
    let whole = begun.elapsed();
    let expected = rows_of(&undisturbed);
    assert!(expected.len() > 3000);

    let mut moments = Moments(1);
    let (mut kills, mut rounds) = (0, 0);
    while kills < 100 {
        let dataset = place.0.path().join("killed");
        let mut made = 0;
        loop {
            let mut child = spawn(place.command_into(&dataset, &args));
            // A run that is started again has less to do.
            thread::sleep(moments.next(whole / 3));
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            // Whatever is committed is complete, and no commit is lost.
            if dataset.join("_scanmill").is_dir() && kills % 5 == 0 {
                let rows = rows_of(&dataset).len();
                assert!(rows >= made / 2, "{rows} rows of {made}");
                made = rows;
            }
        }
        rounds += 1;
        assert_eq!(rows_of(&dataset), expected, "after {kills} kills");
        support::output_of(&mut place.command_into(&dataset, &["--vacuum"]));
        assert_eq!(rows_of(&dataset), expected, "after {kills} kills and --vacuum");
        fs::remove_dir_all(&dataset).unwrap();
    }
    assert!(rounds > 0);
}

/// Loads with a limit on the size of files, in blocks of 512 bytes. Reaching it is an error instead of a
/// signal.
fn limited(place: &Place, blocks: u32, args: &[&str]) -> Command {
    let ingest = place.command(args);
    let mut shell = support::command("sh");
    let limit = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    shell.current_dir(place.0.path()).args(["-c", &limit, "sh"]);
    shell.arg(ingest.get_program()).args(ingest.get_args());
    shell
}

/// Checks that each file under its final name is complete and readable, and that no temporary files are left.
fn check_nothing_half_written(place: &Place) {
    let mut rows = Vec::new();
    for path in files_below(&place.dataset()) {
        if path.extension().is_some_and(|end| end == "parquet") {
            assert!(
                !path.starts_with(place.dataset().join("_scanmill")),
                "{} was left",
                path.display()
            );
            super::rows_of_file(&path, "", &mut rows);
        }
    }
}

#[test]
fn a_file_size_limit_ends_the_run_and_keeps_the_last_commit() {
    let place = Place::new();
    archive(&place);
    let undisturbed = place.0.path().join("undisturbed");
    support::output_of(&mut place.command_into(&undisturbed, &SMALL));
    let mut failed = 0;
    // From nothing to nearly enough.
    for blocks in [0, 1, 8, 15, 20, 26, 40] {
        let output = limited(&place, blocks, &SMALL).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            failed += 1;
            assert_eq!(output.status.code(), Some(4), "{blocks}: {error}");
            assert!(error.contains("cannot write"), "{error}");
        }
        if place.dataset().join("_scanmill").is_dir() {
            rows_of(&place.dataset());
            check_nothing_half_written(&place);
        }
    }
    assert!(failed >= 4, "only {failed} runs met the limit");
    support::output_of(&mut place.command(&SMALL));
    assert_eq!(place.rows(), rows_of(&undisturbed));
}

/// Returns true if a file system can be mounted in a namespace.
fn may_mount(at: &Path) -> bool {
    let mut unshare = support::command("unshare");
    unshare.args(["-rm", "mount", "-t", "tmpfs", "none"]).arg(at);
    unshare.output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_full_disk_ends_the_run_and_keeps_the_last_commit() {
    let place = Place::new();
    archive(&place);
    fs::create_dir(place.dataset()).unwrap();
    if !may_mount(&place.dataset()) {
        // Mounting depends on the machine, not on installed programs, so this is no failure with `CI` set.
        let _ = writeln!(io::stderr(), "SKIPPED a_full_disk_...: no file system may be mounted");
        return;
    }
    let scanmill = place.command(&[]).get_program().to_owned();
    // The mount is visible only in its namespace, so its content is copied out.
    let script = "mount -t tmpfs -o size=\"$1\" none dataset || exit 9
        \"$2\" ingest in --into dataset --commit-size 64K; echo \"exit $?\"
        \"$2\" ingest --status --into dataset; ls dataset/_scanmill/staging | sed 's/^/staged /'
        mkdir -p \"out-$1\"; cp -r dataset \"out-$1\"";
    for size in ["64k", "300k", "700k"] {
        let mut unshare = support::command("unshare");
        unshare.current_dir(place.0.path()).args(["-rm", "sh", "-c", script, "sh", size]);
        let text = support::output_of(unshare.arg(&scanmill));
        assert!(text.contains("exit 4\n"), "{size}: {text}");
        assert!(!text.contains("staged "), "{size}: {text}");
        let copy = place.0.path().join(format!("out-{size}/dataset"));
        let before = rows_of(&copy).len();
        // With room again the rest is loaded.
        support::output_of(&mut place.command_into(&copy, &SMALL));
        assert!(rows_of(&copy).len() > before);
    }
}

#[test]
fn two_concurrent_runs_load_each_document_once() {
    let expected = {
        let place = Place::new();
        archive(&place);
        place.load(&[]);
        place.rows()
    };
    for round in 0..4 {
        let place = Place::new();
        archive(&place);
        // Both load most of the files, in different orders, so that they meet.
        let (early, late) = (["in", "--exclude", "24*.xml"], ["in/later", "in", "in"]);
        let size = if round % 2 == 0 { "48K" } else { "256K" };
        let run = |inputs: &[&str]| {
            let mut command =
                place.command(&[inputs, &["--commit-size", size, "-j", "1"]].concat());
            command.stderr(Stdio::piped()).spawn().unwrap()
        };
        for child in [run(&early), run(&late), run(&["in"])] {
            let output = child.wait_with_output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "round {round}: {error}");
        }
        // Under which name a document was read, and which of two scans keeps an ID, depends on timing.
        let plain = |rows: &[String]| -> Vec<String> {
            let mut rows: Vec<_> = rows
                .iter()
                .filter(|row| !row.starts_with("warnings/"))
                .map(|row| {
                    let from = row.find("source: \"").unwrap_or(row.len());
                    let end = row[from..].find(", doc_index").map_or(row.len(), |end| from + end);
                    let row = format!("{}{}", &row[..from], &row[end..]);
                    let mut parts = row.split("-x");
                    let mut out = parts.next().unwrap().to_owned();
                    parts.for_each(|part| out.push_str(&part[8..]));
                    out
                })
                .collect();
            rows.sort_unstable();
            rows
        };
        assert_eq!(plain(&place.rows()), plain(&expected), "round {round}");
        place.says(&["--vacuum"]);
        assert_eq!(plain(&place.rows()), plain(&expected), "round {round}");
    }
}

#[test]
fn a_run_that_is_interrupted_keeps_its_commits() {
    let place = Place::new();
    archive(&place);
    let mut child = place
        .command(&["in", "-", "--commit-size", "16K"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&Scan::new(900, 5).xml().as_bytes()[..900]).unwrap();
    let log = place.dataset().join("_scanmill/1.json");
    while !log.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was interrupted");
        thread::sleep(Duration::from_millis(5));
    }
    let mut kill = support::command("kill");
    support::output_of(kill.args(["-INT", &child.id().to_string()]));
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(130));
    let rows = place.rows();
    assert!(!rows.is_empty());
    check_nothing_half_written(&place);
    // The unfinished scan is not in the dataset, not even as a truncated one.
    assert!(!rows.iter().any(|row| row.contains("source: \"-\"")));
    support::output_of(&mut place.command(&SMALL));
    assert!(place.rows().len() >= rows.len());
}
