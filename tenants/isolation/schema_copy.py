"""A schema with the tables and rows of another one, made by one script.

Names are found by the search path: while the statements are read only the original is on it, and while they
run only the copy is. So a name of another schema is always qualified, and nothing can lead back to the
original. What is copied is what migrations of Django make: tables with defaults, checks, comments and rows,
identity columns with their sequences, indexes, constraints and triggers.
`tests/tenants/test_schema_template.py` fails for a migration that makes anything else.
"""

from django.db import connection
from psycopg import sql

STATEMENTS = r"""
WITH source AS (
    SELECT oid, relname FROM pg_class
    WHERE relnamespace = %(schema)s::regnamespace AND relkind = 'r'
), statements (step, name, statement) AS (
    SELECT 1, relname, format(
        'CREATE TABLE %%I (LIKE %%I.%%1$I INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES)',
        relname, %(schema)s)
    FROM source
UNION ALL
    SELECT 2, s.relname, format('INSERT INTO %%I (%%s) SELECT %%2$s FROM %%3$I.%%1$I',
        s.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), %(schema)s)
    FROM source s JOIN pg_attribute a ON a.attrelid = s.oid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    GROUP BY s.relname
UNION ALL
    SELECT 3, q.relname, format(
        'ALTER TABLE %%I ALTER COLUMN %%I ADD GENERATED %%s AS IDENTITY (SEQUENCE NAME %%I START WITH %%s'
        ' INCREMENT BY %%s MINVALUE %%s MAXVALUE %%s CACHE %%s %%s)',
        s.relname, a.attname, CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, q.relname,
        n.seqstart, n.seqincrement, n.seqmin, n.seqmax, n.seqcache,
        CASE WHEN n.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END)
    FROM source s JOIN pg_attribute a ON a.attrelid = s.oid AND a.attidentity <> ''
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid
        AND d.refobjsubid = a.attnum AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'
    JOIN pg_class q ON q.oid = d.objid JOIN pg_sequence n ON n.seqrelid = q.oid
UNION ALL
    SELECT 4, relname, format(
        'SELECT setval(%%L, last_value, is_called) FROM %%I.%%I', quote_ident(relname), %(schema)s, relname)
    FROM pg_class WHERE relnamespace = %(schema)s::regnamespace AND relkind = 'S'
UNION ALL
    SELECT 5, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid, 0, true)
    FROM source s JOIN pg_index i ON i.indrelid = s.oid
    WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p', 'u', 'x'))
UNION ALL
    SELECT CASE c.contype WHEN 'f' THEN 7 ELSE 6 END, c.conname, format(
        'ALTER TABLE %%I ADD CONSTRAINT %%I %%s', s.relname, c.conname, pg_get_constraintdef(c.oid))
    FROM source s JOIN pg_constraint c ON c.conrelid = s.oid WHERE c.contype IN ('p', 'u', 'x', 'f')
UNION ALL
    SELECT 8, t.tgname, pg_get_triggerdef(t.oid, true)
    FROM source s JOIN pg_trigger t ON t.tgrelid = s.oid WHERE NOT t.tgisinternal
UNION ALL
    SELECT 9, c.relname, format('COMMENT ON %%s %%I IS %%L',
        CASE c.relkind WHEN 'i' THEN 'INDEX' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
        c.relname, d.description)
    FROM pg_class c JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid
    WHERE c.relnamespace = %(schema)s::regnamespace AND d.objsubid = 0
UNION ALL
    SELECT 9, t.tgname, format('COMMENT ON TRIGGER %%I ON %%I IS %%L', t.tgname, s.relname, d.description)
    FROM source s JOIN pg_trigger t ON t.tgrelid = s.oid
    JOIN pg_description d ON d.classoid = 'pg_trigger'::regclass AND d.objoid = t.oid
UNION ALL
    SELECT 9, c.conname, format(
        'COMMENT ON CONSTRAINT %%I ON %%I IS %%L', c.conname, s.relname, d.description)
    FROM source s JOIN pg_constraint c ON c.conrelid = s.oid
    JOIN pg_description d ON d.classoid = 'pg_constraint'::regclass AND d.objoid = c.oid
)
SELECT statement FROM statements ORDER BY step, name, statement
"""


def copy_schema(source: str, copy: str) -> None:
    """Make the schema `copy` with all that is in `source`, but for rights.

    Call it as the owner, in a transaction. Raises ProgrammingError where there is a schema of that name; the
    transaction has to be rolled back then.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('search_path')")
        (before,) = cursor.fetchone() or ("",)
        cursor.execute("SELECT set_config('search_path', quote_ident(%s), true)", [source])
        cursor.execute(STATEMENTS, {"schema": source})
        statements = [statement for (statement,) in cursor.fetchall()]
        name = sql.Identifier(copy).as_string()
        script = [f"CREATE SCHEMA {name}", f"SET LOCAL search_path = {name}", *statements]
        cursor.execute(";\n".join(script))
        cursor.execute("SELECT set_config('search_path', %s, true)", [before])
