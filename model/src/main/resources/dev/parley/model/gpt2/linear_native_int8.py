  # int8 weights, one scale an output channel, and int8 activations, one scale a row. The sums are exact
  # integers, so that a row's result does not depend on the other rows.

  # weight: [out, in]; returns int8 [panels, bytes], see linear_int8.c
  def panels(self: __torch__.Program, weight: Tensor, bias: Tensor) -> Tensor:
    panels = (weight.size(0) + 31) // 32
    fours = (weight.size(1) + 3) // 4
    scales = torch.clamp(weight.abs().amax([1]) / 127.0, 1e-12)
    rounded = self.padded(torch.round(weight / scales.unsqueeze(1)), 32 * panels, 4 * fours)
    offsets = self.column(rounded.sum([1]).mul(-128).to(3), panels)
    steps = rounded.to(1).reshape([panels, 32, fours, 4]).transpose(1, 2).reshape([panels, -1])
    return torch.cat([steps, self.column(scales, panels), offsets, self.column(bias, panels)], 1)

  def row_bytes(self: __torch__.Program, inputs: int) -> int:
    return inputs + 7  # in fours, and a scale

  def weights_type(self: __torch__.Program) -> int:
    return 8
