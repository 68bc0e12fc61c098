  # Projections with int8 weights, one scale an output channel, and int8 activations, one scale a row
  # (FBGEMM): a quarter of the bytes to read. The sums are exact integers, so that a row's result does
  # not depend on the other rows. For processors without AMX.
  def pack(self: __torch__.Program, p: List[Tensor], dtype: int) -> List[__torch__.torch.classes.quantized.LinearPackedParamsBase]:
    packed = annotate(List[__torch__.torch.classes.quantized.LinearPackedParamsBase], [])
    for layer in range(self.layer_count):
      b = 2 + 12 * layer
      for which in range(4):
        packed.append(self.quantize(p[b + [2, 4, 8, 10][which]].t().contiguous()))  # [out, in]
    packed.append(self.quantize(p[0]))
    return packed

  # which: 0 attention in, 1 attention out, 2 widening, 3 narrowing
  def linear(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[__torch__.torch.classes.quantized.LinearPackedParamsBase], layer: int, which: int) -> Tensor:
    y, scale = self.product(x, weights[4 * layer + which])
    return torch.addcmul(p[2 + 12 * layer + [3, 5, 9, 11][which]], y, scale, out=y)

  # The widening and the activation after it.
  def widen(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[__torch__.torch.classes.quantized.LinearPackedParamsBase], layer: int) -> Tensor:
    return torch.gelu_(self.linear(x, p, weights, layer, 2), approximate="tanh")

  def head(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[__torch__.torch.classes.quantized.LinearPackedParamsBase]) -> Tensor:
    y, scale = self.product(x, weights[4 * self.layer_count])
    return y * scale

  # x: [rows, in]; returns [rows, out] and [rows, 1], whose product is the projection of x. FBGEMM
  # rounds a row's numbers to `activation_levels` steps on either side of a zero point.
  def product(self: __torch__.Program, x: Tensor, weight: __torch__.torch.classes.quantized.LinearPackedParamsBase) -> Tuple[Tensor, Tensor]:
    wide = x.to(6)
    sizes = torch.abs(wide)
    scale = torch.clamp(torch.amax(sizes, [1], True), 1e-12)
    levels = self.activation_levels
    return (ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(torch.div(wide, scale, out=sizes), 1.0 / float(levels), levels + 1, weight), scale)

  # Symmetric, one scale an output channel: [out, in] to packed int8.
  def quantize(self: __torch__.Program, weight: Tensor) -> __torch__.torch.classes.quantized.LinearPackedParamsBase:
    scales = torch.clamp(weight.abs().amax([1]) / 127.0, 1e-12)
    return ops.quantized.linear_prepack(torch.quantize_per_channel(weight, scales, torch.zeros_like(scales, dtype=4), 0, 12), None)
