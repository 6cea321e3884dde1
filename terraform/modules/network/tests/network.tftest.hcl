mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

variables {
  name               = "payments-production"
  cidr               = "10.20.0.0/16"
  availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  nat_per_zone       = true
  logs_key_arn       = "arn:aws:kms:eu-central-1:123456789012:key/logs"
}

run "every_zone_has_its_own_way_out" {
  command = apply

  assert {
    condition     = length(distinct([for route in aws_route.private_internet : route.nat_gateway_id])) == 3
    error_message = "A zone's loss would cut off another: each private route needs the gateway of its own zone."
  }

  assert {
    condition     = alltrue([for zone in range(3) : aws_subnet.public[zone].id == aws_nat_gateway.this[zone].subnet_id])
    error_message = "Gateway and private subnet of one number must be in the same zone."
  }
}

run "one_way_out_costs_less" {
  command = apply

  variables {
    nat_per_zone = false
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(distinct([for route in aws_route.private_internet : route.nat_gateway_id])) == 1
    error_message = "Without nat_per_zone there is one gateway for all zones."
  }
}

run "subnets_do_not_overlap" {
  command = plan

  assert {
    condition = length(distinct(concat(
      aws_subnet.public[*].cidr_block, aws_subnet.private[*].cidr_block, aws_subnet.database[*].cidr_block,
    ))) == 9
    error_message = "Nine subnets need nine ranges."
  }

  assert {
    # The /24s lie behind the three /18s of pods.
    condition = alltrue([
      for cidr in concat(aws_subnet.public[*].cidr_block, aws_subnet.database[*].cidr_block) : tonumber(split(".", cidr)[2]) >= 192
    ])
    error_message = "A small subnet lies inside a large one."
  }
}

run "databases_have_no_way_out" {
  command = apply

  assert {
    condition = alltrue([
      for association in aws_route_table_association.database : association.route_table_id == aws_route_table.database.id
    ])
    error_message = "All database subnets share the table without routes."
  }

  assert {
    condition = !contains(
      concat([aws_route.public_internet.route_table_id], [for route in aws_route.private_internet : route.route_table_id]),
      aws_route_table.database.id,
    )
    error_message = "A route leads out of the database subnets."
  }
}

run "endpoints_serve_this_account_alone" {
  command = apply

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_vpc_endpoint.s3.policy).Statement :
      try(statement.Condition.StringEquals["aws:ResourceAccount"] == "123456789012", statement.Action == "s3:GetObject")
    ])
    error_message = "Through S3's endpoint one could write to a stranger's bucket."
  }

  assert {
    condition     = jsondecode(aws_vpc_endpoint.interface["kms"].policy).Statement[0].Condition.StringEquals["aws:PrincipalAccount"] == "123456789012"
    error_message = "Interface endpoints serve this account's principals alone."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_vpc_endpoint.s3.policy).Statement :
      contains(flatten([statement.Resource]), "arn:aws:s3:::prod-registry-k8s-io-eu-central-1/*") && statement.Action == "s3:GetObject"
    ])
    error_message = "the operators' images lie in a bucket of registry.k8s.io; where nobody may read it, the cluster never gets them"
  }

  assert {
    condition     = contains(aws_vpc_endpoint.s3.route_table_ids, aws_route_table.private[0].id) && length(aws_vpc_endpoint.dynamodb.route_table_ids) == 3
    error_message = "Traffic to S3 and DynamoDB must not pass the NAT gateways."
  }
}

run "artifacts_of_the_pipeline_are_read_and_not_written" {
  command = apply

  variables {
    artifact_bucket_arn = "arn:aws:s3:::artifacts-in-another-account"
  }

  assert {
    condition = [
      for statement in jsondecode(aws_vpc_endpoint.s3.policy).Statement : statement.Action
      if contains(flatten([statement.Resource]), "arn:aws:s3:::artifacts-in-another-account/*")
    ] == [["s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion"]]
    error_message = "Rollouts read their artifacts through the endpoint, and nothing is written to another account."
  }
}

run "flows_are_logged_under_our_key" {
  command = apply

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.kms_key_id == var.logs_key_arn
    error_message = "All flows are logged, encrypted."
  }
}

run "a_smaller_network_is_refused" {
  command = plan

  variables {
    cidr = "10.20.0.0/20"
  }

  expect_failures = [var.cidr]
}

run "two_zones_are_refused" {
  command = plan

  variables {
    availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1b"]
  }

  expect_failures = [var.availability_zones]
}

run "the_ledgers_endpoints_stay" {
  command = plan

  variables {
    interface_endpoints = ["kms", "sts"]
  }

  expect_failures = [var.interface_endpoints]
}
