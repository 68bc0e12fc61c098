  # Projections by torch.linear, in one type: fp32, or fp16 and bf16 on a GPU. Packed are weights, each
  # followed by its bias.
  def pack(self: __torch__.Program, p: List[Tensor], dtype: int) -> List[Tensor]:
    packed = annotate(List[Tensor], [])
    for layer in range(self.layer_count):
      b = 2 + 12 * layer
      for weight in [2, 4, 8, 10]:
        packed.append(p[b + weight].t().to(dtype).contiguous())  # [out, in]
        packed.append(p[b + weight + 1].to(dtype))
    return packed

  # which: 0 attention in, 1 attention out, 2 widening, 3 narrowing
  def linear(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], layer: int, which: int) -> Tensor:
    weight = weights[8 * layer + 2 * which]
    return torch.linear(x.to(weight.dtype), weight, weights[8 * layer + 2 * which + 1])

  # The widening and the activation after it.
  def widen(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], layer: int) -> Tensor:
    return torch.gelu(self.linear(x, p, weights, layer, 2), approximate="tanh")

  def head(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor]) -> Tensor:
    return torch.linear(x.to(p[0].dtype), p[0])
