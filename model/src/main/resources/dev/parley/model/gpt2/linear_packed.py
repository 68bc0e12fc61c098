  # Projections packed for oneDNN once, in fp32 or bf16. With bf16 the products are summed in fp32;
  # processors with AMX compute them several times faster.
  def pack(self: __torch__.Program, p: List[Tensor], dtype: int) -> List[Tensor]:
    packed = annotate(List[Tensor], [])
    for layer in range(self.layer_count):
      b = 2 + 12 * layer
      for which in range(4):
        weight = p[b + [2, 4, 8, 10][which]].t().contiguous()  # [out, in]
        packed.append(ops.mkldnn._reorder_linear_weight(weight.to(dtype), 32))
        packed.append(p[b + [3, 5, 9, 11][which]].to(dtype))
    packed.append(ops.mkldnn._reorder_linear_weight(p[0].to(dtype), 32))
    return packed

  # which: 0 attention in, 1 attention out, 2 widening, 3 narrowing
  def linear(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], layer: int, which: int) -> Tensor:
    return self.affine(x, weights, 8 * layer + 2 * which, "none")

  # The widening and the activation after it.
  def widen(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], layer: int) -> Tensor:
    return self.affine(x, weights, 8 * layer + 4, "gelu")

  def head(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor]) -> Tensor:
    return ops.mkldnn._linear_pointwise(x.to(weights[1].dtype), weights[8 * self.layer_count], None, "none", annotate(List[Optional[number]], []), "")

  # The projection whose weight and bias stand at `at`, then "gelu" (by tanh) or "none" in the same pass.
  def affine(self: __torch__.Program, x: Tensor, weights: List[Tensor], at: int, after: str) -> Tensor:
    bias = weights[at + 1]
    return ops.mkldnn._linear_pointwise(x.to(bias.dtype), weights[at], bias, after, annotate(List[Optional[number]], []), "tanh")
