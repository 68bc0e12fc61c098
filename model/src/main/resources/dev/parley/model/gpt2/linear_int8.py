  # Projections with int8 weights, one scale an output channel, and activations quantized in each
  # step (FBGEMM): a quarter of the bytes to read, at a relative error of about 1.6e-2.
  def pack(self: __torch__.Program, p: List[Tensor]) -> List[__torch__.torch.classes.quantized.LinearPackedParamsBase]:
    packed = annotate(List[__torch__.torch.classes.quantized.LinearPackedParamsBase], [])
    for layer in range(self.layer_count):
      b = 2 + 12 * layer
      for which in range(4):
        weight = p[b + [2, 4, 8, 10][which]].t().contiguous()  # [out, in]
        packed.append(ops.quantized.linear_prepack(self.quantize(weight), p[b + [3, 5, 9, 11][which]]))
    packed.append(ops.quantized.linear_prepack(self.quantize(p[0]), None))
    return packed

  # which: 0 attention in, 1 attention out, 2 widening, 3 narrowing
  def linear(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[__torch__.torch.classes.quantized.LinearPackedParamsBase], layer: int, which: int) -> Tensor:
    return ops.quantized.linear_dynamic(x, weights[4 * layer + which], False)

  def head(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[__torch__.torch.classes.quantized.LinearPackedParamsBase]) -> Tensor:
    return ops.quantized.linear_dynamic(x, weights[4 * self.layer_count], False)

  # Symmetric, one scale an output channel: [out, in] to qint8.
  def quantize(self: __torch__.Program, weight: Tensor) -> Tensor:
    scales = torch.clamp(weight.abs().amax([1]) / 127.0, 1e-12)
    zeros = torch.zeros_like(scales, dtype=3)
    return torch.quantize_per_channel(weight, scales, zeros, 0, 12)
