#!/bin/sh
# Looks up the digest of each image and pins it in docker-compose.pinned.yml. Needs Docker and its registry.
# Then: docker compose -f docker-compose.yml -f docker-compose.pinned.yml up --detach --build
set -eu
cd "$(dirname "$0")/.."
new=docker-compose.pinned.yml.new
trap 'rm -f "$new"' EXIT

pinned() {
    digest=$(docker buildx imagetools inspect "$1" --format '{{.Manifest.Digest}}')
    case $digest in
        sha256:*) printf '%s@%s' "$1" "$digest" ;;
        *) echo "there is no digest of $1: $digest" >&2 && exit 1 ;;
    esac
}

# "SERVICE IMAGE" for each service with an image from a registry.
images() {
    awk '/^[a-z]/ { inside = $1 == "services:" }
         inside && /^  [a-z-]+:$/ { service = $1 }
         inside && /^    image: / { print service, $2 }' docker-compose.yml
}

base=$(sed -n 's/^FROM \([^ ]*\).*/\1/p' Dockerfile | sort -u)
{
    echo "# Made by deploy/pin-images.sh. Make it anew after each change of the versions."
    echo "services:"
    images | while read -r service image; do
        at=$(pinned "$image")
        printf '  %s\n    image: %s\n' "$service" "$at"
    done
    at=$(pinned "$base")
    for service in migrate worker beat api flower; do
        printf '  %s:\n    build:\n      additional_contexts:\n        %s: docker-image://%s\n' "$service" "$base" "$at"
    done
} > "$new"
mv "$new" docker-compose.pinned.yml
echo "wrote docker-compose.pinned.yml"
