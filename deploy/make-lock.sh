#!/bin/sh
# Resolves what qwenq needs on every platform, with the hashes of all published files: deploy/make-lock.sh UV
# Versions of constraints.txt are kept; everything else is the newest that fits. torch and what only it needs on Linux are
# apart, because PyTorch's CPU builds are other files, from another index.
set -eu
cd "$(dirname "$0")/.."
resolved=$(mktemp)
trap 'rm -f "$resolved"' EXIT

"$1" pip compile pyproject.toml --quiet --no-config --universal --python-version 3.11 --constraint constraints.txt \
    --extra documents --extra excel --extra gcs --extra parquet --extra quantize --extra s3 --extra serve \
    --generate-hashes --no-annotate --no-header --output-file "$resolved"

for part in requirements torch; do
    printf '# Made by `make lock`: pip install --require-hashes -r deploy/%s.lock\n' "$part" > "deploy/$part.lock"
done
awk '/^[a-z]/ { part = /^(torch|triton|cuda-[a-z]+|nvidia-[a-z0-9-]+)==/ && !/^nvidia-ml-py==/ ? "torch" : "requirements" }
     { print >> ("deploy/" part ".lock") }' "$resolved"
