  # Projections by torch.linear, in the type of the packed weights: fp32, or fp16 and bf16 on a GPU.
  def pack(self: __torch__.Program, p: List[Tensor], dtype: int) -> List[Tensor]:
    packed = annotate(List[Tensor], [])
    for layer in range(self.layer_count):
      b = 2 + 12 * layer
      for which in range(4):
        packed.append(p[b + [2, 4, 8, 10][which]].t().contiguous().to(dtype))  # [out, in]
    return packed

  # which: 0 attention in, 1 attention out, 2 widening, 3 narrowing
  def linear(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], layer: int, which: int) -> Tensor:
    weight = weights[4 * layer + which]
    return torch.linear(x.to(weight.dtype), weight, p[2 + 12 * layer + [3, 5, 9, 11][which]].to(weight.dtype))

  # The widening and the activation after it.
  def widen(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], layer: int) -> Tensor:
    return torch.gelu(self.linear(x, p, weights, layer, 2), approximate="tanh")

  def head(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor]) -> Tensor:
    return torch.linear(x.to(p[0].dtype), p[0])
