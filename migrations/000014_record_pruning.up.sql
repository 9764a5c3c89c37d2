-- Who erases what changes were from and to is entered too, in each chain that it is
-- erased in: by the table's own trigger, so that no path passes it by, programs of
-- before and psql included. An entry has no images, so that what it says is never
-- erased in its turn: its record is the moment up to which images are erased.
--
-- A program says that moment in app.erases_before and erases in many small
-- transactions; a chain has one entry of it, with the first of them. Where nothing
-- is said, it is that behind the last change whose images went.
CREATE FUNCTION record_pruning() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
AS $$
DECLARE
    installation CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    said         CONSTANT text := NULLIF(current_setting('app.erases_before', true), '');
    done         boolean;
    erased       record;
BEGIN
    FOR erased IN
        SELECT o.tenant_id, COALESCE(said, change_time(max(o.at) + interval '1 microsecond')) AS until
        FROM old_change o JOIN new_change n ON n.tenant_id = o.tenant_id AND n.seq = o.seq
        WHERE o.before IS NOT NULL AND n.before IS NULL OR o.after IS NOT NULL AND n.after IS NULL
        GROUP BY o.tenant_id
    LOOP
        IF erased.tenant_id <> installation AND NOT change_is_kept(erased.tenant_id) THEN
            CONTINUE;
        END IF;
        PERFORM FROM change c
        WHERE c.tenant_id = erased.tenant_id AND c.record = erased.until AND c.seq > 0 AND c.noun = 'change' AND c.action = 'prune';
        IF NOT FOUND THEN
            PERFORM FROM change_queue q
            WHERE q.tenant_id = erased.tenant_id AND q.record = erased.until AND q.noun = 'change' AND q.action = 'prune';
        END IF;
        IF NOT FOUND THEN
            done := enter_change(erased.tenant_id, 'prune', 'change', erased.until, NULL, NULL, NULL);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

-- As with the functions of the other triggers, and with chain_changes: its plans
-- are kept, and must not read all entries later.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION record_pruning() SET search_path = pg_catalog, %I, pg_temp', current_schema());
    ALTER FUNCTION record_pruning() SET enable_seqscan = off;
END
$$;
REVOKE EXECUTE ON FUNCTION record_pruning() FROM PUBLIC;

CREATE TRIGGER change_pruning AFTER UPDATE ON change
    REFERENCING OLD TABLE AS old_change NEW TABLE AS new_change
    FOR EACH STATEMENT EXECUTE FUNCTION record_pruning();
