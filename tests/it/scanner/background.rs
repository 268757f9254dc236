//! Scans in the background run concurrently, end when they are cancelled or dropped, and leave no processes.

use std::fs;

use scanmill::{
    error::ErrorKind,
    merge::MergeFlags,
    scanner::{AsyncScanner, ScanHandle, Scanner},
};

use super::{Fake, HEAD, TAIL, comes_true, ends, exists, host};

/// Returns a fake nmap that writes hosts until it is ended.
fn endless(more: &str) -> Fake {
    let script = format!("{more} echo $$ >pid; SAY head; while :; do SAY host; sleep 0.01; done");
    Fake::new(&script, &[("head", HEAD), ("host", &host(1))])
}

/// Starts a scan, and waits until nmap writes.
fn started(fake: &Fake) -> (ScanHandle, String) {
    let seen = fake.file("seen");
    let scanner = fake.scanner().with_each_host(move |_| fs::write(&seen, "").unwrap());
    let running = AsyncScanner::new(scanner).start();
    assert!(comes_true(|| fake.file("seen").exists()));
    (running, fs::read_to_string(fake.file("pid")).unwrap())
}

#[test]
fn a_scan_runs_in_the_background_and_has_results_when_it_has_ended() {
    let script = "SAY xml; while [ ! -e go ]; do sleep 0.02; done; SAY tail";
    let xml =
        format!("{HEAD}<taskprogress task=\"T\" time=\"1700000003\" percent=\"50\"/>{}", host(1));
    let fake = Fake::new(script, &[("xml", &xml), ("tail", TAIL)]);
    let running = AsyncScanner::new(fake.scanner()).start();
    assert!(comes_true(|| running.progress().is_some()));
    assert_eq!(running.progress().unwrap().percent, Some(50.0));
    assert!(running.is_running() && !running.finished_successfully());
    assert!(running.fatal_errors().is_none());
    let error = running.scanner().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Scan(_)) && error.to_string().contains("still runs"));
    fs::write(fake.file("go"), "").unwrap();
    running.wait().unwrap();
    assert!(!running.is_running() && running.finished_successfully());
    assert_eq!(running.scanner().unwrap().scanned_hosts().unwrap(), ["192.0.2.1"]);
    running.wait().unwrap();
    let scanner = running.into_scanner().unwrap();
    assert_eq!(scanner.state("192.0.2.1").unwrap(), "up");
}

#[test]
fn errors_are_raised_by_waiting_unless_they_are_muted() {
    let fake = Fake::new("SAY xml; kill -9 $$", &[("xml", &format!("{HEAD}{}", host(1)))]);
    let loud = AsyncScanner::new(fake.scanner()).start();
    for _ in 0..2 {
        let failed = loud.wait().unwrap_err();
        assert!(failed.to_string().contains("signal 9"), "{failed}");
        assert_eq!(failed.hosts().len(), 1);
    }
    assert!(!loud.finished_successfully() && loud.fatal_errors().is_none());
    assert!(loud.scanner().unwrap().scanned_hosts().is_err());
    let mut other = Scanner::from_xml("fixtures/01-tcp-connect-default.xml").unwrap();
    assert!(other.merge(&[loud.scanner().unwrap()], MergeFlags::default()).is_err());

    let muted = AsyncScanner::new(fake.scanner()).with_mute_errors(true).start();
    muted.wait().unwrap();
    assert!(!muted.finished_successfully());
    let errors = muted.fatal_errors().unwrap();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].to_string().contains("signal 9"));
    assert!(muted.into_scanner().is_err());

    let fine = Fake::saying(&format!("{HEAD}{}{TAIL}", host(1)));
    let muted = AsyncScanner::new(fine.scanner()).with_mute_errors(true).start();
    muted.wait().unwrap();
    assert_eq!(muted.fatal_errors().map(|errors| errors.len()), Some(0));
}

#[test]
fn cancelling_ends_endless_output() {
    let fake = endless("");
    let (running, pid) = started(&fake);
    assert!(exists(&pid) && running.is_running());
    running.cancel();
    let failed = running.wait().unwrap_err();
    assert_eq!(failed.to_string(), "the scan was cancelled");
    assert!(!failed.hosts().is_empty() && !exists(&pid));
    running.cancel();
}

#[test]
fn dropping_ends_nmap_and_its_children_even_if_they_ignore_signals() {
    let fake =
        endless("trap '' TERM; (trap '' TERM; while :; do sleep 0.1; done) & echo $! >child;");
    let (running, pid) = started(&fake);
    let child = fs::read_to_string(fake.file("child")).unwrap();
    assert!(exists(&pid) && exists(&child));
    drop(running);
    assert!(ends(&pid) && ends(&child));
    // Not even as a zombie: each process is waited for.
    assert!(comes_true(|| !exists(&pid)));
}

#[test]
fn a_scan_that_is_cancelled_immediately_does_not_run_on() {
    for _ in 0..20 {
        let fake = endless("");
        let running = AsyncScanner::new(fake.scanner()).start();
        running.cancel();
        assert_eq!(running.wait().unwrap_err().to_string(), "the scan was cancelled");
        let pid = fs::read_to_string(fake.file("pid")).unwrap_or_default();
        assert!(!exists(&pid));
    }
}

#[test]
fn a_panic_in_the_progress_callback_is_an_error_of_the_scan() {
    let fake = endless("");
    let scanner = fake.scanner().with_each_host(|_| panic!("that was it"));
    let running = AsyncScanner::new(scanner).start();
    let failed = running.wait().unwrap_err();
    assert!(failed.to_string().contains("panicked"), "{failed}");
    assert!(comes_true(|| !exists(&fs::read_to_string(fake.file("pid")).unwrap_or_default())));
}

#[test]
fn many_scans_run_concurrently() {
    let fakes: Vec<Fake> =
        (1..=12).map(|n| Fake::saying(&format!("{HEAD}{}{TAIL}", host(n)))).collect();
    let running: Vec<_> =
        fakes.iter().map(|fake| AsyncScanner::new(fake.scanner()).start()).collect();
    for (number, running) in (1..).zip(running) {
        let scanner = running.into_scanner().unwrap();
        assert_eq!(scanner.scanned_hosts().unwrap(), [format!("192.0.2.{number}")]);
    }
}

#[test]
fn any_thread_cancels_one_run_and_the_next_one_is_another() {
    let fake = Fake::new(
        "SAY head; echo $$ >pid; [ -e go ] || exec sleep 1000; SAY tail",
        &[("head", HEAD), ("tail", TAIL)],
    );
    let mut scanner = fake.scanner();
    let (early, running) = (scanner.canceller(), scanner.canceller());
    let (pid, go) = (fake.file("pid"), fake.file("go"));
    let waiting = {
        let pid = pid.clone();
        std::thread::spawn(move || {
            assert!(comes_true(|| pid.exists()));
            running.cancel();
        })
    };
    assert_eq!(scanner.run().unwrap_err().to_string(), "the scan was cancelled");
    waiting.join().unwrap();
    assert!(early.is_cancelled() && !scanner.canceller().is_cancelled());
    assert!(!exists(&fs::read_to_string(pid).unwrap()));
    // Cancelled before it runs, nmap is not started.
    fs::remove_file(fake.file("pid")).unwrap();
    scanner.canceller().cancel();
    assert_eq!(scanner.run().unwrap_err().to_string(), "the scan was cancelled");
    assert!(!fake.file("pid").exists());
    fs::write(go, "").unwrap();
    scanner.run().unwrap();
    assert!(scanner.finished());
}

#[test]
fn a_scanner_that_failed_comes_back_and_runs_again() {
    let fake = Fake::new("SAY xml; [ -e go ] || exit 3", &[("xml", &format!("{HEAD}{TAIL}"))]);
    let (mut scanner, failed) = AsyncScanner::new(fake.scanner()).start().into_parts();
    assert_eq!(failed.unwrap().to_string(), "nmap failed (exit code 3)");
    assert!(!scanner.finished() && scanner.targets().count() == 9);
    fs::write(fake.file("go"), "").unwrap();
    scanner.run().unwrap();
    let (scanner, failed) = AsyncScanner::new(scanner).start().into_parts();
    assert!(scanner.finished() && failed.is_none());
}
