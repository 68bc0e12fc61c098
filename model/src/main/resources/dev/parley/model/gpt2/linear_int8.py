  # Projections with int8 weights, one scale an output channel, and int8 activations, one scale a row:
  # a quarter of the bytes to read (FBGEMM). The sums are exact integers, so that a row's result does not
  # depend on the other rows.
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
    y, scale = self.scaled(x, weights, 4 * layer + which)
    return torch.addcmul(p[2 + 12 * layer + [3, 5, 9, 11][which]], y, scale, out=y)

  # The widening and the activation after it.
  def widen(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[__torch__.torch.classes.quantized.LinearPackedParamsBase], layer: int) -> Tensor:
    return self.gelu_(self.linear(x, p, weights, layer, 2))

  def head(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[__torch__.torch.classes.quantized.LinearPackedParamsBase]) -> Tensor:
    y, scale = self.scaled(x, weights, 4 * self.layer_count)
    return y.mul_(scale)

  # x: [rows, in]; returns [rows, out] and [rows, 1], whose product is the projection of x by matrix
  # `at`. Rows are divided by their largest magnitude. A row of zeros becomes NaN, for which any
  # integer will do: the product is zero. With NaN or infinity in a row no product is a number.
  def scaled(self: __torch__.Program, x: Tensor, weights: List[__torch__.torch.classes.quantized.LinearPackedParamsBase], at: int) -> Tuple[Tensor, Tensor]:
    wide = x.to(6)
    magnitudes = torch.abs(wide)
    largest = torch.amax(magnitudes, [1], True)
    return (self.product(torch.div(wide, largest, out=magnitudes), weights, at), largest)

  # x: [rows, in], between -1 and 1; returns [rows, out]. The numbers become up to 63 steps on either
  # side of 64: without AVX512-VNNI two products at a time are summed in 16 bits, which hold no more.
  def product(self: __torch__.Program, x: Tensor, weights: List[__torch__.torch.classes.quantized.LinearPackedParamsBase], at: int) -> Tensor:
    return ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(x, 1.0 / 63.0, 64, weights[at])

  # Symmetric, one scale an output channel: [out, in] to packed int8.
  def quantize(self: __torch__.Program, weight: Tensor) -> __torch__.torch.classes.quantized.LinearPackedParamsBase:
    scales = torch.clamp(weight.abs().amax([1]) / 127.0, 1e-12)
    return ops.quantized.linear_prepack(torch.quantize_per_channel(weight, scales, torch.zeros_like(scales, dtype=4), 0, 12), None)
