# One repository in each region, both ours to describe: a copy that replication makes by itself would have none of this.
resource "aws_ecr_repository" "payments" {
  for_each = local.regions

  region = each.key

  name                 = "payments"
  image_tag_mutability = "IMMUTABLE" # a tag is a commit: what was tested is what runs

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = local.key_arns[each.key]
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_replication_configuration" "this" {
  replication_configuration {
    rule {
      destination {
        region      = var.second_region
        registry_id = local.account_id
      }

      repository_filter {
        filter      = "payments"
        filter_type = "PREFIX_MATCH"
      }
    }
  }

  depends_on = [aws_ecr_repository.payments]
}

# Inspector goes on looking: a fault that becomes known next week is found in the image that runs since last month.
resource "aws_inspector2_enabler" "images" {
  account_ids    = [local.account_id]
  resource_types = ["ECR"]
}

resource "aws_ecr_registry_scanning_configuration" "this" {
  scan_type = "ENHANCED"

  rule {
    scan_frequency = "CONTINUOUS_SCAN"

    repository_filter {
      filter      = "*"
      filter_type = "WILDCARD"
    }
  }

  depends_on = [aws_inspector2_enabler.images]
}

resource "aws_ecr_repository_policy" "payments" {
  for_each = local.regions

  region = each.key

  repository = aws_ecr_repository.payments[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ClustersPull"
      Effect    = "Allow"
      Principal = { AWS = local.account_roots }
      Action    = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
  })
}

resource "aws_ecr_lifecycle_policy" "payments" {
  for_each = local.regions

  region = each.key

  repository = aws_ecr_repository.payments[each.key].name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "What no tag names: parts of builds that did not end"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "More versions than anybody rolls back to"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 200 }
        action       = { type = "expire" }
      },
    ]
  })
}
