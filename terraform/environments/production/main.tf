module "region" {
  source = "../../modules/region"

  name   = "payments-production"
  role   = "primary"
  second = { region = "eu-west-1", name = "payments-standby" }

  network = {
    cidr               = "10.20.0.0/16"
    availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    nat_per_zone       = true
  }
}
