  # A layer by one operator after the other, around projections by `linear` and `widen`. Its twelve
  # tensors begin at p[2 + 12 * layer].

  # LayerNorm of x: [tokens, size], and the projection to queries, keys and values.
  def attention_in(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: #weights#, layer: int) -> Tensor:
    return self.linear(self.layer_normed(x, p, 2 + 12 * layer), p, weights, layer, 0)

  # The projection of what attention found is added to x.
  def attention_out(self: __torch__.Program, x: Tensor, attended: Tensor, p: List[Tensor], weights: #weights#, layer: int) -> NoneType:
    x.add_(self.linear(attended, p, weights, layer, 1))

  # What the two other projections make of x is added to it.
  def feed_forward(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: #weights#, layer: int) -> NoneType:
    wide = self.widen(self.layer_normed(x, p, 8 + 12 * layer), p, weights, layer)
    x.add_(self.linear(wide, p, weights, layer, 3))

  # With the weight and the bias at p[b].
  def layer_normed(self: __torch__.Program, x: Tensor, p: List[Tensor], b: int) -> Tensor:
    return torch.layer_norm(x, [x.size(1)], p[b], p[b + 1], self.layer_norm_epsilon)
