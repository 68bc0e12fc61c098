  # All layers, one operator after the other, around projections by `linear` and `widen`.
  #   x: [tokens, size], the residual stream, to which each layer adds
  #   positions, places, counts, lengths, tables, prompts: what `step` finds in its numbers and sizes
  def layers(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: #weights#, caches: List[Tensor], positions: Tensor, places: Tensor, counts: List[int], lengths: List[int], tables: List[Tensor], prompts: int) -> NoneType:
    size = x.size(1)
    head_size = size // self.head_count
    plan = self.plan(positions, places, counts, lengths, tables, prompts, head_size)
    for layer in range(self.layer_count):
      b = 2 + 12 * layer
      normed = torch.layer_norm(x, [size], p[b], p[b + 1], self.layer_norm_epsilon)
      joined = self.linear(normed, p, weights, layer, 0).reshape([-1, 3, self.head_count, head_size])
      attended = self.attention(joined, caches, layer, counts, lengths, prompts, plan)
      x.add_(self.linear(attended, p, weights, layer, 1))
      normed2 = torch.layer_norm(x, [size], p[b + 6], p[b + 7], self.layer_norm_epsilon)
      x.add_(self.linear(self.widen(normed2, p, weights, layer), p, weights, layer, 3))
