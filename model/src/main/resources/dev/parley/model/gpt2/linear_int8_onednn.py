  # Projections with int8 weights, one scale an output channel, and int8 activations, one scale a row
  # (oneDNN): a quarter of the bytes to read, and the matrix units of processors with AMX. The sums are
  # exact integers, so that a row's result does not depend on the other rows.
  def pack(self: __torch__.Program, p: List[Tensor], dtype: int) -> List[Tensor]:
    packed = annotate(List[Tensor], [])
    for layer in range(self.layer_count):
      b = 2 + 12 * layer
      for which in range(4):
        packed.extend(self.quantize(p[b + [2, 4, 8, 10][which]].t().contiguous()))  # [out, in]
    packed.extend(self.quantize(p[0]))
    packed.append(torch.full([1], 128.5))
    return packed

  # which: 0 attention in, 1 attention out, 2 widening, 3 narrowing
  def linear(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], layer: int, which: int) -> Tensor:
    y, scale = self.product(x, weights, 3 * (4 * layer + which))
    return torch.addcmul(p[2 + 12 * layer + [3, 5, 9, 11][which]], y, scale, out=y)

  # The widening and the activation after it.
  def widen(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], layer: int) -> Tensor:
    return torch.gelu_(self.linear(x, p, weights, layer, 2), approximate="tanh")

  def head(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor]) -> Tensor:
    y, scale = self.product(x, weights, 12 * self.layer_count)
    return y * scale

  # x: [rows, in]; returns [rows, out] and [rows, 1], whose product is the projection of x. A row's
  # numbers become up to 127 steps on either side of 128: unsigned, since oneDNN 3.7 has kernels of every
  # size for those alone, and for signed ones takes reference loops, hundreds of times slower.
  def product(self: __torch__.Program, x: Tensor, weights: List[Tensor], at: int) -> Tuple[Tensor, Tensor]:
    wide = x.to(6)
    greatest = torch.clamp(torch.amax(torch.abs(wide), [1], True), 1e-12)
    middle = weights[12 * self.layer_count + 3]  # half a step above 128: what follows is cut off
    steps = torch.addcmul(middle, wide, 127.0 / greatest).to(0)
    y = ops.onednn.qlinear_pointwise(steps, 1.0 / 127.0, 128, weights[at], weights[at + 1], weights[at + 2], None, 1.0, 0, 6, "none", annotate(List[Optional[number]], []), "")
    return (y, greatest)

  # Symmetric, one scale an output channel: [out, in] to packed int8, scales and zero points [out].
  # The weights are packed for 32 rows; that costs nothing with one row.
  def quantize(self: __torch__.Program, weight: Tensor) -> List[Tensor]:
    scales = torch.clamp(weight.abs().amax([1]) / 127.0, 1e-12)
    rounded = torch.round(weight / scales.unsqueeze(1)).to(1)
    return [ops.onednn.qlinear_prepack(rounded, [32, weight.size(1)]), scales, torch.zeros_like(scales, dtype=3)]
