  # fp16 weights, arithmetic in fp32.

  # weight: [out, in]; returns int8 [panels, bytes], see linear_fp16.c
  def panels(self: __torch__.Program, weight: Tensor, bias: Tensor) -> Tensor:
    panels = (weight.size(0) + 31) // 32
    halves = torch.clamp(weight, -65504.0, 65504.0).to(5)  # the most that fp16 holds
    numbers = self.padded(halves, 32 * panels, weight.size(1)).reshape([panels, 32, -1]).transpose(1, 2)
    return torch.cat([self.bytes(numbers, [panels, -1]), self.column(bias, panels)], 1)

  def product(self: __torch__.Program, x: Tensor, panels: Tensor, norm: List[Tensor], gelu: bool, add: bool, y: Tensor) -> NoneType:
    scratch = self.scratch(x, norm, 0)
    ops.parley.linear_fp16(x, panels, self.or_none(norm, 0), self.or_none(norm, 1), self.layer_norm_epsilon, gelu, add, y, scratch)
