-- What Supabase needs beside deploy/postgres/roles.sql; run that one first. Run both as `postgres`,
-- in the SQL editor. Running it again changes nothing.

-- A pooler in transaction mode forgets what a session has set, so that these belong to the roles.
ALTER ROLE aragora_owner SET timezone = 'UTC';
ALTER ROLE aragora_app SET timezone = 'UTC';
ALTER ROLE aragora_app SET idle_in_transaction_session_timeout = '60s';

-- Supabase offers the tables of `public` over its own REST interface, to these roles. Aragora's are
-- read by Aragora alone.
DO $$
DECLARE
    stranger text;
BEGIN
    FOREACH stranger IN ARRAY ARRAY['anon', 'authenticated'] LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = stranger) THEN
            EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM %I', stranger);
            EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM %I', stranger);
            EXECUTE format(
                'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM %I', stranger);
        END IF;
    END LOOP;
END
$$;
