locals {
  endpoint_prefix = "com.amazonaws.${data.aws_region.current.region}"

  # An endpoint serves this account's principals only: credentials of another account, smuggled in, cannot carry data out by it.
  own_principals_only = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OwnPrincipals"
      Effect    = "Allow"
      Principal = "*"
      Action    = "*"
      Resource  = "*"
      Condition = { StringEquals = { "aws:PrincipalAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })

  # S3 holds other people's buckets too, so what is reached counts as well as who reaches it. ECR serves the layers of images
  # from a bucket of its own in each region, without the caller's credentials, and so does registry.k8s.io, from which the cluster's
  # operators come, to whoever asks from inside AWS.
  own_buckets_only = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "OwnBuckets"
          Effect    = "Allow"
          Principal = "*"
          Action    = "s3:*"
          Resource  = "*"
          Condition = {
            StringEquals = {
              "aws:PrincipalAccount" = data.aws_caller_identity.current.account_id
              "aws:ResourceAccount"  = data.aws_caller_identity.current.account_id
            }
          }
        },
        {
          Sid       = "LayersOfImages"
          Effect    = "Allow"
          Principal = "*"
          Action    = "s3:GetObject"
          Resource = [
            "arn:aws:s3:::prod-${data.aws_region.current.region}-starport-layer-bucket/*",
            "arn:aws:s3:::prod-registry-k8s-io-${data.aws_region.current.region}/*",
          ]
        },
      ],
      # Rollouts run in here, and what they roll out lies with the pipeline, in another account: it may be read, and nothing can be put there.
      [for arn in var.artifact_bucket_arn[*] : {
        Sid       = "ReadArtifacts"
        Effect    = "Allow"
        Principal = "*"
        Action    = ["s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion"]
        Resource  = [arn, "${arn}/*"]
        Condition = { StringEquals = { "aws:PrincipalAccount" = data.aws_caller_identity.current.account_id } }
      }],
    )
  })
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "${local.endpoint_prefix}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = concat(aws_route_table.private[*].id, [aws_route_table.database.id])
  policy            = local.own_buckets_only

  tags = { Name = "${var.name}-s3" }
}

resource "aws_vpc_endpoint" "dynamodb" {
  vpc_id            = aws_vpc.this.id
  service_name      = "${local.endpoint_prefix}.dynamodb"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = aws_route_table.private[*].id
  policy            = local.own_principals_only

  tags = { Name = "${var.name}-dynamodb" }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Interface endpoints of AWS services"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  security_group_id = aws_security_group.endpoints.id
  description       = "TLS from inside the VPC"
  cidr_ipv4         = var.cidr
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "${local.endpoint_prefix}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.endpoints.id]
  # Pods ask eks-auth for their credentials, so they have none yet that a policy could look at.
  policy = each.key == "eks-auth" ? null : local.own_principals_only

  tags = { Name = "${var.name}-${each.key}" }
}
