  # Weights of 4 bits, up to 64 inputs of an output with one scale; activations of 8.

  # weight: [out, in]; returns int8 [panels, bytes], see linear_int4.c
  def panels(self: __torch__.Program, weight: Tensor, bias: Tensor) -> Tensor:
    numbers = self.grouped(weight)
    panels = numbers.size(0)
    groups = numbers.size(2)
    length = numbers.size(3)
    _, at = torch.max(numbers.abs(), 3, True)
    largest = torch.gather(numbers, 3, at) / -8.0  # has 8 steps, others on its side 8, on the other 7
    scales = torch.where(torch.lt(largest.abs(), 1e-12), torch.full_like(largest, 1e-12), largest).to(15)
    steps = torch.clamp(torch.round(numbers / scales.to(6)), -8, 7).add(8).to(0)
    halves = steps.reshape([panels, 2, 16, groups, length // 4, 4])  # of a panel, 16 columns each
    both = (halves.select(1, 0) + halves.select(1, 1) * 16).permute([0, 2, 3, 1, 4])
    return self.grouped_panels(both, scales, bias)

  def most_in_group(self: __torch__.Program) -> int:
    return 64

  def step_bytes(self: __torch__.Program) -> int:
    return 1

  def weights_type(self: __torch__.Program) -> int:
    return 4
