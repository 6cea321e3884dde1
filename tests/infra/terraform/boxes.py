"""The boxes of the landscape, layer by layer: what each is in Terraform, where it is planned, and what makes it what it should be.

A box is there when one resource of its type has all the values that its row names. A path such as "rule.action" goes through blocks; where
there are several, one of them is enough. A value is what must stand there, or a function that says whether it may.

Two boxes are none of Terraform's: KubeRay's operator (tests/infra/test_operators.py) and the RayService (tests/infra/kuberay).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from tests.infra.terraform.terraform import Resource

Wanted = Any
PRIMARIES = ("staging", "production")
LEDGERS = (*PRIMARIES, "production-standby")
WATCHED = ("staging", "production", "shared", "security")


class Box(NamedTuple):
    """One row. `environments`: it must be planned in each of them."""

    layer: str
    name: str
    environments: tuple[str, ...]
    type: str
    values: dict[str, Wanted] = {}  # noqa: RUF012 - never changed


def key_of_ours(value: object) -> bool:
    return isinstance(value, str) and ":kms:" in value and "/alias/aws/" not in value


def at_least(least: float) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int | float) and value >= least


def text_with(*parts: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and all(part in value for part in parts)


BOXES = [
    # Edge
    Box("edge", "Route 53: the zone", PRIMARIES, "aws_route53_zone"),
    Box("edge", "Route 53: a health check through the front door", PRIMARIES, "aws_route53_health_check", {"type": "HTTPS"}),
    Box(
        "edge",
        "Route 53: the record of the region in charge",
        ("production",),
        "aws_route53_record",
        {"failover_routing_policy.type": "PRIMARY", "health_check_id": bool},
    ),
    Box(
        "edge",
        "Route 53: the record of the region that waits",
        ("production-standby",),
        "aws_route53_record",
        {"failover_routing_policy.type": "SECONDARY"},
    ),
    Box(
        "edge",
        "CloudFront",
        PRIMARIES,
        "aws_cloudfront_distribution",
        {
            "web_acl_id": text_with(":wafv2:"),
            "viewer_certificate.minimum_protocol_version": text_with("TLSv1.2"),
            "origin.custom_origin_config.origin_protocol_policy": "https-only",
        },
    ),
    Box(
        "edge",
        "WAF: managed rules",
        PRIMARIES,
        "aws_wafv2_web_acl",
        {"rule.statement.managed_rule_group_statement.vendor_name": "AWS"},
    ),
    Box("edge", "WAF: a rate", PRIMARIES, "aws_wafv2_web_acl", {"rule.statement.rate_based_statement.limit": at_least(1)}),
    Box(
        "edge",
        "WAF: the size of bodies",
        PRIMARIES,
        "aws_wafv2_web_acl",
        {
            "rule.name": "body-too-large",
            "rule.statement.regex_match_statement.field_to_match.single_header.name": "content-length",
        },
    ),
    Box("edge", "ACM", LEDGERS, "aws_acm_certificate", {"validation_method": "DNS"}),
    # API
    Box("API", "API Gateway", LEDGERS, "aws_apigatewayv2_api", {"protocol_type": "HTTP", "disable_execute_api_endpoint": True}),
    Box("API", "API Gateway: the link into the network", LEDGERS, "aws_apigatewayv2_vpc_link"),
    Box("API", "API Gateway: the way to the ingress", LEDGERS, "aws_apigatewayv2_integration", {"connection_type": "VPC_LINK"}),
    Box(
        "API",
        "API Gateway: throttling",
        LEDGERS,
        "aws_apigatewayv2_stage",
        {"default_route_settings.throttling_rate_limit": at_least(1)},
    ),
    Box("API", "API Gateway: every route is authorised", LEDGERS, "aws_apigatewayv2_route", {"authorization_type": "CUSTOM"}),
    Box("API", "Cognito: the user pool", LEDGERS, "aws_cognito_user_pool"),
    Box("API", "Cognito: scopes", LEDGERS, "aws_cognito_resource_server", {"scope.scope_name": "pay"}),
    Box("API", "Cognito: programs", LEDGERS, "aws_cognito_user_pool_client", {"allowed_oauth_flows": "client_credentials"}),
    Box(
        "API",
        "Lambda authorizer",
        LEDGERS,
        "aws_apigatewayv2_authorizer",
        {"authorizer_type": "REQUEST", "authorizer_uri": text_with("lambda")},
    ),
    # Processing
    Box(
        "processing",
        "EKS: the cluster",
        LEDGERS,
        "aws_eks_cluster",
        {"encryption_config.provider.key_arn": key_of_ours, "access_config.authentication_mode": "API"},
    ),
    *(
        Box("processing", f"EKS: nodes for {group}", LEDGERS, "aws_eks_node_group", {"labels.payments/group": group})
        for group in ("head", "ingress", "shard-hosts")
    ),
    Box("processing", "Pod Identity: the agent", LEDGERS, "aws_eks_addon", {"addon_name": "eks-pod-identity-agent"}),
    *(
        Box("processing", f"Pod Identity: {account}", LEDGERS, "aws_eks_pod_identity_association", {"service_account": account})
        for account in ("payments-head", "payments-api", "payments-shard-host", "payments-upkeep")
    ),
    Box("processing", "The load balancer before the ingress", LEDGERS, "aws_lb", {"internal": True}),
    # Data
    Box(
        "data",
        "Aurora PostgreSQL",
        LEDGERS,
        "aws_rds_cluster",
        {
            "engine": "aurora-postgresql",
            "storage_type": "aurora-iopt1",
            "storage_encrypted": True,
            "kms_key_id": key_of_ours,
            "iam_database_authentication_enabled": True,
            "performance_insights_enabled": True,
            "backup_retention_period": at_least(7),
        },
    ),
    *(
        Box(
            "data",
            f"Aurora: an instance in zone {zone}",
            PRIMARIES,
            "aws_rds_cluster_instance",
            {"availability_zone": f"eu-central-1{zone}"},
        )
        for zone in "ab"
    ),
    Box("data", "Aurora: refuses to be deleted", ("production",), "aws_rds_cluster", {"deletion_protection": True}),
    *(
        Box(
            "data",
            f"DynamoDB: {table}",
            PRIMARIES,
            "aws_dynamodb_table",
            {
                "name": table,
                "point_in_time_recovery.enabled": True,
                "server_side_encryption.kms_key_arn": key_of_ours,
            },
        )
        for table in ("payments-journal", "payments-transactions")
    ),
    Box(
        "data",
        "DynamoDB: a stream",
        PRIMARIES,
        "aws_dynamodb_table",
        {"stream_enabled": True, "stream_view_type": "NEW_AND_OLD_IMAGES"},
    ),
    Box(
        "data",
        "ElastiCache: Valkey",
        LEDGERS,
        "aws_elasticache_replication_group",
        {
            "engine": "valkey",
            "transit_encryption_enabled": True,
            "transit_encryption_mode": "required",
            "at_rest_encryption_enabled": "true",
            "kms_key_id": key_of_ours,
        },
    ),
    Box(
        "data",
        "ElastiCache: fault tolerance of Ray's head",
        LEDGERS,
        "aws_elasticache_replication_group",
        {"description": text_with("Ray"), "automatic_failover_enabled": True, "multi_az_enabled": True},
    ),
    Box(
        "data",
        "S3: transaction records",
        PRIMARIES,
        "aws_s3_bucket",
        {"bucket": text_with("payments-records-"), "object_lock_enabled": True},
    ),
    Box(
        "data",
        "S3: versions",
        PRIMARIES,
        "aws_s3_bucket_versioning",
        {"bucket": text_with("payments-records-"), **{"versioning_configuration.status": "Enabled"}},
    ),
    Box(
        "data",
        "S3: records are locked",
        ("production",),
        "aws_s3_bucket_object_lock_configuration",
        {"rule.default_retention.mode": "COMPLIANCE", "rule.default_retention.days": at_least(3650)},
    ),
    Box(
        "data",
        "S3: lifecycle",
        PRIMARIES,
        "aws_s3_bucket_lifecycle_configuration",
        {"bucket": text_with("payments-records-"), "rule.transition.days": at_least(30)},
    ),
    # Events
    Box(
        "events",
        "Kinesis",
        LEDGERS,
        "aws_kinesis_stream",
        {"name": "payments-events", "encryption_type": "KMS", "kms_key_id": key_of_ours, "retention_period": at_least(168)},
    ),
    Box("events", "SNS", LEDGERS, "aws_sns_topic", {"name": "payments-notifications", "kms_master_key_id": key_of_ours}),
    Box(
        "events",
        "SQS: instructions",
        LEDGERS,
        "aws_sqs_queue",
        {"name": "payments-instructions", "kms_master_key_id": key_of_ours},
    ),
    Box(
        "events",
        "SQS: redrive",
        LEDGERS,
        "aws_sqs_queue",
        {"redrive_policy": text_with("deadLetterTargetArn", "payments-instructions-dlq")},
    ),
    Box("events", "SQS: dead letters of instructions", LEDGERS, "aws_sqs_queue", {"name": "payments-instructions-dlq"}),
    Box("events", "SQS: dead letters of events", LEDGERS, "aws_sqs_queue", {"name": "payments-events-dlq"}),
    *(
        Box(
            "events",
            f"Lambda: {function}",
            LEDGERS,
            "aws_lambda_function",
            {"function_name": text_with(function), "kms_key_arn": key_of_ours},
        )
        for function in ("kinesis-consumer", "sns-notifier", "authorizer")
    ),
    Box(
        "events",
        "Lambda: the stream's event source mapping",
        LEDGERS,
        "aws_lambda_event_source_mapping",
        {
            "event_source_arn": text_with("kinesis", "payments-events"),
            "function_response_types": "ReportBatchItemFailures",
            "bisect_batch_on_function_error": True,
            "destination_config.on_failure.destination_arn": text_with("payments-events-dlq"),
        },
    ),
    # Security
    *(
        Box(
            "security",
            f"KMS: {domain}",
            LEDGERS,
            "aws_kms_key",
            {"tags.Name": text_with(f"-{domain}"), "enable_key_rotation": True},
        )
        for domain in ("cluster", "events", "logs")
    ),
    *(
        Box(
            "security",
            f"KMS: {domain}",
            PRIMARIES,
            "aws_kms_key",
            {"tags.Name": text_with(f"-{domain}"), "enable_key_rotation": True},
        )
        for domain in ("data", "records", "secrets")
    ),
    Box("security", "GuardDuty", ("security",), "aws_guardduty_detector", {"enable": True}),
    Box(
        "security",
        "GuardDuty: every account",
        ("security",),
        "aws_guardduty_organization_configuration",
        {"auto_enable_organization_members": "ALL"},
    ),
    Box(
        "security",
        "Security Hub",
        ("security",),
        "aws_securityhub_organization_configuration",
        {"organization_configuration.configuration_type": "CENTRAL"},
    ),
    Box(
        "security",
        "CloudTrail",
        ("security",),
        "aws_cloudtrail",
        {
            "is_organization_trail": True,
            "is_multi_region_trail": True,
            "enable_log_file_validation": True,
            "kms_key_id": key_of_ours,
        },
    ),
    *(
        Box(
            "security",
            f"Secrets Manager: {secret}",
            PRIMARIES,
            "aws_secretsmanager_secret",
            {"name": secret, "kms_key_id": key_of_ours},
        )
        for secret in ("payments/database", "payments/redis", "payments/ray-token")
    ),
    Box(
        "security",
        "IAM: a role for each workload",
        LEDGERS,
        "aws_iam_role",
        {"assume_role_policy": text_with("pods.eks.amazonaws.com", "payments-upkeep")},
    ),
    Box(
        "security",
        "IAM: what a workload may do",
        LEDGERS,
        "aws_iam_role_policy",
        {"role": text_with("upkeep"), "policy": text_with("Statement")},
    ),
    # Analytics
    Box("analytics", "Glue: the catalogue", PRIMARIES, "aws_glue_catalog_database"),
    Box(
        "analytics",
        "Glue: a table",
        PRIMARIES,
        "aws_glue_catalog_table",
        {"storage_descriptor.location": text_with("s3://payments-records-")},
    ),
    Box(
        "analytics",
        "Athena",
        PRIMARIES,
        "aws_athena_workgroup",
        {
            "configuration.enforce_workgroup_configuration": True,
            "configuration.result_configuration.encryption_configuration.encryption_option": "SSE_KMS",
        },
    ),
    Box(
        "analytics",
        "Redshift Serverless: the namespace",
        PRIMARIES,
        "aws_redshiftserverless_namespace",
        {"kms_key_id": key_of_ours},
    ),
    Box(
        "analytics",
        "Redshift Serverless: the workgroup",
        PRIMARIES,
        "aws_redshiftserverless_workgroup",
        {"publicly_accessible": False},
    ),
    Box("analytics", "Redshift: COPY jobs", PRIMARIES, "aws_sfn_state_machine", {"definition": text_with("redshiftdata")}),
    Box("analytics", "QuickSight: a data source", ("production",), "aws_quicksight_data_source", {"type": "ATHENA"}),
    Box("analytics", "QuickSight: a data set", ("production",), "aws_quicksight_data_set"),
    Box("analytics", "QuickSight: a dashboard", ("production",), "aws_quicksight_dashboard"),
    # Operations
    Box(
        "operations",
        "CloudWatch: log groups",
        LEDGERS,
        "aws_cloudwatch_log_group",
        {"kms_key_id": key_of_ours, "retention_in_days": at_least(30)},
    ),
    Box("operations", "CloudWatch: alarms", LEDGERS, "aws_cloudwatch_metric_alarm", {"alarm_actions": text_with("alerts")}),
    Box("operations", "CloudWatch: a dashboard", LEDGERS, "aws_cloudwatch_dashboard"),
    Box("operations", "X-Ray", LEDGERS, "aws_xray_group"),
    Box("operations", "ADOT collector", LEDGERS, "aws_iam_role", {"name": text_with("adot-collector")}),
    Box("operations", "CodePipeline", ("shared",), "aws_codepipeline", {"stage.action.provider": "CodeBuild"}),
    Box(
        "operations",
        "CodePipeline: a person decides",
        ("shared",),
        "aws_codepipeline",
        {"stage.action.category": "Approval", "stage.action.provider": "Manual"},
    ),
    *(
        Box(
            "operations",
            f"CodeBuild: {job}",
            ("shared",),
            "aws_codebuild_project",
            {"name": text_with(job), "encryption_key": key_of_ours},
        )
        for job in ("test", "image", "plan", "deploy")
    ),
    Box(
        "operations",
        "CodeBuild: the rollout in the cluster's network",
        LEDGERS,
        "aws_codebuild_project",
        {"name": text_with("rollout"), "vpc_config.vpc_id": bool},
    ),
    Box(
        "operations",
        "ECR",
        ("shared",),
        "aws_ecr_repository",
        {"image_tag_mutability": text_with("IMMUTABLE"), "encryption_configuration.encryption_type": "KMS"},
    ),
    Box("operations", "Image scan", ("shared",), "aws_ecr_registry_scanning_configuration", {"scan_type": "ENHANCED"}),
    Box("operations", "AWS Backup: the vault", LEDGERS, "aws_backup_vault", {"kms_key_arn": key_of_ours}),
    Box("operations", "AWS Backup: the plan", PRIMARIES, "aws_backup_plan", {"rule.target_vault_name": bool}),
    Box(
        "operations",
        "AWS Backup: vault lock",
        ("production", "production-standby"),
        "aws_backup_vault_lock_configuration",
        {"changeable_for_days": at_least(3)},
    ),
    Box(
        "operations",
        "AWS Backup: copies in the other region",
        ("production",),
        "aws_backup_plan",
        {"rule.copy_action.destination_vault_arn": text_with("eu-west-1")},
    ),
    Box("operations", "Budget", PRIMARIES, "aws_budgets_budget", {"notification.notification_type": "FORECASTED"}),
    # Accounts and regions
    *(
        Box("accounts", f"The account {account}", ("organization",), "aws_organizations_account", {"name": text_with(account)})
        for account in ("security", "shared", "staging", "production")
    ),
    Box("accounts", "Guardrails", ("organization",), "aws_organizations_policy", {"type": "SERVICE_CONTROL_POLICY"}),
    Box(
        "accounts",
        "No public buckets, in any account",
        WATCHED,
        "aws_s3_account_public_access_block",
        {"restrict_public_buckets": True},
    ),
    Box(
        "regions",
        "DynamoDB: the journal in both regions",
        ("production",),
        "aws_dynamodb_table",
        {"name": "payments-journal", "replica.region_name": "eu-west-1"},
    ),
    Box("regions", "Aurora: one database in both regions", ("production",), "aws_rds_global_cluster"),
    Box(
        "regions",
        "Aurora: the part that follows",
        ("production-standby",),
        "aws_rds_cluster",
        {"global_cluster_identifier": "payments-production-ledger"},
    ),
    Box(
        "regions",
        "S3: records in both regions",
        ("production",),
        "aws_s3_bucket_replication_configuration",
        {
            "rule.destination.bucket": text_with("payments-records-", "eu-west-1"),
            "rule.destination.replication_time.status": "Enabled",
        },
    ),
    Box("regions", "KMS: keys in both regions", ("production",), "aws_kms_replica_key"),
    Box("regions", "Secrets in both regions", ("production",), "aws_secretsmanager_secret", {"replica.region": "eu-west-1"}),
]


def found(box: Box, resources: Iterable[Resource]) -> bool:
    """Return whether a box is among the resources of an environment."""
    return any(
        resource.mode == "managed"
        and resource.type == box.type
        and all(_has(resource.values, path, wanted) for path, wanted in box.values.items())
        for resource in resources
    )


def _has(values: object, path: str, wanted: Wanted) -> bool:
    return any(wanted(value) if callable(wanted) else value == wanted for value in _reached(values, path.split(".")))


def _reached(value: object, path: list[str]) -> Iterator[object]:
    if isinstance(value, list):
        for element in value:
            yield from _reached(element, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _reached(value[path[0]], path[1:])
