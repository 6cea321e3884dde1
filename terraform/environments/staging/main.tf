module "region" {
  source = "../../modules/region"

  name = "payments-staging"
  role = "primary"

  network = {
    cidr               = "10.10.0.0/16"
    availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    # A zone lost may interrupt staging.
    nat_per_zone = false
  }
}
