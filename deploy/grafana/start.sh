#!/bin/sh
# Prometheus asks Flower with its user and password, and Grafana takes the same for its own administrator: both want
# them in files, one each. So they stand in no list of processes, and in no configuration.
set -eu
umask 077
cut -d: -f1 /run/secrets/flower_auth > /run/flower/user
cut -d: -f2- /run/secrets/flower_auth > /run/flower/password
exec "$@"
