#!/bin/sh
# Terraform in one environment, as a role of that environment's account.
# usage: terraform.sh plan|apply ENVIRONMENT ROLE_ARN PLAN_FILE
set -eu

[ $# -eq 4 ] || { echo "usage: terraform.sh plan|apply ENVIRONMENT ROLE_ARN PLAN_FILE" >&2; exit 2; }
job=$1 environment=$2 role=$3 top=$(pwd)
case $4 in /*) plan=$4 ;; *) plan=$top/$4 ;; esac
cd "terraform/environments/$environment"

# A profile and not exported keys: Terraform and the state's backend then take new ones by themselves before these run out.
AWS_CONFIG_FILE=$(mktemp)
cat > "$AWS_CONFIG_FILE" <<PROFILE
[profile target]
role_arn = $role
role_session_name = pipeline-$job
credential_source = EcsContainer
PROFILE
export AWS_CONFIG_FILE AWS_PROFILE=target AWS_SDK_LOAD_CONFIG=1 TF_IN_AUTOMATION=1 TF_INPUT=0

# A plan names the functions' archives and does not hold them: they go with it, from the build that planned to the build that applies.
functions=${plan%.bin}.functions.tar
terraform init -backend-config=backend.hcl
if [ "$job" = plan ]; then
  sh "$top/terraform/functions/build.sh"
  terraform plan -lock-timeout=10m -out="$plan"
  terraform show -no-color "$plan" > "${plan%.bin}.txt"
  tar -cf "$functions" .terraform/functions
else
  tar -xf "$functions"
  terraform apply -lock-timeout=10m "$plan"
fi
