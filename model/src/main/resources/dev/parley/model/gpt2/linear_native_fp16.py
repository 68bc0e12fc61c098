  # fp16 weights, arithmetic in fp32; with AMX exact products of halves in bf16, whose
  # sum is within 2^-17 of an activation, see linear_fp16.c.

  # weight: [out, in]; returns int8 [panels, bytes], see linear_fp16.c
  def panels(self: __torch__.Program, weight: Tensor, bias: Tensor) -> Tensor:
    panels = (weight.size(0) + 31) // 32
    halves = torch.clamp(weight, -65504.0, 65504.0).to(5)  # the most that fp16 holds
    numbers = self.padded(halves, 32 * panels, weight.size(1)).reshape([panels, 32, -1]).transpose(1, 2)
    return torch.cat([self.bytes(numbers, [panels, -1]), self.column(bias, panels)], 1)

  def row_bytes(self: __torch__.Program, inputs: int) -> int:
    return 4 * inputs  # two halves in bf16, for AMX

  def weights_type(self: __torch__.Program) -> int:
    return 0
