"""Find what a role of PostgreSQL could change."""

# A role of these can change data, run programs or end sessions of others without a right to any table.
HARMFUL = (
    "pg_write_all_data",
    "pg_write_server_files",
    "pg_execute_server_program",
    "pg_signal_backend",
    "pg_create_subscription",
    "pg_maintain",
)
TEXT = ", ".join(f"'{role}'" for role in HARMFUL)
# The first right to write that the role of this session has: by itself, by PUBLIC, or by a role that it could become with SET ROLE.
RIGHTS = f"""
WITH mine AS (SELECT * FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER'))
SELECT format('the role %s is a superuser', rolname) FROM mine WHERE rolsuper
UNION ALL SELECT format('the role %s may create roles', rolname) FROM mine WHERE rolcreaterole
UNION ALL SELECT format('it is a member of %s', rolname) FROM mine WHERE rolname IN ({TEXT})
UNION ALL SELECT format('the role %s may change %I.%I', rolname, nspname, relname)
    FROM mine, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'f') AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND (
        c.relowner = mine.oid OR has_table_privilege(mine.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
        OR has_any_column_privilege(mine.oid, c.oid, 'INSERT, UPDATE'))
UNION ALL SELECT format('the role %s may create tables in the schema %I', rolname, nspname)
    FROM mine, pg_namespace n WHERE nspname NOT LIKE 'pg\\_%' AND has_schema_privilege(mine.oid, n.oid, 'CREATE')
UNION ALL SELECT format('the role %s may create schemas in the database %I', rolname, datname)
    FROM mine, pg_database d WHERE datname = current_database() AND has_database_privilege(mine.oid, d.oid, 'CREATE')
LIMIT 1"""
