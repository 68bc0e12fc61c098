  # Projections by torch.linear on transposed copies; exact in the weights' own type.
  def pack(self: __torch__.Program, p: List[Tensor]) -> List[Tensor]:
    packed = annotate(List[Tensor], [])
    for layer in range(self.layer_count):
      b = 2 + 12 * layer
      for which in range(4):
        weight = p[b + [2, 4, 8, 10][which]].t().contiguous()  # [out, in]
        packed.append(weight)
    return packed

  # which: 0 attention in, 1 attention out, 2 widening, 3 narrowing
  def linear(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor], layer: int, which: int) -> Tensor:
    return torch.linear(x, weights[4 * layer + which], p[2 + 12 * layer + [3, 5, 9, 11][which]])

  def head(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: List[Tensor]) -> Tensor:
    return torch.linear(x, p[0])
