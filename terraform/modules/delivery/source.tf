# Pending until somebody with rights on the repository has said yes to it in the console, once; until then both pipelines fail at their source.
resource "aws_codeconnections_connection" "this" {
  name          = var.name
  provider_type = var.source_repository.provider
}
