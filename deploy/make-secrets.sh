#!/bin/sh
# Makes the passwords of a deployment and writes them as secret files, a folder for each service:
#     deploy/make-secrets.sh [FOLDER]    (secrets; systemd: /etc/qwenq)
# POSTGRES=host:port/database and REDIS=host:port name servers other than those of Compose.
set -eu

folder=${1:-secrets}
postgres=${POSTGRES:-postgres:5432/qwenq}
redis=${REDIS:-redis:6379}
here=$(cd "$(dirname "$0")" && pwd)

if [ -e "$folder/postgres" ]; then
    echo "$folder/postgres exists: these passwords are in use. Remove $folder only together with the databases." >&2
    exit 1
fi

# Hexadecimal, so that a password needs no escaping in a URL, in SQL or in Redis' list of users.
password() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

# Containers run as users of their own, so the files are readable; the folder itself is its owner's alone.
put() {
    mkdir -p "$folder/$(dirname "$1")"
    printf '%s' "$2" > "$folder/$1"
    chmod 0444 "$folder/$1"
}

umask 077
mkdir -p "$folder"
chmod 0700 "$folder"

digest_of() {
    printf '%s' "$1" | { sha256sum 2>/dev/null || shasum -a 256; } | cut -d' ' -f1
}

statements=
users=
for service in owner beat producer api worker flower; do
    word=$(password)
    statements="${statements}ALTER ROLE qwenq_$service PASSWORD '$word';
"
    put "$service/qwenq_database_url" "postgresql://qwenq_$service:$word@$postgres"
    [ "$service" = owner ] && put owner/password "$word" && continue
    word=$(password)
    put "$service/qwenq_broker_url" "redis://$service:$word@$redis/0"
    users="$users;s/$(echo "$service" | tr a-z A-Z)_SHA256/$(digest_of "$word")/"
done
put redis/users.acl "$(sed "${users#;}" "$here/redis/users.acl")
"
put postgres/passwords.sql "$statements"
put postgres/password "$(password)"

put beat/qwenq_webhook_secret ""
put beat/qwenq_smtp_url ""
put worker/hf_token ""
put flower/qwenq_flower_auth "operator:$(password)"
put flower/qwenq_flower_viewers "viewer:$(password)"
token=$(password)
put flower/qwenq_metrics_token "$token"
put api/qwenq_metrics_token "$token"
put grafana/password "$(password)"

echo "made $folder. Users and passwords of Flower: $folder/flower/qwenq_flower_auth, qwenq_flower_viewers.
Grafana's password, of admin: $folder/grafana/password"
