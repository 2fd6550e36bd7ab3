"""What PostgreSQL's catalogue is asked for: tables, types, constraints, statistics."""

OWN = """
n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                AND d.objid = c.oid AND d.deptype = 'e')
"""

TABLES = f"""
SELECT c.oid, n.nspname || '.' || c.relname, c.relkind = 'p', false
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {OWN}
  AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
ORDER BY n.nspname, c.relname
"""

TYPES = """
SELECT t.oid, t.typname, t.typtype::text, t.typbasetype, t.typtypmod,
       CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END, t.typnotnull,
       coalesce(r.rngsubtype, m.rngsubtype, 0), format_type(t.oid, -1)
FROM pg_type t LEFT JOIN pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_range m ON m.rngmultitypid = t.oid
"""

LABELS = "SELECT enumtypid, enumlabel FROM pg_enum ORDER BY enumtypid, enumsortorder"

DOMAIN_CHECKS = """
SELECT contypid, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contypid <> 0 AND contype = 'c' ORDER BY contypid, conname
"""

PARTS = """
SELECT t.oid, a.atttypid, a.atttypmod
FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid
WHERE t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY t.oid, a.attnum
"""

COLUMNS = f"""
SELECT c.oid, n.nspname, c.relname, a.attname, a.atttypid, a.atttypmod, a.attnotnull,
       coalesce(pg_get_expr(e.adbin, e.adrelid), ''), a.attgenerated <> '',
       CASE WHEN a.attidentity <> ''
            THEN pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname)
            ELSE '' END
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef e ON e.adrelid = c.oid AND e.adnum = a.attnum
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {OWN}
ORDER BY c.oid, a.attnum
"""

STATISTICS = """
SELECT schemaname, tablename, attname, null_frac, most_common_vals::text::text[],
       most_common_freqs, histogram_bounds::text::text[], n_distinct
FROM pg_stats WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
ORDER BY inherited
"""

NAMES = """
(SELECT array_agg(a.attname::text ORDER BY u.place)
 FROM unnest({numbers}) WITH ORDINALITY AS u(number, place)
 JOIN pg_attribute a ON a.attrelid = {table} AND a.attnum = u.number)
"""

FOREIGN = f"""
SELECT k.conrelid, k.conname, {NAMES.format(numbers="k.conkey", table="k.conrelid")},
       n.nspname || '.' || p.relname, {NAMES.format(numbers="k.confkey", table="k.confrelid")},
       k.condeferrable, k.confmatchtype = 'f'
FROM pg_constraint k JOIN pg_class p ON p.oid = k.confrelid
JOIN pg_namespace n ON n.oid = p.relnamespace
WHERE k.contype = 'f' AND NOT p.relispartition
ORDER BY k.conrelid, k.conname
"""

UNIQUE = f"""
SELECT i.indrelid, x.relname,
       {NAMES.format(numbers="(i.indkey::int2[])[0:i.indnkeyatts - 1]", table="i.indrelid")},
       i.indisprimary, i.indimmediate,
       i.indpred IS NULL AND i.indexprs IS NULL AND i.indisunique, i.indnullsnotdistinct
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
WHERE i.indisunique OR i.indisexclusion
ORDER BY i.indrelid, i.indisprimary DESC, x.relname
"""

CHECKS = """
SELECT conrelid, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'c' AND conrelid <> 0 ORDER BY conrelid, conname
"""

PARTITIONS = """
SELECT t.root, pg_get_partition_constraintdef(t.leaf), t.is_default
FROM (SELECT c.oid AS root, p.relid AS leaf,
             pg_get_expr(l.relpartbound, l.oid) = 'DEFAULT' AS is_default
      FROM pg_class c, LATERAL pg_partition_tree(c.oid) p JOIN pg_class l ON l.oid = p.relid
      WHERE c.relkind = 'p' AND NOT c.relispartition AND p.isleaf AND p.level > 0) AS t
ORDER BY t.root, t.leaf
"""
