"""The functions in PostgreSQL that write the activity log. Installed by `tenants.audit.triggers`.

They run as the owner of the database (SECURITY DEFINER), who alone may write the log. A line is put down at
once, so that it says who acted then; it is sealed when the transaction commits. So the lock on a chain's
head is the last one that a transaction takes, and is held for the commit only: writers do not wait for each
other's work, two of them cannot deadlock, and numbers have no gaps.
"""

CANONICAL = """jsonb_build_array(
    {number}, tenant_id, (extract(epoch FROM at) * 1000000)::bigint, actor_kind, actor_id, actor_label,
    address, request, database_role, verb, object_kind, object_id, object_label, changes, reason)::text"""
"""All that a line says, as text: what is hashed. A change of it breaks every chain there is."""

FIRST_HASH = bytes(32)
"""What the first line of a chain has for `prev_hash`."""

LOG = """
CREATE OR REPLACE FUNCTION public.facetrack_log(
    tenant uuid, actor jsonb, verb text, kind text, id text, label text, changes jsonb)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    actor := coalesce(actor, jsonb_build_object(
        'kind', 'database', 'id', session_user, 'label', session_user, 'address', host(inet_client_addr())));
    INSERT INTO public.tenants_activity (
        tenant_id, at, actor_kind, actor_id, actor_label, address, request, database_role,
        verb, object_kind, object_id, object_label, changes, reason)
    VALUES (
        tenant, clock_timestamp(),
        left(coalesce(actor->>'kind', ''), 10), left(coalesce(actor->>'id', ''), 64),
        left(coalesce(actor->>'label', ''), 254), left(coalesce(actor->>'address', ''), 45),
        left(coalesce(actor->>'request', ''), 64), session_user, verb, left(coalesce(kind, ''), 60),
        left(coalesce(id, ''), 64), left(coalesce(label, ''), 254), coalesce(changes, '{}'),
        left(coalesce(actor->>'reason', ''), 300));
END $$
"""

# A tenant's role can only write into its tenant's log, whatever it asks for (see
# `tenants.isolation.policies`).
ACTIVE = """
CREATE OR REPLACE FUNCTION public.facetrack_active_tenant() RETURNS uuid LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN current_setting('role') ~ '^t_[0-9a-f]{32}$'
        THEN substr(current_setting('role'), 3)::uuid END
$$
"""

NOTE = """
CREATE OR REPLACE FUNCTION public.facetrack_note(
    tenant uuid, actor jsonb, verb text, kind text, id text, label text, changes jsonb)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    active uuid := public.facetrack_active_tenant();
BEGIN
    IF active IS NOT NULL AND active IS DISTINCT FROM tenant THEN
        RAISE EXCEPTION 'a tenant notes things in its own log only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF verb IN ('created', 'updated', 'deleted', 'truncated', 'role_changed') THEN
        RAISE EXCEPTION 'changes of rows are logged by triggers only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM public.facetrack_log(tenant, actor, verb, kind, id, label, changes);
END $$
"""

# The argument is what `tracked_models.as_json` says: kind, key, tenant, label, shown, ignored, only,
# part_of, verbs.
AUDIT = """
CREATE OR REPLACE FUNCTION public.facetrack_audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    watch jsonb := TG_ARGV[0]::jsonb;
    actor jsonb := nullif(current_setting('app.actor', true), '')::jsonb;
    was jsonb := '{}';
    becomes jsonb := '{}';
    this jsonb;
    changed jsonb;
    said text := CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'UPDATE' THEN 'updated' ELSE 'deleted' END;
    chain uuid;
    label text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        SELECT t.id INTO chain FROM public.tenants_tenant t
            WHERE t.schema_name = TG_TABLE_SCHEMA AND t.schema_name <> 'public';
        PERFORM public.facetrack_log(chain, actor, 'truncated', watch->>'kind', '', '', '{}');
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM jsonb_array_elements_text(watch->'part_of') field, public.tenants_activity line
        WHERE line.number IS NULL AND line.verb = 'deleted' AND line.object_id = to_jsonb(OLD)->>field
    ) THEN
        RETURN NULL;  -- it belonged to what this transaction has deleted, which has a line
    END IF;
    IF TG_OP <> 'INSERT' THEN was := to_jsonb(OLD); END IF;
    IF TG_OP <> 'DELETE' THEN becomes := to_jsonb(NEW); END IF;
    this := CASE WHEN TG_OP = 'DELETE' THEN was ELSE becomes END;
    SELECT jsonb_object_agg(field, CASE
            WHEN NOT watch->'shown' ? field THEN '{"changed": true}'
            ELSE jsonb_strip_nulls(jsonb_build_object(
                'old', public.facetrack_brief(was->field), 'new', public.facetrack_brief(becomes->field)))
        END) INTO changed
        FROM jsonb_object_keys(this) field
        WHERE was->field IS DISTINCT FROM becomes->field AND NOT watch->'ignored' ? field
            AND CASE WHEN TG_OP = 'UPDATE' THEN watch->'only' = 'null' OR watch->'only' ? field
                ELSE watch->'shown' ? field AND this->field <> 'null' END;
    IF changed IS NULL AND TG_OP = 'UPDATE' THEN RETURN NULL; END IF;
    IF TG_OP = 'UPDATE' THEN
        said := coalesce(
            (SELECT value FROM jsonb_each_text(watch->'verbs') WHERE changed ? key LIMIT 1), said);
    END IF;
    chain := public.facetrack_chain(TG_TABLE_SCHEMA, watch->>'tenant', this);
    label := public.facetrack_label(TG_TABLE_SCHEMA, watch->'label', this);
    PERFORM public.facetrack_log(chain, actor, said, watch->>'kind', this->>(watch->>'key'), label, changed);
    IF TG_OP = 'UPDATE' AND this->(watch->>'tenant') IS DISTINCT FROM was->(watch->>'tenant') THEN
        chain := public.facetrack_chain(TG_TABLE_SCHEMA, watch->>'tenant', was);  -- news in both tenants
        PERFORM public.facetrack_log(
            chain, actor, said, watch->>'kind', this->>(watch->>'key'), label, changed);
    END IF;
    RETURN NULL;
END $$
"""

BRIEF = """
CREATE OR REPLACE FUNCTION public.facetrack_brief(value jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN jsonb_typeof(value) = 'string' AND length(value #>> '{}') > 200
        THEN to_jsonb(left(value #>> '{}', 200) || '…') ELSE value END
$$
"""

# In whose log: that of the schema's tenant; for a shared table, of the row's tenant or else the active one.
CHAIN = """
CREATE OR REPLACE FUNCTION public.facetrack_chain(place text, field text, this jsonb) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF place = 'public' AND field IS NULL THEN
        RETURN public.facetrack_active_tenant();
    ELSIF place = 'public' THEN
        RETURN (SELECT t.id FROM (SELECT (this->>field)::uuid AS id) t WHERE NOT EXISTS (
            SELECT FROM public.tenants_tenant p WHERE p.id = t.id AND p.schema_name = 'public'));
    END IF;
    RETURN (SELECT id FROM public.tenants_tenant WHERE schema_name = place);
END $$
"""

# Each part of a label is [column] or [column, table, column there].
LABEL = """
CREATE OR REPLACE FUNCTION public.facetrack_label(place text, parts jsonb, this jsonb) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part jsonb;
    word text;
    words text[] := '{}';
BEGIN
    FOR part IN SELECT * FROM jsonb_array_elements(parts) LOOP
        word := this->>(part->>0);
        IF jsonb_array_length(part) > 1 THEN
            EXECUTE format('SELECT %I::text FROM %s WHERE id::text = $1', part->>2, coalesce(
                to_regclass(format('%I.%I', place, part->>1)), to_regclass(format('public.%I', part->>1))))
                INTO word USING word;
        END IF;
        words := words || word;
    END LOOP;
    RETURN array_to_string(words, ' ');
END $$
"""

SEAL = """
CREATE OR REPLACE FUNCTION public.facetrack_seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    open_chain record;
    line public.tenants_activity;
    last public.tenants_activityhead;
    fresh bytea;
BEGIN
    PERFORM FROM public.tenants_activity WHERE id = NEW.id AND number IS NULL;
    IF NOT FOUND THEN RETURN NULL; END IF;
    FOR open_chain IN  -- always in the same order, so that two transactions cannot wait for each other
        SELECT DISTINCT tenant_id, coalesce(tenant_id, '00000000-0000-0000-0000-000000000000') AS chain
        FROM public.tenants_activity WHERE number IS NULL ORDER BY 2
    LOOP
        INSERT INTO public.tenants_activityhead (chain, tenant_id, number, hash)
            VALUES (open_chain.chain, open_chain.tenant_id, 0, decode(repeat('00', 32), 'hex'))
            ON CONFLICT DO NOTHING;
        SELECT * INTO last FROM public.tenants_activityhead WHERE chain = open_chain.chain FOR UPDATE;
        FOR line IN
            SELECT * FROM public.tenants_activity
            WHERE number IS NULL AND tenant_id IS NOT DISTINCT FROM open_chain.tenant_id ORDER BY id
        LOOP
            last.number := last.number + 1;
            SELECT sha256(last.hash || convert_to({canonical}, 'UTF8')) INTO fresh
                FROM (SELECT line.*) AS whole;
            UPDATE public.tenants_activity SET number = last.number, prev_hash = last.hash, hash = fresh
                WHERE id = line.id;
            last.hash := fresh;
        END LOOP;
        UPDATE public.tenants_activityhead SET number = last.number, hash = last.hash
            WHERE chain = last.chain;
    END LOOP;
    RETURN NULL;
END $$
""".replace("{canonical}", CANONICAL.format(number="last.number"))

GUARD = """
CREATE OR REPLACE FUNCTION public.facetrack_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    seal text[] := '{number,prev_hash,hash}';
BEGIN
    IF TG_OP = 'INSERT' AND NEW.number IS NULL THEN RETURN NEW; END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.number IS NULL AND NEW.number IS NOT NULL AND to_jsonb(OLD) - seal = to_jsonb(NEW) - seal
        THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'the activity log is only ever added to: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$
"""

HEAD_GUARD = """
CREATE OR REPLACE FUNCTION public.facetrack_head_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.chain = OLD.chain AND NEW.number > OLD.number THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'the head of the activity log only moves on: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$
"""

FUNCTIONS = (LOG, ACTIVE, NOTE, BRIEF, CHAIN, LABEL, AUDIT, SEAL, GUARD, HEAD_GUARD)
PRIVATE = (
    "facetrack_log(uuid, jsonb, text, text, text, text, jsonb)",
    "facetrack_chain(text, text, jsonb)",
    "facetrack_label(text, jsonb, jsonb)",
)
"""What only the functions above may call: it would write or read whatever the caller likes."""

OWN_TRIGGERS = {
    "tenants_activity": {
        "facetrack_guard": "BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW",
        "facetrack_guard_all": "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
        "facetrack_seal": "AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
    },
    "tenants_activityhead": {
        "facetrack_head_guard": "BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW",
        "facetrack_head_guard_all": "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
    },
}
