module "organization" {
  source = "../../modules/organization"

  regions  = ["eu-central-1", "eu-west-1"]
  accounts = { for name in ["security", "shared", "staging", "production"] : name => { email = "${var.email_user}+${name}@${var.email_domain}" } }
}
