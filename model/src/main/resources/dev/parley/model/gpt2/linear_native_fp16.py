  # fp16 weights, arithmetic in fp32.

  # weight: [out, in]; returns int8 [panels, bytes], see linear_fp16.c
  def panels(self: __torch__.Program, weight: Tensor, bias: Tensor) -> Tensor:
    panels = (weight.size(0) + 31) // 32
    halves = torch.clamp(weight, -65504.0, 65504.0).to(5)  # the most that fp16 holds
    numbers = self.padded(halves, 32 * panels, weight.size(1)).reshape([panels, 32, -1]).transpose(1, 2)
    return torch.cat([self.bytes(numbers, [panels, -1]), self.column(bias, panels)], 1)

  # x: [rows, in]; returns [rows, out]
  def product(self: __torch__.Program, x: Tensor, panels: Tensor, out: int, gelu: bool) -> Tensor:
    y = torch.empty([x.size(0), out])
    ops.parley.linear_fp16(x, panels, gelu, y, torch.empty([0], dtype=0))
    return y
