#!/bin/sh
# Makes the folders of functions that need more than Lambda's runtime brings: build/<function>/, which terraform/modules/events packs. Wheels for
# the processor of Lambda, wherever this runs. Versions and hashes are in the lock file.
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-python3}

for function in authorizer; do
    rm -rf "build/$function"
    mkdir -p "build/$function"
    "$python" -m pip install --quiet --require-hashes --no-deps --only-binary=:all: \
        --implementation cp --python-version 3.13 --platform manylinux_2_28_aarch64 --platform manylinux2014_aarch64 \
        --target "build/$function" --requirement "$function/requirements.lock"
    cp "$function/handler.py" "build/$function/"
    find "build/$function" -name __pycache__ -prune -exec rm -rf {} +
    # The same content gives the same archive, and so no change where there is none.
    find "build/$function" -exec touch -h -d @0 {} +
    echo "build/$function is ready"
done
