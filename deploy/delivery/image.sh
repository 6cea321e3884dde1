#!/bin/sh
# Builds and pushes the image of a commit, and writes down its digest in image.json. A commit that was pushed before is not built again: its
# tag cannot be moved, and what was tested under it is what must run.
# usage: image.sh REPOSITORY COMMIT PYTHON_IMAGE
set -eu

[ $# -eq 3 ] || { echo "usage: image.sh REPOSITORY COMMIT PYTHON_IMAGE" >&2; exit 2; }
repository=$1 commit=$2 python_image=$3

digest=$(aws ecr describe-images --repository-name "${repository#*/}" --image-ids "imageTag=$commit" \
  --query 'imageDetails[0].imageDigest' --output text 2> /dev/null) || digest=
if [ -z "$digest" ]; then
  aws ecr get-login-password | docker login --username AWS --password-stdin "${repository%%/*}"
  # Docker's own builder cannot attach anything to an image; one in a container can: what is in it, and how it was made.
  docker buildx create --name attaching --driver docker-container --use
  docker buildx build --file deploy/kuberay/Dockerfile --build-arg "PYTHON_IMAGE=$python_image" --platform linux/amd64 \
    --tag "$repository:$commit" --label "org.opencontainers.image.revision=$commit" \
    --sbom=true --provenance=mode=max --metadata-file built.json --push .
  digest=$(python3 -c 'import json; print(json.load(open("built.json"))["containerimage.digest"])')
fi
printf '{"image": "%s@%s", "commit": "%s"}\n' "$repository" "$digest" "$commit" > image.json
