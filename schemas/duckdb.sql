-- Printed by `scanmill schema`; not edited by hand.

CREATE TABLE scans (
    "scan_id" VARCHAR NOT NULL,
    "source" VARCHAR NOT NULL,
    "doc_index" INTEGER NOT NULL,
    "scanner" VARCHAR,
    "scanner_version" VARCHAR,
    "xml_version" VARCHAR,
    "args" VARCHAR,
    "profile_name" VARCHAR,
    "start_time" TIMESTAMP WITH TIME ZONE,
    "start_str" VARCHAR,
    "end_time" TIMESTAMP WITH TIME ZONE,
    "end_str" VARCHAR,
    "elapsed_s" DOUBLE,
    "finished" BOOLEAN NOT NULL,
    "exit_status" VARCHAR,
    "error_message" VARCHAR,
    "summary" VARCHAR,
    "hosts_up" BIGINT,
    "hosts_down" BIGINT,
    "hosts_total" BIGINT,
    "verbosity" INTEGER,
    "debugging" INTEGER,
    "scan_info" STRUCT("type" VARCHAR, "protocol" VARCHAR, "num_services" BIGINT, "services" VARCHAR, "scan_flags" VARCHAR)[],
    "hosts_seen" BIGINT NOT NULL,
    "hosts_incomplete" BIGINT NOT NULL,
    "truncated" BOOLEAN NOT NULL,
    "resumed" BOOLEAN NOT NULL,
    "bytes" BIGINT NOT NULL,
    "warnings" BIGINT NOT NULL,
    "content_sha256" VARCHAR
);
COMMENT ON TABLE scans IS 'One row a document, written when it ends. Key: scan_id.';
COMMENT ON COLUMN scans."scan_id" IS 'Stable id of the scan: the same whenever and from wherever it is read.';
COMMENT ON COLUMN scans."source" IS 'Name of the input as given.';
COMMENT ON COLUMN scans."doc_index" IS 'Place among the documents of the input, from 0.';
COMMENT ON COLUMN scans."scanner" IS 'nmap, masscan or what a merger wrote.';
COMMENT ON COLUMN scans."scanner_version" IS 'Version of the scanner.';
COMMENT ON COLUMN scans."xml_version" IS 'Version of the XML output; advisory only.';
COMMENT ON COLUMN scans."args" IS 'The command line.';
COMMENT ON COLUMN scans."profile_name" IS 'Profile of Zenmap.';
COMMENT ON COLUMN scans."start_time" IS 'When it began.';
COMMENT ON COLUMN scans."start_str" IS 'The same in local time, as nmap wrote it.';
COMMENT ON COLUMN scans."end_time" IS 'When it ended.';
COMMENT ON COLUMN scans."end_str" IS 'The same in local time, as nmap wrote it.';
COMMENT ON COLUMN scans."elapsed_s" IS 'Seconds it took; of a resumed scan the sum.';
COMMENT ON COLUMN scans."finished" IS 'Whether a finished element was read.';
COMMENT ON COLUMN scans."exit_status" IS 'success or error.';
COMMENT ON COLUMN scans."error_message" IS 'Message of an error.';
COMMENT ON COLUMN scans."summary" IS 'Last line of nmap.';
COMMENT ON COLUMN scans."hosts_up" IS 'Hosts up, as reported.';
COMMENT ON COLUMN scans."hosts_down" IS 'Hosts down, as reported; a list scan counts all here.';
COMMENT ON COLUMN scans."hosts_total" IS 'Hosts in all, as reported.';
COMMENT ON COLUMN scans."verbosity" IS 'Level of -v.';
COMMENT ON COLUMN scans."debugging" IS 'Level of -d.';
COMMENT ON COLUMN scans."scan_info" IS 'What was scanned, one entry a scan type.';
COMMENT ON COLUMN scans."hosts_seen" IS 'Host elements read.';
COMMENT ON COLUMN scans."hosts_incomplete" IS 'Of these, hosts that were cut.';
COMMENT ON COLUMN scans."truncated" IS 'Whether the document ends before its end tag.';
COMMENT ON COLUMN scans."resumed" IS 'Whether nmap --resume continued it.';
COMMENT ON COLUMN scans."bytes" IS 'Bytes of the document, decompressed and undecoded.';
COMMENT ON COLUMN scans."warnings" IS 'How often anything was warned of.';
COMMENT ON COLUMN scans."content_sha256" IS 'SHA-256 of these bytes in hexadecimal, with --hash.';

CREATE TABLE hosts (
    "host_id" VARCHAR NOT NULL,
    "scan_id" VARCHAR NOT NULL,
    "host_index" INTEGER NOT NULL,
    "host_key" VARCHAR NOT NULL,
    "ip" VARCHAR,
    "ip_version" INTEGER,
    "ip_bytes" BLOB,
    "ip_zone" VARCHAR,
    "mac" VARCHAR,
    "mac_vendor" VARCHAR,
    "hostname" VARCHAR,
    "hostnames" STRUCT("name" VARCHAR, "type" VARCHAR)[],
    "addresses" STRUCT("addr" VARCHAR, "type" VARCHAR, "vendor" VARCHAR)[],
    "state" VARCHAR NOT NULL,
    "reason" VARCHAR,
    "reason_ttl" INTEGER,
    "start_time" TIMESTAMP WITH TIME ZONE,
    "end_time" TIMESTAMP WITH TIME ZONE,
    "timed_out" BOOLEAN,
    "complete" BOOLEAN NOT NULL,
    "comment" VARCHAR,
    "distance" INTEGER,
    "uptime_s" BIGINT,
    "last_boot" VARCHAR,
    "tcp_seq_index" BIGINT,
    "tcp_seq_difficulty" VARCHAR,
    "tcp_seq_class" VARCHAR,
    "tcp_seq_values" VARCHAR,
    "ip_id_class" VARCHAR,
    "ip_id_values" VARCHAR,
    "tcp_ts_class" VARCHAR,
    "tcp_ts_values" VARCHAR,
    "srtt_ms" DOUBLE,
    "rttvar_ms" DOUBLE,
    "timeout_ms" DOUBLE,
    "smurf_responses" BIGINT,
    "extra_ports" STRUCT("state" VARCHAR, "count" BIGINT, "reasons" STRUCT("reason" VARCHAR, "count" BIGINT, "proto" VARCHAR, "ports" VARCHAR)[])[],
    "os_fingerprints" VARCHAR[],
    "os_ports_used" STRUCT("state" VARCHAR, "proto" VARCHAR, "port" INTEGER)[],
    "ports_listed" INTEGER NOT NULL,
    "ports_open" INTEGER NOT NULL
);
COMMENT ON TABLE hosts IS 'One row a host element; filters leave rows out but change none. Key: host_id.';
COMMENT ON COLUMN hosts."host_id" IS 'Id of the host: scan_id, `-h` and host_index.';
COMMENT ON COLUMN hosts."scan_id" IS 'The scan it belongs to.';
COMMENT ON COLUMN hosts."host_index" IS 'Place among the host elements of its scan, from 0.';
COMMENT ON COLUMN hosts."host_key" IS 'Identity across scans: `ip:`, `mac:`, `name:` or `idx:` and a text.';
COMMENT ON COLUMN hosts."ip" IS 'First address of type ipv4 or ipv6, without its zone.';
COMMENT ON COLUMN hosts."ip_version" IS '4 or 6; null if ip is no literal.';
COMMENT ON COLUMN hosts."ip_bytes" IS 'The address in network order, IPv4 as ::ffff:0:0/96: sortable.';
COMMENT ON COLUMN hosts."ip_zone" IS 'Zone of the address, what follows its `%`.';
COMMENT ON COLUMN hosts."mac" IS 'First MAC address, upper case with colons.';
COMMENT ON COLUMN hosts."mac_vendor" IS 'Vendor of the first MAC address.';
COMMENT ON COLUMN hosts."hostname" IS 'First name of type user, else first PTR, else first name.';
COMMENT ON COLUMN hosts."hostnames" IS 'Host names in document order.';
COMMENT ON COLUMN hosts."addresses" IS 'Addresses in document order.';
COMMENT ON COLUMN hosts."state" IS 'up, down, unknown or skipped; without a status inferred from ports.';
COMMENT ON COLUMN hosts."reason" IS 'Why, such as echo-reply; `inferred` without a status.';
COMMENT ON COLUMN hosts."reason_ttl" IS 'TTL of the packet that told.';
COMMENT ON COLUMN hosts."start_time" IS 'When nmap began with the host.';
COMMENT ON COLUMN hosts."end_time" IS 'When nmap was done with the host.';
COMMENT ON COLUMN hosts."timed_out" IS 'Whether nmap gave up on it.';
COMMENT ON COLUMN hosts."complete" IS 'Whether its end was read and nothing was cut.';
COMMENT ON COLUMN hosts."comment" IS 'Comment of Zenmap''s user.';
COMMENT ON COLUMN hosts."distance" IS 'Hops away.';
COMMENT ON COLUMN hosts."uptime_s" IS 'Seconds since the last boot.';
COMMENT ON COLUMN hosts."last_boot" IS 'Local time of the last boot, as nmap wrote it.';
COMMENT ON COLUMN hosts."tcp_seq_index" IS 'Difficulty index of TCP sequence prediction.';
COMMENT ON COLUMN hosts."tcp_seq_difficulty" IS 'Difficulty of TCP sequence prediction in words.';
COMMENT ON COLUMN hosts."tcp_seq_class" IS 'Class of TCP sequence numbers (before nmap 4.62).';
COMMENT ON COLUMN hosts."tcp_seq_values" IS 'TCP sequence numbers seen, in hexadecimal.';
COMMENT ON COLUMN hosts."ip_id_class" IS 'Class of IP identification numbers.';
COMMENT ON COLUMN hosts."ip_id_values" IS 'IP identification numbers seen, in hexadecimal.';
COMMENT ON COLUMN hosts."tcp_ts_class" IS 'Class of TCP time stamps.';
COMMENT ON COLUMN hosts."tcp_ts_values" IS 'TCP time stamps seen, in hexadecimal.';
COMMENT ON COLUMN hosts."srtt_ms" IS 'Smoothed round trip time in milliseconds.';
COMMENT ON COLUMN hosts."rttvar_ms" IS 'Variance of the round trip time in milliseconds.';
COMMENT ON COLUMN hosts."timeout_ms" IS 'Probe time-out in milliseconds.';
COMMENT ON COLUMN hosts."smurf_responses" IS 'Answers to a ping of a broadcast address.';
COMMENT ON COLUMN hosts."extra_ports" IS 'Ports that are not listed singly, one entry a state.';
COMMENT ON COLUMN hosts."os_fingerprints" IS 'Fingerprints of the operating system.';
COMMENT ON COLUMN hosts."os_ports_used" IS 'Ports that operating system detection used.';
COMMENT ON COLUMN hosts."ports_listed" IS 'Ports that the document lists singly.';
COMMENT ON COLUMN hosts."ports_open" IS 'Of these, open ones.';

CREATE TABLE ports (
    "scan_id" VARCHAR NOT NULL,
    "host_id" VARCHAR NOT NULL,
    "protocol" VARCHAR NOT NULL,
    "port" INTEGER NOT NULL,
    "ip" VARCHAR,
    "state" VARCHAR NOT NULL,
    "reason" VARCHAR,
    "reason_ttl" INTEGER,
    "reason_ip" VARCHAR,
    "owner" VARCHAR,
    "port_index" INTEGER NOT NULL,
    "expanded" BOOLEAN NOT NULL
);
COMMENT ON TABLE ports IS 'One row a port that is listed singly; with --expand-extraports also one a port of the lists. Key: host_id, protocol, port.';
COMMENT ON COLUMN ports."scan_id" IS 'The scan it belongs to.';
COMMENT ON COLUMN ports."host_id" IS 'The host it belongs to.';
COMMENT ON COLUMN ports."protocol" IS 'tcp, udp, sctp, ip or what masscan wrote, in lower case.';
COMMENT ON COLUMN ports."port" IS 'Port number; for ip the IP protocol number.';
COMMENT ON COLUMN ports."ip" IS 'The host''s ip.';
COMMENT ON COLUMN ports."state" IS 'open, closed, filtered, unfiltered, open|filtered or closed|filtered.';
COMMENT ON COLUMN ports."reason" IS 'Why, such as syn-ack.';
COMMENT ON COLUMN ports."reason_ttl" IS 'TTL of the packet that told.';
COMMENT ON COLUMN ports."reason_ip" IS 'Who sent it, if not the host.';
COMMENT ON COLUMN ports."owner" IS 'The user that identd named (nmap 3.x and 4.x).';
COMMENT ON COLUMN ports."port_index" IS 'Place among the ports of the host, from 0.';
COMMENT ON COLUMN ports."expanded" IS 'Whether it was made from a list of extrareasons.';

CREATE TABLE services (
    "scan_id" VARCHAR NOT NULL,
    "host_id" VARCHAR NOT NULL,
    "protocol" VARCHAR NOT NULL,
    "port" INTEGER NOT NULL,
    "service_index" INTEGER NOT NULL,
    "ip" VARCHAR,
    "name" VARCHAR,
    "product" VARCHAR,
    "version" VARCHAR,
    "extra_info" VARCHAR,
    "hostname" VARCHAR,
    "os_type" VARCHAR,
    "device_type" VARCHAR,
    "method" VARCHAR,
    "confidence" INTEGER,
    "tunnel" VARCHAR,
    "rpc_proto" VARCHAR,
    "rpc_num" BIGINT,
    "low_ver" INTEGER,
    "high_ver" INTEGER,
    "cpes" VARCHAR[],
    "fingerprint" VARCHAR,
    "banner" VARCHAR
);
COMMENT ON TABLE services IS 'One row a service found on a port; nmap gives one at most, masscan several. Key: host_id, protocol, port, service_index.';
COMMENT ON COLUMN services."scan_id" IS 'The scan it belongs to.';
COMMENT ON COLUMN services."host_id" IS 'The host it belongs to.';
COMMENT ON COLUMN services."protocol" IS 'Protocol of its port.';
COMMENT ON COLUMN services."port" IS 'Number of its port.';
COMMENT ON COLUMN services."service_index" IS 'Place among the services of the port, from 0.';
COMMENT ON COLUMN services."ip" IS 'The host''s ip.';
COMMENT ON COLUMN services."name" IS 'Name, from the port table or from the answer.';
COMMENT ON COLUMN services."product" IS 'Product.';
COMMENT ON COLUMN services."version" IS 'Version; before nmap 3.40 the whole banner.';
COMMENT ON COLUMN services."extra_info" IS 'Further information.';
COMMENT ON COLUMN services."hostname" IS 'Host name that the service gave.';
COMMENT ON COLUMN services."os_type" IS 'Operating system that the service gave.';
COMMENT ON COLUMN services."device_type" IS 'Kind of device that the service gave.';
COMMENT ON COLUMN services."method" IS 'table, probed or (before 4.85) detection.';
COMMENT ON COLUMN services."confidence" IS 'Confidence, 0 to 10.';
COMMENT ON COLUMN services."tunnel" IS 'ssl if found inside TLS.';
COMMENT ON COLUMN services."rpc_proto" IS 'rpc (until nmap 6.01).';
COMMENT ON COLUMN services."rpc_num" IS 'RPC program number.';
COMMENT ON COLUMN services."low_ver" IS 'Lowest RPC version.';
COMMENT ON COLUMN services."high_ver" IS 'Highest RPC version.';
COMMENT ON COLUMN services."cpes" IS 'CPE 2.2 URIs.';
COMMENT ON COLUMN services."fingerprint" IS 'Fingerprint of a service that nmap does not know.';
COMMENT ON COLUMN services."banner" IS 'Banner that masscan read.';

CREATE TABLE scripts (
    "scan_id" VARCHAR NOT NULL,
    "host_id" VARCHAR,
    "protocol" VARCHAR,
    "port" INTEGER,
    "scope" VARCHAR NOT NULL,
    "script_index" INTEGER NOT NULL,
    "name" VARCHAR NOT NULL,
    "origin" VARCHAR NOT NULL,
    "output" VARCHAR,
    "data" VARCHAR
);
COMMENT ON TABLE scripts IS 'One row a script result, of a run, a host or a port. Key: scan_id, host_id, protocol, port, scope, script_index.';
COMMENT ON COLUMN scripts."scan_id" IS 'The scan it belongs to.';
COMMENT ON COLUMN scripts."host_id" IS 'The host it ran on; null for prerule and postrule.';
COMMENT ON COLUMN scripts."protocol" IS 'Protocol of the port it ran on.';
COMMENT ON COLUMN scripts."port" IS 'Number of the port it ran on.';
COMMENT ON COLUMN scripts."scope" IS 'prerule, host, port or postrule.';
COMMENT ON COLUMN scripts."script_index" IS 'Place among the scripts of its parent, from 0.';
COMMENT ON COLUMN scripts."name" IS 'The script''s id.';
COMMENT ON COLUMN scripts."origin" IS 'nse, or engine for a function of scanmill''s user.';
COMMENT ON COLUMN scripts."output" IS 'Its text; null if the script returned an empty table.';
COMMENT ON COLUMN scripts."data" IS 'Its structured value as JSON text.';

CREATE TABLE os_matches (
    "scan_id" VARCHAR NOT NULL,
    "host_id" VARCHAR NOT NULL,
    "match_index" INTEGER NOT NULL,
    "name" VARCHAR,
    "accuracy" INTEGER,
    "line" INTEGER
);
COMMENT ON TABLE os_matches IS 'One row an operating system that fits a host. Key: host_id, match_index.';
COMMENT ON COLUMN os_matches."scan_id" IS 'The scan it belongs to.';
COMMENT ON COLUMN os_matches."host_id" IS 'The host it belongs to.';
COMMENT ON COLUMN os_matches."match_index" IS 'Place among the matches of the host, from 0.';
COMMENT ON COLUMN os_matches."name" IS 'Name of the operating system.';
COMMENT ON COLUMN os_matches."accuracy" IS 'How well it fits, in percent.';
COMMENT ON COLUMN os_matches."line" IS 'Line in nmap-os-db.';

CREATE TABLE os_classes (
    "scan_id" VARCHAR NOT NULL,
    "host_id" VARCHAR NOT NULL,
    "class_index" INTEGER NOT NULL,
    "match_index" INTEGER,
    "type" VARCHAR,
    "vendor" VARCHAR,
    "family" VARCHAR,
    "gen" VARCHAR,
    "accuracy" INTEGER,
    "cpes" VARCHAR[]
);
COMMENT ON TABLE os_classes IS 'One row a class of operating systems that fits a host. Key: host_id, class_index.';
COMMENT ON COLUMN os_classes."scan_id" IS 'The scan it belongs to.';
COMMENT ON COLUMN os_classes."host_id" IS 'The host it belongs to.';
COMMENT ON COLUMN os_classes."class_index" IS 'Place among the classes of the host, from 0.';
COMMENT ON COLUMN os_classes."match_index" IS 'The match it belongs to; null if it stood directly below os.';
COMMENT ON COLUMN os_classes."type" IS 'Kind of device, such as general purpose.';
COMMENT ON COLUMN os_classes."vendor" IS 'Vendor.';
COMMENT ON COLUMN os_classes."family" IS 'Family, such as Linux.';
COMMENT ON COLUMN os_classes."gen" IS 'Generation, such as 5.X.';
COMMENT ON COLUMN os_classes."accuracy" IS 'How well it fits, in percent.';
COMMENT ON COLUMN os_classes."cpes" IS 'CPE 2.2 URIs.';

CREATE TABLE hops (
    "scan_id" VARCHAR NOT NULL,
    "host_id" VARCHAR NOT NULL,
    "trace_index" INTEGER NOT NULL,
    "hop_index" INTEGER NOT NULL,
    "proto" VARCHAR,
    "trace_port" INTEGER,
    "ttl" INTEGER,
    "rtt_ms" DOUBLE,
    "ip" VARCHAR,
    "hostname" VARCHAR
);
COMMENT ON TABLE hops IS 'One row a hop of a route to a host. Key: host_id, trace_index, hop_index.';
COMMENT ON COLUMN hops."scan_id" IS 'The scan it belongs to.';
COMMENT ON COLUMN hops."host_id" IS 'The host it belongs to.';
COMMENT ON COLUMN hops."trace_index" IS 'Place among the routes of the host, from 0.';
COMMENT ON COLUMN hops."hop_index" IS 'Place in the route, from 0.';
COMMENT ON COLUMN hops."proto" IS 'Protocol of the probes.';
COMMENT ON COLUMN hops."trace_port" IS 'Port of the probes.';
COMMENT ON COLUMN hops."ttl" IS 'Hops away from the scanner; hops without an answer are left out.';
COMMENT ON COLUMN hops."rtt_ms" IS 'Round trip time in milliseconds.';
COMMENT ON COLUMN hops."ip" IS 'Address that answered.';
COMMENT ON COLUMN hops."hostname" IS 'Its name.';

CREATE TABLE events (
    "scan_id" VARCHAR NOT NULL,
    "event_index" INTEGER NOT NULL,
    "kind" VARCHAR NOT NULL,
    "task" VARCHAR,
    "time" TIMESTAMP WITH TIME ZONE,
    "extra_info" VARCHAR,
    "percent" DOUBLE,
    "remaining_s" BIGINT,
    "etc_time" TIMESTAMP WITH TIME ZONE,
    "ip" VARCHAR,
    "mac" VARCHAR,
    "hostname" VARCHAR,
    "state" VARCHAR,
    "reason" VARCHAR,
    "specification" VARCHAR
);
COMMENT ON TABLE events IS 'One row a task element, hint at a host or skipped target of a scan. Key: scan_id, event_index.';
COMMENT ON COLUMN events."scan_id" IS 'The scan it belongs to.';
COMMENT ON COLUMN events."event_index" IS 'Place among the events of the scan, from 0.';
COMMENT ON COLUMN events."kind" IS 'taskbegin, taskprogress, taskend, hosthint or target.';
COMMENT ON COLUMN events."task" IS 'Name of the step.';
COMMENT ON COLUMN events."time" IS 'When.';
COMMENT ON COLUMN events."extra_info" IS 'Further information on the step.';
COMMENT ON COLUMN events."percent" IS 'How much of the step is done.';
COMMENT ON COLUMN events."remaining_s" IS 'Seconds that remain.';
COMMENT ON COLUMN events."etc_time" IS 'When the step will be done.';
COMMENT ON COLUMN events."ip" IS 'First IP address of a hint.';
COMMENT ON COLUMN events."mac" IS 'First MAC address of a hint.';
COMMENT ON COLUMN events."hostname" IS 'First host name of a hint.';
COMMENT ON COLUMN events."state" IS 'State of a hint, or status of a target.';
COMMENT ON COLUMN events."reason" IS 'Reason of a hint or a target.';
COMMENT ON COLUMN events."specification" IS 'A target as given.';

CREATE TABLE warnings (
    "source" VARCHAR NOT NULL,
    "doc_index" INTEGER NOT NULL,
    "warning_index" INTEGER NOT NULL,
    "scan_id" VARCHAR,
    "code" VARCHAR NOT NULL,
    "byte_offset" BIGINT NOT NULL,
    "line" BIGINT NOT NULL,
    "count" BIGINT NOT NULL,
    "detail" VARCHAR
);
COMMENT ON TABLE warnings IS 'One row a warning code and document: the first place, and how often. Key: source, doc_index, warning_index.';
COMMENT ON COLUMN warnings."source" IS 'Name of the input as given.';
COMMENT ON COLUMN warnings."doc_index" IS 'Place of the document in the input, from 0.';
COMMENT ON COLUMN warnings."warning_index" IS 'Place among the warnings of the document, in order of their places.';
COMMENT ON COLUMN warnings."scan_id" IS 'The scan; null if the input holds none.';
COMMENT ON COLUMN warnings."code" IS 'Code of the warning, such as W_TRUNCATED.';
COMMENT ON COLUMN warnings."byte_offset" IS 'First place, in bytes from the start of the input.';
COMMENT ON COLUMN warnings."line" IS 'Line of the first place, from 1.';
COMMENT ON COLUMN warnings."count" IS 'How often in this document.';
COMMENT ON COLUMN warnings."detail" IS 'What was found at the first place.';
