# New ones with every apply, out of the operating system's source of chance. They end in write-only arguments, so that no plan and no state
# has them, and AWS gets to see only those of an apply in which passwords_version was raised. If such an apply breaks off, raise it
# once more: what has been set already would not match what comes.
locals {
  passwords = {
    database  = replace(uuid(), "-", "")
    cache     = replace(uuid(), "-", "")
    ray_store = replace(uuid(), "-", "")
    ray_token = replace(uuid(), "-", "")
  }
}
