//! Random expressions select the same hosts and ports as DuckDB does, by conditions in SQL on the tables that `convert`
//! writes. Each test of a field is generated as an expression and as a condition.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestCaseError, TestRunner},
};
use scanmill::{
    filter::{Field, FieldScope, Filter},
    format::TableFormat,
    model::{Host, ScanEvent, Timestamp, host_id, port_id},
    ops::{
        self, ConvertOptions, Inputs, JobOptions, JobStatus, ListKind, ListOptions, ListOutput,
        MemoryBudget, OutputOptions, ReadOptions,
    },
    output::Output,
    table::Table,
    xml::{Options, Reader},
};
use serde_json::{Value, json};

use crate::support::{command, fixtures, root, skip, venv_python};

/// Number of expressions that are compared at once.
const AT_ONCE: usize = 60;

/// A condition on a host, port or service in both languages.
#[derive(Debug, Clone)]
struct Condition {
    text: String,
    sql: String,
    /// True if it names a field of a port or service.
    ports: bool,
}

impl Condition {
    fn new(text: String, sql: String, ports: bool) -> Self {
        Self { text, sql, ports }
    }
}

/// Hosts of all scans with distinct IDs, and the files that they come from.
struct Data {
    hosts: Vec<(String, Host<'static>, Option<Timestamp>)>,
    files: Vec<PathBuf>,
}

impl Data {
    fn of_fixtures() -> Self {
        let mut data = Self { hosts: Vec::new(), files: Vec::new() };
        let mut seen = BTreeSet::new();
        for fixture in fixtures().into_iter().filter(crate::support::Fixture::is_well_formed) {
            let mut hosts = Vec::new();
            let (mut scan, mut ids) = (None, BTreeSet::new());
            for event in Reader::new(&fixture.bytes[..], Options::default()).events() {
                match event.unwrap() {
                    ScanEvent::ScanStart(header) => {
                        ids.insert(header.scan_id.clone());
                        scan = Some(header);
                    }
                    ScanEvent::Host(host) => {
                        let scan = scan.as_ref().unwrap();
                        hosts.push((host_id(&scan.scan_id, host.index), *host, scan.start_time));
                    }
                    _ => {}
                }
            }
            let has_one = ids.len() == 1 && hosts.len() < 300;
            if has_one && ids.is_disjoint(&seen) {
                seen.extend(ids);
                data.hosts.append(&mut hosts);
                data.files.push(fixture.path);
            }
        }
        assert!(data.files.len() > 25 && data.hosts.len() > 60, "{}", data.hosts.len());
        data
    }

    /// Returns the keys that an expression selects.
    fn selected(&self, filter: &Filter) -> Vec<String> {
        let mut keys = Vec::new();
        for (id, host, scan_start) in &self.hosts {
            let mut host = host.clone();
            if !filter.apply(&mut host, *scan_start) {
                continue;
            }
            if filter.selects_ports() {
                let ports = host.ports.iter();
                keys.extend(ports.map(|port| port_id(id, &port.protocol, port.number)));
            } else {
                keys.push(id.clone());
            }
        }
        keys.sort();
        keys.dedup();
        keys
    }

    /// Returns ASCII texts of the data, which values of expressions are chosen from.
    fn pool(&self, texts: impl Fn(&Host<'static>) -> Vec<Option<String>>) -> Vec<String> {
        let all = self.hosts.iter().flat_map(|(_, host, _)| texts(host)).flatten();
        let plain = |text: &String| text.is_ascii() && !text.is_empty() && text.len() < 60;
        let mut pool: Vec<String> =
            all.filter(plain).collect::<BTreeSet<_>>().into_iter().collect();
        pool.push("missing".to_owned());
        pool
    }
}

fn own(text: Option<&std::borrow::Cow<'_, str>>) -> Option<String> {
    text.map(|text| text.clone().into_owned())
}

/// Quotes a value for both languages, which have the same rule.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Makes a pattern of a text: a part of it, or with characters replaced.
fn pattern(text: &str, kind: u8) -> String {
    let escaped = |part: &str| part.replace('\\', "\\\\").replace('*', "\\*").replace('?', "\\?");
    let (start, end) = text.split_at(text.len() / 2);
    match kind {
        0 => format!("{}*", escaped(start)),
        1 => format!("*{}", escaped(end)),
        2 => format!("*{}*", escaped(end.get(..end.len().min(3)).unwrap_or_default())),
        3 => format!("{}?{}", escaped(start), escaped(end.get(1..).unwrap_or_default())),
        4 => format!(
            "{}*{}",
            escaped(&start.to_uppercase()),
            escaped(end.get(end.len() / 2..).unwrap_or_default())
        ),
        _ => escaped(text),
    }
}

/// SQL of the values `v` of a field: the condition on them stands for `{}`.
#[derive(Debug, Clone, Copy)]
struct TextField {
    name: &'static str,
    ports: bool,
    sql: &'static str,
    /// The value in the condition.
    value: &'static str,
}

const fn scalar(name: &'static str, ports: bool, value: &'static str) -> TextField {
    TextField { name, ports, sql: "coalesce({}, false)", value }
}

const NAMES: &str = "EXISTS (SELECT 1 FROM names n WHERE n.host_id = r.host_id AND {})";
const IPS: &str = "EXISTS (SELECT 1 FROM ips n WHERE n.host_id = r.host_id AND {})";
const CPES: &str = "EXISTS (SELECT 1 FROM cpes n WHERE n.host_id = r.host_id AND n.protocol = r.protocol \
                    AND n.port = r.port AND n.service_index = r.service_index AND {})";
const SCRIPTS: &str = "EXISTS (SELECT 1 FROM scripts n WHERE n.host_id = r.host_id AND n.protocol = r.protocol \
                       AND n.port = r.port AND n.scope = 'port' AND {})";
const HOST_SCRIPTS: &str =
    "EXISTS (SELECT 1 FROM scripts n WHERE n.host_id = r.host_id AND n.scope = 'host' AND {})";

fn text_fields(data: &Data) -> Vec<(TextField, Vec<String>)> {
    let services = |get: fn(&scanmill::model::Service<'static>) -> Option<String>| {
        data.pool(|host| host.ports.iter().flat_map(|port| &port.services).map(get).collect())
    };
    let field = |name, sql, ports| TextField { name, ports, sql, value: "n.v" };
    let script = |name, sql, ports| TextField { name, ports, sql, value: "n.name" };
    vec![
        (scalar("service", true, "r.service"), services(|s| own(s.name.as_ref()))),
        (scalar("product", true, "r.product"), services(|s| own(s.product.as_ref()))),
        (scalar("extra_info", true, "r.extra_info"), services(|s| own(s.extra_info.as_ref()))),
        (scalar("tunnel", true, "r.tunnel"), vec!["ssl".into(), "tls".into()]),
        (scalar("method", true, "r.method"), vec!["table".into(), "probed".into()]),
        (scalar("protocol", true, "r.protocol"), vec!["tcp".into(), "udp".into(), "ip".into()]),
        (
            scalar("reason", true, "r.port_reason"),
            data.pool(|host| host.ports.iter().map(|port| own(port.reason.as_ref())).collect()),
        ),
        (
            scalar("mac_vendor", false, "r.mac_vendor"),
            data.pool(|host| vec![host.mac().and_then(|mac| own(mac.vendor.as_ref()))]),
        ),
        (
            scalar("os", false, "r.os_name"),
            data.pool(|host| {
                host.os.matches.iter().map(|found| own(found.name.as_ref())).collect()
            }),
        ),
        (
            scalar("host_reason", false, "r.reason"),
            data.pool(|host| vec![own(host.status.reason.as_ref())]),
        ),
        (
            field("hostname", NAMES, false),
            data.pool(|host| host.hostnames.iter().map(|name| own(Some(&name.name))).collect()),
        ),
        (
            field("cpe", CPES, true),
            data.pool(|host| {
                let services = host.ports.iter().flat_map(|port| &port.services);
                services.flat_map(|service| &service.cpes).map(|cpe| own(Some(cpe))).collect()
            }),
        ),
        (
            script("script", SCRIPTS, true),
            data.pool(|host| {
                host.ports
                    .iter()
                    .flat_map(|port| &port.scripts)
                    .map(|script| own(Some(&script.name)))
                    .collect()
            }),
        ),
        (
            script("host_script", HOST_SCRIPTS, false),
            data.pool(|host| host.scripts.iter().map(|script| own(Some(&script.name))).collect()),
        ),
    ]
}

/// Tests of texts: whole ones, patterns, lists, and if there is a value.
fn text_tests(field: TextField, pool: Vec<String>) -> BoxedStrategy<Condition> {
    let TextField { name, ports, sql, value } = field;
    let all =
        move |conditions: Vec<String>| sql.replace("{}", &format!("({})", conditions.join(" OR ")));
    let values = vec(select(pool), 1..4);
    (values, 0_u8..10, 0_u8..6)
        .prop_map(move |(values, operator, kind)| {
            let equal = |v: &String| format!("lower({value}) = lower({})", quoted(v));
            let like = |v: &String| format!("like({value}, {})", quoted(v));
            let list =
                |values: &[String]| values.iter().map(|v| quoted(v)).collect::<Vec<_>>().join(", ");
            let first = &values[..1];
            let patterns: Vec<String> = values.iter().map(|v| pattern(v, kind)).collect();
            let (text, sql) = match operator {
                0 | 1 => {
                    (format!("{name} = {}", list(first)), all(first.iter().map(equal).collect()))
                }
                2 => (
                    format!("{name} != {}", list(first)),
                    format!("NOT {}", all(first.iter().map(equal).collect())),
                ),
                3 => (
                    format!("{name} in ({})", list(&values)),
                    all(values.iter().map(equal).collect()),
                ),
                4 => (
                    format!("{name} not in ({})", list(&values)),
                    format!("NOT {}", all(values.iter().map(equal).collect())),
                ),
                5 | 6 => (
                    format!("{name} ~ {}", list(&patterns[..1])),
                    all(patterns[..1].iter().map(like).collect()),
                ),
                7 => (
                    format!("{name} !~ ({})", list(&patterns)),
                    format!("NOT {}", all(patterns.iter().map(like).collect())),
                ),
                8 => (
                    format!("{name} ~ ({})", list(&patterns)),
                    all(patterns.iter().map(like).collect()),
                ),
                _ => (name.to_owned(), all(vec![format!("{value} IS NOT NULL")])),
            };
            Condition::new(text, sql, ports)
        })
        .boxed()
}

/// Tests of numbers and times. `column` is the number in SQL.
fn number_tests(
    name: &'static str,
    ports: bool,
    column: &'static str,
    values: Vec<i64>,
) -> BoxedStrategy<Condition> {
    (select(values.clone()), select(values), 0_u8..8)
        .prop_map(move |(one, other, operator)| {
            let (first, last) = (one.min(other), one.max(other));
            let (text, sql) = match operator {
                0 => (format!("{name} = {one}"), format!("{column} = {one}")),
                1 => (format!("{name}<{one}"), format!("{column} < {one}")),
                2 => (format!("{name} <= {one}"), format!("{column} <= {one}")),
                3 => (format!("{name}>{one}"), format!("{column} > {one}")),
                4 => (format!("{name} >= {one}"), format!("{column} >= {one}")),
                5 => (
                    format!("{name} in {first}-{last}"),
                    format!("{column} BETWEEN {first} AND {last}"),
                ),
                6 => {
                    let text = format!("{name} in ({one}, {other}-{})", other + 10);
                    (
                        text,
                        format!("{column} = {one} OR {column} BETWEEN {other} AND {}", other + 10),
                    )
                }
                _ => {
                    let sql = format!("NOT coalesce({column} = {one}, false)");
                    return Condition::new(format!("{name} != {one}"), sql, ports);
                }
            };
            Condition::new(text, format!("coalesce({sql}, false)"), ports)
        })
        .boxed()
}

fn version_tests(pool: Vec<String>) -> BoxedStrategy<Condition> {
    let pool: Vec<String> =
        pool.into_iter().chain(["1.9", "1.10", "2.0-rc1", "7.2p10"].map(str::to_owned)).collect();
    (select(pool), 0_u8..6)
        .prop_map(|(version, operator)| {
            let operator = ["=", "<", "<=", ">", ">=", "!="][usize::from(operator)];
            let order = format!("ordered(r.version, {})", quoted(&version));
            let text = format!("version {operator} {}", quoted(&version));
            let sql = match operator {
                "!=" => format!("NOT coalesce({order} = 0, false)"),
                operator => format!("coalesce({order} {operator} 0, false)"),
            };
            Condition::new(text, sql, true)
        })
        .boxed()
}

/// Networks that addresses are compared with.
const NETWORKS: [&str; 8] = [
    "192.0.2.0/24",
    "192.0.2.16/28",
    "10.0.0.0/8",
    "127.0.0.0/8",
    "0.0.0.0/0",
    "2001:db8::/32",
    "::/0",
    "fe80::/10",
];

/// Patterns of outputs of scripts.
const WORDS: [&str; 6] = ["*a*", "*\n*", "*ssh-rsa*", "*CVE-*", "Apache*", "*Example?*"];

fn address_tests(ips: Vec<String>) -> BoxedStrategy<Condition> {
    let of = |condition: &str| IPS.replace("{}", condition);
    let ips: Vec<String> =
        ips.into_iter().filter(|ip| ip.parse::<std::net::IpAddr>().is_ok()).collect();
    let networks =
        (vec(select(&NETWORKS[..]), 1..3), any::<bool>()).prop_map(move |(networks, negated)| {
            let conditions = networks.iter().map(|network| format!("inside(n.v, '{network}')"));
            let sql = of(&format!("({})", conditions.collect::<Vec<_>>().join(" OR ")));
            let list = networks.join(", ");
            if negated {
                Condition::new(format!("ip not in ({list})"), format!("NOT {sql}"), false)
            } else {
                Condition::new(format!("ip in ({list})"), sql, false)
            }
        });
    let single = (select(ips), 0_u8..6).prop_map(move |(ip, operator)| {
        let (text, condition) = match operator {
            0 => (format!("ip = {ip}"), format!("n.v = '{ip}'")),
            1 => (format!("ip < {ip}"), format!("below(n.v, '{ip}')")),
            2 => (format!("ip > {ip}"), format!("below('{ip}', n.v)")),
            3 => (format!("ip <= {ip}"), format!("(n.v = '{ip}' OR below(n.v, '{ip}'))")),
            4 => (
                format!("ip ~ {}*", &ip[..ip.len() / 2]),
                format!("starts_with(n.v, '{}')", &ip[..ip.len() / 2]),
            ),
            _ => {
                return Condition::new(
                    format!("ip != {ip}"),
                    format!("NOT {}", of(&format!("n.v = '{ip}'"))),
                    false,
                );
            }
        };
        Condition::new(text, of(&condition), false)
    });
    prop_oneof![networks, single].boxed()
}

/// Tests of the outputs of scripts.
fn output_tests(names: Vec<String>) -> BoxedStrategy<Condition> {
    (select(names), select(&WORDS[..]), any::<bool>())
        .prop_map(|(name, word, all)| {
            let field = if all { "script.*".to_owned() } else { format!("script.{name}") };
            let of_name = if all { "true".to_owned() } else { format!("n.name = '{name}'") };
            let sql = SCRIPTS.replace(
                "{}",
                &format!("{of_name} AND n.output IS NOT NULL AND like(n.output, {})", quoted(word)),
            );
            Condition::new(format!("{field} ~ {}", quoted(word)), sql, true)
        })
        .boxed()
}

/// Tests of states, which have to be valid.
fn state_tests() -> BoxedStrategy<Condition> {
    let ports = select(&["open", "closed", "filtered", "open|filtered"][..]).prop_map(|state| {
        Condition::new(format!("state = {state}"), format!("r.port_state = '{state}'"), true)
    });
    let hosts = select(&["up", "down", "unknown"][..]).prop_map(|state| {
        Condition::new(format!("host_state != {state}"), format!("r.state <> '{state}'"), false)
    });
    prop_oneof![ports, hosts].boxed()
}

/// Tests of the time at which a host was last seen.
fn time_tests(data: &Data) -> BoxedStrategy<Condition> {
    let times: Vec<i64> = data
        .hosts
        .iter()
        .filter_map(|(_, host, _)| host.end_time)
        .map(Timestamp::seconds)
        .collect();
    (select(times), 0_u8..4)
        .prop_map(|(seconds, operator)| {
            let operator = ["=", "<", ">=", ">"][usize::from(operator)];
            let time = Timestamp::from_seconds(seconds).unwrap();
            let sql = format!("coalesce(r.last_seen {operator} {seconds}, false)");
            Condition::new(format!("seen {operator} '{time}'"), sql, false)
        })
        .boxed()
}

/// Returns tests of all fields.
fn all_tests(data: &Data) -> Vec<BoxedStrategy<Condition>> {
    let text_fields = text_fields(data);
    let scripts = text_fields.iter().find(|(field, _)| field.name == "script").unwrap().1.clone();
    let texts = text_fields.into_iter().map(|(field, pool)| text_tests(field, pool));
    let versions = data.pool(|host| {
        let services = host.ports.iter().flat_map(|port| &port.services);
        services.map(|service| own(service.version.as_ref())).collect()
    });
    let versions: Vec<String> =
        versions.into_iter().filter(|version| version.contains(char::is_alphanumeric)).collect();
    let ips =
        data.pool(|host| host.addresses.iter().map(|address| own(Some(&address.text))).collect());
    let ports = [1, 22, 53, 80, 443, 1024, 3306, 8080, 65535].to_vec();
    let numbers = [
        number_tests("port", true, "r.port", ports),
        number_tests("confidence", true, "r.confidence", vec![3, 8, 10]),
        number_tests("ports_open", false, "r.ports_open", vec![0, 1, 2, 3, 5]),
        number_tests("ports_listed", false, "r.ports_listed", vec![0, 1, 3, 7, 10]),
        number_tests("os_accuracy", false, "r.os_accuracy", vec![85, 95, 100]),
        number_tests("distance", false, "r.distance", vec![0, 1, 2, 10]),
        number_tests("ip_version", false, "r.ip_version", vec![4, 6]),
    ];
    texts
        .chain(numbers)
        .chain([
            version_tests(versions),
            address_tests(ips),
            output_tests(scripts),
            state_tests(),
            time_tests(data),
        ])
        .collect()
}

/// Returns expressions up to a depth.
fn expressions(data: &Data) -> BoxedStrategy<Condition> {
    let leaves = all_tests(data);
    let leaf = (0..leaves.len()).prop_flat_map(move |index| leaves[index].clone());
    leaf.prop_recursive(4, 12, 3, |inner| {
        let joined = |word: &'static str| {
            move |conditions: Vec<Condition>| {
                let join = |part: fn(&Condition) -> &String| {
                    let parts: Vec<String> =
                        conditions.iter().map(|c| format!("({})", part(c))).collect();
                    parts.join(word)
                };
                let ports = conditions.iter().any(|condition| condition.ports);
                Condition::new(join(|c| &c.text), join(|c| &c.sql), ports)
            }
        };
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(joined(" and ")),
            vec(inner.clone(), 2..4).prop_map(joined(" or ")),
            inner.prop_map(|c| Condition::new(
                format!("not ({})", c.text),
                format!("NOT ({})", c.sql),
                c.ports
            )),
        ]
    })
    .boxed()
}

/// Returns the keys that DuckDB selects, one list per condition.
fn asked(python: &Path, folder: &Path, conditions: &[Condition]) -> Vec<Vec<String>> {
    let mut oracle = command(python);
    oracle.arg(root().join("tests/oracle/filters.py")).arg(folder);
    oracle.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = oracle.spawn().unwrap();
    let mut lines = String::new();
    for Condition { sql, ports, .. } in conditions {
        lines.push_str(&json!({ "sql": sql, "ports": ports }).to_string());
        lines.push('\n');
    }
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{lines}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lists: Vec<_> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lists.len(), conditions.len());
    lists
}

#[test]
fn random_expressions_select_what_duckdb_selects() {
    let Some(python) = venv_python() else {
        skip("filters", "there is no venv of the outside readers");
        return;
    };
    let data = Data::of_fixtures();
    let folder = tempfile::tempdir().unwrap();
    let tables = folder.path().join("tables");
    let output = OutputOptions::tables(TableFormat::Parquet, Output::Dir(tables.clone()));
    ops::convert(&Inputs::new(data.files.clone()), output, &ConvertOptions::default()).unwrap();
    let cases = Config::default().cases.div_ceil(64).clamp(2, 200);
    let config =
        Config { cases, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    // Conditions that select something, but not everything, of all conditions.
    let (selective, all) = (Cell::new(0), Cell::new(0));
    let totals = ["host_state ~ *", "protocol ~ *"]
        .map(|everything| data.selected(&Filter::parse(everything).unwrap()).len());
    let compared = TestRunner::new(config).run(&vec(expressions(&data), AT_ONCE), |conditions| {
        for (condition, theirs) in conditions.iter().zip(asked(&python, &tables, &conditions)) {
            let filter = Filter::parse(&condition.text)
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(filter.selects_ports(), condition.ports);
            let ours = data.selected(&filter);
            prop_assert_eq!(&ours, &theirs, "{}\n{}", condition.text, condition.sql);
            all.set(all.get() + 1);
            let total = totals[usize::from(condition.ports)];
            selective.set(selective.get() + usize::from((1..total).contains(&ours.len())));
        }
        Ok(())
    });
    compared.unwrap();
    assert!(selective.get() * 3 > all.get(), "{} of {}", selective.get(), all.get());
}

/// Returns the rows of the tables as text, in order.
fn rows(filter: &str, threads: usize) -> BTreeMap<&'static str, Vec<String>> {
    let options = ReadOptions::default()
        .with_tables([Table::Hosts, Table::Ports, Table::Services])
        .with_filter(Filter::parse(filter).unwrap())
        .with_threads(threads);
    let mut rows: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for batch in ops::read([root().join("fixtures")], options).unwrap() {
        let batch = batch.unwrap();
        rows.entry(batch.table.name()).or_default().push(format!("{:?}", batch.batch));
    }
    rows
}

#[test]
fn the_result_is_the_same_for_any_number_of_threads() {
    for filter in
        ["port in 1-1024 and state = open", "os ~ *Linux*", "service ~ http* or script has ssl-*"]
    {
        let one = rows(filter, 1);
        assert!(one.values().all(|batches| !batches.is_empty()), "{filter}");
        assert!(one == rows(filter, 3), "{filter}");
    }
}

#[test]
fn a_filter_that_is_always_true_changes_nothing_but_hosts_without_ports() {
    let convert = |filter: Option<&str>| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.jsonl");
        let output = OutputOptions::feed(
            scanmill::feed::Feed::Nested { events: true },
            Output::File(path.clone()),
        );
        let job = JobOptions::new(MemoryBudget::new(None, 2).unwrap());
        let mut options = ConvertOptions::default().with_job(job);
        if let Some(filter) = filter {
            options = options.with_filter(Filter::parse(filter).unwrap());
        }
        ops::convert(&Inputs::new([root().join("fixtures")]), output, &options).unwrap();
        std::fs::read_to_string(path).unwrap()
    };
    let all = convert(None);
    assert!(all == convert(Some("host_state ~ *")));
    let with_ports: Vec<&str> = all
        .lines()
        .filter(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["_type"] != "host"
                || line["ports"].as_array().is_some_and(|ports| !ports.is_empty())
        })
        .collect();
    assert!(with_ports == convert(Some("port in 0-65535")).lines().collect::<Vec<_>>());
}

#[test]
fn the_document_lists_all_fields() {
    let page = std::fs::read_to_string(root().join("docs/filters.md")).unwrap();
    let section = page.split("\n## Fields\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let listed: Vec<Vec<&str>> = rows
        .map(|row| row.split(" | ").take(3).map(|cell| cell.trim_start_matches("| ")).collect())
        .collect();
    let known: Vec<Vec<String>> = (Field::ALL.iter())
        .map(|field| {
            let name = match field.alias() {
                Some(alias) => format!("`{}` or `{alias}`", field.name()),
                None => format!("`{}`", field.name()),
            };
            let kind = field.kind().as_str();
            let kind = if field.is_list() { format!("{kind}, several") } else { kind.to_owned() };
            vec![name, field.scope().as_str().to_owned(), kind]
        })
        .collect();
    assert_eq!(listed, known);
    for field in Field::ALL {
        assert_eq!(field.alias().map_or(Some(*field), Field::from_name), Some(*field));
        let filter = Filter::parse(field.name()).unwrap();
        assert!(filter.has_field(*field) && filter.fields().eq([*field]));
        assert_eq!(filter.selects_ports(), field.scope() != FieldScope::Host);
    }
}

#[test]
fn jobs_of_the_library_take_filters() {
    let inputs = Inputs::new([root().join("fixtures/08-tcp-udp-combined.xml")]);
    let filter = || Filter::parse("port = 22 and state = open").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = |name: &str| {
        let output = Output::File(folder.path().join(name));
        OutputOptions::tables(TableFormat::Csv, output)
    };
    let lines = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let options = ops::MergeOptions::default().with_filter(filter());
    ops::merge(&inputs, output("merge.csv").with_tables([Table::Ports]), &options).unwrap();
    let options = ops::HistoryOptions::default().with_filter(filter());
    let history = output("history.csv").with_tables([Table::PortHistory]);
    ops::history(&inputs, history, &options).unwrap();
    let ports = lines("merge.csv").lines().count();
    assert!(ports > 1 && ports == lines("history.csv").lines().count());
    let options = ops::FeedOptions::default().with_filter(filter());
    let feed = scanmill::feed::Feed::Nested { events: false };
    let hosts = ops::feed(&inputs, feed, options).unwrap().map(Result::unwrap);
    let hosts = hosts.filter(|line| line.contains("\"_type\":\"host\"")).count();
    assert_eq!(hosts, ports - 1);
    let options = ops::DiffOptions::default().with_filter(filter());
    assert_eq!(ops::changes(&inputs, &inputs, &options).unwrap().count(), 0);
    let options =
        ListOptions::default().with_names(true).with_certificates(true).with_prefixes(16, 48);
    let listing = ops::list(&inputs, ListKind::Subnets, &options.with_filter(filter())).unwrap();
    assert_eq!((listing.left_out(), listing.status()), (0, JobStatus::Complete));
    assert_eq!(listing.report().counts.scans, 1);
    assert_eq!(listing.collect::<Vec<_>>(), ["192.0.0.0/16"]);
    let too_long = ListOptions::default().with_prefixes(33, 64);
    assert!(ops::list(&inputs, ListKind::Subnets, &too_long).is_err());
    assert!(ListKind::Urls.is_of_ports() && !ListKind::Names.is_of_ports());
    let nul = ListOutput::new(Output::File(folder.path().join("ports"))).with_nul(true);
    let report = ops::write_list(
        &inputs,
        ListKind::Ports,
        &nul.with_overwrite(true),
        &ListOptions::default(),
    );
    assert_eq!((report.unwrap().items, lines("ports").ends_with('\0')), (1, true));
}
