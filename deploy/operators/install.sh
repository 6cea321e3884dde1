#!/usr/bin/env bash
# Brings a cluster's operators to the versions of charts.txt, each with the values of the file that is named after its release. What cannot be
# brought there goes back to where it was. To be run again after every change of these files.
#
#   deploy/operators/install.sh NAME REGION VPC        as in: payments-staging eu-central-1 vpc-0123456789abcdef0
set -euo pipefail
cd "$(dirname "$0")"
[ $# -eq 3 ] || { echo "usage: $0 NAME REGION VPC" >&2; exit 2; }
name=$1 region=$2 vpc=$3

current=$(kubectl config view --minify --output 'jsonpath={.clusters[0].name}')
[[ $current == */"$name" ]] || { echo "kubectl is pointed at $current, not at $name" >&2; exit 1; }

# The operators get rights in the ledger's namespace alone, so it is there before them.
kubectl apply --filename ../kuberay/base/namespace.yaml --filename storage-class.yaml

while read -r release namespace chart version repository <&3; do
  source=("$chart" --repo "$repository" --version "$version")
  # helm brings the definitions in a chart's own folder along, but never up to date. Ray's are too large for what kubectl else notes about them.
  definitions=$(helm show crds "${source[@]}")
  [ -z "$definitions" ] || kubectl apply --server-side --force-conflicts --filename - <<< "$definitions"

  values=(--values "$release.yaml")
  # Pods cannot ask their node where they are.
  [ "$release" != aws-load-balancer-controller ] || values+=(--set "clusterName=$name,region=$region,vpcId=$vpc")
  helm upgrade --install "$release" "${source[@]}" --namespace "$namespace" --create-namespace "${values[@]}" --atomic --timeout 10m
done 3< <(grep -v '^#' charts.txt)
