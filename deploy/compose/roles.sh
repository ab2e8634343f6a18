#!/bin/sh
# Run by PostgreSQL's image in a new database, after the roles have been made: their passwords.
set -eu
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set=owner="$OWNER_PASSWORD" --set=app="$APP_PASSWORD" <<'SQL'
ALTER ROLE aragora_owner PASSWORD :'owner';
ALTER ROLE aragora_app PASSWORD :'app';
SQL
