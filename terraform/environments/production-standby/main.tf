module "region" {
  source = "../../modules/region"

  name  = "payments-standby"
  role  = "standby"
  first = { region = "eu-central-1", name = "payments-production" }

  # The account's baseline, and this role with it, is in the environment production.
  autoscaling_role_arn = "arn:aws:iam::${var.account_id}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"

  network = {
    cidr               = "10.30.0.0/16"
    availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    # It has to carry production on the day it is needed.
    nat_per_zone = true
  }
}
