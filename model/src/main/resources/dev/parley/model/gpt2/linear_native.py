  # Projections by Parley's own kernels: weights in panels of 32 columns, each with what its products end
  # with. `panels` and `product` are those of one type.
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

  # LayerNorm of x: [tokens, size], with the weight and the bias at p[b], and a projection of it.
  def normed_linear(self: __torch__.Program, x: Tensor, p: List[Tensor], b: int, panels: Tensor, out: int, gelu: bool) -> Tensor:
    y = torch.empty([x.size(0), out])
    self.product(x, panels, [p[b], p[b + 1]], gelu, False, y)
    return y

  # See layer_apart.py.
  def attention_in(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], layer: int) -> Tensor:
    return self.normed_linear(x, p, 2 + 12 * layer, weights[4 * layer], 3 * x.size(1), False)

  def attention_out(self: __torch__.Program, x: Tensor, attended: Tensor, p: List[Tensor], weights: List[Tensor], layer: int) -> NoneType:
    self.product(attended, weights[4 * layer + 1], annotate(List[Tensor], []), False, True, x)

  def feed_forward(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], layer: int) -> NoneType:
    wide = self.normed_linear(x, p, 8 + 12 * layer, weights[4 * layer + 2], 4 * x.size(1), True)
    self.product(wide, weights[4 * layer + 3], annotate(List[Tensor], []), False, True, x)

  def head(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor]) -> Tensor:
    y = torch.empty([x.size(0), p[0].size(0)])
    self.product(x, weights[4 * self.layer_count], annotate(List[Tensor], []), False, False, y)
    return y

  # The tensor at an index, or an empty one.
  def or_none(self: __torch__.Program, tensors: List[Tensor], index: int) -> Tensor:
    if index < len(tensors):
      return tensors[index]
    return torch.empty([0])

  # Room for rows of x: [rows, in] after LayerNorm, if that is wanted, and then of so many bytes each.
  def scratch(self: __torch__.Program, x: Tensor, norm: List[Tensor], row_bytes: int) -> Tensor:
    if len(norm) > 0:
      row_bytes = row_bytes + 4 * x.size(1)
    return torch.empty([x.size(0), row_bytes], dtype=0)
