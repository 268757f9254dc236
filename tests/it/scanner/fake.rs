//! Blocking scans with a fake nmap: when results arrive, and the result of each way to end.

use std::{
    fs, io,
    sync::{Arc, Mutex},
};

use scanmill::{
    engine::{Engine, HostScript, PortScript},
    error::{Error, ErrorKind},
    model::{Host, ScriptOrigin},
    scanner::{ScanError, Scanner},
};

use super::{Fake, HEAD, TAIL, comes_true, ends, exists, host};
use crate::support::{fixture, variable};

fn whole() -> String {
    format!("{HEAD}{}{}{TAIL}", host(1), host(2))
}

fn failed(scanner: &mut Scanner) -> ScanError {
    let failed = scanner.run().unwrap_err();
    assert!(failed.error().is_scan_error(), "{failed}");
    assert!(!scanner.finished());
    let error = scanner.scanned_hosts().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Scan(_)), "{error}");
    assert!(error.to_string().contains(&failed.to_string()), "{error}");
    failed
}

#[test]
fn results_are_empty_before_the_scan_and_complete_after_it() {
    let fake = Fake::new("SAY xml; echo note >&2", &[("xml", &whole())]);
    let mut scanner = fake.scanner().with_ports("22,80-81,443,8080").unwrap();
    assert!(!scanner.finished() && scanner.record().is_none());
    assert_eq!(scanner.start_timestamp().or(scanner.end_timestamp()), None);
    for property in [
        scanner.start_time(),
        scanner.end_time(),
        scanner.exit_status(),
        scanner.args(),
        scanner.summary(),
        scanner.version(),
        scanner.tolerant_errors(),
    ] {
        assert_eq!(property, None);
    }
    for error in [
        scanner.scanned_hosts().err(),
        scanner.state("192.0.2.1").err(),
        scanner.non_scanned_hosts().map(drop).err(),
        scanner.non_scanned_ports("192.0.2.1", "tcp").err(),
        scanner.run_engine(&Engine::new()).err(),
    ] {
        assert!(matches!(error.unwrap().kind(), ErrorKind::Scan(_)));
    }
    scanner.run().unwrap();
    assert!(scanner.finished());
    assert_eq!(scanner.start_timestamp(), Some(1_700_000_000));
    assert_eq!(scanner.start_time(), Some("Tue Nov 14 22:13:20 2023"));
    assert_eq!(scanner.end_timestamp(), Some(1_700_000_009));
    assert_eq!(scanner.end_time(), Some("Tue Nov 14 22:13:29 2023"));
    assert_eq!(scanner.exit_status(), Some("success"));
    assert_eq!(scanner.args(), Some("nmap -oX - 192.0.2.1"));
    assert_eq!(scanner.summary(), Some("all done"));
    assert_eq!(scanner.version(), Some("7.93"));
    assert_eq!(scanner.tolerant_errors(), Some("note\n"));
    assert_eq!(scanner.scanned_hosts().unwrap(), ["192.0.2.1", "192.0.2.2"]);
    let left: Vec<_> = scanner.non_scanned_hosts().unwrap().collect();
    assert_eq!(left, (3..10).map(|n| format!("192.0.2.{n}")).collect::<Vec<_>>());
    // 22 is listed, 80 and 81 are among the extraports, 443 was requested and not scanned, and 8080 was not
    // requested.
    assert_eq!(scanner.non_scanned_ports("192.0.2.1", "tcp").unwrap(), [443, 8080]);
    assert_eq!(scanner.non_scanned_ports("192.0.2.1", "udp").unwrap().len(), 5);
    assert!(scanner.non_scanned_ports("192.0.2.1", "xyz").is_err());
    assert!(scanner.non_scanned_ports("192.0.2.3", "tcp").is_err());
}

#[test]
fn the_command_line_is_the_documented_one() {
    let fake = Fake::new("printf '%s\\n' \"$@\" >words; SAY xml", &[("xml", &whole())]);
    let mut scanner = Scanner::new("192.168.0.0/16, web.example")
        .unwrap()
        .with_ports("443,80-82,81")
        .unwrap()
        .with_arguments("-sV --script 'a b;$(id)' -T4")
        .unwrap()
        .with_nmap(fake.path());
    scanner.run().unwrap();
    let words = fs::read_to_string(fake.file("words")).unwrap();
    let expected = [
        "-oX",
        "-",
        "-sV",
        "--script",
        "a b;$(id)",
        "-T4",
        "-p80-82,443",
        "--",
        "192.168.0.1-255",
        "192.168.1-254.0-255",
        "192.168.255.0-254",
        "web.example",
    ];
    assert_eq!(words.lines().collect::<Vec<_>>(), expected);
    let given: Vec<_> = scanner.command().into_iter().skip(1).collect();
    assert_eq!(given, expected);
    let v6 = Scanner::new("2001:db8::1").unwrap();
    assert_eq!(v6.command(), ["nmap", "-oX", "-", "-6", "--", "2001:db8::1"]);
    let once = v6.with_arguments("-6").unwrap();
    assert_eq!(once.command().iter().filter(|word| *word == "-6").count(), 1);
}

#[test]
fn targets_ports_and_arguments_must_agree_in_any_order() {
    let kind = |result: Result<(), Error>| match result.unwrap_err().kind() {
        ErrorKind::InvalidArgument(_) => "argument",
        ErrorKind::InvalidPort { .. } => "port",
        ErrorKind::InvalidTarget { .. } => "address",
        other => panic!("{other:?}"),
    };
    let mut scanner = Scanner::new("192.0.2.1").unwrap();
    assert_eq!(kind(scanner.set_arguments("-6")), "argument");
    assert_eq!(kind(scanner.set_arguments("-v")), "argument");
    assert_eq!(kind(scanner.set_ports("0")), "port");
    assert_eq!(kind(scanner.set_targets("1.2.3")), "address");
    scanner.set_arguments("--top-ports 5 -4").unwrap();
    assert_eq!(kind(scanner.set_ports(22)), "argument");
    assert_eq!(kind(scanner.set_targets("::1")), "argument");
    scanner.set_arguments(["-4"]).unwrap();
    scanner.set_ports([22, 80]).unwrap();
    assert_eq!(kind(scanner.set_arguments("-F")), "argument");
    // A refused call leaves everything as it was.
    let words = scanner.command();
    assert_eq!(words, ["nmap", "-oX", "-", "-4", "-p22,80", "--", "192.0.2.1"]);
    scanner.set_ports(Vec::<u16>::new()).unwrap();
    assert!(scanner.ports().is_none());
    scanner.set_arguments("-F").unwrap();
    scanner.set_targets(["192.0.2.2", "web.example"]).unwrap();
    assert_eq!(scanner.targets().count(), 2);
}

#[test]
fn a_host_arrives_when_it_is_complete_and_not_later() {
    // The script goes on only after the host was returned; otherwise it ends with an error.
    let script = "SAY first; i=0
        while [ ! -e seen ]; do [ $i -lt 500 ] || exit 9; i=$((i+1)); sleep 0.02; done
        SAY rest";
    let first = format!("{HEAD}{}", host(1).trim_end());
    let rest = format!("{}{TAIL}", host(2));
    let fake = Fake::new(script, &[("first", &first), ("rest", &rest)]);
    let seen = fake.file("seen");
    let mut scanner = fake.scanner().with_each_host(move |host| {
        assert_eq!(host.ports.len(), 1);
        fs::write(&seen, "").unwrap();
    });
    scanner.run().unwrap();
    assert_eq!(scanner.hosts().unwrap().len(), 2);
    // Without keeping hosts, and on a second run.
    fs::remove_file(fake.file("seen")).unwrap();
    let mut names = Vec::new();
    scanner
        .run_each(|run, host| {
            assert_eq!(run.scanner.as_deref(), Some("nmap"));
            fs::write(fake.file("seen"), "").unwrap();
            names.push(host.ip().unwrap().text.to_string());
        })
        .unwrap();
    assert_eq!(names, ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(scanner.summary(), Some("all done"));
    let error = scanner.scanned_hosts().unwrap_err().to_string();
    assert!(error.contains("not kept"), "{error}");
}

#[test]
fn hosts_that_are_only_shown_are_not_kept_in_memory() {
    if variable("NEXTEST").is_none() {
        // Other tests would share the process and its memory.
        return;
    }
    let peak = || -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let script = "SAY head; yes \"$(cat host)\" | head -n 100000; SAY tail";
    let one = host(1);
    let texts = [("head", HEAD), ("host", one.trim_end()), ("tail", TAIL)];
    let fake = Fake::new(script, &texts);
    let mut scanner = fake.scanner();
    let before = peak();
    let mut count = 0;
    scanner.run_each(|_, _| count += 1).unwrap();
    assert_eq!(count, 100_000);
    let grown = peak() - before;
    assert!(grown < 16_000, "{grown} KiB");
}

#[test]
fn much_output_on_standard_error_does_not_block() {
    let script = "head -c 2000000 /dev/zero | tr '\\0' e >&2; SAY xml; head -c 2000000 /dev/zero | tr '\\0' f >&2";
    let fake = Fake::new(script, &[("xml", &whole())]);
    let mut scanner = fake.scanner();
    scanner.run().unwrap();
    let said = scanner.tolerant_errors().unwrap();
    assert!(said.starts_with("eee") && said.ends_with("fff") && said.len() < 200_000);
    assert_eq!(scanner.hosts().unwrap().len(), 2);
}

#[test]
fn an_exit_code_is_an_error_even_with_a_whole_document() {
    let fake = Fake::new("SAY xml; echo 'no  good\nat all' >&2; exit 3", &[("xml", &whole())]);
    let failed = failed(&mut fake.scanner());
    assert_eq!(failed.to_string(), "nmap failed (exit code 3): no good; at all");
    assert_eq!(failed.hosts().len(), 2);
}

#[test]
fn the_error_of_a_killed_scan_has_the_hosts_read_so_far() {
    let cut = format!("{HEAD}{}{}", host(1), &host(2)[..150]);
    let fake = Fake::new("SAY xml; kill -9 $$", &[("xml", &cut)]);
    let mut scanner = fake.scanner();
    let failed = failed(&mut scanner);
    assert_eq!(
        failed.to_string(),
        "nmap ended before the scan was complete, 2 hosts were read (signal 9)"
    );
    assert!(format!("{failed:?}").contains("hosts: 2"), "{failed:?}");
    assert!(failed.record().truncated);
    let complete: Vec<_> = failed.hosts().iter().map(|host| host.complete).collect();
    assert_eq!(complete, [true, false]);
    // Facts about the scan stay; its results do not.
    assert_eq!(scanner.start_timestamp(), Some(1_700_000_000));
    assert_eq!((scanner.exit_status(), scanner.tolerant_errors()), (None, None));
    let error = Error::from(failed.clone());
    assert!(matches!(error.kind(), ErrorKind::Scan(_)));
    assert_eq!(failed.into_hosts().len(), 2);
}

#[test]
fn a_truncated_document_is_an_error_even_if_nmap_succeeds() {
    let cut = format!("{HEAD}{}", host(1));
    let failed = failed(&mut Fake::saying(&cut).scanner());
    assert!(failed.to_string().contains("ended before the scan"), "{failed}");
    assert_eq!(failed.hosts().len(), 1);
}

#[test]
fn no_output_and_no_xml_are_errors_with_nmaps_message() {
    let silent = failed(&mut Fake::new("echo 'bad option' >&2; exit 255", &[]).scanner());
    assert_eq!(silent.to_string(), "nmap wrote no scan (exit code 255): bad option");
    let other = failed(&mut Fake::saying("Usage: nmap\n").scanner());
    assert!(other.to_string() == "nmap wrote no scan", "{other}");
    let html = failed(&mut Fake::saying("<?xml version=\"1.0\"?><html></html>").scanner());
    assert!(html.to_string() == "nmap wrote no scan", "{html}");
    assert!(failed(&mut Fake::new("exit 0", &[]).scanner()).hosts().is_empty());
    // Endless output is stopped.
    for endless in ["yes", "yes '<html>'"] {
        let other = failed(&mut Fake::new(endless, &[]).scanner());
        assert!(other.to_string().contains("16 MiB, and no scan"), "{other}");
    }
}

#[test]
fn an_error_that_nmap_reports_is_returned() {
    for (start, said) in [("27-", "nosuch0"), ("29-", "does-not-exist")] {
        let document = String::from_utf8(fixture(start).bytes).unwrap();
        let fake = Fake::new("SAY xml; exit 1", &[("xml", &document)]);
        let message = failed(&mut fake.scanner()).to_string();
        assert!(
            message.starts_with("nmap failed (exit code 1): ") && message.contains(said),
            "{message}"
        );
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn requests_that_cannot_be_run_fail_before_anything_runs() {
    let none = Scanner::default().run().unwrap_err();
    assert!(none.to_string().contains("no targets"), "{none}");
    let mut missing = Scanner::new("192.0.2.1").unwrap().with_nmap("no-such-nmap");
    let failed = missing.run().unwrap_err().to_string();
    assert!(
        failed.contains("no-such-nmap") && failed.contains("not found; is nmap installed?"),
        "{failed}"
    );
    assert!(!failed.contains('\n'));
    let fake = Fake::new("", &[("plain", "text")]);
    let mut plain = fake.scanner().with_nmap(fake.file("plain"));
    assert!(plain.run().unwrap_err().to_string().contains("cannot be run"));
}

#[test]
fn the_xml_is_copied_byte_for_byte_even_if_the_scan_fails() {
    let xml = format!("{HEAD}{}<junk \0\n", host(1));
    let fake = Fake::new("SAY xml; exit 4", &[("xml", &xml)]);
    let copy = fake.file("copy");
    let mut scanner = fake.scanner().with_xml_copy(fs::File::create(&copy).unwrap());
    failed(&mut scanner);
    assert_eq!(fs::read(&copy).unwrap(), xml.as_bytes());
}

/// A disk that is full after some bytes.
struct Full(usize);

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_copy_that_cannot_be_written_ends_the_scan() {
    let script = "echo $$ >pid; SAY head; while :; do SAY host; done";
    let one = host(1);
    let fake = Fake::new(script, &[("head", HEAD), ("host", &one)]);
    let mut scanner = fake.scanner().with_xml_copy(Full(200_000));
    let failed = scanner.run().unwrap_err();
    assert!(matches!(failed.error().kind(), ErrorKind::Sink { .. }), "{failed}");
    assert!(!failed.hosts().is_empty());
    assert!(!exists(&fs::read_to_string(fake.file("pid")).unwrap()));
}

#[test]
fn children_of_nmap_are_ended_and_leave_no_zombies() {
    let script = "echo $$ >pid; sleep 1000 & echo $! >child; SAY xml";
    let fake = Fake::new(script, &[("xml", &whole())]);
    fake.scanner().run().unwrap();
    assert!(ends(&fs::read_to_string(fake.file("child")).unwrap()));
    assert!(!exists(&fs::read_to_string(fake.file("pid")).unwrap()));
}

#[test]
fn a_consumer_that_panics_ends_nmap() {
    let script = "trap '' TERM; echo $$ >pid; SAY head; while :; do SAY host; done";
    let one = host(1);
    let fake = Fake::new(script, &[("head", HEAD), ("host", &one)]);
    let mut scanner = fake.scanner();
    let run = || scanner.run_each(|_, _| panic!("that was it"));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
    let pid = fs::read_to_string(fake.file("pid")).unwrap();
    assert!(comes_true(|| !exists(&pid)));
}

#[test]
fn progress_is_reported_as_it_arrives() {
    let tasks = r#"<taskprogress task="Connect Scan" time="1700000003" percent="25.50" remaining="9" etc="1700000012"/>
<taskprogress task="Connect Scan" time="1700000006" percent="75.00" remaining="3" etc="1700000009"/>
"#;
    let fake = Fake::saying(&format!("{HEAD}{tasks}{}{TAIL}", host(1)));
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let mut scanner = fake.scanner().with_progress(move |task| {
        let told = (task.task.clone().unwrap(), task.percent, task.remaining_s);
        teller.lock().unwrap().push(told);
    });
    scanner.run().unwrap();
    let name = || "Connect Scan".to_owned();
    let expected = [(name(), Some(25.5), Some(9)), (name(), Some(75.0), Some(3))];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[test]
fn an_engine_runs_after_the_scan_in_the_order_of_hosts() {
    let down = r#"<host><status state="down"/><address addr="192.0.2.5" addrtype="ipv4"/></host>"#;
    let fake = Fake::saying(&format!("{HEAD}{}{down}{}{TAIL}", host(3), host(2)));
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut engine = Engine::new().with_workers(1);
    let log = Arc::clone(&order);
    let note = move |context: &scanmill::engine::ScriptContext<'_>| {
        let target = context.current_target().to_owned();
        log.lock().unwrap().push((target, context.current_port()));
    };
    let (of_host, of_port) = (note.clone(), note);
    engine
        .host_script(HostScript::new("who", move |context| {
            of_host(context);
            Ok(context.current_target().to_owned())
        }))
        .unwrap();
    engine
        .port_script(
            PortScript::new("bad", |context| -> Result<(), _> {
                Err(format!("no luck on {}", context.current_target()).into())
            })
            .ports(22),
        )
        .unwrap();
    engine
        .port_script(
            PortScript::new("none", move |context| {
                of_port(context);
                Ok(())
            })
            .ports("22"),
        )
        .unwrap();
    let begun = Arc::clone(&order);
    let mut scanner = fake
        .scanner()
        .with_engine(engine)
        .with_each_host(move |_| assert!(begun.lock().unwrap().is_empty(), "it has not ended"));
    scanner.run().unwrap();
    let place = |host: &str, port| (host.to_owned(), port);
    let expected = [
        place("192.0.2.3", None),
        place("192.0.2.3", Some(22)),
        place("192.0.2.2", None),
        place("192.0.2.2", Some(22)),
    ];
    assert_eq!(*order.lock().unwrap(), expected);
    assert_eq!(scanner.host_script("192.0.2.2", "who").unwrap(), Some("192.0.2.2"));
    assert!(scanner.host_script("192.0.2.5", "who").is_err(), "hosts that are down have none");
    // Null is a value; a function that failed has none.
    assert_eq!(scanner.port_script("192.0.2.3", "tcp", 22, "none").unwrap(), None);
    assert!(scanner.port_script("192.0.2.3", "tcp", 22, "bad").is_err());
    let script = &scanner.port("192.0.2.3", "tcp", 22).unwrap().scripts[0];
    assert_eq!(script.origin, ScriptOrigin::Engine);
    assert_eq!((scanner.failure_count(), scanner.failures().len()), (2, 2));
    let error = Error::from(scanner.failures()[0].clone());
    assert!(matches!(error.kind(), ErrorKind::Engine { .. }));
    assert_eq!(error.to_string(), "bad on 192.0.2.3 22/tcp: no luck on 192.0.2.3");
}

#[test]
fn an_engine_runs_on_each_host_before_it_is_shown() {
    let fake = Fake::saying(&whole());
    let mut values = Vec::new();
    let mut engine = Engine::new();
    engine.host_script(HostScript::new("one", |_| Ok(1))).unwrap();
    let mut scanner = fake.scanner().with_engine(engine);
    let outputs = |host: &Host<'_>| -> Vec<String> {
        host.scripts.iter().filter_map(|script| Some(script.output.as_ref()?.to_string())).collect()
    };
    scanner.run_each(|_, host| values.extend(outputs(host))).unwrap();
    assert_eq!(values, ["1", "1"]);
}

#[test]
fn results_of_calls_that_the_caller_made_are_looked_up_as_others_are() {
    let fake = Fake::saying(&whole());
    let mut engine = Engine::new();
    engine.host_script(HostScript::new("mine", |_| Ok(()))).unwrap();
    engine.port_script(PortScript::new("no", |_| Ok(())).ports(22)).unwrap();
    let mut scanner = fake.scanner();
    assert!(scanner.host("192.0.2.1").is_err(), "it was not run");
    scanner.run().unwrap();
    let seen = scanner.host("192.0.2.1").unwrap().clone();
    for job in engine.jobs(&seen) {
        let result = if job.port().is_none() { Ok("value".into()) } else { Err("why".into()) };
        scanner.store_result("192.0.2.1", &job, result).unwrap();
    }
    assert_eq!(scanner.host_script("192.0.2.1", "mine").unwrap(), Some("value"));
    assert_eq!((scanner.failure_count(), &*scanner.failures()[0].message), (1, "why"));
    let job = &engine.jobs(&seen)[0];
    assert!(scanner.store_result("192.0.2.99", job, Ok(1.into())).is_err());
}
