class Program(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  layer_count : int
  head_count : int
  layer_norm_epsilon : float

  # A training step as it is usually written: the logits of every position, padding included, and the
  # gradients of their cross entropy. The model is that of Gpt2Program.

  def hidden(self: __torch__.Program, p: List[Tensor], ids: Tensor, dropout: float) -> Tensor:
    batch = ids.size(0)
    time = ids.size(1)
    size = p[0].size(1)
    heads = self.head_count
    head_size = size // heads
    train = dropout > 0.0
    positions = torch.arange(time, dtype=4, device=ids.device)
    x = torch.embedding(p[0], ids) + torch.embedding(p[1], positions)  # [batch, time, size]
    x = torch.dropout(x, dropout, train)
    for layer in range(self.layer_count):
      b = 2 + 12 * layer
      normed = torch.layer_norm(x, [size], p[b], p[b + 1], self.layer_norm_epsilon)
      q, k, v = torch.split(self.project(normed, p[b + 2], p[b + 3]), size, -1)
      query = q.reshape([batch, time, heads, head_size]).transpose(1, 2)  # [batch, heads, time, headSize]
      key = k.reshape([batch, time, heads, head_size]).transpose(1, 2)
      value = v.reshape([batch, time, heads, head_size]).transpose(1, 2)
      attended = torch.scaled_dot_product_attention(query, key, value, None, dropout, True)
      joined = attended.transpose(1, 2).reshape([batch, time, size])
      x = x + torch.dropout(self.project(joined, p[b + 4], p[b + 5]), dropout, train)
      normed2 = torch.layer_norm(x, [size], p[b + 6], p[b + 7], self.layer_norm_epsilon)
      wide = torch.gelu(self.project(normed2, p[b + 8], p[b + 9]), approximate="tanh")
      x = x + torch.dropout(self.project(wide, p[b + 10], p[b + 11]), dropout, train)
    f = 2 + 12 * self.layer_count
    return torch.layer_norm(x, [size], p[f], p[f + 1], self.layer_norm_epsilon).reshape([-1, size])

  # y = x W + b for x: [batch, time, in], W: [in, out]
  def project(self: __torch__.Program, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    y = torch.addmm(bias, x.reshape([-1, x.size(2)]), weight)
    return y.reshape([x.size(0), x.size(1), -1])

  # Adds the gradients of the summed loss to `g`.
  #   ids: [batch, time], right-padded
  #   labels: [batch * time], -1 where nothing is learned
  #   options: [dropout, dtype of the arithmetic]
  # Returns the summed loss in nats.
  def gradients(self: __torch__.Program, p: List[Tensor], g: List[Tensor], ids: Tensor, labels: Tensor, options: Tensor) -> Tensor:
    dtype = int(options[1])
    leaves = annotate(List[Tensor], [])
    used = annotate(List[Tensor], [])
    for i in range(len(p)):
      leaf = p[i].detach().requires_grad_(True)
      leaves.append(leaf)
      used.append(leaf.to(dtype))
    logits = torch.matmul(self.hidden(used, ids, float(options[0])), used[0].t()).to(6)  # [batch * time, vocabulary]
    loss = torch.cross_entropy_loss(logits, labels, None, 2, -1, 0.0)
    parts = torch.grad([loss], leaves, None, None, False, False)
    for i in range(len(p)):
      part = parts[i]
      if part is not None:
        g[i].add_(part)
    return loss.detach()
