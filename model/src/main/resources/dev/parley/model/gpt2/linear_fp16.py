  # Projections with fp16 weights and fp32 arithmetic (FBGEMM): half the bytes to read.
  def pack(self: __torch__.Program, p: List[Tensor], dtype: int) -> List[__torch__.torch.classes.quantized.LinearPackedParamsBase]:
    packed = annotate(List[__torch__.torch.classes.quantized.LinearPackedParamsBase], [])
    for layer in range(self.layer_count):
      b = 2 + 12 * layer
      for which in range(4):
        weight = p[b + [2, 4, 8, 10][which]].t().contiguous()  # [out, in]
        packed.append(ops.quantized.linear_prepack_fp16(weight, p[b + [3, 5, 9, 11][which]]))
    packed.append(ops.quantized.linear_prepack_fp16(p[0], None))
    return packed

  # which: 0 attention in, 1 attention out, 2 widening, 3 narrowing
  def linear(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[__torch__.torch.classes.quantized.LinearPackedParamsBase], layer: int, which: int) -> Tensor:
    return ops.quantized.linear_dynamic_fp16(x, weights[4 * layer + which])

  # The widening and the activation after it.
  def widen(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[__torch__.torch.classes.quantized.LinearPackedParamsBase], layer: int) -> Tensor:
    return self.gelu_(self.linear(x, p, weights, layer, 2))

  def head(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[__torch__.torch.classes.quantized.LinearPackedParamsBase]) -> Tensor:
    return ops.quantized.linear_dynamic_fp16(x, weights[4 * self.layer_count])
