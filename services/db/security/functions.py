"""Functions the policies and the machines stand on.

Those that look at tables run with the rights of the owner (SECURITY DEFINER) on a search path that nobody else writes.
"""

from services.db.security.definer import DEFINER
from services.db.security.rights import RIGHTS

FUNCTIONS = (
    """
    CREATE OR REPLACE FUNCTION tianshu_claim(name text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT nullif(current_setting('tianshu.' || name, true), '') $$
    """,
    """
    CREATE OR REPLACE FUNCTION tianshu_account() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT tianshu_claim('account')::bigint $$
    """,
    """
    CREATE OR REPLACE FUNCTION tianshu_holds(roles text[]) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT coalesce(string_to_array(tianshu_claim('roles'), ',') && roles, false) $$
    """,
    # the authorisation that was claimed, while it is in force for the claimed case (services/access/cases.py)
    f"""
    CREATE OR REPLACE FUNCTION tianshu_authorisation() RETURNS SETOF authorisation LANGUAGE sql STABLE {DEFINER} AS $$
        SELECT a.* FROM authorisation a
        WHERE a.id = tianshu_claim('authorisation')::bigint AND a.case_no = tianshu_claim('case')
          AND a.state = 'approved' AND a.expires_at > now() AND 'tracks' = ANY (a.sources)
          AND EXISTS (
              SELECT FROM account_role r JOIN account p ON p.id = r.account_id
              WHERE r.account_id = a.approved_by AND r.role = 'approver' AND p.active
          )
    $$
    """,
    # whose fixes, of when and where, the transaction may read: what it declared, as far as that is permitted; of a
    # unit, those of each device for as long as it carried it
    f"""
    CREATE OR REPLACE FUNCTION tianshu_look(OUT devices bigint[], OUT spans tstzmultirange[], OUT ground geography)
    LANGUAGE plpgsql STABLE {DEFINER} AS $$
    DECLARE
        wanted text[] := string_to_array(tianshu_claim('subjects'), ',');
        span tstzrange;
        permit authorisation;
    BEGIN
        IF tianshu_claim('start') IS NULL OR tianshu_claim('end') IS NULL THEN
            RETURN;
        END IF;
        span := tstzrange(tianshu_claim('start')::timestamptz, tianshu_claim('end')::timestamptz);
        IF tianshu_claim('authorisation') IS NOT NULL THEN
            SELECT * INTO permit FROM tianshu_authorisation();
            IF permit.id IS NULL THEN
                RETURN;
            END IF;
            span := span * tstzrange(permit.window_start, permit.window_end);
            ground := permit.area;
            IF cardinality(permit.subjects) > 0 THEN
                wanted := ARRAY(SELECT unnest(wanted) INTERSECT SELECT unnest(permit.subjects));
            END IF;
        ELSIF upper(span) - lower(span) > interval '24 hours' THEN
            RETURN;
        END IF;
        SELECT array_agg(device_id), array_agg(held) INTO devices, spans FROM (
            SELECT device_id, range_agg(during * span) AS held FROM (
                SELECT substr(one, 8)::bigint AS device_id, span AS during
                FROM unnest(wanted) one WHERE one ~ '^device:[0-9]+$'
                UNION ALL
                SELECT c.device_id, c.during FROM carriage c WHERE c.during && span AND c.unit_id = ANY (ARRAY(
                    SELECT substr(one, 6)::bigint FROM unnest(wanted) one WHERE one ~ '^unit:[0-9]+$'))
            ) AS piece GROUP BY device_id
        ) AS whole;
    END $$
    """,
    # a UTC day of a table cut by days; attached rather than created in place, so that other days are not locked
    f"""
    CREATE OR REPLACE FUNCTION tianshu_make_day(parent text, by text, day date) RETURNS boolean
    LANGUAGE plpgsql {DEFINER} AS $$
    DECLARE
        name text := parent || '_' || to_char(day, 'YYYYMMDD');
        rest text := parent || '_default';
        starts timestamptz := day::timestamp AT TIME ZONE 'UTC';
        ends timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
    BEGIN
        PERFORM pg_advisory_xact_lock(449001);
        IF to_regclass(name) IS NOT NULL THEN
            RETURN false;
        END IF;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)',
                       name, parent);
        IF to_regclass(rest) IS NOT NULL THEN
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', rest);
            EXECUTE format('WITH moved AS (DELETE FROM %1$I WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING *) '
                           'INSERT INTO %5$I SELECT * FROM moved', rest, by, starts, ends, name);
        END IF;
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, starts, ends);
        PERFORM tianshu_close_day(name);
        RETURN true;
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION tianshu_analyse_roads() RETURNS void LANGUAGE plpgsql {DEFINER} AS $$
    BEGIN
        ANALYZE road_edge;
    END $$
    """,
    # a day is read through its table only: by its own name it shows its rows to nobody but the owner
    """
    CREATE OR REPLACE FUNCTION tianshu_close_day(name text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('DROP POLICY IF EXISTS owner ON %I', name);
        EXECUTE format('CREATE POLICY owner ON %I TO CURRENT_USER USING (true)', name);
    END $$
    """,
    # destroy a day that is over for two days at least; the number of rows that were in it
    f"""
    CREATE OR REPLACE FUNCTION tianshu_drop_day(name text) RETURNS bigint LANGUAGE plpgsql {DEFINER} AS $$
    DECLARE
        count bigint;
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(name)) OR name !~ '^[a-z_]+_[0-9]{{8}}$'
           OR right(name, 8) > to_char(now() - interval '2 days', 'YYYYMMDD') THEN
            RAISE EXCEPTION '% is no day that can be destroyed', name USING ERRCODE = 'invalid_parameter_value';
        END IF;
        EXECUTE format('SELECT count(*) FROM %I', name) INTO count;
        EXECUTE format('DROP TABLE %I', name);
        RETURN count;
    END $$
    """,
    # what answers a person is for the security administration, and for processes that nobody asks
    """
    CREATE OR REPLACE FUNCTION tianshu_check_rights() RETURNS void LANGUAGE plpgsql STABLE AS $$
    BEGIN
        IF current_setting('role') LIKE '%_app' AND NOT tianshu_holds(ARRAY['security_admin']) THEN
            RAISE EXCEPTION 'only the security administration asks this' USING ERRCODE = 'insufficient_privilege';
        END IF;
    END $$
    """,
    # what a person did on duty, by table: numbers for who answers that person (个人信息保护法 45), no rows
    f"""
    CREATE OR REPLACE FUNCTION tianshu_count_done(person bigint) RETURNS TABLE (what text, rows bigint)
    LANGUAGE plpgsql STABLE {DEFINER} AS $$
    BEGIN
        PERFORM tianshu_check_rights();
        RETURN QUERY
            SELECT 'audit', count(*) FROM audit WHERE account_id = person
            UNION ALL SELECT 'audit_review', count(*) FROM audit_review WHERE account_id = person
            UNION ALL SELECT 'call_event', count(*) FROM call_event WHERE account_id = person
            UNION ALL SELECT 'alert', count(*) FROM alert WHERE acknowledged_by = person
            UNION ALL SELECT 'export_request', count(*) FROM export_request WHERE account_id = person
            UNION ALL SELECT 'export_file', count(*) FROM export_file WHERE account_id = person;
    END $$
    """,
    *RIGHTS,
)

CALLERS = {
    "tianshu_audit_head()": ("audit", "worker"),
    "tianshu_authorisation()": ("app",),
    "tianshu_look()": ("app",),
    "tianshu_make_day(text, text, date)": ("ingest", "worker"),
    "tianshu_close_day(text)": (),
    "tianshu_analyse_roads()": ("worker",),
    "tianshu_drop_day(text)": ("worker",),
    "tianshu_check_rights()": ("app", "worker"),
    "tianshu_count_done(bigint)": ("app", "worker"),
    "tianshu_count_kept(bigint)": ("app", "worker"),
    "tianshu_find_words(text)": ("app", "worker"),
    "tianshu_hold_call(bigint)": ("app", "worker"),
    "tianshu_hold_track(bigint, timestamptz, timestamptz, geometry)": ("app", "worker"),
}
"""Who may call what looks at tables with the owner's rights; nobody else may."""
