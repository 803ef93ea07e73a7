"""Functions behind the rights of a person (个人信息保护法 44 to 47): where words are kept, what keeps data there.

They answer in numbers, reasons and the words that were asked for, so that whoever answers a person need not be able to
read calls, cases or tracks.
"""

from services.db.security.definer import DEFINER

RIGHTS = (
    # whether a text says something, blanks and hyphens apart: 138 0013-8000 is 13800138000
    r"""
    CREATE OR REPLACE FUNCTION tianshu_says(said text, words text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
        SELECT position(lower(regexp_replace(words, '[\s-]', '', 'g'))
                        IN lower(regexp_replace(said, '[\s-]', '', 'g'))) > 0
    $$
    """,
    # where calls, what was logged of them, and notes of a shift say something; a note belongs to no call
    f"""
    CREATE OR REPLACE FUNCTION tianshu_find_words(words text) RETURNS TABLE (call_id bigint, place text, said text)
    LANGUAGE plpgsql STABLE {DEFINER} AS $$
    BEGIN
        PERFORM tianshu_check_rights();
        RETURN QUERY
            SELECT c.id, f.name, f.value FROM call c, LATERAL (
                VALUES ('address', c.address), ('notes', c.notes), ('result', c.result)
            ) f (name, value) WHERE tianshu_says(f.value, words)
            UNION ALL SELECT c.id, 'answers', a.value FROM call c, jsonb_each_text(c.answers) a
            WHERE tianshu_says(a.value, words)
            UNION ALL SELECT e.call_id, 'log', d.value #>> '{{}}'
            FROM call_event e, jsonb_path_query(e.detail, 'strict $.** ? (@.type() == "string")') d (value)
            WHERE tianshu_says(d.value #>> '{{}}', words)
            UNION ALL SELECT s.call_id, 'reason', s.reason FROM assignment s WHERE tianshu_says(s.reason, words)
            UNION ALL SELECT NULL, 'handover_note', h.text FROM handover_note h WHERE tianshu_says(h.text, words);
    END $$
    """,
    # why the words of a call can't be deleted, and until when as far as that is known; nothing where they can
    f"""
    CREATE OR REPLACE FUNCTION tianshu_hold_call(number bigint) RETURNS TABLE (reason text, until timestamptz)
    LANGUAGE plpgsql STABLE {DEFINER} AS $$
    BEGIN
        PERFORM tianshu_check_rights();
        RETURN QUERY
            SELECT 'open_call', NULL::timestamptz FROM call WHERE id = number AND state <> 'closed'
            UNION ALL SELECT DISTINCT 'linked_call', NULL::timestamptz FROM call_link l JOIN call c
                ON c.id IN (l.call_id, l.other_id) AND c.id <> number AND c.state <> 'closed'
                WHERE number IN (l.call_id, l.other_id)
            UNION ALL SELECT 'log', max(e.at) + interval '1 year' FROM call_event e WHERE e.call_id = number
                HAVING max(e.at) + interval '1 year' >= now()
            UNION ALL SELECT 'case', max(a.expires_at) FROM authorisation a JOIN call c ON c.id = number
                WHERE a.state <> 'revoked' AND a.expires_at > now()
                  AND a.window_start <= coalesce(c.closed_at, 'infinity') AND a.window_end >= c.taken_at
                  AND ('call:' || number = ANY (a.subjects) OR ST_Covers(a.area, c.place) OR EXISTS (
                      SELECT FROM assignment s WHERE s.call_id = number AND 'unit:' || s.unit_id = ANY (a.subjects)))
                HAVING count(*) > 0;
    END $$
    """,
    # why a device's positions of a time can't be deleted; `ground` is where they lie
    f"""
    CREATE OR REPLACE FUNCTION tianshu_hold_track(
        number bigint, starts timestamptz, ends timestamptz, ground geometry
    ) RETURNS TABLE (reason text, until timestamptz)
    LANGUAGE plpgsql STABLE {DEFINER} AS $$
    BEGIN
        PERFORM tianshu_check_rights();
        RETURN QUERY
            SELECT 'case', max(a.expires_at) FROM authorisation a
                WHERE a.state <> 'revoked' AND a.expires_at > now() AND a.window_start < ends AND a.window_end >= starts
                  AND ('device:' || number = ANY (a.subjects)
                       OR EXISTS (
                           SELECT FROM carriage r WHERE r.device_id = number AND 'unit:' || r.unit_id = ANY (a.subjects)
                           AND NOT isempty(r.during * tstzrange(starts, ends)
                                           * tstzrange(a.window_start, a.window_end, '[]')))
                       OR (cardinality(a.subjects) = 0 AND ST_Intersects(a.area::geometry, ground)))
                HAVING count(*) > 0
            UNION ALL SELECT DISTINCT 'open_call', NULL::timestamptz FROM carriage r
                JOIN assignment s ON s.unit_id = r.unit_id JOIN call c ON c.id = s.call_id AND c.state <> 'closed'
                WHERE r.device_id = number AND r.during && tstzrange(starts, ends) AND c.taken_at < ends
            UNION ALL SELECT DISTINCT 'open_alert', NULL::timestamptz FROM alert t
                WHERE t.device_id = number AND t.state <> 'closed' AND t.at >= starts AND t.at < ends
            UNION ALL SELECT DISTINCT 'own', NULL::timestamptz FROM carriage r JOIN crew w ON w.unit_id = r.unit_id
                WHERE r.device_id = number AND w.account_id = tianshu_account()
                  AND NOT isempty(r.during * tstzrange(starts, ends) * tstzrange(w.since, w.until, '[]'));
    END $$
    """,
    # what else is kept of a device, by table, with the first and the last moment
    f"""
    CREATE OR REPLACE FUNCTION tianshu_count_kept(number bigint)
    RETURNS TABLE (what text, rows bigint, first_at timestamptz, last_at timestamptz)
    LANGUAGE plpgsql STABLE {DEFINER} AS $$
    BEGIN
        PERFORM tianshu_check_rights();
        RETURN QUERY
            SELECT 'alert', count(*), min(at), max(at) FROM alert WHERE device_id = number
            UNION ALL SELECT 'command', count(*), min(asked_at), max(asked_at) FROM command WHERE device_id = number
            UNION ALL SELECT 'short_message', count(*), min(at), max(at) FROM short_message WHERE device_id = number;
    END $$
    """,
)
