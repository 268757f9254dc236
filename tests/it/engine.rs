//! The engine of user functions: registrations that are refused, the hosts and ports that functions see, and
//! functions that misbehave.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use scanmill::{
    engine::{Engine, HostScript, PortScript, ScriptContext},
    error::ErrorKind,
    model::{Host, ScanHeader, Script, ScriptOrigin, ScriptValue},
    xml::{Options, Reader},
};

use crate::support::{fixture, fixtures};

fn hosts(xml: &str) -> Vec<Host<'static>> {
    Reader::new(xml.as_bytes(), Options::default()).hosts().map(Result::unwrap).collect()
}

/// A host that is up, with ports of each kind.
const HOST: &str = r#"<nmaprun args="x"><host><status state="up"/><address addr="192.0.2.7" addrtype="ipv4"/>
<hostnames><hostname name="Web.example" type="user"/></hostnames><ports>
<port protocol="tcp" portid="22"><state state="open"/></port>
<port protocol="tcp" portid="80"><state state="closed"/></port>
<port protocol="udp" portid="22"><state state="open"/></port>
<port protocol="udp" portid="53"><state state="open|filtered"/></port>
<port protocol="sctp" portid="22"><state state="filtered"/></port>
<port protocol="ip" portid="47"><state state="open"/></port>
</ports></host>
<host><status state="down"/><address addr="192.0.2.8" addrtype="ipv4"/><ports><port protocol="tcp" portid="22"><state state="open"/></port></ports></host></nmaprun>"#;

fn run(engine: &Engine, host: &mut Host<'_>) -> Vec<String> {
    let failures = engine.run(&ScanHeader::default(), host);
    failures.into_iter().map(|failure| failure.message).collect()
}

#[test]
fn a_bad_registration_is_refused_at_once() {
    let host = |name: &str| HostScript::new(name, |_| Ok(1));
    let port = |name: &str| PortScript::new(name, |_| Ok(1));
    let mut engine = Engine::new();
    assert!(engine.is_empty());
    engine.host_script(host("twice")).unwrap();
    engine.port_script(port("twice").ports(1)).unwrap();
    let refused = [
        engine.host_script(host("")),
        engine.host_script(host(" ")),
        engine.host_script(host("twice")),
        engine.host_script(host("a").targets("1.2.3")),
        engine.host_script(host("a").targets("")),
        engine.host_script(host("a").targets("192.0.2.1,::1")),
        engine.host_script(host("a").targets(Vec::<String>::new())),
        engine.host_script(host("a").targets(["*", "192.0.2.1"])),
        engine.port_script(port("twice").ports(2)),
        engine.port_script(port("a")),
        engine.port_script(port("a").ports("http")),
        engine.port_script(port("a").ports(0)),
        engine.port_script(port("a").ports(Vec::<u16>::new())),
        engine.port_script(port("a").ports(1).proto("icmp")),
        engine.port_script(port("a").ports(1).proto("")),
        engine.port_script(port("a").ports(1).states(["ajar"])),
        engine.port_script(port("a").ports(1).states(Vec::<String>::new())),
        engine.port_script(port("a").ports(1).targets("-x")),
    ];
    for result in refused {
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Engine { .. }), "{error}");
        assert!(!error.is_scan_error(), "{error}");
    }
    let mut found = hosts(HOST).remove(0);
    assert!(run(&engine, &mut found).is_empty());
    assert_eq!(found.scripts.len(), 1, "a refused function does not run");
}

/// Returns the ports on which a port script runs.
fn places(script: impl FnOnce(PortScript) -> PortScript) -> Vec<String> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let write = Arc::clone(&log);
    let note = PortScript::new("note", move |context: &ScriptContext<'_>| {
        let (proto, port) = (context.current_proto().unwrap(), context.current_port().unwrap());
        assert_eq!(context.port().unwrap().state.as_str(), context.current_state().unwrap());
        write.lock().unwrap().push(format!("{}:{proto}/{port}", context.current_target()));
        Ok(())
    });
    let mut engine = Engine::new();
    engine.port_script(script(note)).unwrap();
    for host in &mut hosts(HOST) {
        assert!(run(&engine, host).is_empty());
    }
    log.lock().unwrap().clone()
}

#[test]
fn ports_targets_protocols_and_states_select() {
    let all = "1-65535";
    let open = ["192.0.2.7:tcp/22", "192.0.2.7:udp/22", "192.0.2.7:ip/47", "192.0.2.8:tcp/22"];
    assert_eq!(places(|script| script.ports(all)), open);
    assert_eq!(places(|script| script.ports(all).targets("*")), open);
    assert_eq!(places(|script| script.ports("80,53").states(["closed"])), ["192.0.2.7:tcp/80"]);
    assert_eq!(places(|script| script.ports(all).proto("udp")), ["192.0.2.7:udp/22"]);
    assert_eq!(places(|script| script.ports([47]).proto("ip")), ["192.0.2.7:ip/47"]);
    let filtered = places(|script| script.ports(22).proto("sctp").states(["open", "filtered"]));
    assert_eq!(filtered, ["192.0.2.7:sctp/22"]);
    assert_eq!(places(|script| script.ports(all).targets("192.0.2.8/31")), ["192.0.2.8:tcp/22"]);
    assert_eq!(places(|script| script.ports(all).targets(["*"])), open);
    let listed = places(|script| script.ports(all).targets(["192.0.2.1", "192.0.2.8"]));
    assert_eq!(listed, ["192.0.2.8:tcp/22"]);
    assert_eq!(places(|script| script.ports(22).targets("web.EXAMPLE")).len(), 2);
    assert!(places(|script| script.ports(22).targets("192.0.2.1-6, ns.example")).is_empty());
    assert!(places(|script| script.ports(22).targets("2001:db8::/32")).is_empty());
}

#[test]
fn host_scripts_come_first_then_ports_in_order_each_by_registration() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let log = Arc::clone(&log);
        move |context: &ScriptContext<'_>| {
            log.lock().unwrap().push((name, context.current_port()));
            Ok(())
        }
    };
    let mut engine = Engine::new();
    engine.port_script(PortScript::new("p2", note("p2")).ports("22,47")).unwrap();
    engine.port_script(PortScript::new("p1", note("p1")).ports("22")).unwrap();
    engine.host_script(HostScript::new("h2", note("h2"))).unwrap();
    engine.host_script(HostScript::new("h1", note("h1"))).unwrap();
    let mut found = hosts(HOST);
    run(&engine, &mut found[0]);
    let expected = [
        ("h2", None),
        ("h1", None),
        ("p2", Some(22)),
        ("p1", Some(22)),
        ("p2", Some(22)),
        ("p1", Some(22)),
        ("p2", Some(47)),
    ];
    assert_eq!(*log.lock().unwrap(), expected);
    let names = |scripts: &[Script<'_>]| -> Vec<String> {
        scripts.iter().map(|script| script.name.to_string()).collect()
    };
    assert_eq!(names(&found[0].scripts), ["h2", "h1"]);
    assert_eq!(names(&found[0].ports[0].scripts), ["p2", "p1"]);
    // On a host that is down only its ports are visited.
    log.lock().unwrap().clear();
    run(&engine, &mut found[1]);
    assert_eq!(*log.lock().unwrap(), [("p2", Some(22)), ("p1", Some(22))]);
    assert!(found[1].scripts.is_empty());
}

#[test]
fn any_value_is_stored_as_text_and_as_json() {
    #[derive(serde::Serialize)]
    struct Answer {
        code: i32,
        text: &'static str,
    }
    let mut engine = Engine::new();
    engine.host_script(HostScript::new("text", |_| Ok("a \"b\""))).unwrap();
    engine.host_script(HostScript::new("null", |_| Ok(None::<i32>))).unwrap();
    engine.host_script(HostScript::new("list", |_| Ok(vec![1, 2]))).unwrap();
    let answer = |_: &ScriptContext<'_>| Ok(Answer { code: 7, text: "x" });
    engine.host_script(HostScript::new("struct", answer)).unwrap();
    let mut host = hosts(HOST).remove(0);
    assert!(run(&engine, &mut host).is_empty());
    let found: Vec<_> = host
        .scripts
        .iter()
        .map(|script| {
            assert_eq!(script.origin, ScriptOrigin::Engine);
            let ScriptValue::Json(json) = &script.data else { panic!("{:?}", script.data) };
            (script.output.as_deref(), &**json)
        })
        .collect();
    let expected = [
        (Some("a \"b\""), "\"a \\\"b\\\"\""),
        (None, "null"),
        (Some("[1,2]"), "[1,2]"),
        (Some(r#"{"code":7,"text":"x"}"#), r#"{"code":7,"text":"x"}"#),
    ];
    assert_eq!(found, expected);
    // When it runs again, the earlier results are replaced.
    run(&engine, &mut host);
    assert_eq!(host.scripts.len(), 4);
}

#[test]
fn a_function_that_fails_or_panics_is_reported_and_the_others_run() {
    let mut engine = Engine::new();
    engine.host_script(HostScript::new("bad", |_| Err::<(), _>("no way".into()))).unwrap();
    engine
        .host_script(HostScript::new("worse", |_| -> Result<(), _> { panic!("gone: {}", 1) }))
        .unwrap();
    engine.host_script(HostScript::new("good", |_| Ok(true))).unwrap();
    let mut host = hosts(HOST).remove(0);
    let failures = engine.run(&ScanHeader::default(), &mut host);
    let told: Vec<_> = failures
        .iter()
        .map(|failure| (&*failure.script, &*failure.target, &*failure.message))
        .collect();
    let expected = [("bad", "192.0.2.7", "no way"), ("worse", "192.0.2.7", "it panicked: gone: 1")];
    assert_eq!(told, expected);
    assert_eq!(host.scripts.len(), 1);
    assert_eq!(host.scripts[0].name, "good");
}

#[test]
fn a_function_that_exceeds_its_time_limit_is_abandoned_and_counts_as_running() {
    let (go, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let mut engine = Engine::new().with_workers(1).with_timeout(Duration::from_millis(100));
    engine
        .host_script(HostScript::new("stuck", move |_| Ok(gate.lock().unwrap().recv().is_ok())))
        .unwrap();
    engine.host_script(HostScript::new("next", |_| Ok(1))).unwrap();
    let mut found = hosts(HOST);
    let told = run(&engine, &mut found[0]);
    assert_eq!(told.len(), 2);
    assert!(told[0].starts_with("it took more than 0.1 s"), "{told:?}");
    assert!(told[1].contains("others that take too long still run"), "{told:?}");
    assert!(found[0].scripts.is_empty());
    // Both stuck functions return, so there is room again.
    go.send(()).unwrap();
    drop(go);
    let told = (0..100).map(|_| run(&engine, &mut found[0])).find(Vec::is_empty);
    assert!(told.is_some());
    assert_eq!(found[0].scripts.len(), 2);
}

#[test]
fn at_most_as_many_functions_run_as_there_are_workers() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut engine = Engine::new().with_workers(3);
    let (running, peak) = (Arc::clone(&now), Arc::clone(&most));
    engine
        .host_script(HostScript::new("count", move |_| {
            peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }))
        .unwrap();
    let mut many: Vec<Host<'static>> = (0..40).map(|_| hosts(HOST).remove(0)).collect();
    assert!(engine.run_all(&ScanHeader::default(), &mut many).is_empty());
    assert!(many.iter().all(|host| host.scripts.len() == 1));
    let most = most.load(Ordering::SeqCst);
    assert!((2..=3).contains(&most), "{most}");
}

#[test]
fn waiting_for_others_does_not_count_as_running_time() {
    let mut engine = Engine::new().with_workers(1).with_timeout(Duration::from_secs(2));
    engine
        .host_script(HostScript::new("nap", |_| {
            std::thread::sleep(Duration::from_millis(700));
            Ok(())
        }))
        .unwrap();
    let (engine, host) = (&engine, &hosts(HOST)[0]);
    std::thread::scope(|scope| {
        let run = || run(engine, &mut host.clone());
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        for thread in threads {
            assert!(thread.join().unwrap().is_empty());
        }
    });
}

#[test]
fn results_and_failures_are_in_the_order_of_hosts() {
    let mut engine = Engine::new().with_workers(4);
    engine
        .host_script(HostScript::new("odd", |context| {
            let index = context.host().index;
            if index % 2 == 1 { Err(format!("{index}").into()) } else { Ok(index) }
        }))
        .unwrap();
    let mut many: Vec<Host<'static>> =
        (0..100).map(|index| Host { index, ..hosts(HOST).remove(0) }).collect();
    let failures = engine.run_all(&ScanHeader::default(), &mut many);
    let told: Vec<_> = failures.iter().map(|failure| failure.message.clone()).collect();
    assert_eq!(told, (0..100).filter(|n| n % 2 == 1).map(|n| n.to_string()).collect::<Vec<_>>());
    for host in &many {
        assert_eq!(host.scripts.len(), usize::from(host.index % 2 == 0));
    }
}

#[test]
fn the_engine_runs_on_every_fixture_and_changes_nothing_else() {
    let mut engine = Engine::new();
    engine.host_script(HostScript::new("mine", |context| Ok(context.scan().args.clone()))).unwrap();
    engine
        .port_script(
            PortScript::new("mine", |context| Ok(context.current_state().map(str::len)))
                .ports("1-65535"),
        )
        .unwrap();
    let mut marked = 0;
    for fixture in fixtures() {
        for host in hosts(&String::from_utf8_lossy(&fixture.bytes)) {
            let mut copy = host.clone();
            assert!(run(&engine, &mut copy).is_empty(), "{}", fixture.name);
            let is_mine = |script: &Script<'_>| script.origin == ScriptOrigin::Engine;
            marked += copy.scripts.iter().filter(|script| is_mine(script)).count();
            copy.scripts.retain(|script| !is_mine(script));
            for port in &mut copy.ports {
                port.scripts.retain(|script| !is_mine(script));
            }
            assert_eq!(copy, host, "{}", fixture.name);
        }
    }
    assert!(marked > 60, "{marked}");
    assert!(!fixture("01-").bytes.is_empty());
}

#[test]
fn calls_can_be_made_on_a_thread_of_the_caller() {
    let here = std::thread::current().id();
    let mut engine = Engine::new();
    engine
        .host_script(HostScript::new("thread", move |_| Ok(std::thread::current().id() == here)))
        .unwrap();
    engine
        .port_script(PortScript::new("bad", |_| -> Result<(), _> { Err("no".into()) }).ports(22))
        .unwrap();
    engine
        .port_script(PortScript::new("panics", |_| -> Result<(), _> { panic!("oh") }).ports(47))
        .unwrap();
    let mut found = hosts(HOST);
    let seen = found[0].clone();
    let jobs = engine.jobs(&seen);
    let calls: Vec<_> = jobs.iter().map(|job| (job.script(), job.port())).collect();
    assert_eq!(calls, [("thread", None), ("bad", Some(0)), ("bad", Some(2)), ("panics", Some(5))]);
    let mut failures = Vec::new();
    for job in &jobs {
        let result = job.call(&ScanHeader::default(), &seen);
        failures.extend(job.store(&mut found[0], result));
    }
    assert_eq!(found[0].scripts[0].output.as_deref(), Some("true"));
    let messages: Vec<_> = failures.iter().map(|failure| failure.message.as_str()).collect();
    assert_eq!(messages, ["no", "no", "it panicked: oh"]);
    assert_eq!(failures[2].port, Some(("ip".to_owned(), 47)));
    // What run does is the same, on other threads.
    assert_eq!(run(&engine, &mut found[0]), messages);
    assert_eq!(found[0].scripts[0].output.as_deref(), Some("false"));
    assert!(engine.jobs(&found[1]).iter().all(|job| job.script() != "thread"), "it is down");
}
