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
COMMENT ON TABLE hosts IS 'One row per host element; filters remove rows but change none. Key: host_id.';
COMMENT ON COLUMN hosts."host_id" IS 'ID of the host: scan_id, `-h` and host_index.';
COMMENT ON COLUMN hosts."scan_id" IS 'ID of the scan.';
COMMENT ON COLUMN hosts."host_index" IS 'Index among the host elements of the scan, from 0.';
COMMENT ON COLUMN hosts."host_key" IS 'Identity across scans: `ip:`, `mac:`, `name:` or `idx:` and a text.';
COMMENT ON COLUMN hosts."ip" IS 'First address of type ipv4 or ipv6, without its zone.';
COMMENT ON COLUMN hosts."ip_version" IS '4 or 6; null if ip is not an IP literal.';
COMMENT ON COLUMN hosts."ip_bytes" IS 'IP address in network order, for sorting; IPv4 addresses are mapped into ::ffff:0:0/96.';
COMMENT ON COLUMN hosts."ip_zone" IS 'Zone of the address: the part after `%`.';
COMMENT ON COLUMN hosts."mac" IS 'First MAC address, upper case with colons.';
COMMENT ON COLUMN hosts."mac_vendor" IS 'Vendor of the first MAC address.';
COMMENT ON COLUMN hosts."hostname" IS 'Name to show: the first of type user, or the first of type PTR, or the first.';
COMMENT ON COLUMN hosts."hostnames" IS 'Host names in document order.';
COMMENT ON COLUMN hosts."addresses" IS 'Addresses in document order.';
COMMENT ON COLUMN hosts."state" IS 'up, down, unknown or skipped; inferred from the ports if the host has no status.';
COMMENT ON COLUMN hosts."reason" IS 'Reason for the state, such as echo-reply; `inferred` if the host has no status.';
COMMENT ON COLUMN hosts."reason_ttl" IS 'TTL of the packet that the state was inferred from.';
COMMENT ON COLUMN hosts."start_time" IS 'Time at which nmap started on the host.';
COMMENT ON COLUMN hosts."end_time" IS 'Time at which nmap finished the host.';
COMMENT ON COLUMN hosts."timed_out" IS 'True if nmap gave up on the host.';
COMMENT ON COLUMN hosts."complete" IS 'True if the end of the host was read and nothing was cut off.';
COMMENT ON COLUMN hosts."comment" IS 'Comment that Zenmap saved.';
COMMENT ON COLUMN hosts."distance" IS 'Distance in hops.';
COMMENT ON COLUMN hosts."uptime_s" IS 'Uptime in seconds.';
COMMENT ON COLUMN hosts."last_boot" IS 'Local time of the last boot, as nmap wrote it.';
COMMENT ON COLUMN hosts."tcp_seq_index" IS 'Difficulty index of TCP sequence prediction.';
COMMENT ON COLUMN hosts."tcp_seq_difficulty" IS 'Difficulty of TCP sequence prediction, as text.';
COMMENT ON COLUMN hosts."tcp_seq_class" IS 'Class of TCP sequence numbers (before nmap 4.62).';
COMMENT ON COLUMN hosts."tcp_seq_values" IS 'Observed TCP sequence numbers, in hexadecimal.';
COMMENT ON COLUMN hosts."ip_id_class" IS 'Class of IP identification numbers.';
COMMENT ON COLUMN hosts."ip_id_values" IS 'Observed IP identification numbers, in hexadecimal.';
COMMENT ON COLUMN hosts."tcp_ts_class" IS 'Class of TCP time stamps.';
COMMENT ON COLUMN hosts."tcp_ts_values" IS 'Observed TCP time stamps, in hexadecimal.';
COMMENT ON COLUMN hosts."srtt_ms" IS 'Smoothed round trip time in milliseconds.';
COMMENT ON COLUMN hosts."rttvar_ms" IS 'Variance of the round trip time in milliseconds.';
COMMENT ON COLUMN hosts."timeout_ms" IS 'Probe timeout in milliseconds.';
COMMENT ON COLUMN hosts."smurf_responses" IS 'Number of answers to a ping of a broadcast address.';
COMMENT ON COLUMN hosts."extra_ports" IS 'Ports that are not listed singly, one entry per state.';
COMMENT ON COLUMN hosts."os_fingerprints" IS 'Fingerprints of the operating system.';
COMMENT ON COLUMN hosts."os_ports_used" IS 'Ports that operating system detection used.';
COMMENT ON COLUMN hosts."ports_listed" IS 'Number of ports that the document lists singly.';
COMMENT ON COLUMN hosts."ports_open" IS 'Number of listed ports that are open.';
COMMENT ON COLUMN hosts."scan_ids" IS 'IDs of the scans that contributed, in order.';
COMMENT ON COLUMN hosts."first_seen" IS 'Time at which the host was first seen: the earliest start, or end if there is no start.';
COMMENT ON COLUMN hosts."last_seen" IS 'Time at which the host was last seen up: the latest end, or start if there is no end.';
COMMENT ON COLUMN hosts."last_looked" IS 'Time at which the host was last looked for, up or not: the latest end, or start if there is no end.';
COMMENT ON COLUMN hosts."seen" IS 'Number of scans that saw the host.';

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
    "host_key" VARCHAR,
    "start_time" TIMESTAMP WITH TIME ZONE,
    "first_seen" TIMESTAMP WITH TIME ZONE,
    "last_seen" TIMESTAMP WITH TIME ZONE,
    "last_looked" TIMESTAMP WITH TIME ZONE,
    "seen" INTEGER NOT NULL
);
COMMENT ON TABLE ports IS 'One row per port that is listed singly; with --expand-extraports also one per port of the lists. Key: host_id, protocol, port.';
COMMENT ON COLUMN ports."scan_id" IS 'ID of the scan.';
COMMENT ON COLUMN ports."host_id" IS 'ID of the host.';
COMMENT ON COLUMN ports."protocol" IS 'tcp, udp, sctp, ip or the name that masscan wrote, in lower case.';
COMMENT ON COLUMN ports."port" IS 'Port number; for ip the IP protocol number.';
COMMENT ON COLUMN ports."ip" IS 'First IP address of the host.';
COMMENT ON COLUMN ports."state" IS 'open, closed, filtered, unfiltered, open|filtered or closed|filtered.';
COMMENT ON COLUMN ports."reason" IS 'Reason for the state, such as syn-ack.';
COMMENT ON COLUMN ports."reason_ttl" IS 'TTL of the packet that the state was inferred from.';
COMMENT ON COLUMN ports."reason_ip" IS 'Sender of that packet, if it was not the host itself.';
COMMENT ON COLUMN ports."owner" IS 'User that identd named (nmap 3.x and 4.x).';
COMMENT ON COLUMN ports."port_index" IS 'Index among the ports of the host, from 0.';
COMMENT ON COLUMN ports."expanded" IS 'True if the port comes from a list of extrareasons.';
COMMENT ON COLUMN ports."host_key" IS 'Identity of the host across scans.';
COMMENT ON COLUMN ports."start_time" IS 'Time at which nmap started on the host, or else started the scan.';
COMMENT ON COLUMN ports."first_seen" IS 'Time at which the port was first listed: the earliest start of the host, or its end if there is no start.';
COMMENT ON COLUMN ports."last_seen" IS 'Time at which the port was last listed: the latest end of the host, or its start if there is no end.';
COMMENT ON COLUMN ports."last_looked" IS 'Time at which the port was last listed or covered: the latest end of the host, or its start if there is no end.';
COMMENT ON COLUMN ports."seen" IS 'Number of scans that listed the port.';

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
COMMENT ON TABLE conflicts IS 'One row per value that lost to another one in a merge. Key: host_key, protocol, port, column, item, loser_scan_id.';
COMMENT ON COLUMN conflicts."host_key" IS 'Identity of the host.';
COMMENT ON COLUMN conflicts."protocol" IS 'Protocol of the port; null for values of the host.';
COMMENT ON COLUMN conflicts."port" IS 'Port number; null for values of the host.';
COMMENT ON COLUMN conflicts."column" IS 'Column of the value, such as state, service.version or script.http-title.';
COMMENT ON COLUMN conflicts."item" IS 'Name of the service, script or OS match, or type of the host names, that the value belongs to.';
COMMENT ON COLUMN conflicts."winner_scan_id" IS 'Scan of the winning value.';
COMMENT ON COLUMN conflicts."winner_value" IS 'Winning value; for a covered port its state, if the later look implies one.';
COMMENT ON COLUMN conflicts."loser_scan_id" IS 'Scan of the losing value.';
COMMENT ON COLUMN conflicts."loser_value" IS 'Losing value.';
COMMENT ON COLUMN conflicts."rule" IS 'Rule that decided: the policy, or covered for a port that a later look covered and did not list.';

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
COMMENT ON COLUMN changes."host_key" IS 'Identity of the host; for a host that moved, its identity in the newer state.';
COMMENT ON COLUMN changes."ip" IS 'IP address of the host.';
COMMENT ON COLUMN changes."protocol" IS 'Protocol of the port; null for values of the host.';
COMMENT ON COLUMN changes."port" IS 'Port number; null for values of the host.';
COMMENT ON COLUMN changes."ports" IS 'Ports that are not listed singly and that the change applies to, such as 1-21,23-100.';
COMMENT ON COLUMN changes."kind" IS 'appeared, first_seen (an open port that the older state never looked for), gone, changed, moved, or not_scanned (by the other state).';
COMMENT ON COLUMN changes."column" IS 'Column that differs, such as state, hostnames, service.version or script.http-title.';
COMMENT ON COLUMN changes."old" IS 'Value in the older state.';
COMMENT ON COLUMN changes."new" IS 'Value in the newer state.';
COMMENT ON COLUMN changes."old_scan_id" IS 'Scan that the older value comes from.';
COMMENT ON COLUMN changes."new_scan_id" IS 'Scan that the newer value comes from.';
COMMENT ON COLUMN changes."old_time" IS 'Time at which the older value was last seen.';
COMMENT ON COLUMN changes."new_time" IS 'Time at which the newer value was last seen.';
COMMENT ON COLUMN changes."old_service_name" IS 'Name of the port''s first service in the older state.';
COMMENT ON COLUMN changes."old_service_product" IS 'Product of the port''s first service in the older state.';
COMMENT ON COLUMN changes."old_service_version" IS 'Version of the port''s first service in the older state.';
COMMENT ON COLUMN changes."new_service_name" IS 'Name of the port''s first service in the newer state.';
COMMENT ON COLUMN changes."new_service_product" IS 'Product of the port''s first service in the newer state.';
COMMENT ON COLUMN changes."new_service_version" IS 'Version of the port''s first service in the newer state.';

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
COMMENT ON COLUMN host_history."hostname" IS 'Name to show: the first of type user, or the first of type PTR, or the first.';
COMMENT ON COLUMN host_history."state" IS 'up, down, unknown or skipped.';
COMMENT ON COLUMN host_history."os_name" IS 'Name of the best OS match.';
COMMENT ON COLUMN host_history."valid_from" IS 'Time of the first look with these values; null if it has no time.';
COMMENT ON COLUMN host_history."last_seen" IS 'Time of the last look that confirmed these values.';
COMMENT ON COLUMN host_history."valid_to" IS 'Time of the first later look that contradicts these values; null while they are current.';
COMMENT ON COLUMN host_history."looks" IS 'Number of looks that confirmed these values.';
COMMENT ON COLUMN host_history."first_scan_id" IS 'Scan of the first of these looks.';
COMMENT ON COLUMN host_history."last_scan_id" IS 'Scan of the last of these looks.';
COMMENT ON COLUMN host_history."ended_by_scan_id" IS 'Scan that contradicts these values.';

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
COMMENT ON COLUMN port_history."host_key" IS 'Identity of the host.';
COMMENT ON COLUMN port_history."ip" IS 'First IP address of the host during the interval.';
COMMENT ON COLUMN port_history."protocol" IS 'tcp, udp, sctp, ip or the name that masscan wrote, in lower case.';
COMMENT ON COLUMN port_history."port" IS 'Port number; for ip the IP protocol number.';
COMMENT ON COLUMN port_history."state" IS 'open, closed, filtered, unfiltered, open|filtered or closed|filtered.';
COMMENT ON COLUMN port_history."reason" IS 'Reason for the state, such as syn-ack.';
COMMENT ON COLUMN port_history."service_name" IS 'Name of the first service, from the port table or from the answer.';
COMMENT ON COLUMN port_history."service_product" IS 'Product of the first service.';
COMMENT ON COLUMN port_history."service_version" IS 'Version of the first service.';
COMMENT ON COLUMN port_history."service_cpes" IS 'CPE 2.2 URIs of the first service.';
COMMENT ON COLUMN port_history."valid_from" IS 'Time of the first look with these values; null if it has no time.';
COMMENT ON COLUMN port_history."last_seen" IS 'Time of the last look that confirmed these values.';
COMMENT ON COLUMN port_history."valid_to" IS 'Time of the first later look that contradicts these values; null while they are current.';
COMMENT ON COLUMN port_history."looks" IS 'Number of looks that confirmed these values.';
COMMENT ON COLUMN port_history."first_scan_id" IS 'Scan of the first of these looks.';
COMMENT ON COLUMN port_history."last_scan_id" IS 'Scan of the last of these looks.';
COMMENT ON COLUMN port_history."ended_by_scan_id" IS 'Scan that contradicts these values.';
