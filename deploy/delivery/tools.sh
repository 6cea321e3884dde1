#!/bin/sh
# Installs a tool that the build's image does not have, at the version and with the checksum that stand here.
set -eu

fetch() { # URL CHECKSUM: into this folder, or not at all
  curl --fail --silent --show-error --location --output archive "$1"
  echo "$2  archive" | sha256sum --check --quiet
}

case "${1:-}" in
  terraform)
    version=1.11.4
    cd "$(mktemp -d)"
    fetch "https://releases.hashicorp.com/terraform/$version/terraform_${version}_linux_amd64.zip" \
      1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc
    unzip -q archive terraform
    install terraform /usr/local/bin/terraform
    ;;
  promtool)
    version=2.53.4
    cd "$(mktemp -d)"
    fetch "https://github.com/prometheus/prometheus/releases/download/v$version/prometheus-$version.linux-amd64.tar.gz" \
      b8b497c4610d1b93208252b60c8f20f6b2e78596ae8df43397a2e805aa53d475
    tar -xzf archive --strip-components=1 "prometheus-$version.linux-amd64/promtool"
    install promtool /usr/local/bin/promtool
    ;;
  *)
    echo "usage: tools.sh terraform|promtool" >&2
    exit 2
    ;;
esac
