#!/bin/sh
# Makes the secrets of docker-compose.yml, once: files that only you can read, in .weir/compose. Run it before `docker-compose up`.
set -eu
cd "$(dirname "$0")/.."
umask 077
folder=.weir/compose
mkdir -p "$folder"

random() { # random BYTES: that many random bytes in hex
    od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

once() { # once NAME TEXT: writes the file unless it is there
    [ -s "$folder/$1" ] || printf '%s' "$2" > "$folder/$1"
}

once postgres_password "$(random 24)"
once sql_alchemy_conn "postgresql+psycopg2://airflow:$(cat "$folder/postgres_password")@postgres:5432/airflow"
once fernet_key "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n' | sed 's/../\\x&/g' | xargs -0 printf '%b' | base64 | tr '+/' '-_')"
once jwt_secret "$(random 48)"
once api_secret_key "$(random 32)"
once passwords.json "{\"admin\": \"$(random 12)\"}"
echo "secrets are in $folder; Airflow's user is admin, its password is in $folder/passwords.json"
