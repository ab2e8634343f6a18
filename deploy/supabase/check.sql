-- What protects Aragora's tables. `manage.py check_tenancy` judges; this shows.

-- Roles: `bypasses` and `superuser` must be false for those that Aragora connects as.
SELECT rolname, rolbypassrls AS bypasses, rolsuper AS superuser
FROM pg_roles WHERE rolname IN ('aragora_owner', 'aragora_app', 'anon', 'authenticated') ORDER BY rolname;

-- Tables: those with rows of tenants need both, and at least one policy.
SELECT c.relname AS "table", c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
       count(p.polname) AS policies
FROM pg_class c
LEFT JOIN pg_policy p ON p.polrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
GROUP BY c.oid ORDER BY c.relname;

-- Rights of strangers: there must be none.
SELECT grantee, table_name, privilege_type
FROM information_schema.role_table_grants
WHERE table_schema = 'public' AND grantee IN ('anon', 'authenticated', 'PUBLIC')
ORDER BY table_name, grantee;
