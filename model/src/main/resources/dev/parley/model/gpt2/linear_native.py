  # Projections by Parley's own kernels: weights in panels of 32 columns, each with what its products end
  # with. Of one type are `panels`, its number `weights_type`, and `row_bytes`, what a row of so many
  # numbers takes in it.
  def pack(self: __torch__.Program, p: List[Tensor], dtype: int) -> List[Tensor]:
    packed = annotate(List[Tensor], [])
    for layer in range(self.layer_count):
      b = 2 + 12 * layer
      for which in range(4):
        packed.append(self.panels(p[b + [2, 4, 8, 10][which]].t(), p[b + [3, 5, 9, 11][which]]))
    packed.append(self.panels(p[0], torch.zeros([p[0].size(0)])))
    return packed

  # x: [rows, columns]; returns [rows, columns], more of both, filled up with zeros
  def padded(self: __torch__.Program, x: Tensor, rows: int, columns: int) -> Tensor:
    return torch.constant_pad_nd(x, [0, columns - x.size(1), 0, rows - x.size(0)])

  # 32 bits for each output, [out], as they stand in panels: int8 [panels, 128].
  def column(self: __torch__.Program, bits: Tensor, panels: int) -> Tensor:
    return self.bytes(torch.constant_pad_nd(bits, [0, panels * 32 - bits.size(0)]), [panels, 128])

  # The memory of x as int8.
  def bytes(self: __torch__.Program, x: Tensor, shape: List[int]) -> Tensor:
    count = x.numel() * x.element_size()
    return torch.empty([0], dtype=1).set_(x.contiguous(), 0, [count], [1]).reshape(shape)

  # All layers: see layers.py. Five operators each, with room for what they find made once: calls cost
  # more than what a single token computes besides.
  def layers(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], caches: List[Tensor], positions: Tensor, places: Tensor, counts: List[int], lengths: List[int], tables: List[Tensor], prompts: int) -> NoneType:
    rows = x.size(0)
    size = x.size(1)
    head_size = size // self.head_count
    _, firsts, begins, blocks = self.plan(positions, places, counts, lengths, tables, prompts, head_size)
    joined = torch.empty([rows, 3 * size])
    heads = joined.reshape([rows, 3, self.head_count, head_size])
    attended = torch.empty([rows, size])
    wide = torch.empty([rows, 4 * size])
    scratch = torch.empty([rows, 4 * size + self.row_bytes(4 * size)], dtype=0)
    none = torch.empty([0])
    epsilon = self.layer_norm_epsilon
    type = self.weights_type()
    for layer in range(self.layer_count):
      w = 4 * layer
      b = 2 + 12 * layer
      ops.parley.linear(weights[w], x, p[b], p[b + 1], epsilon, False, False, joined, scratch, type)
      ops.parley.attention(heads, caches[2 * layer], caches[2 * layer + 1], positions, firsts, begins, blocks, attended)
      ops.parley.linear(weights[w + 1], attended, none, none, epsilon, False, True, x, scratch, type)
      ops.parley.linear(weights[w + 2], x, p[b + 6], p[b + 7], epsilon, True, False, wide, scratch, type)
      ops.parley.linear(weights[w + 3], wide, none, none, epsilon, False, True, x, scratch, type)

  def head(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor]) -> Tensor:
    y = torch.empty([x.size(0), p[0].size(0)])
    none = torch.empty([0])
    self.linear(weights[4 * self.layer_count], x, none, none, False, False, y)
    return y

  # The projection of x: [rows, in], or of its LayerNorm with gain and shift if they are not empty, then
  # GELU by tanh; it becomes y: [rows, out], or is added to y.
  def linear(self: __torch__.Program, panels: Tensor, x: Tensor, gain: Tensor, shift: Tensor, gelu: bool, add: bool, y: Tensor) -> NoneType:
    scratch = torch.empty([x.size(0), 4 * x.size(1) + self.row_bytes(x.size(1))], dtype=0)
    ops.parley.linear(panels, x, gain, shift, self.layer_norm_epsilon, gelu, add, y, scratch, self.weights_type())
