# Writes the objects of the first run to a file, for example to keep them in Git.
resource "local_file" "orders" {
  filename = "${path.module}/orders.yaml"
  content = join("---\n", [
    for object in provider::backfill::compile(file("${path.module}/orders.backfill.hcl"), { last_id = 3000000000 }) :
    yamlencode(object)
  ])
}
