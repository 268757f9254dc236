-- Printed by `scanmill schema`; not edited by hand.

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
    "ports_open" INTEGER NOT NULL,
    "scan_ids" VARCHAR[] NOT NULL,
    "first_seen" TIMESTAMP WITH TIME ZONE,
    "last_seen" TIMESTAMP WITH TIME ZONE,
    "last_looked" TIMESTAMP WITH TIME ZONE,
    "seen" INTEGER NOT NULL
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
COMMENT ON COLUMN hosts."scan_ids" IS 'The scans that contributed, in order.';
COMMENT ON COLUMN hosts."first_seen" IS 'When it was first seen: the earliest start, else end.';
COMMENT ON COLUMN hosts."last_seen" IS 'When it was last seen up: the latest end, else start.';
COMMENT ON COLUMN hosts."last_looked" IS 'When it was last looked for, up or not: the latest end, else start.';
COMMENT ON COLUMN hosts."seen" IS 'How many scans saw it.';

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
    "expanded" BOOLEAN NOT NULL,
    "first_seen" TIMESTAMP WITH TIME ZONE,
    "last_seen" TIMESTAMP WITH TIME ZONE,
    "last_looked" TIMESTAMP WITH TIME ZONE,
    "seen" INTEGER NOT NULL
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
COMMENT ON COLUMN ports."first_seen" IS 'When it was first listed: the earliest start, else end, of the host.';
COMMENT ON COLUMN ports."last_seen" IS 'When it was last listed: the latest end, else start, of the host.';
COMMENT ON COLUMN ports."last_looked" IS 'When it was last listed or covered: the latest end, else start, of the host.';
COMMENT ON COLUMN ports."seen" IS 'How many scans listed it.';

CREATE TABLE conflicts (
    "host_key" VARCHAR NOT NULL,
    "protocol" VARCHAR,
    "port" INTEGER,
    "column" VARCHAR NOT NULL,
    "item" VARCHAR,
    "winner_scan_id" VARCHAR NOT NULL,
    "winner_value" VARCHAR,
    "loser_scan_id" VARCHAR NOT NULL,
    "loser_value" VARCHAR,
    "rule" VARCHAR NOT NULL
);
COMMENT ON TABLE conflicts IS 'One row a value that lost in a merge against another one. Key: host_key, protocol, port, column, item, loser_scan_id.';
COMMENT ON COLUMN conflicts."host_key" IS 'The host it is a value of.';
COMMENT ON COLUMN conflicts."protocol" IS 'Protocol of the port; null of a value of the host.';
COMMENT ON COLUMN conflicts."port" IS 'Number of the port.';
COMMENT ON COLUMN conflicts."column" IS 'What it is a value of, such as state, service.version or script.http-title.';
COMMENT ON COLUMN conflicts."item" IS 'The name of the service, script or match, or the type of the host names, that it is a value of.';
COMMENT ON COLUMN conflicts."winner_scan_id" IS 'The scan of the value that stands.';
COMMENT ON COLUMN conflicts."winner_value" IS 'The value that stands; of a port that is covered its state, if the later look says it.';
COMMENT ON COLUMN conflicts."loser_scan_id" IS 'The scan of the value that lost.';
COMMENT ON COLUMN conflicts."loser_value" IS 'The value that lost.';
COMMENT ON COLUMN conflicts."rule" IS 'Why: the policy, or covered for a port that a later look covered and did not list.';

CREATE TABLE changes (
    "host_key" VARCHAR NOT NULL,
    "ip" VARCHAR,
    "protocol" VARCHAR,
    "port" INTEGER,
    "ports" VARCHAR,
    "kind" VARCHAR NOT NULL,
    "column" VARCHAR NOT NULL,
    "old" VARCHAR,
    "new" VARCHAR,
    "old_scan_id" VARCHAR,
    "new_scan_id" VARCHAR,
    "old_time" TIMESTAMP WITH TIME ZONE,
    "new_time" TIMESTAMP WITH TIME ZONE,
    "old_service_name" VARCHAR,
    "old_service_product" VARCHAR,
    "old_service_version" VARCHAR,
    "new_service_name" VARCHAR,
    "new_service_product" VARCHAR,
    "new_service_version" VARCHAR
);
COMMENT ON TABLE changes IS 'One row per difference between an older state and a newer one. Key: host_key, protocol, port, ports, column.';
COMMENT ON COLUMN changes."host_key" IS 'The host; of one that moved, in the newer state.';
COMMENT ON COLUMN changes."ip" IS 'Its ip.';
COMMENT ON COLUMN changes."protocol" IS 'Protocol of the port; null of a value of the host.';
COMMENT ON COLUMN changes."port" IS 'Number of the port.';
COMMENT ON COLUMN changes."ports" IS 'Ports that are not listed singly and of which this is so, as 1-21,23-100.';
COMMENT ON COLUMN changes."kind" IS 'appeared, first_seen (an open port that the older state never looked for), gone, changed, moved, or not_scanned by the other state.';
COMMENT ON COLUMN changes."column" IS 'What differs, such as state, hostnames, service.version or script.http-title.';
COMMENT ON COLUMN changes."old" IS 'The older value.';
COMMENT ON COLUMN changes."new" IS 'The newer value.';
COMMENT ON COLUMN changes."old_scan_id" IS 'The scan of the older value.';
COMMENT ON COLUMN changes."new_scan_id" IS 'The scan of the newer value.';
COMMENT ON COLUMN changes."old_time" IS 'When the older value was last seen.';
COMMENT ON COLUMN changes."new_time" IS 'When the newer value was last seen.';
COMMENT ON COLUMN changes."old_service_name" IS 'Name of the port''s first service in the older state.';
COMMENT ON COLUMN changes."old_service_product" IS 'Its product.';
COMMENT ON COLUMN changes."old_service_version" IS 'Its version.';
COMMENT ON COLUMN changes."new_service_name" IS 'Name of the port''s first service in the newer state.';
COMMENT ON COLUMN changes."new_service_product" IS 'Its product.';
COMMENT ON COLUMN changes."new_service_version" IS 'Its version.';

CREATE TABLE host_history (
    "host_key" VARCHAR NOT NULL,
    "ip" VARCHAR,
    "mac" VARCHAR,
    "hostname" VARCHAR,
    "state" VARCHAR NOT NULL,
    "os_name" VARCHAR,
    "valid_from" TIMESTAMP WITH TIME ZONE,
    "last_seen" TIMESTAMP WITH TIME ZONE,
    "valid_to" TIMESTAMP WITH TIME ZONE,
    "looks" BIGINT NOT NULL,
    "first_scan_id" VARCHAR NOT NULL,
    "last_scan_id" VARCHAR NOT NULL,
    "ended_by_scan_id" VARCHAR
);
COMMENT ON TABLE host_history IS 'One row per interval in which the listed values of a host did not change. Key: host_key, valid_from.';
COMMENT ON COLUMN host_history."host_key" IS 'Identity across scans: `ip:`, `mac:`, `name:` or `idx:` and a text.';
COMMENT ON COLUMN host_history."ip" IS 'First address of type ipv4 or ipv6, without its zone.';
COMMENT ON COLUMN host_history."mac" IS 'First MAC address, upper case with colons.';
COMMENT ON COLUMN host_history."hostname" IS 'First name of type user, else first PTR, else first name.';
COMMENT ON COLUMN host_history."state" IS 'up, down, unknown or skipped.';
COMMENT ON COLUMN host_history."os_name" IS 'Name of the best match of the operating system.';
COMMENT ON COLUMN host_history."valid_from" IS 'The first look with these values; null if it has no time.';
COMMENT ON COLUMN host_history."last_seen" IS 'The last look that confirmed them.';
COMMENT ON COLUMN host_history."valid_to" IS 'The first later look that contradicts them; null while they are true.';
COMMENT ON COLUMN host_history."looks" IS 'How many looks confirmed them.';
COMMENT ON COLUMN host_history."first_scan_id" IS 'The scan of the first of these looks.';
COMMENT ON COLUMN host_history."last_scan_id" IS 'The scan of the last of these looks.';
COMMENT ON COLUMN host_history."ended_by_scan_id" IS 'The scan that contradicts them.';

CREATE TABLE port_history (
    "host_key" VARCHAR NOT NULL,
    "ip" VARCHAR,
    "protocol" VARCHAR NOT NULL,
    "port" INTEGER NOT NULL,
    "state" VARCHAR NOT NULL,
    "reason" VARCHAR,
    "service_name" VARCHAR,
    "service_product" VARCHAR,
    "service_version" VARCHAR,
    "service_cpes" VARCHAR[] NOT NULL,
    "valid_from" TIMESTAMP WITH TIME ZONE,
    "last_seen" TIMESTAMP WITH TIME ZONE,
    "valid_to" TIMESTAMP WITH TIME ZONE,
    "looks" BIGINT NOT NULL,
    "first_scan_id" VARCHAR NOT NULL,
    "last_scan_id" VARCHAR NOT NULL,
    "ended_by_scan_id" VARCHAR
);
COMMENT ON TABLE port_history IS 'One row per interval in which the listed values of a port did not change. Key: host_key, protocol, port, valid_from.';
COMMENT ON COLUMN port_history."host_key" IS 'The host it belongs to.';
COMMENT ON COLUMN port_history."ip" IS 'The host''s ip at that time.';
COMMENT ON COLUMN port_history."protocol" IS 'tcp, udp, sctp, ip or what masscan wrote, in lower case.';
COMMENT ON COLUMN port_history."port" IS 'Port number; for ip the IP protocol number.';
COMMENT ON COLUMN port_history."state" IS 'open, closed, filtered, unfiltered, open|filtered or closed|filtered.';
COMMENT ON COLUMN port_history."reason" IS 'Why, such as syn-ack.';
COMMENT ON COLUMN port_history."service_name" IS 'Name of its first service, from the port table or from the answer.';
COMMENT ON COLUMN port_history."service_product" IS 'Product of its first service.';
COMMENT ON COLUMN port_history."service_version" IS 'Version of its first service.';
COMMENT ON COLUMN port_history."service_cpes" IS 'CPE 2.2 URIs of its first service.';
COMMENT ON COLUMN port_history."valid_from" IS 'The first look with these values; null if it has no time.';
COMMENT ON COLUMN port_history."last_seen" IS 'The last look that confirmed them.';
COMMENT ON COLUMN port_history."valid_to" IS 'The first later look that contradicts them; null while they are true.';
COMMENT ON COLUMN port_history."looks" IS 'How many looks confirmed them.';
COMMENT ON COLUMN port_history."first_scan_id" IS 'The scan of the first of these looks.';
COMMENT ON COLUMN port_history."last_scan_id" IS 'The scan of the last of these looks.';
COMMENT ON COLUMN port_history."ended_by_scan_id" IS 'The scan that contradicts them.';
