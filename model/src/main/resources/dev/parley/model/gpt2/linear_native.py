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

  # which: 0 attention in, 1 attention out, 2 widening, 3 narrowing
  def linear(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], layer: int, which: int) -> Tensor:
    return self.product(x, weights[4 * layer + which], [3 * x.size(1), x.size(1), 4 * x.size(1), x.size(1) // 4][which], False)

  # The widening and the activation after it.
  def widen(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], layer: int) -> Tensor:
    return self.product(x, weights[4 * layer + 2], 4 * x.size(1), True)

  def head(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor]) -> Tensor:
    return self.product(x, weights[4 * self.layer_count], p[0].size(0), False)
