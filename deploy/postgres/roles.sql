-- The two roles of Aragora, and what the second may do. Run it once in the new, empty database, as
-- whoever may create roles:
--
--     psql -d aragora -f deploy/postgres/roles.sql
--     psql -d aragora -c '\password aragora_owner' -c '\password aragora_app'
--
-- aragora_owner owns the tables and migrates:     ARAGORA_DIRECT_DATABASE_URL
-- aragora_app serves and works, under the policies: DATABASE_URL
--
-- Running it again changes nothing. `manage.py check_tenancy` then proves that it holds.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['aragora_owner', 'aragora_app'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        END IF;
        EXECUTE format(
            'ALTER ROLE %I NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION', name
        );
    END LOOP;
END $$;

GRANT USAGE, CREATE ON SCHEMA public TO aragora_owner;
GRANT USAGE ON SCHEMA public TO aragora_app;
REVOKE CREATE ON SCHEMA public FROM aragora_app;

-- What there is, where tables were there before.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO aragora_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO aragora_app;

-- What migrations will make.
ALTER DEFAULT PRIVILEGES FOR ROLE aragora_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO aragora_app;
ALTER DEFAULT PRIVILEGES FOR ROLE aragora_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO aragora_app;

-- For memory, where the server has it: only a superuser may, and the tables are made once.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector') THEN
        CREATE EXTENSION IF NOT EXISTS vector;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'memory is searched without pgvector';
END $$;

-- Under the policies an index is used for conditions alone whose operators tell nothing of the rows
-- that they are tried on. That full-text search is such a one PostgreSQL has to be told, by a
-- superuser; without it memory is searched correctly, but about twice as slowly.
DO $$
BEGIN
    ALTER FUNCTION pg_catalog.ts_match_vq(tsvector, tsquery) LEAKPROOF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'full-text search under row-level security goes without its index';
END $$;
