# Tells of everything in the organisation that somebody outside of it could reach.
resource "aws_accessanalyzer_analyzer" "this" {
  for_each = toset(var.regions)

  region        = each.key
  analyzer_name = "payments-organization"
  type          = "ORGANIZATION"
}
