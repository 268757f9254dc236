-- Printed by `scanmill schema`; not edited by hand.
--
-- Views of scanmill's tables for DuckDB 1.3 and later.
--
-- They read the tables or views scans, hosts, ports, services, scripts and os_matches, such as
--     CREATE VIEW ports AS FROM read_parquet('tables/ports.parquet');
-- and, for a dataset with files of several versions of the tables,
--     CREATE VIEW ports AS FROM read_parquet('dataset/ports/**/*.parquet', union_by_name = true);

-- Text of a script, in which bytes that nmap wrote as \xNN are decoded if all of them are UTF-8.
CREATE OR REPLACE MACRO script_text(value) AS
    nullif(trim(coalesce(TRY(decode(value::BLOB)), value)), '');

-- Form of a version whose text order is the order of versions: compare version_key with version_key('8.0').
CREATE OR REPLACE MACRO version_key(version) AS
    array_to_string([
        CASE
            WHEN regexp_matches(part, '^[0-9]')
                THEN lpad(length(ltrim(part, '0'))::VARCHAR, 2, '0') || ltrim(part, '0')
            WHEN lower(part) IN ('alpha', 'beta', 'dev', 'pre', 'preview', 'rc', 'snapshot')
                THEN '-' || lower(part)
            ELSE '/' || lower(part)
        END
        FOR part IN regexp_extract_all(version, '[0-9]+|\p{L}+')
    ], '') || '.';

-- CPE 2.3 of a CPE 2.2 URI; null for the rare ones with escaped characters or packed editions.
CREATE OR REPLACE MACRO cpe23(uri) AS
    CASE WHEN regexp_full_match(uri, 'cpe:/[aoh](:[^:%~]*){0,6}') THEN
        'cpe:2.3:' || array_to_string([
            CASE part WHEN '' THEN '*' WHEN '-' THEN '-'
                ELSE regexp_replace(lower(part), '([^a-z0-9._-])', '\\\1', 'g') END
            FOR part IN list_resize(string_split(substr(uri, 6), ':'), 7, '')
        ], ':') || ':*:*:*:*'
    END;

-- An address with all its digits, whose text order is the order of addresses.
CREATE OR REPLACE MACRO ip_sort(ip, ip_bytes) AS
    CASE
        WHEN ip_bytes IS NULL THEN NULL
        WHEN contains(ip, ':')
            THEN rtrim(regexp_replace(lower(hex(ip_bytes)), '(....)', '\1:', 'g'), ':')
        ELSE array_to_string([lpad(part, 3, '0') FOR part IN string_split(ip, '.')], '.')
    END;

-- One row per open port and service, with its host and scan: as the table of this name.
CREATE OR REPLACE VIEW open_services AS
WITH script_values AS (
    SELECT
        host_id, protocol, port,
        first(script_text(data->>'$.title') ORDER BY script_index)
            FILTER (name = 'http-title' AND script_text(data->>'$.title') IS NOT NULL) AS http_title,
        first(script_text(data->>'$.subject.commonName') ORDER BY script_index)
            FILTER (name = 'ssl-cert' AND data LIKE '{%') AS tls_cn,
        first(TRY_CAST(data->>'$.validity.notAfter' AS TIMESTAMP) AT TIME ZONE 'UTC' ORDER BY script_index)
            FILTER (name = 'ssl-cert' AND data LIKE '{%') AS tls_not_after,
    FROM scripts
    WHERE scope = 'port' AND name IN ('http-title', 'ssl-cert')
    GROUP BY ALL
),
ssh_keys AS (
    SELECT
        host_id, protocol, port,
        first(key->>'$.fingerprint' ORDER BY script_index, coalesce(list_position(
            ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa'], key->>'$.type'), 4), place) AS fingerprint,
    FROM (
        SELECT
            host_id, protocol, port, script_index,
            unnest(json_extract(data, '$[*]')) AS key, generate_subscripts(json_extract(data, '$[*]'), 1) AS place,
        FROM scripts
        WHERE scope = 'port' AND name = 'ssh-hostkey' AND data LIKE '[%'
    )
    WHERE key->>'$.fingerprint' IS NOT NULL
    GROUP BY ALL
),
os AS (
    SELECT host_id, first(name ORDER BY accuracy DESC NULLS LAST, match_index) AS os_name,
    FROM os_matches
    GROUP BY host_id
),
rows AS (
    SELECT
        p.host_id, p.protocol, p.port, p.state, p.scan_id,
        h.host_key, h.ip, ip_sort(h.ip, h.ip_bytes) AS ip_sort, h.hostname, h.mac, h.mac_vendor,
        coalesce(p.start_time, h.start_time, c.start_time) AS start_time, c.start_time AS scan_start,
        coalesce(s.service_index, 0) AS service_index,
        s.name AS service, s.product, s.version, s.extra_info, s.tunnel,
        coalesce(list_filter(s.cpes, lambda cpe: starts_with(cpe, 'cpe:/a:'))[1], s.cpes[1]) AS cpe,
    FROM ports p
    JOIN hosts h USING (host_id)
    LEFT JOIN scans c ON c.scan_id = p.scan_id
    LEFT JOIN services s ON (s.host_id, s.protocol, s.port) = (p.host_id, p.protocol, p.port)
    WHERE p.state = 'open'
)
SELECT
    (coalesce(r.scan_start, r.start_time) AT TIME ZONE 'UTC')::DATE::VARCHAR AS scan_date,
    r.start_time, r.host_key, r.ip, r.ip_sort,
    CASE
        WHEN r.ip_sort IS NULL THEN NULL
        WHEN contains(r.ip, ':') THEN regexp_replace(
            ltrim(regexp_replace(regexp_replace(':' || r.ip_sort[:19], ':0{1,3}', ':', 'g'), '(:0)+$', ''), ':'),
            '$', '::/64')
        ELSE regexp_replace(r.ip, '[0-9]+$', '0/24')
    END AS subnet,
    r.hostname, r.mac, r.mac_vendor, os.os_name, r.protocol, r.port, r.state,
    r.service, r.product, r.version, version_key(r.version) AS version_key, r.extra_info, r.tunnel,
    r.cpe, cpe23(r.cpe) AS cpe23, v.http_title, v.tls_cn, v.tls_not_after, k.fingerprint AS ssh_hostkey_fp,
    r.service_index, r.scan_id, r.host_id,
FROM rows r
LEFT JOIN os USING (host_id)
LEFT JOIN script_values v ON (v.host_id, v.protocol, v.port) = (r.host_id, r.protocol, r.port)
LEFT JOIN ssh_keys k ON (k.host_id, k.protocol, k.port) = (r.host_id, r.protocol, r.port);

-- The latest row of each host, from the scan that looked at it last.
CREATE OR REPLACE VIEW latest_hosts AS
SELECT h.*
FROM hosts h
LEFT JOIN scans c USING (scan_id)
QUALIFY row_number() OVER (
    PARTITION BY h.host_key ORDER BY coalesce(h.start_time, c.start_time) DESC NULLS LAST, h.host_id DESC) = 1;

-- Open ports and services as of the latest scan of each host. A scan that looked at other ports hides the earlier ones:
-- `scanmill merge` knows which ports each scan covered.
CREATE OR REPLACE VIEW latest_open_services AS
SELECT o.*
FROM open_services o
JOIN latest_hosts USING (host_id);

-- First and last time at which each host was seen up, and in how many scans.
CREATE OR REPLACE VIEW host_seen AS
SELECT
    h.host_key, max(h.ip) AS ip, min(coalesce(h.start_time, c.start_time)) AS first_seen,
    max(coalesce(h.end_time, h.start_time, c.start_time)) AS last_seen, count(DISTINCT h.scan_id) AS scans,
FROM hosts h
LEFT JOIN scans c USING (scan_id)
WHERE h.state = 'up'
GROUP BY h.host_key;

-- First and last time at which each port was open, and in how many scans.
CREATE OR REPLACE VIEW open_port_seen AS
SELECT
    host_key, max(ip) AS ip, protocol, port, min(start_time) AS first_seen, max(start_time) AS last_seen,
    count(DISTINCT scan_id) AS scans,
FROM open_services
GROUP BY host_key, protocol, port;

-- Certificates as of the latest scan of each host, and the days until they expire: add WHERE days_left < 30.
CREATE OR REPLACE VIEW certificates_expiring AS
SELECT
    host_key, ip, hostname, protocol, port, service, tls_cn, tls_not_after,
    date_diff('day', now(), tls_not_after) AS days_left,
FROM latest_open_services
WHERE tls_not_after IS NOT NULL;
