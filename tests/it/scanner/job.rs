//! `ops::scan`: hosts into a file, several processes, stopping, cancelling, programs, and the real nmap.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use scanmill::{
    engine::{Engine, HostScript},
    error::{ErrorKind, Result},
    feed::Feed,
    model::ScanEvent,
    ops::{
        self, CancellationToken, EnginePrograms, JobOptions, JobStatus, OutputOptions, Progress,
        ProgressHandle, ProgressTotals, ReservedPaths, ScanOptions, ScanReport,
    },
    output::Output,
};
use serde_json::Value;

use super::{Fake, HEAD, TAIL, comes_true, ends, exists, has_nmap, host};

/// Scans into a file of nested lines.
fn scan_into(path: &Path, options: &ScanOptions) -> Result<ScanReport> {
    let output = Output::File(path.to_owned());
    ops::scan(OutputOptions::feed(Feed::Nested { events: false }, output), options)
}

/// Lines of a file, those of hosts only.
fn host_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["_type"] == "host").collect()
}

fn ips(path: &Path) -> Vec<String> {
    host_lines(path).iter().map(|line| line["ip"].as_str().unwrap().to_owned()).collect()
}

fn options(fake: &Fake, targets: &str) -> ScanOptions {
    ScanOptions::new(targets).unwrap().with_nmap(fake.path())
}

#[test]
fn hosts_are_written_and_the_report_says_what_happened() {
    let xml = format!("{HEAD}{}{}{TAIL}", host(1), host(2));
    let fake = Fake::new("echo \"$@\" > words; SAY xml; echo careful >&2", &[("xml", &xml)]);
    let (out, copy) = (fake.file("out.jsonl"), fake.file("copy.xml"));
    let options = options(&fake, "192.0.2.1-2").with_ports("22").unwrap();
    let options = options.with_arguments("-sV").unwrap().with_name("office");
    let options = options.with_xml_copy(&copy, false).with_tasks(true);
    let words: Vec<_> = options.commands().remove(0).into_iter().skip(1).collect();
    let scanned = scan_into(&out, &options).unwrap();
    assert_eq!(scanned.status(), JobStatus::Complete);
    assert_eq!((scanned.report.counts.hosts, scanned.report.lines), (2, 3));
    let process = &scanned.processes[0];
    assert_eq!((process.name.as_str(), process.message.as_deref()), ("office", Some("careful")));
    assert_eq!((process.xml_copy.as_deref(), process.failure.is_none()), (Some(&*copy), true));
    assert_eq!(ips(&out), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(fs::read_to_string(copy).unwrap(), xml);
    let given = fs::read_to_string(fake.file("words")).unwrap();
    assert_eq!(given.split_whitespace().collect::<Vec<_>>(), words);
    assert_eq!(given.trim(), "-oX - -sV --stats-every 1s -p22 -- 192.0.2.1-2");
}

/// A scan of one host, the last word, which fails for one of them.
const OF_TARGET: &str = r#"for last; do :; done
printf '<nmaprun scanner="nmap" args="%s" start="1700000000" version="7.94">' "$last"
printf '<host><status state="up"/><address addr="%s" addrtype="ipv4"/></host>' "$last"
case $last in *.2) echo broken >&2; exit 3;; esac
SAY tail"#;

#[test]
fn several_processes_are_merged_and_one_that_fails_spares_the_others() {
    let fake = Fake::new(OF_TARGET, &[("tail", TAIL)]);
    let out = fake.file("out.jsonl");
    let options = options(&fake, "192.0.2.1-3").with_parallel(3);
    let options = options.with_xml_copy(fake.file("copy.xml"), false);
    assert!(options.is_merged() && options.commands().len() == 3);
    let scanned = scan_into(&out, &options).unwrap();
    assert_eq!(scanned.status(), JobStatus::ScannerFailed);
    let names: Vec<_> = scanned.processes.iter().map(|process| &*process.name).collect();
    assert_eq!(names, ["nmap-1", "nmap-2", "nmap-3"]);
    let failures: Vec<_> = scanned.processes.iter().map(|process| &process.failure).collect();
    let failure = failures[1].as_ref().unwrap();
    assert!(failures[0].is_none() && failures[2].is_none());
    assert!(matches!(failure.kind(), ErrorKind::Scan(_)));
    let text = "nmap ended before the scan was complete, 1 host was read (exit code 3): broken";
    assert_eq!(failure.to_string(), text);
    assert_eq!(scanned.report.errors[0].to_string(), format!("nmap-2: {text}"));
    assert_eq!(ips(&out), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    assert!(host_lines(&out)[0]["scan_ids"].is_array(), "merged hosts have the IDs of scans");
    assert!(fs::read_to_string(fake.file("copy.2.xml")).unwrap().contains("192.0.2.2"));
}

#[test]
fn a_scan_that_is_stopped_completes_its_output() {
    let begin = format!("{HEAD}{}", host(1));
    let fake = Fake::new("SAY begin; echo $$ > pid; exec sleep 1000", &[("begin", &begin)]);
    for parallel in [1, 2] {
        let out = fake.file(&format!("out{parallel}.jsonl"));
        let options = options(&fake, "192.0.2.1").with_parallel(parallel);
        let processes = options.processes.clone();
        let pid = fake.file("pid");
        let scanned = thread::scope(|scope| {
            let running = scope.spawn(|| scan_into(&out, &options));
            assert!(comes_true(|| pid.exists()));
            processes.stop();
            running.join().unwrap().unwrap()
        });
        assert_eq!(scanned.status(), JobStatus::Cancelled);
        assert_eq!(ips(&out), ["192.0.2.1"]);
        assert!(!exists(&fs::read_to_string(&pid).unwrap()));
        fs::remove_file(pid).unwrap();
    }
}

#[test]
fn a_job_that_is_cancelled_ends_a_silent_nmap_and_publishes_nothing() {
    let begin = format!("{HEAD}{}", host(1));
    let script = "trap '' TERM; SAY begin; echo $$ > pid; while :; do sleep 0.1; done";
    let fake = Fake::new(script, &[("begin", &begin)]);
    let token = CancellationToken::new();
    let out = fake.file("out.jsonl");
    let job = JobOptions::default().with_cancellation(token.clone());
    let options = options(&fake, "192.0.2.1").with_job(job);
    let scanned = thread::scope(|scope| {
        let running = scope.spawn(|| scan_into(&out, &options));
        assert!(comes_true(|| fake.file("pid").exists()));
        token.cancel();
        let cancelled = Instant::now();
        let scanned = running.join().unwrap().unwrap();
        assert!(cancelled.elapsed() < Duration::from_secs(30), "{:?}", cancelled.elapsed());
        scanned
    });
    assert_eq!(scanned.status(), JobStatus::Cancelled);
    assert!(!out.exists());
    assert!(!exists(&fs::read_to_string(fake.file("pid")).unwrap()));
}

#[test]
fn a_scan_without_a_result_keeps_what_is_there_and_leaves_the_token_alone() {
    let fake = Fake::new("echo 'bad option' >&2; exit 255", &[]);
    let (out, token) = (fake.file("out.jsonl"), CancellationToken::new());
    let job = JobOptions::default().with_cancellation(token.clone());
    let scanned = scan_into(&out, &options(&fake, "192.0.2.1").with_job(job)).unwrap();
    assert_eq!(scanned.status(), JobStatus::ScannerFailed);
    assert_eq!(
        scanned.processes[0].failure.as_ref().unwrap().to_string(),
        "nmap wrote no scan (exit code 255): bad option"
    );
    assert!(!out.exists() && !token.is_cancelled());
    let missing = ScanOptions::new("192.0.2.1").unwrap().with_nmap("/no/such/nmap");
    assert!(matches!(
        scan_into(&out, &missing).unwrap_err().kind(),
        ErrorKind::ProgramNotFound { .. }
    ));
    let contradiction = ScanOptions::new("::1").unwrap().with_arguments("-4").unwrap();
    let error = scan_into(&out, &contradiction).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidArgument(_)), "{error}");
}

/// Records the calls of [`Progress`], one line per call.
#[derive(Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Progress for Log {
    fn begin(&self, totals: ProgressTotals) {
        self.0.lock().unwrap().push(format!("begin {}", totals.inputs));
    }

    fn scan_event(&self, process: usize, event: &ScanEvent<'_>) {
        if let ScanEvent::Host(host) = event {
            self.0.lock().unwrap().push(format!("{process} {}", host.ip().unwrap().text));
        }
    }

    fn end(&self) {
        self.0.lock().unwrap().push("end".to_owned());
    }
}

#[test]
fn progress_is_passed_on_by_process() {
    let fake = Fake::saying(&format!("{HEAD}{}{}{TAIL}", host(1), host(2)));
    let log = Log::default();
    let lines = Arc::clone(&log.0);
    let job = JobOptions::default().with_progress(ProgressHandle::new(log));
    scan_into(&fake.file("out.jsonl"), &options(&fake, "192.0.2.1").with_job(job)).unwrap();
    assert_eq!(*lines.lock().unwrap(), ["begin 1", "0 192.0.2.1", "0 192.0.2.2", "end"]);
}

#[test]
fn programs_of_a_file_run_on_the_hosts_and_end_with_the_scan() {
    let fake = Fake::saying(&format!("{HEAD}{}{TAIL}", host(1)));
    let toml = fake.file("engine.toml");
    let program = "echo $$ > program; [ $1 = 192.0.2.1 ] && exec sleep 1000";
    let text = format!(
        "[[host_script]]\nname = \"slow\"\ncommand = [\"sh\", \"-c\", \"cd '{}'; {program}\", \"sh\", \"{{target}}\"]\n",
        fake.0.path().display()
    );
    fs::write(&toml, text).unwrap();
    let mut options = options(&fake, "192.0.2.1");
    let processes = options.processes.clone();
    let programs = EnginePrograms::new(&toml).with_processes(processes.clone());
    options.filters.engine = Some(Arc::new(programs.read().unwrap()));
    let out = fake.file("out.jsonl");
    let pid = fake.file("program");
    let scanned = thread::scope(|scope| {
        let running = scope.spawn(|| scan_into(&out, &options));
        assert!(comes_true(|| fs::read_to_string(&pid).is_ok_and(|pid| pid.ends_with('\n'))));
        processes.stop();
        running.join().unwrap().unwrap()
    });
    assert_eq!(scanned.status(), JobStatus::Cancelled);
    assert_eq!(scanned.report.engine["slow"].message, "it was stopped together with the run");
    assert!(ends(&fs::read_to_string(&pid).unwrap()));
    fs::write(&toml, "[[host_script]]\nname = \"a\"\n").unwrap();
    let error = EnginePrograms::new(&toml).read().unwrap_err().to_string();
    assert!(error.contains("engine.toml:1: missing field `command`"), "{error}");
}

#[test]
fn an_output_replaces_neither_nmap_nor_another_path_of_the_job() {
    let fake = Fake::new("SAY xml", &[("xml", &format!("{HEAD}{}{TAIL}", host(1)))]);
    let copy = fake.file("copy.xml");
    let settings = fake.file("settings.toml");
    fs::write(&settings, "").unwrap();
    let nmap = fs::read(fake.path()).unwrap();
    let reserved = ReservedPaths::new().with_read(&settings);
    let job = JobOptions::default().with_reserved_paths(reserved);
    let options = options(&fake, "192.0.2.1").with_xml_copy(&copy, true).with_job(job);
    for path in [fake.path(), copy.clone(), settings.clone()] {
        let output = Output::File(path.clone());
        let output = OutputOptions::feed(Feed::Nested { events: false }, output);
        let error = ops::scan(output.with_overwrite(true), &options).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Usage(_)), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    assert_eq!(fs::read(fake.path()).unwrap(), nmap);
    assert!(!copy.exists() && fs::read(&settings).unwrap().is_empty());
}

#[test]
fn an_engine_gets_hosts_of_one_scan_or_merged_ones() {
    let fake = Fake::new(OF_TARGET, &[("tail", TAIL)]);
    for parallel in [1, 2] {
        let mut engine = Engine::new();
        engine
            .host_script(HostScript::new("is-merged", |context| Ok(context.is_merged())))
            .unwrap();
        let mut options = options(&fake, "192.0.2.1").with_parallel(parallel);
        options.filters.engine = Some(Arc::new(engine));
        let out = fake.file(&format!("out{parallel}.jsonl"));
        scan_into(&out, &options).unwrap();
        let scripts = host_lines(&out).remove(0)["scripts"].clone();
        assert_eq!(scripts[0]["output"], (parallel > 1).to_string(), "{scripts}");
    }
}

#[test]
fn the_real_nmap_scans_loopback_with_one_process_and_with_two() {
    if !has_nmap("the_real_nmap_scans_loopback_with_one_process_and_with_two") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    for (targets, parallel) in [("127.0.0.1", 1), ("127.0.0.1-2", 2)] {
        let out = folder.path().join(format!("{parallel}.jsonl"));
        let options = ScanOptions::new(targets).unwrap().with_ports(port).unwrap();
        let options = options.with_arguments("-sT -n").unwrap().with_parallel(parallel);
        let scanned = scan_into(&out, &options).unwrap();
        assert_eq!(scanned.status(), JobStatus::Complete, "{:?}", scanned.report.errors);
        let lines = host_lines(&out);
        assert_eq!(lines.len(), parallel);
        assert_eq!(lines[0]["ports"][0]["state"], "open", "{}", lines[0]);
    }
}
