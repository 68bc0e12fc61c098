class Program(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  layer_count : int
  head_count : int
  prompt_type : int
  layer_norm_epsilon : float

  # GPT-2 (Radford et al. 2019) as Hugging Face's GPT2LMHeadModel computes it: LayerNorm before each
  # block, learned absolute positions, tanh-GELU, the output head tied to the token embedding.
  #
  # `p` is the list of parameters in the order of Gpt2Layout: token embedding, position embedding,
  # twelve tensors a layer, the last LayerNorm's weight and bias. Projections are stored as Hugging
  # Face stores them, [in, out]: y = x W + b.

  # ---- inference -------------------------------------------------------------------------------

#kernels#
  # One step of many conversations at once, each with some new tokens; the new tokens of all of them
  # stand one after the other. First come prompts, each by itself, then groups of conversations with
  # few new tokens, each of which attends by itself. StepInput says which.
  #   p: what `keep` returns
  #   caches: the tables of each layer, see `table_shapes`, with the keys and values of the tokens
  #     before; those of the new tokens are written to them
  #   numbers: one after the other
  #     the ids of tokens, then their positions
  #     the places of the tokens of groups: 64 times the block that a token's keys and values go to,
  #       plus the place in it
  #     the indices into tokens whose logits are returned
  #     for a prompt its blocks in order, for a group those of each of its tokens, with block 0 where
  #       it has fewer than others
  #   sizes: how many tokens, tokens of groups, logits and prompts; then of each prompt and each group
  #     how many tokens it has
  #     the most that one of them attends to, itself included; of a group at least 16
  #     how many blocks there are for it, or for each of its tokens
  # Returns the logits [wanted, vocabulary] in fp32. Attention never looks at another row.
  def step(self: __torch__.Program, p: List[Tensor], weights: #weights#, caches: List[Tensor], numbers: Tensor, sizes: List[int]) -> Tensor:
    tokens = sizes[0]
    together = sizes[1]
    prompts = sizes[3]
    positions = numbers.narrow(0, tokens, tokens)
    places = numbers.narrow(0, 2 * tokens, together)
    wanted = numbers.narrow(0, 2 * tokens + together, sizes[2])
    at = 2 * tokens + together + sizes[2]
    counts = annotate(List[int], [])
    lengths = annotate(List[int], [])
    tables = annotate(List[Tensor], [])
    for i in range((len(sizes) - 4) // 3):
      counts.append(sizes[4 + 3 * i])
      lengths.append(sizes[5 + 3 * i])
      blocks = sizes[6 + 3 * i]
      rows = 1
      if i >= prompts:
        rows = counts[i]
      tables.append(numbers.narrow(0, at, rows * blocks).reshape([rows, blocks]))
      at = at + rows * blocks
    size = p[0].size(1)
    x = torch.embedding(p[0], numbers.narrow(0, 0, tokens)).to(6) + torch.embedding(p[1], positions)  # [tokens, size]
    self.layers(x, p, weights, caches, positions, places, counts, lengths, tables, prompts)
    f = 2 + 12 * self.layer_count
    last = torch.layer_norm(x.index_select(0, wanted), [size], p[f], p[f + 1], self.layer_norm_epsilon)
    return self.head(last, p, weights).to(6)

  # GELU by tanh, in place, of fp32 on a CPU: 0.5 y (1 + tanh(u)) = y / (1 + exp(-2 u)). libtorch
  # 2.7's own takes twice the time.
  def gelu_(self: __torch__.Program, y: Tensor) -> Tensor:
    factor = torch.full([1], 1.5957691216057308)  # 2 sqrt(2 / pi)
    doubled = torch.addcmul(factor, y, y, value=0.0713548162726).mul_(y)  # 2 u; 0.044715 of the factor
    return y.mul_(torch.sigmoid_(doubled))

  # Of each row of logits [rows, vocabulary] its greatest logit, the first token that has it, and its
  # least logit, one after the other in fp64. A NaN is the greatest and the least at once.
  def best(self: __torch__.Program, logits: Tensor) -> Tensor:
    greatest, first = torch.max(logits, 1)  # a third of argmax's time on a CPU
    return torch.stack([greatest.to(7), first.to(7), torch.amin(logits, [1]).to(7)], 1).reshape([-1])

  # What else is wanted of logits [rows, vocabulary], one number after the other in fp64:
  #   for each row what `best` tells
  #   for each row in `ranked` its `count` greatest logits, each with its token, in no order
  #   for each of `summed`, a row and a divisor, the sum of exp((logit - greatest) / divisor)
  #   for each of `drawn`, a row, a divisor and a place, the token at that place: see `draw`
  #   for each of `single`, an index into the rows one after the other, its logit
  def select(self: __torch__.Program, logits: Tensor, ranked: Tensor, count: int, summed: Tensor, drawn: Tensor, single: Tensor) -> Tensor:
    parts = [self.best(logits)]
    if ranked.size(0) > 0:
      values, tokens = self.greatest(self.rows(logits, ranked), count)
      parts.append(torch.stack([values.to(7), tokens.to(7)], 2).reshape([-1]))
    together = logits.size(0)
    if not logits.is_cuda:
      together = 1  # a row in fp64 fits into a core's cache, many do not
    for start in range(0, summed.size(0), together):
      parts.append(self.weights(logits, summed.narrow(0, start, min(together, summed.size(0) - start))).sum([1]))
    for start2 in range(0, drawn.size(0), together):
      some = drawn.narrow(0, start2, min(together, drawn.size(0) - start2))
      parts.append(self.draw(self.weights(logits, some), some.narrow(1, 2, 1)))
    if single.size(0) > 0:
      parts.append(logits.reshape([-1]).index_select(0, single).to(7))
    return torch.cat(parts, 0)

  # exp((logit - greatest) / divisor) of the logits of some rows, fp64: [some, vocabulary].
  #   some: [some, 2 or more], a row and a divisor each
  def weights(self: __torch__.Program, logits: Tensor, some: Tensor) -> Tensor:
    scores = (self.rows(logits, some.select(1, 0).to(4)) / some.narrow(1, 1, 1).to(6)).to(7)
    return torch.exp_(scores.sub_(torch.amax(scores, [1], True)))

  # For each row of weights: [rows, size], the first index at which the sum of the weights up to it
  # exceeds `places`: [rows, 1], in [0, 1), of the whole sum. Sums over blocks tell the block, then sums
  # within it the index: a seventh of the time of a running sum over all of them.
  def draw(self: __torch__.Program, weights: Tensor, places: Tensor) -> Tensor:
    size = weights.size(1)
    blocks = size // 256
    whole = blocks * 256
    sums = torch.cat([weights.narrow(1, 0, whole).reshape([weights.size(0), blocks, 256]).sum([2]), weights.narrow(1, whole, size - whole).sum([1], True)], 1)
    ends = torch.cumsum(sums, 1)  # [rows, blocks + 1]
    goals = places * ends.narrow(1, blocks, 1)
    block = torch.clamp(torch.searchsorted(ends, goals, right=True), 0, blocks)
    rest = goals - torch.gather(ends - sums, 1, block)
    ids = torch.clamp(block * 256 + torch.arange(256, dtype=4, device=weights.device), 0, size - 1)  # [rows, 256]
    inside = torch.searchsorted(torch.cumsum(torch.gather(weights, 1, ids), 1), rest, right=True)
    return torch.gather(ids, 1, torch.clamp(inside, 0, 255)).reshape([-1]).to(7)

  # Some rows of x, in order; all of them without a copy.
  def rows(self: __torch__.Program, x: Tensor, which: Tensor) -> Tensor:
    if which.size(0) < x.size(0):
      return x.index_select(0, which)
    return x

  # The `count` greatest of each row of x: [rows, size], and where they are. A row is 32 strides; the
  # greatest are in the `count` columns whose greatest elements are the greatest. Looking at columns
  # first takes half of topk's time for one row on a CPU and a fifth for 32.
  def greatest(self: __torch__.Program, x: Tensor, count: int) -> Tuple[Tensor, Tensor]:
    size = x.size(1)
    columns = size // 32
    if count * 4 > columns:
      values, indices = torch.topk(x, count, 1, True, False)
      return (values, indices)
    column = torch.amax(x.narrow(1, 0, columns * 32).reshape([-1, 32, columns]), [1])  # [rows, columns]
    _, best = torch.topk(column, count, 1, True, False)
    starts = torch.arange(0, columns * 32, columns, dtype=4, device=x.device).unsqueeze(1)  # [32, 1]
    inside = (best.unsqueeze(1) + starts).reshape([x.size(0), -1])  # [rows, 32 * count]
    outside = torch.arange(columns * 32, size, dtype=4, device=x.device).expand([x.size(0), -1])
    candidates = torch.cat([inside, outside], 1)
    values2, at = torch.topk(torch.gather(x, 1, candidates), count, 1, True, False)
    return (values2, torch.gather(candidates, 1, at))

  # `step`, and of the logits only what they say about the tokens that do come next.
  #   targets: [wanted], the token after each of those that are asked about
  # Returns [2, wanted] in fp64: the logarithms of their probabilities, and 1 for those that no other
  # token exceeds, 0 for the rest.
  def score(self: __torch__.Program, p: List[Tensor], weights: #weights#, caches: List[Tensor], numbers: Tensor, sizes: List[int], targets: Tensor) -> Tensor:
    logits = self.step(p, weights, caches, numbers, sizes)
    chosen = torch.gather(logits, 1, targets.unsqueeze(1))  # [wanted, 1]
    best = torch.amax(logits, [1], True)
    normaliser = torch.log(torch.exp_(logits.sub_(best)).sum([1], True))
    parts = [(chosen - best).to(7) - normaliser.to(7), (chosen >= best).to(7)]
    return torch.cat(parts, 1).t()

  # The first of the matrices which holds a number that is not finite; -1 where none does. Packing
  # could hide it: FBGEMM makes an ordinary number of it.
  def damaged(self: __torch__.Program, p: List[Tensor]) -> int:
    for i in range(len(p)):
      if i != 1 and p[i].dim() == 2 and not bool(torch.isfinite(p[i].sum())):
        return i
    return -1

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

  # Makes room in caches for `blocks` blocks, one table after the other, so that never more than one is
  # there twice; the first `used` blocks keep what they hold. Block 0 belongs to nobody and is zero.
  #   caches: see `step`; empty, or some of them, where they were never made
  def enlarge(self: __torch__.Program, p: List[Tensor], caches: List[Tensor], used: int, blocks: int, dtype: int) -> NoneType:
    shapes = self.table_shapes(blocks, p[0].size(1) // self.head_count, dtype)
    for i in range(len(shapes) * self.layer_count):
      shape = shapes[i % len(shapes)]
      if i >= len(caches):
        first = torch.empty(shape, dtype=dtype, device=p[0].device)
        first.select(0, 0).zero_()
        caches.append(first)
      elif caches[i].size(0) < blocks:  # else this was done before memory ran out
        cache = torch.empty(shape, dtype=dtype, device=p[0].device)
        cache.narrow(0, 0, used).copy_(caches[i].narrow(0, 0, used))
        caches[i] = cache

  # Blocks of a conversation are copied to blocks of another one.
  def share(self: __torch__.Program, caches: List[Tensor], sources: List[int], targets: List[int]) -> NoneType:
    for i in range(len(caches)):
      for j in range(len(sources)):
        caches[i].select(0, targets[j]).copy_(caches[i].select(0, sources[j]))

  # ---- training --------------------------------------------------------------------------------

  # The last hidden state of right-padded sequences, after the last LayerNorm. Padding needs no mask:
  # no real position looks to its right.
  #   ids: [batch, time]; returns [batch * time, size]
  #   a, targets, scale, low_dropout: adapters, see `adapted`
  def hidden(self: __torch__.Program, p: List[Tensor], a: List[Tensor], ids: Tensor, dropout: float, targets: int, scale: float, low_dropout: float) -> Tensor:
    seeds = self.seeds(dropout + low_dropout)
    x = self.embedded(p[0], p[1], ids, dropout, seeds[self.layer_count])
    pairs = self.pairs(targets)
    for layer in range(self.layer_count):
      x = self.block(x, p, 2 + 12 * layer, a, 2 * pairs * layer, dropout, targets, scale, low_dropout, seeds[layer])
    f = 2 + 12 * self.layer_count
    return self.normed(x, p[f], p[f + 1])

  # A seed for the random numbers of each layer, and at the end of the embedding, so that a layer can be
  # computed a second time with the same ones. They follow from the seed that the caller has set.
  def seeds(self: __torch__.Program, dropout: float) -> List[int]:
    seeds = annotate(List[int], [])
    for layer in range(self.layer_count + 1):
      if dropout > 0.0:
        seeds.append(int(torch.randint(0, 2147483647, [1], dtype=4)))
      else:
        seeds.append(-1)
    return seeds

  def embedded(self: __torch__.Program, tokens: Tensor, places: Tensor, ids: Tensor, dropout: float, seed: int) -> Tensor:
    if seed >= 0:
      torch.manual_seed(seed)
    positions = torch.arange(ids.size(1), dtype=4, device=ids.device)
    x = torch.embedding(tokens, ids) + torch.embedding(places, positions)  # [batch, time, size]
    return torch.dropout(x, dropout, dropout > 0.0)

  def normed(self: __torch__.Program, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    size = x.size(2)
    return torch.layer_norm(x, [size], weight, bias, self.layer_norm_epsilon).reshape([-1, size])

  # One layer, whose twelve tensors begin at p[b] and whose adapters begin at a[c].
  #   x: [batch, time, size]; returns the same
  def block(self: __torch__.Program, x: Tensor, p: List[Tensor], b: int, a: List[Tensor], c: int, dropout: float, targets: int, scale: float, low_dropout: float, seed: int) -> Tensor:
    if seed >= 0:
      torch.manual_seed(seed)
    batch = x.size(0)
    time = x.size(1)
    size = x.size(2)
    heads = self.head_count
    head_size = size // heads
    train = dropout > 0.0
    normed = torch.layer_norm(x, [size], p[b], p[b + 1], self.layer_norm_epsilon)
    q, k, v = torch.split(self.adapted(normed, p, b + 2, a, c, targets, 0, scale, low_dropout), size, -1)
    query = q.reshape([batch, time, heads, head_size]).transpose(1, 2)  # [batch, heads, time, headSize]
    key = k.reshape([batch, time, heads, head_size]).transpose(1, 2)
    value = v.reshape([batch, time, heads, head_size]).transpose(1, 2)
    attended = self.attend_all(query, key, value, dropout)
    joined = attended.transpose(1, 2).reshape([batch, time, size])
    y = x + torch.dropout(self.adapted(joined, p, b + 4, a, c, targets, 1, scale, low_dropout), dropout, train)
    normed2 = torch.layer_norm(y, [size], p[b + 6], p[b + 7], self.layer_norm_epsilon)
    wide = torch.gelu(self.adapted(normed2, p, b + 8, a, c, targets, 2, scale, low_dropout), approximate="tanh")
    return y + torch.dropout(self.adapted(wide, p, b + 10, a, c, targets, 3, scale, low_dropout), dropout, train)

  # Causal attention of whole sequences, [batch, heads, time, headSize] like the arguments. On a GPU it
  # is not left to scaled_dot_product_attention, which may choose cuDNN: that makes a plan for each new
  # shape, in 50 ms or more each way. The other kernel takes heads of whole vectors.
  def attend_all(self: __torch__.Program, query: Tensor, key: Tensor, value: Tensor, dropout: float) -> Tensor:
    if query.is_cuda and query.size(3) % 8 == 0:
      attended, _, _, _ = ops.aten._scaled_dot_product_efficient_attention(query, key, value, None, True, dropout, True)
      return attended
    return torch.scaled_dot_product_attention(query, key, value, None, dropout, True)

  # y = x W + b, plus scale * dropout(x) A B where projection `which` has an adapter (LoRA, Hu et al.
  # 2021): W at p[i], A: [in, rank] and B: [rank, out] among the layer's adapters from a[c] on.
  #   targets: bit `which` is set for projections that have one: attention in and out, MLP in and out
  def adapted(self: __torch__.Program, x: Tensor, p: List[Tensor], i: int, a: List[Tensor], c: int, targets: int, which: int, scale: float, dropout: float) -> Tensor:
    y = self.project(x, p[i], p[i + 1])
    if targets // (1 << which) % 2 == 1:
      at = c + 2 * self.pairs(targets % (1 << which))
      low = torch.matmul(torch.dropout(x, dropout, dropout > 0.0), a[at])  # [batch, time, rank]
      y = y + torch.matmul(low, a[at + 1]) * scale
    return y

  # How many adapters a layer has.
  def pairs(self: __torch__.Program, targets: int) -> int:
    return targets % 2 + targets // 2 % 2 + targets // 4 % 2 + targets // 8 % 2

  # y = x W + b for x: [batch, time, in], W: [in, out]
  def project(self: __torch__.Program, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    y = torch.addmm(bias, x.reshape([-1, x.size(2)]), weight)
    return y.reshape([x.size(0), x.size(1), -1])

  # Adds the gradients of the summed loss, times a loss scale, to `g`: by the parameters, or where there
  # are adapters by those alone. Logits are made for learned positions only, some of them at a time, and
  # never kept: 16 * 512 positions of GPT-2's vocabulary would be 1.6 GB.
  #   a: adapters, see `adapted`; any one tensor where `targets` is 0
  #   g: as p, or as a
  #   ids: [batch, time]
  #   learned: [targets], positions in batch * time whose next token is learned
  #   labels: [targets], those next tokens
  #   options: [dropout, chunk, dtype of the arithmetic, loss scale, recompute, targets and scale and
  #     dropout of the adapters]; with `recompute` a layer's inner values are not kept for the backward
  #     pass but computed again in it (Chen et al. 2016), with the same random numbers
  # Returns the summed loss in nats, fp64, not scaled.
  def gradients(self: __torch__.Program, p: List[Tensor], a: List[Tensor], g: List[Tensor], ids: Tensor, learned: Tensor, labels: Tensor, options: Tensor) -> Tensor:
    numbers = options.cpu()
    dropout = float(numbers[0])
    chunk = int(numbers[1])
    dtype = int(numbers[2])
    loss_scale = float(numbers[3])
    targets = int(numbers[5])
    scale = float(numbers[6])
    low_dropout = float(numbers[7])
    if float(numbers[4]) > 0.0:
      return self.gradients_by_layer(p, a, g, ids, learned, labels, dropout, chunk, dtype, loss_scale, targets, scale, low_dropout)
    leaves = annotate(List[Tensor], [])
    used = annotate(List[Tensor], [])
    adapters = annotate(List[Tensor], [])
    for i in range(len(p)):
      leaf = p[i].detach()
      if targets == 0:
        leaf.requires_grad_(True)
        leaves.append(leaf)
      used.append(leaf.to(dtype))
    if targets > 0:
      for i in range(len(a)):
        low = a[i].detach().requires_grad_(True)
        leaves.append(low)
        adapters.append(low.to(dtype))
    states = self.hidden(used, adapters, ids, dropout, targets, scale, low_dropout).index_select(0, learned)  # [targets, size]
    slope, loss = self.slope(states.detach(), used[0].detach(), g, labels, chunk, dtype, loss_scale, targets == 0)
    proxy = (states * slope).sum()  # its gradient is the chain rule through `states`
    parts = torch.grad([proxy], leaves, None, None, False, False)
    for i in range(len(leaves)):
      part2 = parts[i]
      if part2 is not None:
        g[i].add_(part2)
    return loss

  # As `gradients`, a layer at a time from the last to the first: only what goes into each is kept.
  def gradients_by_layer(self: __torch__.Program, p: List[Tensor], a: List[Tensor], g: List[Tensor], ids: Tensor, learned: Tensor, labels: Tensor, dropout: float, chunk: int, dtype: int, loss_scale: float, targets: int, scale: float, low_dropout: float) -> Tensor:
    seeds = self.seeds(dropout + low_dropout)
    pairs = self.pairs(targets)
    inputs = annotate(List[Tensor], [])
    tokens = p[0].detach().to(dtype)
    x = self.embedded(tokens, p[1].detach().to(dtype), ids, dropout, seeds[self.layer_count])
    for layer in range(self.layer_count):
      inputs.append(x)
      fixed = annotate(List[Tensor], [])
      for i in range(12):
        fixed.append(p[2 + 12 * layer + i].detach().to(dtype))
      low = annotate(List[Tensor], [])
      for i in range(2 * pairs):
        low.append(a[2 * pairs * layer + i].detach().to(dtype))
      x = self.block(x, fixed, 0, low, 0, dropout, targets, scale, low_dropout, seeds[layer])
    f = 2 + 12 * self.layer_count
    last = x.detach().requires_grad_(True)
    leaves = [last]
    weight = p[f].detach()
    bias = p[f + 1].detach()
    if targets == 0:
      weight.requires_grad_(True)
      bias.requires_grad_(True)
      leaves.append(weight)
      leaves.append(bias)
    states = self.normed(last, weight.to(dtype), bias.to(dtype)).index_select(0, learned)
    slope, loss = self.slope(states.detach(), tokens, g, labels, chunk, dtype, loss_scale, targets == 0)
    parts = torch.grad([(states * slope).sum()], leaves, None, None, False, False)
    by_x = self.first(parts)  # the scaled loss by what goes into the layer above
    if targets == 0:
      self.add(parts, 1, g, f)
    for back in range(self.layer_count):
      layer2 = self.layer_count - 1 - back
      entry = inputs[layer2].detach().requires_grad_(True)
      leaves2 = [entry]
      used = annotate(List[Tensor], [])
      low2 = annotate(List[Tensor], [])
      for i in range(12):
        leaf = p[2 + 12 * layer2 + i].detach()
        if targets == 0:
          leaf.requires_grad_(True)
          leaves2.append(leaf)
        used.append(leaf.to(dtype))
      for i in range(2 * pairs):
        leaf2 = a[2 * pairs * layer2 + i].detach().requires_grad_(True)
        leaves2.append(leaf2)
        low2.append(leaf2.to(dtype))
      y = self.block(entry, used, 0, low2, 0, dropout, targets, scale, low_dropout, seeds[layer2])
      parts2 = torch.grad([(y * by_x).sum()], leaves2, None, None, False, False)
      by_x = self.first(parts2)
      if targets == 0:
        self.add(parts2, 1, g, 2 + 12 * layer2)
      else:
        self.add(parts2, 1, g, 2 * pairs * layer2)
    if targets == 0:
      leaves3 = [p[0].detach().requires_grad_(True), p[1].detach().requires_grad_(True)]
      start = self.embedded(leaves3[0].to(dtype), leaves3[1].to(dtype), ids, dropout, seeds[self.layer_count])
      self.add(torch.grad([(start * by_x).sum()], leaves3, None, None, False, False), 0, g, 0)
    return loss

  # Adds parts[skip] and those after it to g[at] and those after it.
  def add(self: __torch__.Program, parts: List[Optional[Tensor]], skip: int, g: List[Tensor], at: int) -> None:
    for i in range(len(parts) - skip):
      part = parts[skip + i]
      if part is not None:
        g[at + i].add_(part)

  def first(self: __torch__.Program, parts: List[Optional[Tensor]]) -> Tensor:
    part = parts[0]
    if part is None:
      return torch.zeros([1])
    return part

  # How the scaled loss changes with the last hidden states, and the loss in nats; where the embedding
  # is learned, too, what it gets as the output head is added to g[0].
  #   states: [targets, size]; the first result is the same
  def slope(self: __torch__.Program, states: Tensor, embedding: Tensor, g: List[Tensor], labels: Tensor, chunk: int, dtype: int, loss_scale: float, learn_head: bool) -> Tuple[Tensor, Tensor]:
    slope = torch.empty_like(states)
    loss = torch.zeros([], dtype=7, device=states.device)
    start = 0
    while start < labels.size(0):
      n = min(chunk, labels.size(0) - start)
      part = states.narrow(0, start, n)
      target = labels.narrow(0, start, n).unsqueeze(1)  # [n, 1]
      scores = torch.log_softmax(torch.matmul(part, embedding.t()).to(6), -1)  # [n, vocabulary]
      loss = loss - torch.gather(scores, 1, target).sum(dtype=7)
      error = torch.exp_(scores).scatter_add_(1, target, torch.full([n, 1], -1.0, dtype=6, device=labels.device)).to(dtype)
      slope.narrow(0, start, n).copy_(torch.matmul(error, embedding) * loss_scale)
      if learn_head:
        if dtype == 6:
          g[0].addmm_(error.t(), part)
        else:
          g[0].add_(torch.matmul(error.t(), part), alpha=loss_scale)
      start = start + n
    return (slope, loss)

  # One AdamW step (Loshchilov & Hutter 2019) over gradients of a summed loss. Weight decay is for the
  # first group (matrices and embeddings), not for the second (biases and LayerNorm). The groups come
  # in from outside: TorchScript drops in-place operators on lists that a method made itself.
  # Adapters are all of the first group.
  #   scale: 1 / learned tokens of the whole step, and / the loss scale
  #   max_norm: the global norm is clipped here; 0 does not clip
  # A gradient that is not finite changes nothing. The gradients are zero afterwards.
  # Returns the global norm before clipping.
  def update(self: __torch__.Program, p: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], p2: List[Tensor], g2: List[Tensor], m2: List[Tensor], v2: List[Tensor], step: int, scale: float, max_norm: float, learning_rate: float, beta1: float, beta2: float, epsilon: float, weight_decay: float) -> Tensor:
    torch._foreach_mul_(g, scale)
    norms = torch._foreach_norm(g, 2)
    if len(g2) > 0:
      torch._foreach_mul_(g2, scale)
      norms = norms + torch._foreach_norm(g2, 2)
    norm = torch.norm(torch.stack(norms), 2)
    if bool(torch.isfinite(norm)):
      if max_norm > 0.0:
        factor = torch.clamp(max_norm / (norm + 1e-06), None, 1.0)
        torch._foreach_mul_(g, factor)
        if len(g2) > 0:
          torch._foreach_mul_(g2, factor)
      ops.aten._fused_adamw_(p, g, m, v, annotate(List[Tensor], []), self.steps(p, step), lr=learning_rate, beta1=beta1, beta2=beta2, weight_decay=weight_decay, eps=epsilon, amsgrad=False, maximize=False)
      if len(g2) > 0:
        ops.aten._fused_adamw_(p2, g2, m2, v2, annotate(List[Tensor], []), self.steps(p2, step), lr=learning_rate, beta1=beta1, beta2=beta2, weight_decay=0.0, eps=epsilon, amsgrad=False, maximize=False)
    torch._foreach_zero_(g)
    if len(g2) > 0:
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
    states = self.hidden(p, annotate(List[Tensor], []), ids, 0.0, 0, 0.0, 0.0).index_select(0, learned)
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

  # Every logit of right-padded sequences, with adapters beside the weights where `targets` names some.
  #   ids: [batch, time]; returns [batch, time, vocabulary]
  def adapted_logits(self: __torch__.Program, p: List[Tensor], a: List[Tensor], ids: Tensor, targets: int, scale: float) -> Tensor:
    return torch.matmul(self.hidden(p, a, ids, 0.0, targets, scale, 0.0), p[0].t()).reshape([ids.size(0), ids.size(1), -1])

  # Puts adapters into weights: merged[i] = base[i] + scale * a[2 i] a[2 i + 1].
  def merge(self: __torch__.Program, base: List[Tensor], a: List[Tensor], merged: List[Tensor], scale: float) -> None:
    for i in range(len(base)):
      merged[i].copy_(torch.addmm(base[i], a[2 * i], a[2 * i + 1], alpha=scale))

  # Makes the tensors of one list equal to those of another, in place.
  def copy(self: __torch__.Program, source: List[Tensor], target: List[Tensor]) -> None:
    torch._foreach_copy_(target, source)
