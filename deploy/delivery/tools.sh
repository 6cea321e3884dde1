#!/bin/sh
# Installs a tool that the build's image does not have, at the version and with the checksum that stand here.
set -eu

case "${1:-}" in
  terraform)
    version=1.11.4
    checksum=1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc
    archive="terraform_${version}_linux_amd64.zip"
    cd "$(mktemp -d)"
    curl --fail --silent --show-error --location --remote-name "https://releases.hashicorp.com/terraform/$version/$archive"
    echo "$checksum  $archive" | sha256sum --check --quiet
    unzip -q "$archive" terraform
    install terraform /usr/local/bin/terraform
    terraform version
    ;;
  *)
    echo "usage: tools.sh terraform" >&2
    exit 2
    ;;
esac
