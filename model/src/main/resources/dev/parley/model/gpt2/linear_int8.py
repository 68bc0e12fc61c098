  # Projections with int8 weights, one scale an output channel, and int8 activations, one scale a row:
  # a quarter of the bytes to read. The sums are exact integers, so that a row's result does not depend
  # on the other rows. `quantize` and `product` are those of one library.
  def pack(self: __torch__.Program, p: List[Tensor], dtype: int) -> #weights#:
    packed = annotate(#weights#, [])
    for layer in range(self.layer_count):
      b = 2 + 12 * layer
      for which in range(4):
        packed.extend(self.quantize(p[b + [2, 4, 8, 10][which]].t().contiguous()))  # [out, in]
    packed.extend(self.quantize(p[0]))
    return packed

  # which: 0 attention in, 1 attention out, 2 widening, 3 narrowing
  def linear(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: #weights#, layer: int, which: int) -> Tensor:
    y, scale = self.scaled(x, weights, 4 * layer + which)
    return torch.addcmul(p[2 + 12 * layer + [3, 5, 9, 11][which]], y, scale, out=y)

  # The widening and the activation after it.
  def widen(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: #weights#, layer: int) -> Tensor:
    return self.gelu_(self.linear(x, p, weights, layer, 2))

  def head(self: __torch__.Program, x: Tensor, p: List[Tensor], weights: #weights#) -> Tensor:
    y, scale = self.scaled(x, weights, 4 * self.layer_count)
    return y.mul_(scale)

  # x: [rows, in]; returns [rows, out] and [rows, 1], whose product is the projection of x by matrix
  # `at`. Rows are divided by their largest magnitude. A row of zeros becomes NaN, for which any
  # integer will do: the product is zero. With NaN or infinity in a row no product is a number.
  def scaled(self: __torch__.Program, x: Tensor, weights: #weights#, at: int) -> Tuple[Tensor, Tensor]:
    wide = x.to(6)
    magnitudes = torch.abs(wide)
    largest = torch.amax(magnitudes, [1], True)
    return (self.product(torch.div(wide, largest, out=magnitudes), weights, at), largest)
