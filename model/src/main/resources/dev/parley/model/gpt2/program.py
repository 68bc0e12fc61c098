class Program(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  layer_count : int
  head_count : int
  layer_norm_epsilon : float

  # GPT-2 (Radford et al. 2019) as Hugging Face's GPT2LMHeadModel computes it: LayerNorm before each
  # block, learned absolute positions, tanh-GELU, the output head tied to the token embedding.
  #
  # `p` is the list of parameters in the order of Gpt2Layout: token embedding, position embedding,
  # twelve tensors a layer, the last LayerNorm's weight and bias. Projections are stored as Hugging
  # Face stores them, [in, out]: y = x W + b.

  # ---- inference -------------------------------------------------------------------------------

#linear#
  # One step of many conversations at once. Row r brings counts[r] new tokens after pasts[r] that
  # are cached; the new tokens of all rows stand one after the other.
  #   p: what `keep` returns
  #   ids, positions: [tokens]
  #   caches[r]: [layers, 2, heads, capacity, headSize], keys and values, written from pasts[r] on
  #   wanted: [wanted], the indices into tokens whose logits are returned
  # Returns the logits [wanted, vocabulary] in fp32. Attention never looks at another row.
  def step(self: __torch__.Program, p: List[Tensor], weights: #weights#, ids: Tensor, positions: Tensor, counts: List[int], pasts: List[int], caches: List[Tensor], wanted: Tensor) -> Tensor:
    size = p[0].size(1)
    heads = self.head_count
    # Views are made for all layers at once: an operator of its own for each row and layer would
    # take as long as the attention itself.
    fresh = annotate(List[List[Tensor]], [])  # of each row and layer: [2, heads, n, headSize]
    seen = annotate(List[List[Tensor]], [])  # [1, heads, past + n, headSize], keys and values in turn
    masks = annotate(List[Optional[Tensor]], [])
    for r in range(len(counts)):
      n = counts[r]
      known = pasts[r] + n
      fresh.append(torch.unbind(caches[r].narrow(3, pasts[r], n), 0))
      seen.append(torch.unbind(caches[r].narrow(3, 0, known).flatten(0, 1).unsqueeze(1), 0))
      mask = annotate(Optional[Tensor], None)
      if n > 1 and pasts[r] > 0:
        mask = torch.tril(torch.ones([n, known], dtype=11, device=ids.device), pasts[r])
      masks.append(mask)
    x = torch.embedding(p[0], ids).to(6) + torch.embedding(p[1], positions)  # [tokens, size]
    for layer in range(self.layer_count):
      b = 2 + 12 * layer
      normed = torch.layer_norm(x, [size], p[b], p[b + 1], self.layer_norm_epsilon)
      joined = self.linear(normed, p, weights, layer, 0)  # [tokens, 3 * size]
      split = joined.reshape([-1, 3, heads, size // heads]).permute([1, 2, 0, 3])  # [3, heads, tokens, headSize]
      queries = torch.split_with_sizes(split.narrow(0, 0, 1), counts, 2)  # [1, heads, n, headSize]
      news = torch.split_with_sizes(split.narrow(0, 1, 2), counts, 2)  # [2, heads, n, headSize]
      outputs = annotate(List[Tensor], [])
      for r in range(len(counts)):
        row = seen[r]
        fresh[r][layer].copy_(news[r])
        outputs.append(torch.scaled_dot_product_attention(queries[r], row[2 * layer], row[2 * layer + 1], masks[r], 0.0, counts[r] > 1 and pasts[r] == 0))
      attended = torch.cat(outputs, 2).transpose(1, 2).reshape([-1, size])
      x = x + self.linear(attended, p, weights, layer, 1)
      normed2 = torch.layer_norm(x, [size], p[b + 6], p[b + 7], self.layer_norm_epsilon)
      x = x + self.linear(self.widen(normed2, p, weights, layer), p, weights, layer, 3)
    f = 2 + 12 * self.layer_count
    last = torch.layer_norm(x.index_select(0, wanted), [size], p[f], p[f + 1], self.layer_norm_epsilon)
    return self.head(last, p, weights).to(6)

  # What is wanted of logits [rows, vocabulary], one number after the other in fp64:
  #   for each row its greatest logit, the first token that has it, its least logit
  #   for each row in `ranked` its `count` greatest logits, each with its token, in no order
  #   for each row in `summed` the sum of exp((logit - greatest) / its divisor)
  #   for each of `single`, an index into the rows one after the other, its logit
  # A NaN is the greatest and the least at once.
  def select(self: __torch__.Program, logits: Tensor, ranked: Tensor, count: int, summed: Tensor, divisors: Tensor, single: Tensor) -> Tensor:
    greatest, first = torch.max(logits, 1)  # a third of argmax's time on a CPU
    parts = [torch.stack([greatest.to(7), first.to(7), torch.amin(logits, [1]).to(7)], 1).reshape([-1])]
    if ranked.size(0) > 0:
      values, tokens = torch.topk(logits.index_select(0, ranked), count, 1, True, False)
      parts.append(torch.stack([values.to(7), tokens.to(7)], 2).reshape([-1]))
    if summed.size(0) > 0:
      scores = (logits.index_select(0, summed) / divisors.unsqueeze(1)).to(7)
      parts.append(torch.exp(scores - torch.amax(scores, [1], True)).sum([1]))
    if single.size(0) > 0:
      parts.append(logits.reshape([-1]).index_select(0, single).to(7))
    return torch.cat(parts, 0)

  # `step`, and of the logits only what they say about the tokens that do come next.
  #   targets: [wanted], the token after each of `wanted`
  # Returns the logarithms of their probabilities [wanted], fp64.
  def score(self: __torch__.Program, p: List[Tensor], weights: #weights#, ids: Tensor, positions: Tensor, counts: List[int], pasts: List[int], caches: List[Tensor], wanted: Tensor, targets: Tensor) -> Tensor:
    logits = self.step(p, weights, ids, positions, counts, pasts, caches, wanted)
    chosen = torch.gather(logits, 1, targets.unsqueeze(1)).squeeze(1)
    return chosen.to(7) - torch.logsumexp(logits, [-1]).to(7)

  # The parameters that a step takes beside the packed projections, at the places of Gpt2Layout.
  #   dtype: of the token embedding, by far the largest of them
  def keep(self: __torch__.Program, p: List[Tensor], dtype: int) -> List[Tensor]:
    kept = annotate(List[Tensor], [])
    for i in range(len(p)):
      place = (i - 2) % 12
      if i == 0:
        kept.append(p[i].to(dtype))
      elif i > 1 and i < 2 + 12 * self.layer_count and (place == 2 or place == 4 or place == 8 or place == 10):
        kept.append(torch.empty([0], dtype=6, device=p[i].device))
      else:
        kept.append(p[i])
    return kept

  # A cache with more room: [layers, 2, heads, capacity, headSize], with another `capacity` and `dtype`.
  def grow(self: __torch__.Program, cache: Tensor, used: int, capacity: int, dtype: int) -> Tensor:
    grown = torch.empty([cache.size(0), 2, cache.size(2), capacity, cache.size(4)], dtype=dtype, device=cache.device)
    if used > 0:
      grown.narrow(3, 0, used).copy_(cache.narrow(3, 0, used))
    return grown

  # ---- training --------------------------------------------------------------------------------

  # The last hidden state of right-padded sequences, after the last LayerNorm. Padding needs no mask:
  # no real position looks to its right.
  #   ids: [batch, time]; returns [batch * time, size]
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

  # Adds the gradients of the summed loss to `g`. Logits are made for learned positions only, some of
  # them at a time, and never kept: 16 * 512 positions of GPT-2's vocabulary would be 1.6 GB.
  #   ids: [batch, time]
  #   learned: [targets], positions in batch * time whose next token is learned
  #   labels: [targets], those next tokens
  #   options: [dropout, chunk, dtype of the arithmetic]
  # Returns the summed loss in nats, fp64.
  def gradients(self: __torch__.Program, p: List[Tensor], g: List[Tensor], ids: Tensor, learned: Tensor, labels: Tensor, options: Tensor) -> Tensor:
    chunk = int(options[1])
    dtype = int(options[2])
    leaves = annotate(List[Tensor], [])
    used = annotate(List[Tensor], [])
    for i in range(len(p)):
      leaf = p[i].detach().requires_grad_(True)
      leaves.append(leaf)
      used.append(leaf.to(dtype))
    states = self.hidden(used, ids, float(options[0])).index_select(0, learned)  # [targets, size]
    fixed = states.detach()
    embedding = used[0].detach()
    slope = torch.empty_like(fixed)  # of the loss by `states`
    loss = torch.zeros([], dtype=7, device=ids.device)
    start = 0
    while start < labels.size(0):
      n = min(chunk, labels.size(0) - start)
      part = fixed.narrow(0, start, n)
      target = labels.narrow(0, start, n).unsqueeze(1)  # [n, 1]
      scores = torch.log_softmax(torch.matmul(part, embedding.t()).to(6), -1)  # [n, vocabulary]
      loss = loss - torch.gather(scores, 1, target).sum(dtype=7)
      error = torch.exp_(scores).scatter_add_(1, target, torch.full([n, 1], -1.0, dtype=6, device=ids.device)).to(dtype)
      slope.narrow(0, start, n).copy_(torch.matmul(error, embedding))
      if dtype == 6:
        g[0].addmm_(error.t(), part)
      else:
        g[0].add_(torch.matmul(error.t(), part))
      start = start + n
    proxy = (states * slope).sum()  # its gradient is the chain rule through `states`
    parts = torch.grad([proxy], leaves, None, None, False, False)
    for i in range(len(p)):
      part2 = parts[i]
      if part2 is not None:
        g[i].add_(part2)
    return loss

  # One AdamW step (Loshchilov & Hutter 2019) over gradients of a summed loss. Weight decay is for the
  # first group (matrices and embeddings), not for the second (biases and LayerNorm). The groups come
  # in from outside: TorchScript drops in-place operators on lists that a method made itself.
  #   scale: 1 / learned tokens of the whole step
  #   max_norm: the global norm is clipped here; 0 does not clip
  # A gradient that is not finite changes nothing. The gradients are zero afterwards.
  # Returns the global norm before clipping.
  def update(self: __torch__.Program, p: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], p2: List[Tensor], g2: List[Tensor], m2: List[Tensor], v2: List[Tensor], step: int, scale: float, max_norm: float, learning_rate: float, beta1: float, beta2: float, epsilon: float, weight_decay: float) -> Tensor:
    torch._foreach_mul_(g, scale)
    torch._foreach_mul_(g2, scale)
    norm = torch.norm(torch.stack(torch._foreach_norm(g, 2) + torch._foreach_norm(g2, 2)), 2)
    if bool(torch.isfinite(norm)):
      if max_norm > 0.0:
        factor = torch.clamp(max_norm / (norm + 1e-06), None, 1.0)
        torch._foreach_mul_(g, factor)
        torch._foreach_mul_(g2, factor)
      ops.aten._fused_adamw_(p, g, m, v, annotate(List[Tensor], []), self.steps(p, step), lr=learning_rate, beta1=beta1, beta2=beta2, weight_decay=weight_decay, eps=epsilon, amsgrad=False, maximize=False)
      ops.aten._fused_adamw_(p2, g2, m2, v2, annotate(List[Tensor], []), self.steps(p2, step), lr=learning_rate, beta1=beta1, beta2=beta2, weight_decay=0.0, eps=epsilon, amsgrad=False, maximize=False)
    torch._foreach_zero_(g)
    torch._foreach_zero_(g2)
    return norm

  # The step's number as the optimiser wants it: a scalar tensor for each parameter.
  def steps(self: __torch__.Program, p: List[Tensor], step: int) -> List[Tensor]:
    steps = annotate(List[Tensor], [])
    for i in range(len(p)):
      steps.append(torch.full([], float(step), dtype=6, device=p[i].device))
    return steps

  # The loss of right-padded sequences, as `gradients` counts it, without gradients.
  # Returns [summed loss in nats, learned tokens that are the most probable ones], fp64.
  def loss(self: __torch__.Program, p: List[Tensor], ids: Tensor, learned: Tensor, labels: Tensor, chunk: int) -> Tensor:
    states = self.hidden(p, ids, 0.0).index_select(0, learned)
    loss = torch.zeros([], dtype=7, device=ids.device)
    hits = torch.zeros([], dtype=7, device=ids.device)
    start = 0
    while start < labels.size(0):
      n = min(chunk, labels.size(0) - start)
      target = labels.narrow(0, start, n).unsqueeze(1)  # [n, 1]
      logits = torch.matmul(states.narrow(0, start, n), p[0].t()).to(6)  # [n, vocabulary]
      best = torch.amax(logits, [-1], True)  # an eighth of argmax's time
      hits = hits + (torch.gather(logits, 1, target) >= best).sum(dtype=7)
      loss = loss - torch.gather(torch.log_softmax(logits, -1), 1, target).sum(dtype=7)
      start = start + n
    return torch.stack([loss, hits])

  # Makes the tensors of one list equal to those of another, in place.
  def copy(self: __torch__.Program, source: List[Tensor], target: List[Tensor]) -> None:
    torch._foreach_copy_(target, source)
