#!/usr/bin/env bash
# Makes the certificate with which CloudFront proves to the gateway that it is ours, and hands it to ACM.
#
# usage: origin-certificate.sh NAME AUTHORITY_PEM
#   NAME           prefix of the environment, such as payments-production
#   AUTHORITY_PEM  where the authority's certificate is written: the variable origin_client_ca_pem (public, belongs in the repository)
# Prints the certificate's ARN: the variable origin_client_certificate_arn.
#
# Not in Terraform, since a key that Terraform makes lies in its state. Both keys exist only while this runs: the authority signs one
# certificate and is forgotten, so that nobody can ever sign another. Each run makes a new certificate in ACM, beside the old one, which the
# gateway must trust before CloudFront shows it: deploy/runbooks/PaymentsOriginCertificateExpiring.md says how.
set -euo pipefail

name=${1:?the name of the environment, such as payments-production}
authority_pem=${2:?the file to write the certificate of the authority to}
days=397

umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

openssl ecparam -name prime256v1 -genkey -noout -out "$work/authority.key"
openssl req -x509 -new -sha256 -key "$work/authority.key" -days "$days" -subj "/CN=$name origin authority" \
  -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign" -out "$work/authority.pem"

# RSA: the key type that both ends are documented to take.
openssl req -new -newkey rsa:2048 -nodes -keyout "$work/client.key" -subj "/CN=cloudfront.$name" -out "$work/client.csr" 2>/dev/null
cat >"$work/client.cnf" <<EXTENSIONS
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth
EXTENSIONS
openssl x509 -req -sha256 -in "$work/client.csr" -CA "$work/authority.pem" -CAkey "$work/authority.key" -CAcreateserial \
  -days "$days" -extfile "$work/client.cnf" -out "$work/client.pem" 2>/dev/null
openssl verify -purpose sslclient -CAfile "$work/authority.pem" "$work/client.pem" >/dev/null

aws acm import-certificate --region us-east-1 \
  --certificate "fileb://$work/client.pem" --private-key "fileb://$work/client.key" --certificate-chain "fileb://$work/authority.pem" \
  --query CertificateArn --output text

(umask 022 && cat "$work/authority.pem" >"$authority_pem")
