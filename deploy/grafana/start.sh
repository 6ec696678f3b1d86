#!/bin/sh
# Prometheus needs Flower's user and password, and Grafana uses the same for its administrator. Both read them from
# files, one each, so that they appear in no process list and no configuration.
set -eu
umask 077
cut -d: -f1 /run/secrets/flower_auth > /run/flower/user
cut -d: -f2- /run/secrets/flower_auth > /run/flower/password
exec "$@"
