data "aws_region" "this" {}

# The External Secrets Operator copies the ledger's secrets into Kubernetes, one way. Its pods alone may read them: the ledger's own roles
# need not. Each by its ARN and not by `payments/*`: whoever may write an ExternalSecret would else get the password of Aurora's master user,
# whose secret has a name like theirs.
resource "aws_iam_role_policy" "external_secrets" {
  name = "${var.name}-external-secrets"
  role = aws_iam_role.account["external-secrets"].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
        Resource = var.secret_arns
      },
      {
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.key_arns["secrets"]
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${data.aws_region.this.region}.amazonaws.com" } }
      },
    ]
  })
}
