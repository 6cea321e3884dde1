module "region" {
  source = "../../modules/region"

  name  = "payments-standby"
  role  = "standby"
  first = { region = "eu-central-1", name = "payments-production" }

  network = {
    cidr               = "10.30.0.0/16"
    availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    # It has to carry production on the day it is needed.
    nat_per_zone = true
  }
}
